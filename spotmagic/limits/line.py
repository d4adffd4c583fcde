"""One limit in this process: its queue and its storage, shared by everything here that names it."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable

from spotmagic import threads
from spotmagic.clock import Clock
from spotmagic.errors import OptionError, tell, tell_again
from spotmagic.limits.booking import Rates
from spotmagic.limits.folder import state_path
from spotmagic.limits.memory import MemoryStorage
from spotmagic.limits.queue import TurnQueue
from spotmagic.limits.state_file import FileStorage
from spotmagic.limits.storage import Storage, StorageGone, answering
from spotmagic.limits.timebase import timebase

TRY_AGAIN = 30.0
"""Seconds until a place that did not answer is asked again."""

_REDIS = ("redis://", "rediss://", "unix://")

Opener = Callable[[], Storage]


class Line:
    """The queue and the storage of one limit in this process.

    Args:
        openers: ways to open a storage, the best first. The last one never fails.
    """

    def __init__(self, name: str, clock: Clock, openers: tuple[Opener, ...]) -> None:
        self.name, self.clock = name, clock
        self.queue = TurnQueue(clock.monotonic)
        self.rates = Rates()
        self._openers = openers
        self._lock = threading.Lock()
        self._again = float("inf")
        self.storage: Storage = MemoryStorage(timebase(clock))  # until one is open: the last opener never fails
        self._open_from(0)

    def declare(self, rates: Rates) -> None:
        """Set the rates. The last who does wins; that others had said otherwise is told once."""
        mine, self.rates = self.rates, rates
        others: Rates | None = None
        try:
            others = self.storage.declare(rates)
        except StorageGone as error:
            self.fall_back(self.storage, error)
        before = others or (mine if mine not in (Rates(), rates) else None)
        if before:
            tell(
                f"limit {self.name!r} is now {rates}",
                why=f"it was declared as {before} before, and the last declaration holds for all",
                todo="Declare it alike everywhere, or give the limits different names",
                once=f"limit rates {self.name}",
            )

    def waits(self) -> bool:
        """Let others see how many calls of this process wait. Always true, for who asks only once."""
        self.storage.tell(len(self.queue))
        return True

    def heed(self, pause: float, cut: bool, started: float | None, storage: Storage | None = None) -> None:
        """Pause everyone, and cut the rate for a call that started then on the clock of that storage."""
        now = self.storage
        try:
            now.heed(pause, cut, started if storage is now else None)
        except StorageGone as error:
            self.fall_back(now, error)

    def fall_back(self, gone: Storage, error: Exception) -> None:
        """Go on with the next best place for the state, because this one does not answer."""
        with self._lock:
            if self.storage is not gone:
                return  # another thread has met the same trouble and found the next place already
            kinds = [opener.__name__ for opener in self._openers]
            self._open_from(kinds.index(gone.kind) + 1 if gone.kind in kinds else len(kinds) - 1, error)

    def look_again(self) -> None:
        """Ask a place that did not answer again when it is time, without making anybody wait for it."""
        if self.clock.monotonic() < self._again:
            return
        self._again = self.clock.monotonic() + TRY_AGAIN
        threads.spawn("spotmagic-limit", self._recover)

    def forked(self) -> None:
        """This process is the child of a fork: it has a queue of its own, and holds no slot."""
        # The locks are new ones: a thread of the parent may have held them, and it does not exist here.
        self.queue = TurnQueue(self.clock.monotonic)
        self._lock = threading.Lock()
        try:
            self.storage.forked()
        except StorageGone as error:
            self.fall_back(self.storage, error)

    def _open_from(self, level: int, error: Exception | None = None) -> None:
        for opener in self._openers[level:]:
            try:
                storage = self._opened(opener)
            except StorageGone as gone:
                error = error or gone
                continue
            self.storage = storage
            break
        if error is not None:
            self._again = self.clock.monotonic() + TRY_AGAIN
            shared = {"memory": "by this kernel alone", "file": "by the kernels of this machine alone"}
            tell(
                f"limit {self.name!r} is now kept {shared.get(self.storage.kind, self.storage.kind)}",
                why=f"{self._openers[0].__name__} does not answer ({error})",
                todo="It is asked again every 30 s; until then others may use the same limit on top",
                once=f"limit place {self.name}",
            )

    def _opened(self, opener: Opener) -> Storage:
        """A storage under the rates declared here; where none were, those it has hold."""
        storage = opener()
        if self.rates != Rates():
            storage.declare(self.rates)
        return storage

    def _recover(self) -> None:
        try:
            storage = self._opened(self._openers[0])
        except StorageGone:
            return
        # What was booked meanwhile is not carried over: calls under way keep the place where they were booked.
        with self._lock:
            self.storage, self._again = storage, float("inf")
        tell_again(f"limit place {self.name}")

    @property
    def degraded(self) -> bool:
        """Whether the state is not where it should be."""
        return self._again < float("inf")


_lines: weakref.WeakValueDictionary[tuple[str, str, int], Line] = weakref.WeakValueDictionary()
_lines_lock = threading.Lock()
# Weakly: a line lasts as long as some limit or permit of it. What it booked is in the storage, not in here.


def line_of(name: str, backend: str | None, clock: Clock) -> Line:
    """The line of a limit, the same for everybody in this process.

    Args:
        backend: ``None`` for a file that the kernels of this machine share, ``"memory"``, or the URL of a Redis server.
    """
    base = timebase(clock)

    # Their names are the kinds of the storages: ``fall_back`` finds by them which one comes after the one that is gone.
    def memory() -> Storage:
        return MemoryStorage(base)

    def file() -> Storage:
        with answering():
            return FileStorage(state_path(name), base, name)

    def redis() -> Storage:
        from spotmagic.limits.redis_storage import RedisStorage

        return RedisStorage(str(backend), name)

    openers: tuple[Opener, ...]
    if backend is None:
        openers, place = (file, memory), _file_place(name)
    elif backend == "memory":
        openers, place = (memory,), "memory"
    else:
        check_backend(backend)
        openers, place = (redis, file, memory), backend
    key = (place, name, id(clock))  # who brings a clock of their own has a line of their own
    with _lines_lock:
        line = _lines.get(key)
        if line is None:
            _lines[key] = line = Line(name, clock, openers)
    return line


def check_backend(backend: object) -> None:
    """Raise for what names no place where limits can be shared."""
    if not isinstance(backend, str) or not (backend == "memory" or backend.startswith(_REDIS)):
        raise OptionError(
            f"limits={backend!r} is no place for limits", todo='Say "redis://host:port/0", or nothing for a local file'
        )


def _file_place(name: str) -> str:
    try:
        return str(state_path(name))
    except OSError:
        return "memory"


def _after_fork() -> None:
    global _lines_lock
    _lines_lock = threading.Lock()
    for line in list(_lines.values()):
        line.forked()


os.register_at_fork(after_in_child=_after_fork)
