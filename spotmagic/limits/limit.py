"""Limit: what may pass per time, shared by name between threads, tasks and kernels."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Generator, Mapping

from spotmagic.clock import SYSTEM, Clock
from spotmagic.errors import LimitImpossible, LimitTimeout, OptionError
from spotmagic.limits.admission import Abandoned, admit
from spotmagic.limits.booking import Rates
from spotmagic.limits.cost import checked_cost
from spotmagic.limits.feedback import pause_asked
from spotmagic.limits.line import line_of
from spotmagic.limits.permit import Permit
from spotmagic.limits.queue import Pause, TaskWaiter, Waiter
from spotmagic.limits.slots import MOST_SLOTS
from spotmagic.limits.status import LimitState, status
from spotmagic.limits.storage import StorageGone
from spotmagic.options import is_whole, parse_rate

_LOOK = 0.2
"""Seconds between two looks whether a wait is still wanted."""


class Limit:
    """Lets calls pass at a rate: ``with limit.acquire(cost): ...``.

    Limits of one name are one limit, in all threads, tasks and kernels of this user on this machine. Nothing is saved
    up while nobody calls: the first call goes at once, then they are paced.

    Args:
        name: of the limit.
        rpm, tpm: requests and tokens per minute, as a number or ``"20/min"``, ``"200k/min"``, ``"5/s"``.
        concurrency: calls at the same time. Without any of the three, those declared elsewhere under this name hold.
        adaptive: whether complaints of the provider pause and slow down everyone.
        clock: tells the time and waits.
        backend: ``None`` for a file that the kernels of this machine share, or ``"redis://host:port/0"`` to share it
            between machines, or ``"memory"`` for this process alone.

    Raises:
        OptionError: for rates that are none.
    """

    def __init__(
        self,
        name: str,
        *,
        rpm: float | str | None = None,
        tpm: float | str | None = None,
        concurrency: int | None = None,
        adaptive: bool = True,
        clock: Clock = SYSTEM,
        backend: str | None = None,
    ) -> None:
        rates = parse_rates(rpm, tpm, concurrency)
        if not isinstance(name, str):
            raise OptionError(f"name={name!r} is not the name of a limit", todo='Say a text, such as name="openai"')
        self.name, self.adaptive = name, adaptive
        self._line = line_of(name, backend, clock)
        self._clock = clock
        if rates != Rates():
            self._line.declare(rates)

    def acquire(self, cost: float = 1, timeout: float | None = None, check: Callable[[], None] | None = None) -> Permit:
        """Permission to make a call, once its time has come. Hold it while the call runs.

        Args:
            cost: in tokens where the limit has a ``tpm``, else in requests.
            timeout: seconds to wait at most.
            check: called a few times a second meanwhile; what it raises ends the wait and gives the place back.

        Raises:
            LimitImpossible: at once, for a cost above one minute of the limit.
            LimitTimeout: as soon as it is clear that the time will not come within the timeout.
        """
        waiter = Waiter(self._clock.monotonic())
        steps = admit(self._line, waiter, self._cost(cost), _deadline(waiter.asked, timeout), self.adaptive)
        try:
            while True:
                step = next(steps)
                if check is not None:
                    check()
                    step = _shortened(step)
                if isinstance(step, Pause):
                    waiter.wait(step)
                else:
                    self._clock.sleep(step)
        except StopIteration as end:
            permit: Permit = end.value
            return permit
        except BaseException:
            self._end(steps, waiter)
            raise

    async def aacquire(
        self, cost: float = 1, timeout: float | None = None, check: Callable[[], None] | None = None
    ) -> Permit:
        """The same as :meth:`acquire` for tasks: other tasks run meanwhile, and a cancellation gives the place back."""
        waiter = TaskWaiter(self._clock.monotonic())
        steps = admit(self._line, waiter, self._cost(cost), _deadline(waiter.asked, timeout), self.adaptive)
        try:
            while True:
                step = next(steps)
                if check is not None:
                    check()
                    step = _shortened(step)
                if isinstance(step, Pause):
                    await waiter.await_ring(step)
                else:
                    await self._clock.asleep(step)
        except StopIteration as end:
            permit: Permit = end.value
            return permit
        except GeneratorExit:  # by the garbage collector, perhaps in the midst of one of our locks
            with contextlib.suppress(Abandoned):
                steps.throw(Abandoned())
            raise
        except BaseException:
            self._end(steps, waiter)
            raise

    def try_acquire(self, cost: float = 1) -> Permit | None:
        """Permission to make a call now, or ``None``."""
        try:
            return self.acquire(cost, 0.0)
        except LimitTimeout:
            return None

    def feedback(self, pause: float | None) -> None:
        """Say that the provider found calls too fast, and for how many seconds to pause, if it said so.

        Where the permit of the call is at hand, use its ``feedback``: it knows when the call started.
        """
        if self.adaptive:
            self._line.heed(pause or 0.0, True, None)

    def heed(self, headers: Mapping[str, str]) -> None:
        """Read the rate-limit headers of an answer: when they say that nothing is left, pause until there is."""
        pause = pause_asked(headers, self._clock.now())
        if self.adaptive and pause:
            self._line.heed(pause, False, None)

    def ease(self) -> None:
        """Go back to the full rate and end a pause."""
        self._line.storage.ease()

    def state(self) -> LimitState:
        """What the limit does now, for people to look at."""
        line = self._line
        try:
            state, now = line.storage.read()
            users, running = line.storage.users(), line.storage.running()
        except StorageGone as error:
            line.fall_back(line.storage, error)
            return self.state()
        return status(self.name, line.storage.kind, state, now, users, running)

    @property
    def typical(self) -> float:
        """A first guess at the cost of a call: tokens and requests run out together, or one second's worth."""
        seen = self._line.storage.seen
        return (seen.tpm / max(seen.rpm, 60.0) if seen.rpm else seen.tpm / 60.0) if seen.tpm else 1.0

    @property
    def rates(self) -> Rates:
        """The rates that hold, whoever declared them."""
        return self._line.storage.seen.rates

    def __repr__(self) -> str:
        return f"Limit({self.name!r}, {self.rates})"

    def _end(self, steps: Generator[object, None, object], waiter: Waiter) -> None:
        """Take everything back. The queue is left here too: an interrupt can fall into the very leaving."""
        steps.close()
        self._line.queue.leave(waiter)

    def _cost(self, cost: float) -> float:
        """A checked cost. Raises ``LimitImpossible`` for one that no minute of the limit can carry."""
        line = self._line
        if line.degraded:
            line.look_again()
        units = checked_cost(cost)
        if units > (minute := self._minute()):
            line.storage.read()  # another kernel may have raised the limit
            minute = self._minute()
            if units > minute:
                raise LimitImpossible(
                    f"a call that costs {units:g} can never pass limit {self.name!r}",
                    why=f"it lets {minute:g} {'tokens' if line.storage.seen.tpm else 'requests'} pass in a minute",
                    todo="Make the call smaller, or raise the limit",
                )
        return units

    def _minute(self) -> float:
        seen = self._line.storage.seen
        return seen.tpm or (max(1.0, seen.rpm) if seen.rpm else math.inf)


def parse_rates(rpm: float | str | None, tpm: float | str | None, concurrency: int | None) -> Rates:
    """Checked rates. Raises :class:`OptionError` for what is none."""
    if concurrency is not None and not (is_whole(concurrency, 1) and concurrency <= MOST_SLOTS):
        raise OptionError(
            f"concurrency={concurrency!r} is not a number of calls", todo=f"Say a whole number from 1 to {MOST_SLOTS:,}"
        )
    return Rates(
        0.0 if rpm is None else parse_rate(rpm, "rpm"), 0.0 if tpm is None else parse_rate(tpm, "tpm"), concurrency or 0
    )


def _shortened(step: float | Pause) -> float | Pause:
    """A wait that ends soon enough to look whether it is still wanted. What is left of it comes again."""
    if not isinstance(step, Pause):
        return min(step, _LOOK)
    return Pause(_LOOK if step.seconds is None else min(step.seconds, _LOOK))


def _deadline(asked: float, timeout: float | None) -> float:
    return math.inf if timeout is None else asked + timeout
