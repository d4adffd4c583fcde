"""A marked function: a hit equals what running would have given."""

from __future__ import annotations

import asyncio
import functools
import inspect
from pathlib import Path
from typing import Any, get_overloads

import pytest

from spotmagic import KeyGen, Spot, last
from spotmagic.errors import OptionError, RecordMissing, SpotWarning
from spotmagic.options import MarkOptions
from spotmagic.testing import FakeClock

runs: list[Any] = []


@pytest.fixture(autouse=True)
def no_runs() -> None:
    runs.clear()


def double(x: Any, times: int = 2) -> Any:
    """Twice."""
    runs.append(x)
    return x * times


def test_a_second_call_is_a_hit_and_equal_spellings_are_one_call(spot: Spot) -> None:
    f = spot.mark(double)
    assert [f(3), f(3, 2), f(x=3), f(times=2, x=3)] == [6, 6, 6, 6]
    assert runs == [3]
    outcome = last()
    assert outcome is not None and outcome.verdict == "hit" and outcome.stored and outcome.name.endswith("double")
    assert outcome.key == f.key(3)


@pytest.mark.parametrize(
    ("a", "b"), [(1, True), (1, 1.0), ((1,), [1]), ("a", b"a"), (0.0, -0.0), ({"a": 1, "b": 2}, {"b": 2, "a": 1})]
)
def test_arguments_that_differ_in_any_way_are_other_calls(spot: Spot, a: Any, b: Any) -> None:
    f = spot.mark(lambda x: runs.append(1) or repr(x))
    assert (f(a), f(b)) == (repr(a), repr(b))


def test_the_signature_and_the_text_are_kept(spot: Spot) -> None:
    f = spot.mark(double)
    assert inspect.signature(f) == inspect.signature(double)
    assert (f.__name__, f.__doc__, f.__wrapped__) == ("double", "Twice.", double)


def test_results_are_fresh_copies(spot: Spot) -> None:
    f = spot.mark(lambda n: {"rows": [n]})
    f(1)
    f(1)["rows"].append("mine")
    assert f(1) == {"rows": [1]}


def test_none_is_a_result(spot: Spot) -> None:
    f = spot.mark(lambda x: runs.append(x))
    assert f(1) is None and f(1) is None
    assert runs == [1]


def test_async_functions_stay_async_and_hit(spot: Spot) -> None:
    @spot.mark
    async def slow(x: int) -> int:
        runs.append(x)
        await asyncio.sleep(0)
        return x + 1

    assert inspect.iscoroutinefunction(slow)
    assert asyncio.run(slow(1)) == asyncio.run(slow(1)) == 2
    assert runs == [1]


def test_methods_count_their_object(spot: Spot) -> None:
    class Scale:
        def __init__(self, by: int) -> None:
            self.by = by

        @spot.mark
        def of(self, x: int) -> int:
            runs.append((self.by, x))
            return self.by * x

        @spot.mark
        @staticmethod
        def plain(x: int) -> int:
            return x

    assert [Scale(2).of(3), Scale(2).of(3), Scale(5).of(3), Scale.plain(4)] == [6, 6, 15, 4]
    assert runs == [(2, 3), (5, 3)]


def test_partials_and_lambdas_can_be_marked(spot: Spot) -> None:
    triple = spot.mark(functools.partial(double, times=3))
    assert triple(2) == triple(2) == 6
    assert runs == [2]


def test_the_users_error_passes_and_is_not_kept(spot: Spot) -> None:
    @spot.mark
    def fails(x: int) -> int:
        runs.append(x)
        raise ValueError("mine")

    for _ in range(2):
        with pytest.raises(ValueError, match="mine"):
            fails(1)
    assert runs == [1, 1]
    assert last().reason.endswith("not stored: raised ValueError")


def test_listed_errors_are_kept_and_raised_again(spot: Spot) -> None:
    @spot.mark(errors=(ValueError,))
    def fails(x: int) -> int:
        runs.append(x)
        raise ValueError("mine", x)

    for _ in range(2):
        with pytest.raises(ValueError, match="mine") as info:
            fails(1)
        assert info.value.args == ("mine", 1)
    assert runs == [1]


def test_a_wrong_call_raises_what_the_function_would_raise(spot: Spot) -> None:
    f = spot.mark(double)
    with pytest.raises(TypeError, match=r"double\(\)|unexpected keyword"):
        f(1, tims=2)
    assert runs == []


def test_a_call_that_changes_its_argument_is_not_stored(spot: Spot) -> None:
    @spot.mark
    def drain(rows: list[int]) -> int:
        runs.append(1)
        rows.pop()
        return len(rows)

    assert drain([1, 2]) == drain([1, 2]) == 1
    assert len(runs) == 2
    assert "changed `rows`" in last().reason


def test_what_cannot_be_kept_is_returned_all_the_same(spot: Spot) -> None:
    import threading

    f = spot.mark(lambda x: threading.Lock())
    with pytest.warns(SpotWarning, match="was not stored"):
        assert f(1).acquire()
    assert not last().stored


def test_an_argument_without_a_fingerprint_runs_uncached_and_says_where(spot: Spot) -> None:
    f = spot.mark(lambda cfg: runs.append(1) or 7)
    with pytest.warns(SpotWarning, match="runs uncached"):
        assert [f({"gen": (i for i in ())}), f({"gen": (i for i in ())})] == [7, 7]
    assert len(runs) == 2
    assert "gen" in last().reason


