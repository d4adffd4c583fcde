"""Errors that are kept (``errors=``) come back as what they were, or as what catches them; never an interrupt."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot, last
from spotmagic.errors import BudgetSpent, OptionError
from spotmagic.testing import FakeClock
from spotmagic.testing.same import same

API_KEY = "hunter2-of-the-globals"


class Refused(Exception):
    def __init__(self, *, code: int, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code


class Answered(Exception):
    """One that cannot be copied: it holds a lock, as errors of clients hold their connection."""

    def __init__(self, answer: Any, request: Any) -> None:
        self.answer, self.request, self.lock = answer, request, threading.Lock()

    def __str__(self) -> str:
        return f"answered {self.answer}"


class Group(ExceptionGroup[Exception]):
    pass


def caught(function: Any, *args: Any) -> BaseException:
    try:
        function(*args)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def raises(error: Any) -> None:
    raise error


def made(kind: str) -> BaseException:
    error: BaseException
    if kind == "plain":
        error = ValueError("no", 7)
    elif kind == "own":
        error = Refused(code=3, why="busy")
    elif kind == "notes":
        error = KeyError("k")
        error.add_note("look here")
    elif kind == "cause":
        error = RuntimeError("outer")
        error.__cause__ = OSError(2, "inner", "file")
    elif kind == "group":
        error = Group("several", [ValueError("a"), ExceptionGroup("more", [KeyError("b")])])
    else:
        error = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")
    return error


@pytest.mark.parametrize("kind", ["plain", "own", "notes", "cause", "group", "unicode"])
def test_an_error_comes_back_as_what_it_was(spot: Spot, kind: str) -> None:
    @spot.mark(errors=Exception)
    def f(kind: str) -> None:
        raise made(kind)

    first, second = caught(f, kind), caught(f, kind)
    assert last().verdict == "hit" and first is not second and same(first, second)
    assert getattr(first, "__notes__", None) == getattr(second, "__notes__", None)
    assert type(first.__cause__) is type(second.__cause__) and repr(first) == repr(second)


def test_one_that_cannot_be_copied_comes_back_as_what_catches_it(spot: Spot) -> None:
    runs: list[int] = []

    @spot.mark(errors=Answered)
    def f() -> None:
        runs.append(1)
        error = Answered(500, object())
        error.add_note("after three attempts")
        raise error

    @spot.mark(errors=Answered)
    def g() -> Iterator[int]:
        runs.append(2)
        yield 1
        raise Answered(500, object())

    assert type(caught(f)) is Answered
    for _ in range(2):
        with pytest.raises(Answered, match="answered 500") as found:
            f()
        assert type(found.value).__name__ == "Answered" and found.value.__notes__ == ["after three attempts"]
    for _ in range(2):
        stream = g()
        assert next(stream) == 1
        with pytest.raises(Answered, match="answered 500"):
            next(stream)
    assert runs == [1, 2] and last().verdict == "hit"


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        SystemExit(1),
        GeneratorExit(),
        asyncio.CancelledError(),
        concurrent.futures.CancelledError(),
    ],
    ids=repr,
)
def test_interrupts_and_cancellations_are_never_kept(spot: Spot, error: BaseException) -> None:
    runs: list[int] = []

    @spot.mark(errors=Exception)
    def f() -> None:
        runs.append(1)
        raise error

    for _ in range(2):
        assert caught(f) is error
    assert runs == [1, 1] and not spot.entries(status=None)


def test_errors_of_ours_are_never_kept(tmp_path: Path) -> None:
    with Spot("test", root=tmp_path, budget=1) as spot:
        inner = spot.mark(price=2)(lambda: 1)

        @spot.mark(errors=Exception)
        def f() -> int:
            return inner()

        assert isinstance(caught(f), BudgetSpent) and not last().stored


def test_errors_hold_as_long_as_their_class_says(tmp_path: Path) -> None:
    clock, runs = FakeClock(), []
    with Spot("test", root=tmp_path, clock=clock) as spot:

        @spot.mark(errors={OSError: "1h", TimeoutError: "10m", KeyError: None}, ttl="1d")
        def f(kind: type[Exception]) -> None:
            runs.append(kind)
            raise kind("no")

        kinds = [ConnectionError, TimeoutError, KeyError]
        for seconds, ran in [(0, 3), (0, 3), (601, 4), (3600, 6), (86400 * 9, 8)]:
            clock.advance(seconds)
            for kind in kinds:
                assert type(caught(f, kind)) is kind
            assert len(runs) == ran, (seconds, runs)
    with pytest.raises(OptionError, match="errors="):
        spot.mark(errors={"ValueError": "1h"})
    with pytest.raises(OptionError, match="duration"):
        spot.mark(errors={ValueError: "soon"})
