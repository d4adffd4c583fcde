"""A limit's state in this process alone: where there is neither a folder nor a server for it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from spotmagic.limits import booking as rule
from spotmagic.limits.booking import Rates, State
from spotmagic.limits.storage import OwnRule, Slot, T, User
from spotmagic.limits.timebase import Timebase


class _Held:
    # No lock here: the garbage collector may free a slot in a thread that holds the storage's. One discard is atomic.
    __slots__ = ("number", "taken")

    def __init__(self, taken: set[int], number: int) -> None:
        self.taken, self.number = taken, number

    def free(self) -> None:
        self.taken.discard(self.number)
        self.number = -1

    __del__ = drop = free


class MemoryStorage(OwnRule):
    """A :class:`~spotmagic.limits.storage.Storage` that no other process sees."""

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
        before = self._change(lambda state, _: (rule.declare(state, rates), state.rates))
        return before if before not in (rates, Rates()) else None

    def _change(self, how: Callable[[State, float], tuple[State, T]]) -> T:
        with self._lock:
            self.seen, result = how(self.seen, self._now())
        return result

    def read(self) -> tuple[State, float]:
        # Without the lock: a state is never changed, only replaced by another one.
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
