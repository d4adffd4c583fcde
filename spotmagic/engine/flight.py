"""Single flight: one execution per key over tasks, threads and kernels.

Inside a process a table of keys says who leads. Between processes the leader holds the lock of one byte of a lock file,
at an offset made from the key; the kernel lets go of it when the process dies, so a dead leader is replaced.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from weakref import WeakSet

from spotmagic import files
from spotmagic.clock import Clock
from spotmagic.errors import RecursiveCall

_OFFSETS = (1 << 62) - 1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05

_leading: ContextVar[tuple[bytes, ...]] = ContextVar("spotmagic_leading", default=())


@dataclass(frozen=True, slots=True)
class Landed:
    """What a leader leaves for those who waited: a stored entry, a value, an error, or nothing (one of them leads)."""

    how: Literal["stored", "value", "error", "gone"]
    what: Any = None


class Seat:
    """A place in the flight of one key: the leader's, or a waiter's.

    Attributes:
        leads: whether this caller runs the call.
    """

    __slots__ = ("_flight", "_future", "_key", "_locked", "_token", "leads")

    def __init__(self, flight: Flight, key: bytes, future: Future[Landed], leads: bool) -> None:
        self._flight, self._key, self._future, self.leads = flight, key, future, leads
        self._locked = False
        self._token: Any = _leading.set((*_leading.get(), key)) if leads else None

    def wait(self) -> Landed:
        """What the leader of this process left."""
        return self._future.result()

    async def await_(self) -> Landed:
        """What the leader of this process left; a cancellation of this waiter leaves the others alone."""
        return await asyncio.wrap_future(self._future)

    def try_lock(self) -> bool:
        """Try to become the leader over all processes. A folder that cannot be locked never stops a call."""
        self._locked = True
        return self._flight.lock(self._key)

    def land(self, landed: Landed) -> None:
        """Let go, and tell the waiters."""
        if self._token is not None:
            try:
                _leading.reset(self._token)
            except ValueError:  # closed from another context, as generators may be
                pass
        if self._locked:
            self._flight.unlock(self._key)
        self._flight.leave(self._key)
        self._future.set_result(landed)


class Flight:
    """The flights of one spot.

    Args:
        path: the lock file shared by all kernels; made when it is first needed.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self.clock = path, clock
        self._fd = -1
        self._table: dict[bytes, Future[Landed]] = {}
        self._guard = threading.Lock()
        _flights.add(self)

    def take(self, key: bytes) -> Seat:
        """The caller's seat: the leader's if nobody in this process flies for the key.

        Raises:
            RecursiveCall: the caller is the leader, so it would wait for itself.
        """
        with self._guard:
            future = self._table.get(key)
            if future is None:
                future = Future()
                future.set_running_or_notify_cancel()  # so that a cancelled waiter cannot cancel it
                self._table[key] = future
                return Seat(self, key, future, leads=True)
        if key in _leading.get():
            raise RecursiveCall(
                "a call asked for its own result while it was running",
                why="it would wait for itself for ever",
                todo="Call the plain function (its __wrapped__), or change an argument",
            )
        return Seat(self, key, future, leads=False)

    def leave(self, key: bytes) -> None:
        """End the flight of a key."""
        with self._guard:
            self._table.pop(key, None)

    def lock(self, key: bytes) -> bool:
        """Try to take the key's lock between processes, without waiting."""
        try:
            return files.lock_byte(self._file(), _offset(key))
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
