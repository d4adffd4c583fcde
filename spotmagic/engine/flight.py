"""Single flight: one execution per key over tasks, threads and kernels.

Inside a process a table of keys says who leads. Between processes the leader holds the lock of one byte of a lock file,
at an offset made from the key; the kernel lets go of it when the process dies, so a dead leader is replaced.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal, NamedTuple
from weakref import WeakSet

from spotmagic import files
from spotmagic.clock import Clock
from spotmagic.errors import RecursiveCall

_OFFSETS = (1 << 62) - 1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05

_leading: ContextVar[tuple[bytes, ...]] = ContextVar("spotmagic_leading", default=())


class Landed(NamedTuple):
    """What a leader leaves for those who waited: a stored entry, a value, an error, or nothing (one of them leads)."""

    how: Literal["stored", "value", "error", "gone"]
    what: Any = None


class Seat:
    """The leader's place in the flight of one key: who sits in it runs the call."""

    __slots__ = ("_flight", "_key", "_locked", "_token", "waiters")

    def __init__(self, flight: Flight, key: bytes) -> None:
        self._flight, self._key = flight, key
        self._locked = False
        self._token = _leading.set((*_leading.get(), key))
        self.waiters: Future[Landed] | None = None

    def try_lock(self) -> bool:
        """Try to become the leader over all processes. A folder that cannot be locked never stops a call."""
        self._locked = True
        return self._flight.lock(self._key)

    def land(self, landed: Landed) -> None:
        """Let go, and tell the waiters."""
        try:
            _leading.reset(self._token)
        except ValueError:  # closed from another context, as generators may be
            pass
        if self._locked:
            self._flight.unlock(self._key)
        self._flight.leave(self._key)
        if self.waiters is not None:
            self.waiters.set_result(landed)


class Flight:
    """The flights of one spot.

    Args:
        path: the lock file shared by all kernels; made when it is first needed.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self.clock = path, clock
        self._fd = -1
        self._table: dict[bytes, Seat] = {}
        self._guard = threading.Lock()
        _flights.add(self)

    def take(self, key: bytes) -> Seat | Future[Landed]:
        """The leader's seat if nobody in this process flies for the key, else what the leader will leave.

        Raises:
            RecursiveCall: the caller is the leader, so it would wait for itself.
        """
        with self._guard:
            seat = self._table.get(key)
            if seat is None:
                seat = self._table[key] = Seat(self, key)
                return seat
            if key in _leading.get():
                raise RecursiveCall(
                    "a call asked for its own result while it was running",
                    why="it would wait for itself for ever",
                    todo="Call the plain function (its __wrapped__), or change an argument",
                )
            if seat.waiters is None:
                seat.waiters = Future()
                seat.waiters.set_running_or_notify_cancel()  # so that a cancelled waiter cannot cancel it
            return seat.waiters

    def leave(self, key: bytes) -> None:
        """End the flight of a key."""
        with self._guard:
            self._table.pop(key, None)

    def lock(self, key: bytes) -> bool:
        """Try to take the key's lock between processes, without waiting."""
        try:
            return files.lock_byte(self._fd if self._fd >= 0 else self._file(), _offset(key))
        except OSError:
            return True

    def unlock(self, key: bytes) -> None:
        """Let go of the key's lock between processes."""
        if self._fd >= 0:
            try:
                files.unlock_byte(self._fd, _offset(key))
            except OSError:
                pass

    def close(self) -> None:
        """Close the lock file; what it locked is free."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _file(self) -> int:
        with self._guard:
            if self._fd < 0:
                self._fd = files.open_private(self._path, os.O_RDWR | os.O_CREAT)
            return self._fd

    def forked(self) -> None:
        """Start anew in a forked child, which shares the open file, and so the locks, with its parent."""
        self._guard = threading.Lock()
        self._table = {}
        self.close()


_flights: WeakSet[Flight] = WeakSet()


def _after_fork() -> None:
    for flight in _flights:
        flight.forked()


os.register_at_fork(after_in_child=_after_fork)


def pauses() -> Iterator[float]:
    """Growing pauses between two looks at a lock, in seconds."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _offset(key: bytes) -> int:
    return int.from_bytes(key[:8], "little") & _OFFSETS
