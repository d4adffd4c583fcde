"""A clock for tests: time passes only when somebody waits or says so."""

from __future__ import annotations

import asyncio
import threading


class FakeClock:
    """A :class:`spotmagic.clock.Clock` whose sleeps return at once and move the time.

    Args:
        now: wall time in seconds at the start.
    """

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._passed = 1000.0
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> float:
        """Wall time in seconds."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since some start, never going back."""
        return self._passed

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._now += seconds
            self._passed += seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass, and remember for how long."""
        self.slept.append(seconds)
        self.advance(seconds)

    async def asleep(self, seconds: float) -> None:
        """Let time pass, and other tasks run."""
        self.sleep(seconds)
        await asyncio.sleep(0)
