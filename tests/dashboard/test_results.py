"""Results as rows that people recognise, found by what they hold, and one of them in full."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from spotmagic.dashboard.backend import Backend
from spotmagic.errors import OptionError
from spotmagic.spot import Spot
from spotmagic.testing import FakeClock

from .conftest import Keep


def names(backend: Backend, **filters: Any) -> list[str]:
    return [row["name"] for row in backend.dispatch("entries", filters)[0]["rows"]]


def test_a_search_finds_what_came_out(backend: Backend, keep: Keep) -> None:
    keep("The tide turns at noon", name="a")
    keep({"answer": {"text": "a tide table"}}, name="b")
    keep("x" * 50_000 + "tide", name="c")  # beyond what a list says of it
    keep({"outputs": {"log": [["stdout", "high TIDE\n", {}, {}, "", False]]}}, name="d", kind="cell")
    assert set(names(backend, search="tide")) == {"a", "b", "d"}


def test_filters_tell_how_many_results_each_of_their_values_has(backend: Backend, spot: Spot, keep: Keep) -> None:
    models = "small", "small", "large"
    keys = [keep(name="ask", notes={"model": one}, inputs={"q": bytes([n]) * 16}) for n, one in enumerate(models)]
    keep({"outputs": {"log": []}}, name="table", kind="cell")
    backend.dispatch("pin", {"keys": keys[:2], "pinned": True})
    facets = backend.dispatch("facets", {})[0]
    assert facets["name"] == [["ask", 3], ["table", 1]] and facets["kind"] == [["function", 3], ["cell", 1]]
    assert facets["status"] == [["live", 4]] and facets["model"] == [["small", 2], ["large", 1]]
    assert facets["tag"] == [["pinned", 2]]
    narrowed = backend.dispatch("facets", {"model": "small"})[0]
    assert narrowed["name"] == [["ask", 2]], "the others are counted under it"
    assert narrowed["model"] == facets["model"], "its own other values stay to be chosen"
    assert names(backend, model="large") == ["ask"]
    assert len(names(backend, tag="pinned")) == 2
    with pytest.raises(OptionError, match="unknown tag"):
        backend.dispatch("entries", {"tag": "pined"})


def test_damaged_results_are_tagged_and_found(backend: Backend, spot: Spot, keep: Keep) -> None:
    key = keep("y" * 100_000, name="large")
    keep(name="fine")
    for blob in (spot.folder / "blobs").rglob("*"):
        if blob.is_file():
            blob.chmod(0o600)
            blob.write_bytes(b"z" * blob.stat().st_size)
    spot.verify()
    assert names(backend, tag="damaged") == ["large"]
    assert ["damaged", 1] in backend.dispatch("facets", {})[0]["tag"]
    (row,) = backend.dispatch("entries", {"tag": "damaged"})[0]["rows"]
    assert (row["key"], row["status"]) == (key, "corrupt")


def test_what_is_never_kept_is_listed_with_why_and_what_it_cost(backend: Backend, spot: Spot) -> None:
    seen = [0]

    def ask(box: list[int]) -> int:
        box.append(1)
        return len(box)

    marked = spot.mark(price=0.25)(ask)
    for _ in range(2):
        marked(seen)
    page = backend.dispatch("entries", {"tag": "never kept"})[0]
    (row,) = page["rows"]
    assert (row["key"], row["status"], row["hits"], row["price"], page["total"]) == ("", "never kept", 2, 0.5, 1)
    assert "changed `box`" in row["result"]
    assert ["never kept", 1] in backend.dispatch("facets", {})[0]["tag"]
    assert ["never kept", 1] in backend.dispatch("facets", {"tag": "never kept"})[0]["tag"]
    backend.dispatch("entries", {"tag": "never kept", "order": "-price"})


def test_results_are_sorted_by_any_column(backend: Backend, spot: Spot, keep: Keep, clock: FakeClock) -> None:
    one, two = keep([1, 2], name="a", seconds=1.0), keep("text", name="b", seconds=9.0)
    spot.store.hit(bytes.fromhex(one), 1.0, 0.0)
    spot.store.flush()
    clock.sleep(5)
    spot.store.hit(bytes.fromhex(two), 1.0, 0.0)
    columns = "name kind status created seconds price size hits last type result model tokens pinned version".split()
    for column in columns:
        assert set(names(backend, order=column)) == set(names(backend, order=f"-{column}")) == {"a", "b"}, column
    assert names(backend, order="-last") == ["b", "a"] and names(backend, order="type") == ["a", "b"]
    first, second = backend.dispatch("entries", {"order": "last"})[0]["rows"]
    assert second["last"] - first["last"] == pytest.approx(5, abs=1)


def test_a_row_has_type_shape_and_a_picture_that_is_one(backend: Backend, keep: Keep) -> None:
    keep(np.arange(2000.0).reshape(40, 50), name="grid")
    (row,) = backend.dispatch("entries", {})[0]["rows"]
    assert row["type"] == "ndarray of float64, 40 \N{MULTIPLICATION SIGN} 50"
    assert base64.b64decode(row["thumb"]).startswith(b"\x89PNG")
    keep("planted", name="planted", notes={"thumb": 'x" onerror="alert(1)', "type": "<b>"})
    (planted,) = backend.dispatch("entries", {"name": "planted"})[0]["rows"]
    assert (planted["thumb"], planted["type"]) == ("", "<b>")


@dataclass
class Message:
    role: str
    content: str


@dataclass
class Answer:
    id: str
    messages: list[Message]


def look(backend: Backend, key: str, **more: Any) -> dict[str, Any]:
    return backend.dispatch("preview", {"key": key, "part": "value", **more})[0]


def test_an_answer_inside_an_object_is_what_is_shown_first(backend: Backend, keep: Keep) -> None:
    shape = look(
        backend,
        keep(
            Answer(
                "an-id-that-is-much-longer-than-the-answer",
                [Message("user", "Salt?"), Message("ai", "**Yes**, of rivers.")],
            )
        ),
    )
    assert (shape["view"], shape["name"], shape["main"]["text"]) == (
        "tree",
        "messages[1].content",
        "**Yes**, of rivers.",
    )
    assert shape["tree"]["type"] == "Answer"
    (row,) = backend.dispatch("entries", {})[0]["rows"]
    assert (row["type"], row["result"]) == ("Answer", "**Yes**, of rivers.")


def test_embeddings_are_drawn_wherever_they_stand(backend: Backend, keep: Keep) -> None:
    numbers = [(-1.0) ** n / (n + 1) for n in range(3000)]
    for value in (numbers, tuple(numbers), np.array(numbers), np.array(numbers, "float32")):
        shape = look(backend, keep(value))
        assert (shape["view"], shape["size"], len(shape["values"])) == ("strip", 3000, 1000)
        assert (shape["low"], shape["high"]) == (pytest.approx(-0.5), pytest.approx(1))
    inside = look(backend, keep({"data": [{"embedding": numbers, "index": 0}]}))
    assert (inside["name"], inside["main"]["view"]) == ("data[0].embedding", "strip")
    assert look(backend, keep([float("nan")] * 9))["view"] == "strip"
    assert look(backend, keep([1.0, "two"] * 9))["view"] == "tree"


def test_a_frame_has_the_look_that_pandas_gives_it(backend: Backend, keep: Keep) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"a": [1.5, 2.25, float("nan")], "b": [1e-9, 1.0, 2.0], "c": [1, 2, 3]}, index=["x", "y", "z"]
    )
    shape = look(backend, keep(frame))
    assert [list(column) for column in zip(*shape["rows"], strict=True)] == [
        ["1.50", "2.25", "NaN"],
        ["1e-09", "1", "2"],
        ["1", "2", "3"],
    ]
    assert [column["type"] for column in shape["columns"]] == ["float64", "float64", "int64"]


def test_code_is_shown_as_it_was_written_also_of_later_results(backend: Backend, spot: Spot) -> None:
    @spot.mark
    def ask(q: str) -> str:  # a comment of mine
        return (q)  # brackets that change nothing  # fmt: skip

    ask("one")
    ask("two")
    for row in backend.dispatch("entries", {})[0]["rows"]:
        source = backend.dispatch("entry", {"key": row["key"]})[0]["source"]
        assert "def ask(q: str) -> str:  # a comment of mine" in source and "return (q)  # brackets" in source


def test_the_difference_to_what_a_drifted_result_was_asked_with_is_shown(backend: Backend, spot: Spot) -> None:
    def ask(q: str) -> str:
        return q

    def edited(q: str) -> str:
        return q + "!"

    old = ask
    edited.__qualname__ = edited.__name__ = "ask"
    edited.__qualname__ = old.__qualname__
    marked = spot.mark(version="v1")(old)
    spot.drive(marked.marked.call(("a",), {}))
    again = spot.mark(version="v1")(edited)
    spot.drive(again.marked.call(("a",), {}))
    (row,) = backend.dispatch("entries", {"tag": "drifted"})[0]["rows"]
    assert row["drifted"] is True
    told = backend.dispatch("entry", {"key": row["key"]})[0]
    assert told["drifted"] is True
    assert [line["text"].strip() for line in told["drift"] if line["op"] == "+"][-1] == 'return q + "!"'


def test_loading_into_a_name_that_is_taken_is_asked_first(spot: Spot, keep: Keep) -> None:
    names: dict[str, Any] = {"spot": spot, "result": 1}
    backend = Backend(spot, names)
    key = keep("kept")
    (part,) = backend.dispatch("entry", {"key": key})[0]["parts"]
    assert part["free"] == "result_2"
    load = {"key": key, "part": "value"}
    assert backend.dispatch("load", {**load, "name": "spot"})[0] == {"name": "spot", "taken": "Spot"}
    assert backend.dispatch("load", {**load, "name": "list"})[0]["taken"] == "type", "a built-in name is one too"
    assert names == {"spot": spot, "result": 1}
    assert backend.dispatch("load", {**load, "name": "spot", "over": True})[0] == {"name": "spot", "taken": ""}
    assert names["spot"] == "kept"
    with pytest.raises(OptionError):
        backend.dispatch("load", {**load, "name": "x", "over": "yes"})


def test_thousands_of_results_are_searched_sorted_and_counted_without_a_wait(backend: Backend, spot: Spot) -> None:
    """Each answer takes some ten milliseconds; what would read every result takes far longer than this allows."""
    from spotmagic.codecs import encode
    from spotmagic.store.entry import Entry, Part

    for n in range(3_000):
        part = Part("value", *encode(f"answer {n} about the tide"))
        notes = {"arguments": f'question\x03"number {n}"', "model": f"m{n % 7}"}
        spot.store.put(Entry(n.to_bytes(16, "big"), f"name{n % 50}", parts=(part,), created=1.8e9 + n, notes=notes))
    backend.dispatch("entries", {})  # folds
    asked = [{}, {"search": "tide"}, {"search": "number 777"}, {"name": "name7"}, {"model": "m3"}, {"offset": 2_950}]
    asked += [{"order": order} for order in ("name", "-last", "-hits", "size", "type", "result", "-price", "tokens")]
    slowest = 0.0
    for params in asked:
        for method in ("entries", "facets"):
            began = time.perf_counter()
            backend.dispatch(method, params)
            slowest = max(slowest, time.perf_counter() - began)
    assert slowest < 5, f"the slowest took {slowest:.2f} s"
