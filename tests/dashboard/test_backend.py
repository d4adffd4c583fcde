"""What the panel is answered."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spotmagic.codecs import Undecodable, is_safe
from spotmagic.dashboard.backend import Backend
from spotmagic.errors import OptionError, SpotError, SpotWarning
from spotmagic.spot import Spot
from spotmagic.store.entry import Entry
from spotmagic.testing import FakeClock

from .conftest import HOSTILE, Keep


def strict(result: Any) -> str:
    """A result as the page gets it: strict JSON, in bytes."""
    return json.dumps(result, allow_nan=False, ensure_ascii=False).encode("utf-8").decode()


def test_totals_tell_what_was_saved_paid_and_kept(backend: Backend, spot: Spot, keep: Keep) -> None:
    key = keep()
    for _ in range(3):
        spot.store.hit(bytes.fromhex(key), 1.5, 0.01)
    totals, _ = backend.dispatch("totals", {})
    assert (totals["entries"], totals["hits"], totals["misses"]) == (1, 3, 1)
    assert totals["seconds_saved"] == pytest.approx(4.5)
    assert totals["price_saved"] == pytest.approx(0.03)
    assert totals["price_paid"] == totals["paid_today"] == pytest.approx(0.01)
    assert totals["spot"]["name"] == "default"


def test_what_was_paid_yesterday_is_not_paid_today(backend: Backend, keep: Keep, clock: FakeClock) -> None:
    keep()
    clock.sleep(2 * 86400)
    totals, _ = backend.dispatch("totals", {})
    assert totals["paid_today"] == 0
    assert totals["price_paid"] == pytest.approx(0.01)


@pytest.fixture
def utc() -> Iterator[None]:
    """The reader's clock shows UTC."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


def _spent(backend: Backend, span: str) -> tuple[float, list[tuple[float, float, float]]]:
    shown, _ = backend.dispatch("spending", {"span": span})
    assert shown["span"] == span
    return shown["step"], [(one["at"], one["paid"], one["saved"]) for one in shown["buckets"]]


@pytest.mark.usefixtures("utc")
def test_what_was_paid_and_saved_comes_by_hour_and_day(
    backend: Backend, spot: Spot, keep: Keep, clock: FakeClock
) -> None:
    midnight = clock.now() // 86_400 * 86_400
    clock.advance(600)
    key = keep(price=0.5, created=clock.now())
    clock.sleep(3 * 3600)
    keep(price=0.25, created=clock.now())
    spot.store.hit(bytes.fromhex(key), 1.5, 0.5)
    step, day = _spent(backend, "day")
    assert (step, len(day)) == (3600, 24)
    assert [one[0] % 3600 for one in day] == [0] * 24
    assert (day[-4][1], day[-1][1]) == (0.5, 0.25)
    assert sum(paid for _, paid, _ in day) == 0.75
    step, week = _spent(backend, "week")
    assert (step, len(week), week[-1][:2]) == (86_400, 7, (midnight, 0.75))
    assert sum(saved for *_, saved in week) in (0, 0.5)  # hits bear the real time of their record
    assert backend.dispatch("totals", {})[0]["spending"]["span"] == "day"


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(("days", "step", "most"), [(1, 1, 49), (30, 24, 61), (300, 7 * 24, 59), (3000, 30 * 24, 130)])
def test_all_time_is_cut_into_steps_that_can_be_seen(
    backend: Backend, keep: Keep, clock: FakeClock, days: int, step: int, most: int
) -> None:
    keep(price=0.5, created=clock.now())
    clock.sleep(days * 86_400)
    found, buckets = _spent(backend, "all")
    assert found == step * 3600
    assert len(buckets) <= most
    assert buckets[0][1] == 0.5
    assert buckets[-1][0] <= clock.now() < buckets[-1][0] + found


def test_another_span_is_refused(backend: Backend) -> None:
    with pytest.raises(OptionError, match="week"):
        backend.dispatch("spending", {"span": "weak"})


def test_what_is_paid_for_at_every_call_is_told_with_its_reason(backend: Backend, spot: Spot) -> None:
    seen: list[int] = []

    @spot.mark(price=0.5)
    def ask(question: str, log: list[int]) -> int:
        log.append(1)
        return len(log)

    @spot.mark(keep_if=lambda answer: False)
    def picky(x: int) -> int:
        return x

    with pytest.warns(SpotWarning, match="paid at every call"):
        ask("why", seen), ask("why", seen), picky(1), picky(1)
    (told,) = backend.dispatch("totals", {})[0]["unkept"]
    assert (told["name"].rpartition(".")[2], told["why"], told["never"]) == ("ask", "it changes `log`", True)
    assert (told["runs"], told["paid"]) == (2, 1.0)


