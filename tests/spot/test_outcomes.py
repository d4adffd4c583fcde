"""Outcomes: several for one call, given by hand or recorded, drawn by weight; and how long a result is held back."""

from __future__ import annotations

import asyncio
import gc
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot, last
from spotmagic.errors import OptionError, RecordMissing
from spotmagic.spot.outcomes import AliasTable, Given
from spotmagic.testing import FakeClock

answers: list[int] = []


class Calls:
    """Calls made while it is entered. No garbage of others is collected meanwhile, whose finalizers would count.

    Attributes:
        made: how many.
    """

    def __enter__(self) -> Calls:
        self.made = 0
        gc.disable()
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        gc.enable()

    def _count(self, frame: Any, event: str, arg: Any) -> None:
        self.made += event in ("call", "c_call")


@pytest.fixture(autouse=True)
def from_one() -> None:
    answers[:] = range(100, 0, -1)


def ask(x: int, y: int = 2) -> int:
    return answers.pop()


def marked(spot: Spot, mode: str = "mock") -> Any:
    f = spot.mark(ignore="answers")(ask)
    f.mode = mode
    return f


def test_what_is_recorded_again_is_one_more_outcome_and_the_newest_is_the_result(spot: Spot) -> None:
    f = marked(spot, "record")
    assert [f(1) for _ in range(3)] == [1, 2, 3] and f(9) == 4
    f.mode = None
    assert f(1) == 3 and last().verdict == "hit"
    f.mode = "mock"
    f.outcomes.seed(7)
    assert set(Counter(f(1) for _ in range(200))) == {1, 2, 3} and f(9) == 4
    f.outcomes.sequence()
    assert [f(1) for _ in range(4)] == [1, 2, 3, 1]
    assert f.forget(1)
    with pytest.raises(RecordMissing):
        f(1)
    assert f(9) == 4


def test_outcomes_are_drawn_by_their_weights_and_a_seed_settles_the_order(spot: Spot) -> None:
    f = marked(spot)
    f.outcomes.add(returns="often", weight=3)
    f.outcomes.add(returns="seldom")
    f.outcomes.seed(7)
    first = [f(1) for _ in range(400)]
    assert 270 < first.count("often") < 330 and last().verdict == "mocked"
    f.outcomes.seed(7)
    assert [f(1) for _ in range(400)] == first
    f.outcomes.seed(8)
    assert [f(1) for _ in range(400)] != first
    assert answers[-1] == 1, "nothing has run"


def test_an_urn_gives_each_its_share_exactly() -> None:
    weights = [1, 2, 3, 0.5, 7, 0.001, 4]
    urn = AliasTable([Given(bytes([n]), weight, ()) for n, weight in enumerate(weights)])
    shares = [0.0] * len(weights)
    for place, height in enumerate(urn._heights):
        shares[place] += height
        shares[urn._above[place]] += 1 - height
    total = sum(weights)
    assert shares == pytest.approx([weight * len(weights) / total for weight in weights], abs=1e-9)


def test_those_for_the_arguments_come_first_then_those_for_all_then_what_was_recorded(spot: Spot) -> None:
    f = marked(spot, "auto")
    assert f(1) == 1 and f(2) == 2
    f.mode = "mock"
    assert f(1) == 1 and f(2) == 2
    f.outcomes.add(returns="for all")
    f.outcomes.add(returns="for one", when=(1,))
    f.outcomes.add(raises=ValueError("for two"), when={"x": 2, "y": 2})
    assert f(1) == f(1, 2) == f(x=1) == "for one" and f(1, 3) == f(5) == "for all"
    with pytest.raises(ValueError, match="for two"):
        f(2)
    kept = f.outcomes.list()
    assert [(one.value if not one.raises else str(one.value), one.conditional) for one in kept] == [
        ("for all", False), ("for one", True), ("for two", True)
    ]  # fmt: skip
    assert f.outcomes.remove(kept[0].id) and not f.outcomes.remove(kept[0].id) and len(f.outcomes) == 2
    assert f.outcomes.clear() == 2
    assert f(1) == 1 and f(2) == 2


def test_an_outcome_for_arguments_holds_after_an_edit_of_the_function(spot: Spot) -> None:
    f = marked(spot)
    f.outcomes.add(returns="one", when=(1,))

    def edited(x: int, y: int = 2) -> int:
        return x - y

    edited.__module__, edited.__qualname__ = ask.__module__, ask.__qualname__
    assert spot.mark(edited)(1) == "one"


def test_outcomes_seed_latency_and_mode_are_kept_and_seen_by_other_kernels(tmp_path: Path) -> None:
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_outcomes
from spotmagic import Spot
with Spot("test", root={str(tmp_path)!r}) as spot:
    f = spot.mark(ignore="answers")(test_outcomes.ask)
    print(f.mode, f.latency, len(f.outcomes), [f(n) for n in range(20)])
    f.outcomes.clear()
    f.outcomes.add(returns="there")
    f.latency = 0.5
