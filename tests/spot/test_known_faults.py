"""Faults that other tools of this kind have with modes, outcomes, exceptions and generators: none of them is here.

One test for each fault; its docstring says what goes wrong elsewhere.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import subprocess
import sys
import threading
import time
from collections import Counter, namedtuple
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot, last
from spotmagic.errors import SpotWarning

runs: list[Any] = []
Pair = namedtuple("Pair", "a b")  # noqa: PYI024


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    runs.clear()


class Odd(Exception):
    def __init__(self, *, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclasses.dataclass
class Outer:
    @dataclasses.dataclass
    class Inner:
        n: int
        made: int = dataclasses.field(init=False, default=0)

    inner: Inner


def test_an_endless_generator_can_be_read_in_part(spot: Spot) -> None:
    """A generator was run to its end before the first item came out, so an endless one hung."""

    @spot.mark
    def f() -> Iterator[int]:
        yield from itertools.count()

    assert list(itertools.islice(f(), 3)) == [0, 1, 2] == list(itertools.islice(f(), 3))


def test_items_come_out_as_they_are_made(spot: Spot) -> None:
    """The first item waited for the last one."""

    @spot.mark
    def f() -> Iterator[int]:
        for i in range(3):
            runs.append(i)
            yield i

    stream = f()
    assert next(stream) == 0 and runs == [0]
    assert list(stream) == [1, 2]


def test_what_a_generator_returns_is_kept(spot: Spot) -> None:
    """The return value was lost."""

    @spot.mark
    def f() -> Iterator[int]:
        yield 1
        return "end"  # noqa: B901

    def outer() -> Iterator[int]:
        runs.append((yield from f()))

    assert list(outer()) == list(outer()) == [1] and runs == ["end", "end"]


def test_a_consumer_that_leaves_early_leaves_no_whole_stream(spot: Spot) -> None:
    """An async consumer that left early recorded a truncated stream that was replayed, with a cancellation in it."""

    @spot.mark
    async def f() -> AsyncIterator[int]:
        for i in range(4):
            await asyncio.sleep(0)
            yield i

    async def some() -> list[int]:
        found = []
        async for item in f():
            found.append(item)
            if item == 1:
                break
        return found

    async def whole() -> list[int]:
        return [item async for item in f()]

    assert asyncio.run(some()) == [0, 1] and asyncio.run(whole()) == asyncio.run(whole()) == [0, 1, 2, 3]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_not_replayed(spot: Spot, end: type[BaseException]) -> None:
    """KeyboardInterrupt and SystemExit were recorded and raised again by the next call."""

    @spot.mark(errors=Exception, ignore="runs")
    def f() -> int:
        runs.append(1)
        if len(runs) == 1:
            raise end
        return 7

    with pytest.raises(end):
        f()
    assert f() == 7 == f() and runs == [1, 1]


def test_an_exception_with_its_own_constructor_comes_back(spot: Spot) -> None:
    """It could not be made again: the replay died with an unrelated TypeError."""

    @spot.mark(errors=Odd)
    def f() -> None:
        runs.append(1)
        raise Odd(code=4)

    for _ in range(2):
        with pytest.raises(Odd) as found:
            f()
        assert found.value.code == 4
    assert runs == [1]


@pytest.mark.parametrize(
    "value", [None, {1: "a"}, Pair(1, 2), Outer(Outer.Inner(3)), (1, [2]), {1, 2}, b"x"], ids=lambda one: str(type(one))
)
def test_results_of_every_type_are_replayed_as_they_are(spot: Spot, value: Any) -> None:
    """None crashed, dict keys became texts, named tuples tuples, nested dataclasses could not be read."""
    f = spot.mark(lambda: value)
    assert f() == value == f() and type(f()) is type(value) and last().verdict == "hit"


def test_a_result_that_cannot_be_kept_is_returned_in_every_mode(spot: Spot) -> None:
    """A result that could not be pickled raised out of the call, in any mode."""
    f = spot.mark(lambda: threading.Lock())
    with pytest.warns(SpotWarning, match="not stored"):
        assert f().acquire()
    for mode in ("record", "off"):
        f.mode = mode
        assert f().acquire()


def test_an_argument_or_owner_that_cannot_be_pickled_never_raises(spot: Spot) -> None:
    """An argument or self with a lock or a lambda raised from the call."""

    class Bot:
        def __init__(self) -> None:
            self.lock, self.way = threading.Lock(), lambda x: x + 1

        @spot.mark
        def say(self, x: int) -> int:
            return self.way(x)

    assert Bot().say(1) == 2 == Bot().say(1)


def test_keys_that_look_alike_are_two(spot: Spot) -> None:
    """A dict with the key 1 and one with the key "1" had one entry."""
    f = spot.mark(lambda x: next(iter(x)))
    assert f({1: "x"}) == 1 and f({"1": "x"}) == "1"


def test_an_edited_function_gives_its_new_values(spot: Spot) -> None:
    """The body was no part of its identity."""
    space: dict[str, Any] = {}
    for body, value in [("1", 1), ("2", 2)]:
        path = Path(spot.folder.parent / f"edited{value}.py")
        path.write_text(f"def f():\n    return {body}\n")
        exec(compile(path.read_text(), str(path), "exec"), space)
        assert spot.mark(space["f"])() == value


def test_drawing_follows_the_weights_whatever_was_recorded(spot: Spot) -> None:
    """Each mocked call read every outcome there was; weights of 3 to 1 were kept, at 299 ms a call."""
    f = spot.mark(mode="mock")(lambda: None)
    for value, weight in [("a", 3), ("b", 1)]:
        f.outcomes.add(returns=value, weight=weight)
    f.outcomes.seed(1)
    found = Counter(f() for _ in range(400))
    assert 260 < found["a"] < 340


def test_an_outcome_by_hand_is_for_its_arguments(spot: Spot) -> None:
    """Outcomes by hand carried no arguments, so none was ever found for a call."""
    f = spot.mark(mode="mock")(lambda x: None)
    f.outcomes.add(returns="one", when=(1,))
    f.outcomes.add(returns="two", when=(2,))
    assert (f(1), f(2)) == ("one", "two")


def test_latency_is_for_what_does_not_run(spot: Spot) -> None:
    """It delayed the runs too."""
    f = spot.mark(lambda: 1)
    f.latency = 5
    began = time.monotonic()
    assert f() == 1 and time.monotonic() - began < 5


def test_a_replayed_error_counts_once(spot: Spot) -> None:
    """A failed replay counted twice: 3 calls for 2."""

    @spot.mark(errors=ValueError)
    def f() -> None:
        raise ValueError("no")

    for _ in range(3):
        with pytest.raises(ValueError, match="no"):
            f()
    assert f.stats().hits == 2


def test_many_threads_run_one_call_once(spot: Spot) -> None:
    """Five threads made five runs."""

    @spot.mark
    def f() -> Iterator[int]:
        runs.append(1)
        for i in range(20):
            time.sleep(0)
            yield i

    found: list[list[int]] = []
    threads = [threading.Thread(target=lambda: found.append(list(f()))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [list(range(20))] * 5 and runs == [1]


def test_spotmagic_off_leaves_the_very_function_and_a_mode_can_be_set_later(
    spot: Spot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The switch could not be toggled after decoration; a bare decorator raised; options were ignored."""

    @spot.mark
    def f() -> int:
        runs.append(1)
        return 1

    f.mode = "off"
    assert f() == f() == 1 and runs == [1, 1]
    f.mode = None
    assert f() == f() == 1 and runs == [1, 1, 1]
    monkeypatch.setenv("SPOTMAGIC_OFF", "1")
    plain = lambda: 1  # noqa: E731
    assert spot.mark(plain) is plain and spot.mark(ttl="1d")(plain) is plain


def test_a_moved_folder_is_used_where_it_is(tmp_path: Path) -> None:
    """Identity held absolute paths: a moved folder was lost."""
    code = (
        "import sys; from spotmagic import Spot, last\n"
        "spot = Spot('s', root='here')\n"
        "@spot.mark\n"
        "def f(x):\n"
        "    yield x\n"
        "print(list(f(1)), last().verdict)\n"
    )
    said = []
    for place in ("one", "two"):
        folder = tmp_path / place
        if place == "two":
            (tmp_path / "one").rename(folder)
        folder.mkdir(exist_ok=True)
        (folder / "script.py").write_text(code)
        done = subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, check=True)
        said.append(done.stdout.strip())
    assert said == ["[1] ran", "[1] hit"]