def test_what_runs_is_told_once_it_takes_a_while(backend: Backend, spot: Spot, clock: FakeClock) -> None:
    seen: list[Any] = []

    @spot.mark
    def train() -> None:
        seen.append(backend.dispatch("running", {})[0]["rows"])
        clock.sleep(5.0)
        seen.append(backend.dispatch("totals", {})[0]["running"])

    train()
    assert seen[0] == []
    ((found,),) = seen[1:]
    assert (found["name"].rpartition(".")[2], found["since"]) == ("train", clock.now() - 5.0)
    assert backend.dispatch("running", {})[0]["rows"] == []


def test_an_empty_spot_answers_everything(backend: Backend) -> None:
    assert backend.dispatch("entries", {})[0] == {"rows": [], "total": 0, "offset": 0}
    for method in ("functions", "runs", "limits"):
        assert backend.dispatch(method, {})[0]["rows"] == []
    assert "limits" not in backend.dispatch("totals", {})[0]["views"]


def test_a_page_of_entries_is_cut_and_counted(backend: Backend, keep: Keep, clock: FakeClock) -> None:
    for n in range(7):
        clock.sleep(1)
        keep(name=f"f{n}")
    page, _ = backend.dispatch("entries", {"limit": 3, "offset": 3})
    assert [row["name"] for row in page["rows"]] == ["f3", "f2", "f1"]
    assert page["total"] == 7


def test_entries_are_found_by_name_text_kind_and_status(backend: Backend, keep: Keep, clock: FakeClock) -> None:
    keep(name="ask", expires=clock.now() + 10)
    keep(name="asking")
    keep({"outputs": {"log": []}}, name="table", kind="cell")

    def names(**filters: Any) -> set[str]:
        return {row["name"] for row in backend.dispatch("entries", filters)[0]["rows"]}

    assert names(search="ASK") == {"ask", "asking"}
    assert names(name="ask") == {"ask"}
    assert names(kind="cell") == {"table"}
    clock.sleep(11)
    assert names(status="expired") == {"ask"}
    assert names() == {"asking", "table"}
    assert names(status="all") == {"ask", "asking", "table"}


def test_a_name_with_wildcards_is_only_that_name(backend: Backend, keep: Keep) -> None:
    keep(name="f[0]*")
    keep(name="f0x")
    page, _ = backend.dispatch("entries", {"name": "f[0]*"})
    assert [row["name"] for row in page["rows"]] == ["f[0]*"]


def test_one_entry_tells_its_inputs_runs_and_parts(backend: Backend, keep: Keep) -> None:
    key = keep(inputs={"text": b"t" * 16, "helper clean": b"h" * 16}, reason="`PROMPT` changed")
    entry, _ = backend.dispatch("entry", {"key": key})
    assert {one["name"] for one in entry["inputs"]} == {"text", "helper clean"}
    assert entry["runs"][0]["reason"] == "`PROMPT` changed"
    assert entry["parts"] == [{"name": "value", "label": "value", "type": "value", "size": 5, "free": "result"}]


def test_a_cell_shows_its_outputs_first_and_no_bookkeeping(backend: Backend, keep: Keep) -> None:
    made = {"changes": {"version": 1}, "variable df": [1], "variables a, b": {"a": 1}, "outputs": {"log": []}}
    entry, _ = backend.dispatch("entry", {"key": keep(made, kind="cell")})
    assert [part["label"] for part in entry["parts"]] == ["outputs", "df", "a, b"]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("a\n  text\tin lines", "a text in lines"),
        ("x" * 500, "x" * 300),
        ({"question": "one", "n": 2, "more": [1, 2, 3, 4, 5]}, '{question: "one", n: 2, more: [1, 2, 3, 4, …]}'),
        ([[["deep"]]], "[[list of 1]]"),
        (0.1 + 0.2, "0.3"),
        (None, "None"),
        (b"12345", "5 bytes"),
        (np.zeros((3, 4)), ""),
        (object, "<class 'object'>"),
        ("y" * 50_000, "y" * 300),
        (pd.DataFrame({"city": ["a"], "rain": [1.5]}), "city, rain"),
        (ValueError("no", 3), "no, 3"),
    ],
)
def test_entries_of_one_name_are_told_apart_by_what_they_hold(
    backend: Backend, keep: Keep, value: Any, line: str
) -> None:
    keep(value)
    assert backend.dispatch("entries", {})[0]["rows"][0]["result"] == line