"""
    clock = FakeClock()
    with Spot("test", root=tmp_path, clock=clock) as spot:
        f = marked(spot)
        f.__wrapped__.__module__ = "test_outcomes"
        f = marked(spot)
        f.outcomes.add(returns="a")
        f.outcomes.add(returns="b")
        f.outcomes.seed("7")
        here = [f(n) for n in range(20)]
        there = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
        assert there == f"mock 0.0 2 {here}"
        assert f(1) == "there" and f.latency == 0.5 and clock.slept == [0.5]


def test_latency_holds_back_hits_and_mocks_and_no_run(tmp_path: Path) -> None:
    clock = FakeClock()
    with Spot("test", root=tmp_path, clock=clock) as spot:

        @spot.mark(ignore="clock")
        def f(x: int) -> int:
            clock.advance(3)
            return x

        @spot.mark
        async def g(x: int) -> int:
            return x

        @spot.mark(ignore="clock")
        def h(n: int) -> Iterator[int]:
            for i in range(n):
                clock.advance(i)
                yield i

        f.latency = "200ms"
        assert f(1) == 1 and clock.slept == []
        assert f(1) == 1 and clock.slept == [0.2] and f.latency == 0.2
        f.latency = "recorded"
        assert f(1) == 1 and clock.slept == [0.2, 3.0]
        f.latency = 0
        assert f(1) == 1 and clock.slept == [0.2, 3.0]
        clock.slept.clear()
        g.latency = 0.2
        asyncio.run(g(1))
        asyncio.run(g(1))
        assert clock.slept == [0.2]
        clock.slept.clear()
        h.latency = "recorded"
        assert list(h(4)) == [0, 1, 2, 3] and clock.slept == []
        assert list(h(4)) == [0, 1, 2, 3] and clock.slept == pytest.approx([1, 2, 3])
        with pytest.raises(OptionError, match="latency"):
            f.latency = -1


def test_generators_have_outcomes_too(spot: Spot) -> None:
    @spot.mark(mode="mock")
    def f(x: int) -> Iterator[str]:
        yield "never"

    f.outcomes.add(returns=["a", "b"], when=(1,))
    f.outcomes.add(returns=["a"], raises=OSError("broken off"), when=(2,))
    f.outcomes.add(raises=KeyError("at once"), when=(3,))
    assert list(f(1)) == ["a", "b"] == list(f(1)) and last().verdict == "mocked"
    for x, error, before in [(2, OSError, ["a"]), (3, KeyError, [])]:
        got: list[str] = []
        with pytest.raises(error):
            got.extend(item for item in f(x))  # what came before the error is in
        assert got == before
    with pytest.raises(OptionError, match="items"):
        f.outcomes.add(returns=5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "returns or raises"),
        ({"returns": 1, "raises": ValueError()}, "returns or raises"),
        ({"returns": 1, "weight": 0}, "weight=0 is not a weight"),
        ({"returns": 1, "weight": True}, "weight=True"),
        ({"returns": 1, "when": 5}, "when=5"),
        ({"returns": 1, "when": (1, 2, 3, 4)}, "does not fit"),
        ({"raises": KeyboardInterrupt()}, "is not an exception"),
        ({"raises": ValueError}, "is not an exception"),
        ({"returns": (one for one in ())}, "cannot be kept"),
    ],
)
def test_what_cannot_be_an_outcome_is_said_at_once(spot: Spot, given: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        marked(spot).outcomes.add(**given)
    assert len(marked(spot).outcomes) == 0


def test_none_is_an_outcome_like_any(spot: Spot) -> None:
    f = marked(spot)
    f.outcomes.add(returns=None)
    assert f(1) is None and last().verdict == "mocked"


def test_a_draw_looks_at_one_outcome_however_many_there_are(spot: Spot) -> None:
    f = marked(spot)
    looks: list[int] = []
    for count in (10, 1000):
        for n in range(count):
            f.outcomes.add(returns=n)
        f(1)
        with Calls() as calls:
            f(1)
        looks.append(calls.made)
    assert looks[1] < looks[0] * 1.2, looks


def test_a_draw_reads_the_folder_once_at_most_and_of_small_outcomes_never(
    spot: Spot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that are small come into memory with the first draw, by one pass over the records."""
    f = marked(spot)
    for n in range(300):
        f.outcomes.add(returns=n)
    f.outcomes.add(returns="x" * 5000, when=(2,))
    read: Counter[str] = Counter()
    for name in ("get", "records"):

        def counted(*given: Any, name: str = name, real: Any = getattr(spot.store, name)) -> Any:
            read[name] += 1
            return real(*given)

        monkeypatch.setattr(spot.store, name, counted)
    assert {f(1) for _ in range(3000)} == {*range(300)} and read == {"records": 1}
    assert [f(2) for _ in range(5)] == ["x" * 5000] * 5 and read == {"records": 1, "get": 5}


def test_outcomes_that_find_no_room_in_memory_are_drawn_all_the_same(
    spot: Spot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spotmagic.spot.outcomes._ROOM", 2000)
    f = marked(Spot("small", root=spot.folder.parent))
    ids = [f.outcomes.add(returns=n) for n in range(9)]
    for left in (9, 5, 1):  # what leaves the memory makes room in it
        while len(f.outcomes) > left:
            assert f.outcomes.remove(ids.pop(0))
        assert {f(1) for _ in range(300)} == {*range(9 - left, 9)}


def test_the_way_to_the_first_draw_grows_with_the_outcomes_and_no_faster() -> None:
    def steps(count: int) -> int:
        given = [Given(n.to_bytes(16), 1 + n % 7, ()) for n in range(count)]
        with Calls() as calls:
            urn = AliasTable(given)
        assert urn.draw(random.Random(1)) in given
        return calls.made

    assert steps(20_000) < 10.1 * steps(2000)
