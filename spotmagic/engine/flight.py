"""Single flight: one execution per key over tasks, threads and kernels.

Inside a process a table of keys says who leads. Between processes the leader holds the lock of one byte of a lock file,
at an offset made from the key; the kernel lets go of it when the process dies, so a dead leader is replaced.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal, NamedTuple
from weakref import WeakValueDictionary

from spotmagic import files
from spotmagic.errors import RecursiveCall

_stat = os.stat  # never the noting one
_OFFSETS = (1 << 62) - 1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05
_PATIENCE = 2.0  # seconds for which a stream led elsewhere may stand still before others run it too

_NONE: tuple[bytes, ...] = ()
_leading: ContextVar[tuple[bytes, ...]] = ContextVar("spotmagic_leading", default=_NONE)


class Landed(NamedTuple):
    """What a leader leaves for those who waited: a stored entry, a value, an error, or nothing (one of them leads)."""

    how: Literal["stored", "value", "error", "gone"]
    what: Any = None


GONE, STORED = Landed("gone"), Landed("stored")


def refuse_own(key: bytes) -> None:
    """Raise ``RecursiveCall`` where the caller is what runs for the key: it would wait for itself."""
    if key in _leading.get():
        raise RecursiveCall(
            "a call asked for its own result while it was running",
            why="it would wait for itself for ever",
            todo="Call the plain function (its __wrapped__), or change an argument",
        )


class Seat:
    """The leader's place in the flight of one key: who sits in it runs the call. Whoever makes one calls :meth:`land`.

    An interrupt may come between any two steps. So a seat is taken in one step, what is to be undone is noted before it
    is done, and :meth:`land` undoes what is there to be undone.

    Args:
        key: of the call; one that has none flies alone.

    Attributes:
        offset: the byte of the lock file that the leader holds.
    """

    __slots__ = ("_before", "_fd", "_flight", "_inside", "_works", "key", "offset", "waiters")

    def __init__(self, flight: Flight, key: bytes) -> None:
        self._flight, self.key, self.offset = flight, key, int.from_bytes(key[:8], "little") & _OFFSETS
        self._fd, self._works = -1, False
        self._before = self._inside = _NONE
        self.waiters: Future[Landed] | None = None

    def take(self) -> Future[Landed] | None:
        """Lead if nobody in this process does; else what the leader will leave.

        Raises:
            RecursiveCall: the caller is what runs for the key, so it would wait for itself.
        """
        key, table = self.key, self._flight.table
        while key:
            leader = table.setdefault(key, self)  # one step of the interpreter: of two threads one leads
            if leader is self:
                self._enter()
                break
            refuse_own(key)
            with self._flight.guard:  # a leader that has landed meanwhile would never tell a waiter that came late
                if table.get(key) is leader:
                    if leader.waiters is None:
                        leader.waiters = Future()
                        leader.waiters.set_running_or_notify_cancel()  # so that a cancelled waiter cannot cancel it
                    return leader.waiters
        return None

    def _enter(self) -> None:
        self._before = before = _leading.get()
        self._inside = inside = (*before, self.key)
        _leading.set(inside)

    def _leave(self) -> None:
        if _leading.get() is self._inside:  # not where a generator is closed from another context
            _leading.set(self._before)

    def try_lock(self) -> bool:
        """Try to become the leader over all processes. A folder that cannot be locked never stops a call."""
        if not self.key:
            return True
        try:
            self._fd = self._flight.file()
            if files.lock_byte(self._fd, self.offset):
                return True
            self._fd = -1
            return False
        except OSError:
            self._fd = -1
            return True

    def pause(self) -> None:
        """Leave the run of a stream to whoever reads it: what is called meanwhile is not called by it."""
        self._leave()
        if self._works and self._fd >= 0:
            self._unlock(self._at_work)
        self._works = False

    def resume(self) -> None:
        """Go on with the run of a stream. Other kernels can tell that it is at work and not waiting to be read."""
        self._enter()
        self._works = True
        if self._fd >= 0:
            with suppress(OSError):
                files.lock_byte(self._fd, self._at_work)

    @property
    def _at_work(self) -> int:
        return int.from_bytes(self.key[8:], "little") & _OFFSETS

    def is_idle(self) -> bool:
        """Whether the leader, in this process or another kernel, is a stream that waits to be read."""
        leader = self._flight.table.get(self.key)
        if leader is not None and leader is not self:
            return not leader._works
        try:
            return not files.byte_is_locked(self._flight.file(), self._at_work)
        except OSError:
            return True

    def waits(self) -> Iterator[float]:
        """Pauses until a stream may be run: it leads, or who leads elsewhere has left off reading.

        A stream that was begun in another kernel or event loop and is held in a variable there would be waited for in
        vain.
        """
        taken, idle = False, 0.0
        for pause in pauses():
            if not taken and self.take() is None:
                taken = True
                self.pause()
            if (taken and self.try_lock()) or idle > _PATIENCE:
                return
            yield pause
            idle = idle + pause if self.is_idle() else 0.0

    def turns(self) -> Iterator[float]:
        """Pauses until nobody else sits here, in this process or another; not for ever."""
        taken, waited = False, 0.0
        for pause in pauses():
            taken = taken or self.take() is None
            if (taken and self.try_lock()) or waited > _PATIENCE:
                return
            yield pause
            waited += pause

    def land(self, landed: Landed) -> None:
        """Let go of all that was taken, and tell the waiters. Twice is the same as once."""
        try:
            self.pause()
            if self._fd >= 0:
                self._unlock(self.offset)
        finally:
            flight = self._flight
            with flight.guard:
                if flight.table.get(self.key) is self:
                    del flight.table[self.key]
            if self.waiters is not None and not self.waiters.done():
                self.waiters.set_result(landed)

    def _unlock(self, offset: int) -> None:
        try:
            files.unlock_byte(self._fd, offset)
        except OSError:
            pass


class Flight:
    """The flights over one folder; use :func:`flight_at`, which gives a process one of them.

    Args:
        path: the lock file shared by all kernels; made when it is first needed.

    Attributes:
        table: who leads in this process, by key.
        guard: held while waiters are added, or told to wait no longer.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._fd, self._known = -1, (0, 0)
        self.table: dict[bytes, Seat] = {}
        self.guard = threading.RLock()  # a stream may be collected, and so let go of its seat, anywhere
        files.reopen_after_fork(self)

    def file(self) -> int:
        """The lock file, open. Raises ``OSError`` when it cannot be.

        Locks of a file that was removed or moved with its folder exclude nobody who came later: then the one under the
        name now is opened. What is led under the old one keeps its lock there.
        """
        try:
            found = _stat(self._path)
            if (found.st_dev, found.st_ino) == self._known:
                return self._fd
        except FileNotFoundError:
            pass
        with self.guard:
            if self._fd >= 0 and len(self.table) == 1:  # the caller alone flies
                os.close(self._fd)
            self._fd, self._known = -1, (0, 0)
            self._fd = files.open_private(self._path, os.O_RDWR | os.O_CREAT)
            self._known = files.identity(os.fstat(self._fd))
            return self._fd

    def close(self) -> None:
        """Close the lock file, unless somebody holds a lock of it."""
        if self._fd >= 0 and not self.table:
            os.close(self._fd)
            self._fd, self._known = -1, (0, 0)

    __del__ = close

    def forked(self) -> None:
        """Start anew in a forked child, which shares the open file, and so the locks, with its parent."""
        self.guard = threading.RLock()
        self.table = {}
        self.close()


_flights: WeakValueDictionary[Path, Flight] = WeakValueDictionary()
_flights_guard = files.ForkLock()


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