def test_a_cell_is_told_by_the_last_words_it_put_out(backend: Backend, keep: Keep) -> None:
    log = [["stdout", "first\n", {}, {}, "", False], ["result", "", {"text/plain": "42"}, {}, "", False]]
    keep({"outputs": {"log": log}}, kind="cell")
    assert backend.dispatch("entries", {})[0]["rows"][0]["result"] == "42"


def test_what_a_notebook_may_save_holds_no_value(backend: Backend, spot: Spot) -> None:
    spot.mark(version="1")(lambda question: f"a private answer to {question}")("my private question")
    assert "private" in strict(backend.dispatch("entries", {}))
    assert "private" not in strict(backend.first())


def test_a_result_is_told_by_its_call(backend: Backend, spot: Spot) -> None:
    @spot.mark(version="1")
    def ask(question: str, temperature: float = 1.0, api_key: str = "") -> str:
        return f"{question} {temperature} {len(api_key)}"

    ask("hello <b>", temperature=0.5, api_key="sk-abcdefghijklmnop1234567")
    page, _ = backend.dispatch("entries", {"search": "hello"})
    (row,) = page["rows"]
    assert row["call"] == 'ask("hello <b>", temperature=0.5, api_key=…)'
    entry, _ = backend.dispatch("entry", {"key": row["key"]})
    assert entry["row"]["arguments"] == [["question", '"hello <b>"'], ["temperature", "0.5"], ["api_key", "…"]]
    assert "sk-abcdef" not in strict([page, entry])


def test_a_result_is_told_with_the_model_and_tokens_of_its_answer(backend: Backend, keep: Keep) -> None:
    keep(notes={"model": "a-model", "tokens": "1200"})
    row = backend.dispatch("entries", {})[0]["rows"][0]
    assert (row["call"], row["model"], row["tokens"]) == ("ask", "a-model", 1200)


def test_a_cell_shows_what_changed_since_its_last_result(backend: Backend, keep: Keep, clock: FakeClock) -> None:
    keep({"outputs": {"log": []}}, name="table", kind="cell", notes={"source": "a = 1\nb = 2"})
    clock.sleep(60)
    key = keep({"outputs": {"log": []}}, name="table", kind="cell", notes={"source": "a = 1\nb = 3"})
    diff = backend.dispatch("entry", {"key": key})[0]["diff"]
    assert [(line["op"], line["text"]) for line in diff["lines"] if line["op"] in "+-"] == [
        ("-", "b = 2"),
        ("+", "b = 3"),
    ]
    assert diff["than"] == pytest.approx(clock.now() - 60)


def test_forgetting_takes_what_was_chosen_and_nothing_else(backend: Backend, spot: Spot, keep: Keep) -> None:
    first, second, third = keep(name="a"), keep(name="b"), keep(name="c")
    assert backend.dispatch("forget", {"keys": [first, third, first]})[0] == {"forgotten": 2}
    assert spot.store.get(bytes.fromhex(first)) is None
    assert isinstance(spot.store.get(bytes.fromhex(second)), Entry)
    assert [row["name"] for row in backend.dispatch("entries", {})[0]["rows"]] == ["b"]


def test_forgetting_nothing_forgets_nothing(backend: Backend, keep: Keep) -> None:
    keep()
    assert backend.dispatch("forget", {"keys": []})[0] == {"forgotten": 0}
    assert backend.dispatch("entries", {})[0]["total"] == 1


def test_a_pinned_entry_is_shown_as_pinned(backend: Backend, keep: Keep) -> None:
    key = keep()
    backend.dispatch("pin", {"keys": [key], "pinned": True})
    assert backend.dispatch("entries", {})[0]["rows"][0]["pinned"] is True
    backend.dispatch("pin", {"keys": [key], "pinned": False})
    assert backend.dispatch("entries", {})[0]["rows"][0]["pinned"] is False


