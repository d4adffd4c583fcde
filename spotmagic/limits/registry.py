"""The limits of a spot, by name, and those that other living processes of this machine use."""

from __future__ import annotations

import os
import threading
from collections.abc import Container, Iterator
from pathlib import Path

from spotmagic import files
from spotmagic.clock import SYSTEM, Clock
from spotmagic.errors import unknown
from spotmagic.limits.booking import Rates
from spotmagic.limits.folder import open_own, state_files
from spotmagic.limits.limit import Limit, parse_rates
from spotmagic.limits.line import check_backend
from spotmagic.limits.slots import roster
from spotmagic.limits.state_file import newest
from spotmagic.limits.status import LimitState, status
from spotmagic.limits.timebase import Timebase, timebase


class Limits:
    """The limits of a spot: ``spot.limits["openai"]`` is the :class:`Limit` of that name.

    Args:
        backend: where their states are, see :class:`Limit`.
        clock: tells the time and waits.
    """

    def __init__(self, backend: str | None = None, *, clock: Clock = SYSTEM) -> None:
        if backend is not None:
            check_backend(backend)
        self.backend, self._clock = backend, clock
        self._limits: dict[str, Limit] = {}
        self._lock = threading.Lock()

    def get(
        self,
        name: str,
        *,
        rpm: float | str | None = None,
        tpm: float | str | None = None,
        concurrency: int | None = None,
    ) -> Limit:
        """The limit of a name, made when new, with these rates where any is said."""
        rates = parse_rates(rpm, tpm, concurrency)
        with self._lock:
            limit = self._limits.get(name)
            if limit is None or (rates != Rates() and rates != limit.rates):
                self._limits[name] = limit = Limit(
                    name, rpm=rpm, tpm=tpm, concurrency=concurrency, clock=self._clock, backend=self.backend
                )
        return limit

    def __getitem__(self, name: str) -> Limit:
        """The limit of a name declared here or, where it is shared, in another kernel. Raises ``OptionError``."""
        with self._lock:
            limit = self._limits.get(name)
            if limit is None:
                limit = Limit(name, clock=self._clock, backend=self.backend)
                if limit.rates == Rates():
                    raise unknown("limit", name, self._limits)
                self._limits[name] = limit
        return limit

    def __contains__(self, name: object) -> bool:
        return name in self._limits

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._limits))

    def __len__(self) -> int:
        return len(self._limits)

    def states(self, *, everywhere: bool = False) -> list[LimitState]:
        """What each limit does now, for people to look at.

        Args:
            everywhere: with those that other spots and kernels of this user use on this machine, where files hold them.
        """
        own = [limit.state() for limit in list(self._limits.values())]
        if not everywhere or self.backend is not None:
            return own
        return own + _others({state.name for state in own}, timebase(self._clock))


def _others(known: Container[str], base: Timebase) -> list[LimitState]:
    """What the limits in files do now that some living process uses: no lock is taken for it, and no file made.

    Args:
        known: names to leave out.
        base: states of another one say nothing about now, and are left out.
    """
    found = []
    for name, path in state_files().items():
        if name in known:
            continue
        try:
            state = _state(name, path, base)
        except OSError:  # deleted meanwhile, or not ours
            continue
        if state is not None:
            found.append(state)
    return found


def _state(name: str, path: Path, base: Timebase) -> LimitState | None:
    slots = open_own(path.with_suffix(".slots"), os.O_RDWR | os.O_NONBLOCK)
    try:
        users = roster(slots)
        if not users:
            return None
        fd = open_own(path, os.O_RDWR | os.O_NONBLOCK)
        try:
            _, state = newest(fd, base.boot)
        finally:
            os.close(fd)
        if state is None:
            return None
        running = sum(files.byte_is_locked(slots, slot) for slot in range(state.concurrency))
        return status(name, "file", state, base.now(), users, running)
    finally:
        os.close(slots)
