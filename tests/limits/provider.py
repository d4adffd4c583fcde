"""A provider that limits, simulated in time that passes only when everybody waits."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from spotmagic.engine.feedback import feedback_of
from spotmagic.engine.retry import Retry
from spotmagic.limits import Cost, Limit

CALLS, AT_ONCE = 400, 60
IDEAL = 20.0
"""Seconds that 400 calls of 400 tokens take at 20 requests and 8,000 tokens a second."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to what is due next."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual = 1000.0

    def time(self) -> float:
        return self._virtual

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self._virtual = max(self._virtual, self._scheduled[0]._when)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


class LoopClock:
    """The clock of an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.monotonic = loop.time
        self.now = lambda: 1.8e9 + loop.time()
        self.asleep = asyncio.sleep

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing waits in a thread here")


class TooFast(Exception):
    """An answer 429."""

    def __init__(self, seconds: float) -> None:
        super().__init__("too many requests")
        self.status_code = 429
        self.headers = {"retry-after-ms": f"{seconds * 1000:.0f}"}


@dataclass
class Provider:
    """Two buckets of one second that refill evenly; refuses with the time until it would not."""

    loop: asyncio.AbstractEventLoop
    rng: random.Random
    rates: tuple[float, float] = (20.0, 8000.0)
    answered: int = 0
    refused: int = 0
    _levels: list[float] = field(default_factory=lambda: [20.0, 8000.0])
    _at: float = 1000.0

    async def call(self, tokens: float) -> float:
        """The tokens that a call did cost, after a while."""
        now, needs = self.loop.time(), (1.0, tokens)
        for dimension, rate in enumerate(self.rates):
            self._levels[dimension] = min(rate, self._levels[dimension] + rate * (now - self._at))
        self._at = now
        lack = max((need - level) / rate for need, level, rate in zip(needs, self._levels, self.rates))
        if lack > 0:
            self.refused += 1
            await asyncio.sleep(0.03)
            raise TooFast(lack)
        for dimension, need in enumerate(needs):
            self._levels[dimension] -= need
        self.answered += 1
        await asyncio.sleep(self.rng.uniform(0.2, 1.0))
        return tokens


@dataclass(frozen=True, slots=True)
class Result:
    """What a policy achieved.

    Attributes:
        seconds: for all calls.
        refused: answers 429.
        lost: calls given up.
    """

    seconds: float
    refused: int
    lost: int

    @property
    def wasted(self) -> float:
        """The share of calls that the provider refused."""
        return self.refused / (CALLS - self.lost + self.refused)


def simulate(
    *,
    rpm: float | None,
    tpm: float | None,
    cost: str | float = "mean",
    settled: bool = True,
    adaptive: bool = True,
    seed: int = 1,
) -> Result:
    """Make the calls under a limit (without one where no rate is said), and see how long they took."""
    loop = VirtualLoop()
    rng = random.Random(seed)
    provider, clock, retry = Provider(loop, rng), LoopClock(loop), Retry(8)
    limit = Limit("simulated", rpm=rpm, tpm=tpm, adaptive=adaptive, clock=clock, backend="memory") if rpm else None
    costs = Cost(cost, first=(tpm or 0) / (rpm or 1))
    lost = 0
    sizes = iter([rng.uniform(100, 700) for _ in range(CALLS)])

    async def one(tokens: float) -> None:
        nonlocal lost
        began = loop.time()
        for attempt in range(1, 100):
            permit = await limit.aacquire(costs.estimate()) if limit else None
            try:
                actual = await provider.call(tokens)
            except TooFast as error:
                if permit:
                    permit.settle(0.0)
                    permit.feedback(feedback_of(error))
                pause = retry.delay(attempt, error, loop.time() - began, rng.random())
                if pause is None:
                    lost += 1
                    return
                await asyncio.sleep(pause)
                continue
            if permit and settled:
                permit.settle(actual)
                costs.learn(actual)
            return

    async def worker() -> None:
        for tokens in sizes:
            await one(tokens)

    async def everybody() -> None:
        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))

    try:
        loop.run_until_complete(everybody())
        return Result(loop.time() - 1000.0, provider.refused, lost)
    finally:
        loop.close()
