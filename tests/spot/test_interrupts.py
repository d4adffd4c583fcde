"""Interrupts while a result is being kept: it was paid for, so it is there at the next run."""

from __future__ import annotations

import builtins
import dis
import io
import itertools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import spotmagic
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


OURS = str(Path(spotmagic.__file__).parent) + os.sep
SEEN_AFTER = {dis.opmap[name] for name in ("CALL", "CALL_FUNCTION_EX", "RESUME", "JUMP_BACKWARD")}


class Interrupts:
    """Raises ``KeyboardInterrupt`` at the n-th place in our code where Python looks for signals."""

    def __init__(self, place: int) -> None:
        self.left = place
        self._steps: dict[Any, dict[int, int]] = {}
        self._last: dict[int, int] = {}  # the instruction that each frame came from, as it ran: loops go back

    def __call__(self, frame: Any, event: str, _: Any) -> Any:
        if self.left < 1 or not frame.f_code.co_filename.startswith(OURS):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "call":
            self._last.pop(id(frame), None)
        elif event == "opcode":
            steps = self._steps.get(frame.f_code)
            if steps is None:
                steps = self._steps[frame.f_code] = {
                    one.offset: one.opcode for one in dis.get_instructions(frame.f_code)
                }
            before, self._last[id(frame)] = self._last.get(id(frame)), steps[frame.f_lasti]
            if before in SEEN_AFTER:
                self.left -= 1
                if not self.left:
                    raise KeyboardInterrupt
        return self


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
            interrupts = Interrupts(place)
            before = sys.gettrace()
            sys.settrace(interrupts)
            try:
                asked(question)
            except KeyboardInterrupt:
                pass
            finally:
                sys.settrace(before)
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