def test_an_entry_forgotten_elsewhere_is_told_apart_from_trouble(backend: Backend, keep: Keep) -> None:
    key = keep()
    backend.dispatch("forget", {"keys": [key]})
    with pytest.raises(SpotError, match="not there any more"):
        backend.dispatch("entry", {"key": key})
    assert backend.dispatch("preview", {"key": key, "part": "value"})[0]["view"] == "none"


def test_functions_are_counted_by_name(backend: Backend, spot: Spot, keep: Keep) -> None:
    key = keep(name="ask")
    keep(name="ask")
    spot.store.hit(bytes.fromhex(key), 1.5, 0.01)
    backend.dispatch("totals", {})
    (row,) = backend.dispatch("functions", {})[0]["rows"]
    assert (row["name"], row["calls"], row["hits"], row["misses"]) == ("ask", 3, 1, 2)


def test_limits_that_only_another_spot_or_kernel_uses_are_shown_too(tmp_path: Path) -> None:
    with Spot("one", root=tmp_path) as one, Spot("two", root=tmp_path) as two:
        one.limits.get("openai", rpm=60)
        backend = Backend(two)
        assert "limits" in backend.dispatch("totals", {})[0]["views"]
        assert [row["name"] for row in backend.dispatch("limits", {})[0]["rows"]] == ["openai"]


def test_a_gauge_that_nobody_looked_at_counts_no_more_than_a_minute(
    backend: Backend, spot: Spot, clock: FakeClock
) -> None:
    """A page that is opened again an hour later does not tell of the hour as of its last minute."""
    call = spot.limiter(name="llm", rpm=600)(lambda: None)

    def told() -> str:
        return str(backend.dispatch("limits", {})[0]["rows"][0]["gauges"][0]["text"])

    call()
    told()
    for _ in range(30):
        clock.advance(10.0)
        call()
    clock.advance(300.0)
    assert told() == "0 of 600 used this minute (seen for 1 s)"
    for _ in range(40):
        clock.advance(2.0)
        call()
        told()
    assert told() == "30 of 600 used this minute"
    clock.advance(300.0)
    assert told() == "0 of 600 used this minute", "nothing passed since somebody looked"


def test_limits_have_a_view_once_there_is_one(backend: Backend, spot: Spot) -> None:
    limit = spot.limits.get("openai", rpm=60, tpm=1000, concurrency=4)
    assert "limits" in backend.dispatch("totals", {})[0]["views"]
    (row,) = backend.dispatch("limits", {})[0]["rows"]
    assert [gauge["text"] for gauge in row["gauges"]] == [
        "0 of 60 used this minute (seen for 1 s)", "0 of 1,000 in use", "0 of 4 running",
    ]  # fmt: skip
    with limit.acquire(cost=1000):
        (row,) = backend.dispatch("limits", {})[0]["rows"]
    requests, tokens, at_once = row["gauges"]
    assert requests["text"] == "1 of 60 used this minute (seen for 1 s)"
    assert tokens["used"] == pytest.approx(1000, abs=40)
    assert at_once["text"] == "1 of 4 running"


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("sql", {"query": "SELECT 1"}),
        ("__class__", {}),
        ("entries", {"order": "created; DROP TABLE entries"}),
        ("entries", {"status": "anything"}),
        ("entries", {"limit": 10**9}),
        ("entries", {"limit": True}),
        ("entries", {"offset": -1}),
        ("entries", {"search": 7}),
        ("entries", {"search": "x" * 10_000}),
        ("entries", None),
        ("entry", {"key": "../../etc/passwd"}),
        ("entry", {"key": "0" * 31}),
        ("entry", {}),
        ("preview", {"key": "g" * 32, "part": "value"}),
        ("forget", {"keys": "0" * 32}),
        ("forget", {"keys": [b"0" * 32]}),
        ("forget", {"keys": ["0" * 32] * 10_001}),
        ("pin", {"keys": [], "pinned": "yes"}),
    ],
)
def test_what_may_not_be_asked_is_refused_before_anything_happens(
    backend: Backend, keep: Keep, method: str, params: Any
) -> None:
    keep()
    with pytest.raises(OptionError):
        backend.dispatch(method, params)
    assert backend.dispatch("entries", {})[0]["total"] == 1


