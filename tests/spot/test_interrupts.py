"""Interrupts while a result is being kept: it was paid for, so it is there at the next run."""

from __future__ import annotations

import builtins
import io
import itertools
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from interrupting import Interrupts

from spotmagic import Spot, files
from spotmagic.engine.budget import Hold
from spotmagic.engine.flight import Seat
from spotmagic.engine.running import outer
from spotmagic.reads import noting

paid: list[str] = []
PLACES = ["price", "encode", "blob", "write", "put", "spend"]


@pytest.fixture(autouse=True)
def nothing_paid() -> None:
    paid.clear()


def answer(question: str) -> bytes:
    paid.append(question)
    return question.encode() * 100_000


def price(value: bytes) -> float:
    return told(value)


def told(value: bytes) -> float:
    return 0.5


def interrupted(monkeypatch: pytest.MonkeyPatch, target: object, name: str, *, times: int, after: bool) -> None:
    """Let the first calls of something be met by an interrupt each, as they begin or as they end."""
    real: Callable[..., Any] = getattr(target, name)
    calls = []

    def met(*args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        if len(calls) <= times and not after:
            signal.raise_signal(signal.SIGINT)
        given = real(*args, **kwargs)
        if len(calls) <= times and after:
            signal.raise_signal(signal.SIGINT)
        return given

    monkeypatch.setattr(target, name, met)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("place", PLACES)
def test_an_interrupt_goes_on_when_the_result_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, after: bool
) -> None:
    """Wherever it comes after the call: the next run pays nothing, and the budget knows of this one."""
    with Spot("s", root=tmp_path, budget=10.0) as spot:
        asked = spot.mark(price=price)(answer)
        asked("warm")
        target, name = {
            "price": (sys.modules[__name__], "told"),
            "encode": (sys.modules["spotmagic.spot.mark"], "encode"),
            "blob": (spot.store.blobs, "save"),  # type: ignore[attr-defined]
            "write": (os, "pwrite"),
            "put": (spot.store, "put"),
            "spend": (Hold, "spend"),
        }[place]
        interrupted(monkeypatch, target, name, times=1, after=after)
        with pytest.raises(KeyboardInterrupt):
            asked("why")
        monkeypatch.undo()
        assert asked("why") == b"why" * 100_000
        assert spot.budget is not None
        assert spot.budget.spent() == 1.0
        stats = spot.stats()
        assert (stats.misses, stats.price_paid) == (2, 1.0)
    with Spot("s", root=tmp_path) as spot:
        assert spot.mark(answer)("why") == b"why" * 100_000
    assert paid == ["warm", "why"]


def test_a_second_interrupt_goes_on_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who insists is not kept waiting, and nothing is broken by it."""
    with Spot("s", root=tmp_path) as spot:
        asked = spot.mark(answer)
        asked("warm")
        interrupted(monkeypatch, sys.modules["spotmagic.spot.mark"], "encode", times=2, after=False)
        with pytest.raises(KeyboardInterrupt):
            asked("why")
        assert asked("why") == b"why" * 100_000
    assert paid == ["warm", "why", "why"]


def test_a_signal_that_ends_the_program_waits_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a scheduler sends it, to a program that leaves by ``sys.exit``."""
    before = signal.signal(signal.SIGINT, lambda *_: sys.exit(1))
    try:
        with Spot("s", root=tmp_path) as spot:
            asked = spot.mark(answer)
            asked("warm")
            interrupted(monkeypatch, spot.store, "put", times=1, after=False)
            with pytest.raises(SystemExit):
                asked("why")
            assert asked("why") == b"why" * 100_000
    finally:
        signal.signal(signal.SIGINT, before)
    assert paid == ["warm", "why"]


@pytest.mark.parametrize("first", [1, 9, 17, 25, 33])
def test_an_interrupt_at_any_step_of_a_call_leaves_nothing_behind(tmp_path: Path, first: int) -> None:
    """What had run is kept, nobody waits for the call, here or in another kernel, and what was put in place is gone."""
    with Spot("s", root=tmp_path) as spot:
        asked = spot.mark(answer)
        asked("warm")
        flight = spot.engine.flight
        other = os.open(spot.folder / "flight.lock", os.O_RDWR)  # as another kernel has it
        for place in itertools.count(first, 43):
            question = f"q{place}"
            with Interrupts(place) as interrupts, suppress(KeyboardInterrupt):
                asked(question)
            if interrupts.left:
                break  # it has no more steps
            ran = question in paid
            key = bytes.fromhex(asked.key(question))  # type: ignore[attr-defined]
            assert not flight.table
            assert not files.byte_is_locked(other, Seat(flight, key).offset)
            assert outer() is None
            assert not noting.is_noting() and builtins.open is io.open
            assert asked(question) == question.encode() * 100_000
            assert not ran or paid.count(question) == 1
        os.close(other)
        assert place > 500