def test_ttl_ends_a_result(tmp_path: Path) -> None:
    clock = FakeClock()
    with Spot("ttl", root=tmp_path, clock=clock) as spot:
        f = spot.mark(ttl="90s")(double)
        f(1)
        clock.advance(89)
        f(1)
        assert runs == [1]
        clock.advance(1)
        with pytest.raises(RecordMissing, match="expired"):
            f.peek(1)
        f(1)
        assert runs == [1, 1]
        assert last().reason == "the result has expired"


def test_version_stands_for_the_code_and_an_edit_is_drift(spot: Spot) -> None:
    first = spot.mark(version="v1")(make_adder("x + 1"))
    second = spot.mark(version="v1")(make_adder("x + 2"))
    assert first(1) == 2
    assert second(1) == 2
    assert last().drift == ("code",)
    assert spot.accept() == [last().name]
    assert second(1) == 2
    assert (last().verdict, last().drift) == ("hit", ())
    assert first(1) == 2
    assert last().drift == ("code",)


def make_adder(expression: str) -> Any:
    import linecache

    source = f"def add(x):\n    return {expression}\n"
    name = f"<{expression}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, name, "exec"), space)
    return space["add"]


def test_ignored_arguments_do_not_count(spot: Spot) -> None:
    f = spot.mark(ignore="times")(double)
    g = spot.mark(key=KeyGen.map(times=KeyGen.IGNORE))(double)
    assert [f(1, 2), f(1, 9), g(1, 9), g(1, 2)] == [2, 2, 2, 2] or runs == [1, 1]
    assert len(runs) <= 2


def test_files_count_by_content(spot: Spot, tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    f = spot.mark(key=KeyGen.map(path=KeyGen.FILE_CONTENT))(read_text)
    path.write_text("one")
    assert f(path) == "one"
    path.write_text("two")
    assert f(path) == "two"
    path.write_text("one")
    assert f(path) == "one"


def read_text(path: Path) -> str:
    return path.read_text()


def test_refresh_runs_again_and_replaces(spot: Spot) -> None:
    f = spot.mark(lambda x: runs.append(x) or len(runs), ignore="runs")
    assert [f(1), f(1), f.refresh(1), f(1)] == [1, 1, 2, 2]


def test_peek_never_runs_and_forget_deletes(spot: Spot) -> None:
    f = spot.mark(double)
    with pytest.raises(RecordMissing):
        f.peek(1)
    f(1)
    assert f.peek(1) == 2
    assert f.forget(1) and not f.forget(1)
    f(1)
    assert runs == [1, 1]


def test_replay_never_runs(spot: Spot) -> None:
    f = spot.mark(double)
    f(1)
    spot.set_mode("replay")
    assert f(1) == 2
    with pytest.raises(RecordMissing, match="Run it once in mode auto"):
        f(2)
    spot.set_mode("off", f.__wrapped__.__module__ + ".double")
    f(1)
    assert runs == [1, 1]
    assert last().verdict == "bypassed"


def test_off_gives_the_function_itself(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTMAGIC_OFF", "1")
    assert spot.mark(double) is double
    assert spot.limiter(rpm=1)(double) is double


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ({"versoin": "1"}, "version"),
        ({"ttl": "soon"}, "7d"),
        ({"mode": "replai"}, "replay"),
        ({"ignore": "tims"}, "times"),
        ({"key": KeyGen.ignore("tims")}, "times"),
        ({"errors": KeyboardInterrupt}, "Exception"),
        ({"price": "1$"}, "number"),
        ({"price": True}, "number"),
    ],
)
def test_a_wrong_option_is_an_early_error_that_names_the_right_one(
    spot: Spot, given: dict[str, Any], near: str
) -> None:
    with pytest.raises(OptionError, match=near):
        spot.mark(**given)(double)
    assert runs == []


def test_mark_takes_the_options_that_it_tells_of_and_no_others(spot: Spot) -> None:
    """One that is taken and read by nobody would look as if it did something."""
    told = {name for form in get_overloads(Spot.mark) for name in inspect.signature(form).parameters}
    assert told - {"self", "function"} == set(MarkOptions.__slots__)
    with pytest.raises(OptionError, match="codec"):
        spot.mark(codec="json")


def test_cached_run_gives_one_wrapper_or_a_tuple(spot: Spot) -> None:
    with spot.cached_run(double, version="v2") as f:
        assert f(2) == f(2) == 4
    with spot.cached_run(double, read_text) as (f, g):
        assert f.__wrapped__ is double and g.__wrapped__ is read_text
    assert runs == [2]


def test_a_result_outlives_the_spot(tmp_path: Path) -> None:
    for _ in range(2):
        with Spot("again", root=tmp_path) as spot:
            assert spot.mark(double)(5) == 10
    assert runs == [5]


def test_prices_are_counted_and_a_bad_price_costs_no_result(spot: Spot) -> None:
    f = spot.mark(price=lambda value: value * 0.5)(double)
    f(4)
    assert last().price == 4.0
    f(4)
    assert (last().saved_price, last().price) == (4.0, 0.0)
    g = spot.mark(price=lambda value: 1 / 0)(read_text)
    with pytest.warns(SpotWarning, match="price= of"):
        assert g(Path(__file__))


def test_an_error_that_holds_a_secret_argument_is_not_kept(spot: Spot) -> None:
    @spot.mark(errors=(ValueError,))
    def login(user: str, api_key: str) -> None:
        raise ValueError(f"refused {user}" + (f" with {api_key}" if user == "a" else ""))

    for user in ("a", "b"):
        with pytest.raises(ValueError, match=f"refused {user}"):
            login(user, api_key="hunter2hunter2")
        assert last().stored is (user == "b")
    assert "secret argument" not in last().reason
    spot.flush()
    kept = b"".join(path.read_bytes() for path in spot.folder.rglob("*") if path.is_file())
    assert b"hunter2" not in kept