@pytest.mark.parametrize("search", ["'; DROP TABLE entries; --", "%", "_", "*", "\\", HOSTILE])
def test_a_search_is_only_ever_text(backend: Backend, keep: Keep, search: str) -> None:
    keep(name="plain")
    keep(name=f"x{search}y")
    found = [row["name"] for row in backend.dispatch("entries", {"search": search})[0]["rows"]]
    assert found == [f"x{search}y"]


def test_hostile_names_reach_the_page_as_strict_json(backend: Backend, keep: Keep) -> None:
    key = keep(name=HOSTILE, content_type=HOSTILE, inputs={HOSTILE: b"x" * 16}, reason=HOSTILE)
    for method in ("totals", "entries", "functions", "runs"):
        strict(backend.dispatch(method, {})[0])
    entry, _ = backend.dispatch("entry", {"key": key})
    assert entry["row"]["name"] == HOSTILE
    assert entry["runs"][0]["reason"] == HOSTILE
    strict(entry)


@pytest.mark.parametrize("value", ["\ud800", float("nan"), float("inf"), 10**400, {"\ud800": "\udfff"}, [float("nan")]])
def test_values_that_json_cannot_hold_still_reach_the_page(backend: Backend, keep: Keep, value: Any) -> None:
    key = keep(value)
    strict(backend.dispatch("preview", {"key": key, "part": "value"})[0])


def test_first_holds_totals_and_rows_so_that_the_panel_paints_without_asking(backend: Backend, keep: Keep) -> None:
    keep()
    first = backend.first()
    assert first["totals"]["entries"] == 1
    assert first["page"]["rows"][0]["name"] == "ask"
    assert len(strict(first)) < 20_000


@pytest.mark.parametrize("field", ["search", "name", "kind", "status", "order"])
def test_half_a_letter_is_no_text(backend: Backend, field: str) -> None:
    """A lone surrogate can be said in JSON but not in the catalog."""
    with pytest.raises(OptionError, match=field):
        backend.dispatch("entries", {field: "\ud800"})


def test_a_result_that_has_drifted_is_told_and_accepted_once(backend: Backend, spot: Spot) -> None:
    def ask(q: str) -> str:
        return q

    def edited(q: str) -> str:
        return q + "!"

    edited.__qualname__ = ask.__qualname__

    def call(function: Any) -> Any:
        """Ask as a cell does, which looks for drift on each hit."""
        marked = spot.mark(version="v1")(function)
        return spot.drive(marked.marked.call(("a",), {}))

    call(ask)
    key = spot.entries()[0].key
    assert backend.dispatch("entry", {"key": key})[0]["drifted"] is False
    with pytest.raises(SpotError, match="has not drifted"):
        backend.dispatch("accept", {"key": key})
    assert (call(edited).value, call(edited).drift) == ("a", ("code",))
    assert backend.dispatch("entry", {"key": key})[0]["drifted"] is True
    with pytest.raises(SpotError, match="has not drifted"):
        backend.dispatch("accept", {"key": "0" * 32})
    (name,) = backend.dispatch("accept", {"key": key})[0]["accepted"]
    assert backend.dispatch("entry", {"key": key})[0]["drifted"] is False
    assert (call(edited).value, call(edited).drift) == ("a", ())
    call(ask)
    assert spot.drifted() == {name: key}
    call(edited)
    assert spot.drifted() == {}, "the code is again what it was accepted for"


def test_modes_are_set_and_told_by_name(backend: Backend, spot: Spot, keep: Keep) -> None:
    keep(name="ask")
    assert backend.dispatch("set_mode", {"mode": "replay"})[0] == {"name": "", "mode": "replay"}
    assert backend.dispatch("totals", {})[0]["mode"] == "replay"
    assert backend.dispatch("set_mode", {"mode": "off", "name": "ask"})[0] == {"name": "ask", "mode": "off"}
    assert backend.dispatch("functions", {})[0]["rows"][0]["mode"] == "off"
    assert (spot.mode_of("ask"), spot.mode_of("other")) == ("off", "replay")
    with pytest.raises(OptionError, match="Did you mean replay"):
        backend.dispatch("set_mode", {"mode": "replai"})
    assert backend.dispatch("set_mode", {"mode": "", "name": "ask"})[0] == {"name": "ask", "mode": "replay"}
    assert spot.modes() == {"": "replay"}


