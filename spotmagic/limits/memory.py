"""A limit's state in this process alone: where there is neither a folder nor a server for it."""

from __future__ import annotations

import os
import threading

from spotmagic.limits import booking as rule
from spotmagic.limits.booking import Booking, Late, Rates, State
from spotmagic.limits.ledger import Slot, User
from spotmagic.limits.timebase import Timebase


class _Held:
    __slots__ = ("number", "taken")

    def __init__(self, taken: set[int], number: int) -> None:
        self.taken, self.number = taken, number

    def free(self) -> None:
        self.taken.discard(self.number)
        self.number = -1

    __del__ = drop = free


class MemoryLedger:
    """A :class:`~spotmagic.limits.ledger.Ledger` that no other process sees."""

    kind = "memory"

    def __init__(self, base: Timebase) -> None:
        self._now = base.now
        self.forked()

    def forked(self) -> None:
        self._lock = threading.Lock()
        self.seen = State()
        self._taken: set[int] = set()
        self._waiting = 0

    def declare(self, rates: Rates) -> Rates | None:
        with self._lock:
            before = self.seen.rates
            self.seen = rule.declare(self.seen, rates)
        return before if before not in (rates, Rates()) else None

    def book(self, requests: float, tokens: float, late: float, within: float) -> Booking | Late:
        with self._lock:
            self.seen, booking = rule.book(self.seen, self._now(), requests, tokens, late, within)
        return booking

    def left(self, booking: Booking) -> float:
        return rule.left(self.seen, self._now(), booking)

    def undo(self, booking: Booking) -> None:
        with self._lock:
            self.seen = rule.undo(self.seen, self._now(), booking)

    def settle(self, request_seconds: float, token_seconds: float) -> None:
        with self._lock:
            self.seen = rule.settle(self.seen, self._now(), request_seconds, token_seconds)

    def heed(self, pause: float, cut: bool, started: float | None) -> None:
        with self._lock:
            self.seen = rule.heed(self.seen, self._now(), pause, cut, started)

    def ease(self) -> None:
        with self._lock:
            self.seen = rule.ease(self.seen)

    def read(self) -> tuple[State, float]:
        return self.seen, self._now()

    def take(self, slots: int) -> Slot | None:
        with self._lock:
            for slot in range(slots):
                if slot not in self._taken:
                    held = _Held(self._taken, slot)
                    self._taken.add(slot)
                    return held
        return None

    def tell(self, waiting: int) -> None:
        self._waiting = waiting

    def users(self) -> list[User]:
        return [User(str(os.getpid()), self._waiting)]

    def running(self) -> int:
        return len(self._taken)

    def close(self) -> None:
        self._taken.clear()
