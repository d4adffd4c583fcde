"""The limits of a spot, by name."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from spotmagic.clock import SYSTEM, Clock
from spotmagic.errors import unknown
from spotmagic.limits.booking import Rates
from spotmagic.limits.census import others
from spotmagic.limits.limit import Limit, parse_rates
from spotmagic.limits.status import LimitState
from spotmagic.limits.timebase import timebase


class Limits:
    """The limits of a spot: ``spot.limits["openai"]`` is the :class:`Limit` of that name.

    Args:
        backend: where their states are, see :class:`Limit`.
        clock: tells the time and waits.
    """

    def __init__(self, backend: str | None = None, *, clock: Clock = SYSTEM) -> None:
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
        return own + others({state.name for state in own}, timebase(self._clock))
