"""The time as an argument: what passes a clock can be tested without waiting."""

from __future__ import annotations

import asyncio
from typing import Protocol

from spotmagic import originals


class Clock(Protocol):
    """Tells the time and waits. ``spotmagic.testing.FakeClock`` is the one for tests."""

    def now(self) -> float:
        """Wall time in seconds since 1970."""

    def monotonic(self) -> float:
        """Seconds that never go back, the same for every process since the machine started."""

    def sleep(self, seconds: float) -> None:
        """Wait in this thread; an interrupt ends it."""

    async def asleep(self, seconds: float) -> None:
        """Wait in this task; a cancellation ends it."""


class SystemClock:
    """The clock of the machine."""

    now = staticmethod(originals.time)
    monotonic = staticmethod(originals.monotonic)
    sleep = staticmethod(originals.sleep)
    asleep = staticmethod(asyncio.sleep)


SYSTEM: Clock = SystemClock()