def test_a_mode_that_the_mark_gives_is_told_apart_from_one_that_was_set(backend: Backend, spot: Spot) -> None:
    def ask() -> int:
        return 1

    marked = spot.mark(mode="record")(ask)
    marked()
    (row,) = backend.dispatch("functions", {})[0]["rows"]
    assert (row["mode"], row["set"], row["given"]) == ("record", "", "record")
    backend.dispatch("set_mode", {"mode": "off", "name": row["name"]})
    (row,) = backend.dispatch("functions", {})[0]["rows"]
    assert (row["mode"], row["set"], row["given"]) == ("off", "off", "record")


def test_one_function_tells_its_counts_and_its_latest_calls(backend: Backend, keep: Keep) -> None:
    keep(name="ask", reason="`q` changed")
    keep(name="other")
    told, _ = backend.dispatch("function", {"name": "ask"})
    assert (told["row"]["name"], told["row"]["misses"], told["row"]["mode"]) == ("ask", 1, "auto")
    assert [run["reason"] for run in told["runs"]] == ["`q` changed"]
    assert told["latency"] == {"median": 1.5, "slow": 1.5, "most": 1.5}
    assert told["outcomes"] == {"ran": 1}
    assert told["models"] == []
    rates = {row["name"]: row["rate"] for row in backend.dispatch("functions", {})[0]["rows"]}
    assert [sum(ran for _, ran in rate) for rate in rates.values()] == [1, 1]
    with pytest.raises(SpotError, match="nothing is known of nobody"):
        backend.dispatch("function", {"name": "nobody"})


def test_the_table_is_made_anew_on_request(backend: Backend, spot: Spot, keep: Keep) -> None:
    keep()
    (spot.folder / "spot.duckdb").write_bytes(b"damaged")
    assert backend.dispatch("rebuild", {})[0] == {"entries": 1}


def test_a_kept_value_is_loaded_into_a_variable(spot: Spot, keep: Keep) -> None:
    names: dict[str, Any] = {}
    backend = Backend(spot, names)
    key = keep({"answer": [1, (2, 3)]})
    assert backend.dispatch("load", {"key": key, "part": "value", "name": " copy "})[0] == {"name": "copy", "taken": ""}
    assert names["copy"] == {"answer": [1, (2, 3)]}
    for name in ("", "a b", "class", "1", "a.b", "__import__('os')"):
        with pytest.raises(OptionError, match="cannot name a variable"):
            backend.dispatch("load", {"key": key, "part": "value", "name": name})
    with pytest.raises(OptionError, match="no such part"):
        backend.dispatch("load", {"key": key, "part": "other", "name": "x"})
    with pytest.raises(SpotError, match="not there any more"):
        backend.dispatch("load", {"key": "0" * 32, "part": "value", "name": "x"})
    assert set(names) == {"copy"}


def test_where_there_is_no_notebook_nothing_is_loaded(backend: Backend, keep: Keep) -> None:
    assert backend.dispatch("totals", {})[0]["loads"] is False
    with pytest.raises(OptionError, match="unknown method 'load'"):
        backend.dispatch("load", {"key": keep(), "part": "value", "name": "x"})


def test_a_pickle_of_somebody_else_is_not_loaded(spot: Spot, keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {}
    key = keep(Pickled(4))
    own = spot.store.get(bytes.fromhex(key))
    assert isinstance(own, Entry) and not is_safe(own.parts[0].codecs)
    foreign = own._replace(trusted=False)
    monkeypatch.setattr(type(spot.store), "get", lambda *_: foreign)
    with pytest.raises(Undecodable):
        Backend(spot, names).dispatch("load", {"key": key, "part": "value", "name": "x"})
    assert names == {}


class Pickled:
    def __init__(self, n: int) -> None:
        self.n = n


def test_what_counts_by_its_settings_and_what_is_left_out_stand_beside_the_inputs(backend: Backend, spot: Spot) -> None:
    log: list[int] = []

    def ask(q: int, logger: Any) -> int:
        log.append(q)
        return q

    f = spot.mark(ask)
    f(1, logging.getLogger("mine"))
    told, _ = backend.dispatch("entry", {"key": f.key(1, logging.getLogger("mine"))})
    names = told["remarks"]
    assert {"q", "logger"} == {one["name"] for one in told["inputs"]}
    assert any("left out, as the call only writes it: log" in name for name in names), names
    assert any("counts by its settings" in name and "Logger" in name for name in names), names
