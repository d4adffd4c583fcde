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
from weakref import WeakValueDictionary

from spotmagic import files
from spotmagic.errors import RecursiveCall

_OFFSETS = (1 << 62) - 1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05

_leading: ContextVar[tuple[bytes, ...]] = ContextVar("spotmagic_leading", default=())


class Landed(NamedTuple):
    """What a leader leaves for those who waited: a stored entry, a value, an error, or nothing (one of them leads)."""

    how: Literal["stored", "value", "error", "gone"]
    what: Any = None


GONE, STORED = Landed("gone"), Landed("stored")


class Seat:
    """The leader's place in the flight of one key: who sits in it runs the call."""

    __slots__ = ("_fd", "_flight", "_key", "_offset", "_token", "waiters")

    def __init__(self, flight: Flight, key: bytes) -> None:
        self._flight, self._key = flight, key
        self._fd = -1
        self._offset = int.from_bytes(key[:8], "little") & _OFFSETS
        self._token = _leading.set((*_leading.get(), key))
        self.waiters: Future[Landed] | None = None

    def try_lock(self) -> bool:
        """Try to become the leader over all processes. A folder that cannot be locked never stops a call."""
        try:
            fd = self._flight.file()
            if not files.lock_byte(fd, self._offset):
                return False
        except OSError:
            return True
        self._fd = fd
        return True

    def land(self, landed: Landed) -> None:
        """Let go, and tell the waiters."""
        try:
            _leading.reset(self._token)
        except ValueError:  # closed from another context, as generators may be
            pass
        if self._fd >= 0:
            self._flight.unlock(self._fd, self._offset)
        self._flight.leave(self._key)
        if self.waiters is not None:
            self.waiters.set_result(landed)


class Flight:
    """The flights over one folder; use :func:`flight_at`, which gives a process one of them.

    Args:
        path: the lock file shared by all kernels; made when it is first needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._fd, self._known = -1, (0, 0)
        self._table: dict[bytes, Seat] = {}
        self._guard = threading.Lock()
        files.reopen_after_fork(self)

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

    def file(self) -> int:
        """The lock file, open. Raises ``OSError`` when it cannot be.

        Locks of a file that was removed or moved with its folder exclude nobody who came later: then the one under the
        name now is opened. What is led under the old one keeps its lock there.
        """
        try:
            found = os.stat(self._path)  # noqa: PTH116 (twice as fast as a path's own)
            if (found.st_dev, found.st_ino) == self._known:
                return self._fd
        except FileNotFoundError:
            pass
        with self._guard:
            if self._fd >= 0 and len(self._table) == 1:  # the caller alone flies
                os.close(self._fd)
            self._fd, self._known = -1, (0, 0)
            self._fd = files.open_private(self._path, os.O_RDWR | os.O_CREAT)
            self._known = files.identity(os.fstat(self._fd))
            return self._fd

    def unlock(self, fd: int, offset: int) -> None:
        """Let go of a key's lock between processes."""
        try:
            files.unlock_byte(fd, offset)
        except OSError:
            pass

    def close(self) -> None:
        """Close the lock file, unless somebody holds a lock of it."""
        if self._fd >= 0 and not self._table:
            os.close(self._fd)
            self._fd, self._known = -1, (0, 0)

    __del__ = close

    def forked(self) -> None:
        """Start anew in a forked child, which shares the open file, and so the locks, with its parent."""
        self._guard = threading.Lock()
        self._table = {}
        self.close()


_flights: WeakValueDictionary[Path, Flight] = WeakValueDictionary()
_flights_guard = threading.Lock()


def flight_at(path: Path) -> Flight:
    """The flight over a lock file, the same for all of a process.

    Two spots of a process on one folder join each other; and where locks are the process's (macOS), a second descriptor
    would take and drop the locks of the first.
    """
    with _flights_guard:
        flight = _flights.get(path)
        if flight is None:
            flight = _flights[path] = Flight(path)
        return flight


def pauses() -> Iterator[float]:
    """Growing pauses between two looks at a lock, in seconds."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST_PAUSE)
