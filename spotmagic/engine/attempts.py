"""Running a call: each attempt passes the limit, and a failed one may be tried again."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from spotmagic.clock import Clock
from spotmagic.engine.call import Call
from spotmagic.engine.feedback import feedback_of
from spotmagic.engine.running import Attempt, now_running
from spotmagic.errors import tell
from spotmagic.store.reads import Noting

if TYPE_CHECKING:
    from spotmagic.limits import Permit

_random = random.Random()  # the global one is the user's


class Ran(NamedTuple):
    """A run that ended.

    Attributes:
        value: the result, if there is no error.
        error: the user's own error.
        noting: what it read, if it is to be kept.
        started: wall time at the start in seconds.
        seconds: how long the last attempt took.
        waited: seconds spent waiting for a limit.
    """

    value: Any
    error: Exception | None
    started: float
    seconds: float
    waited: float
    noting: Noting | None = None


def run(call: Call, clock: Clock) -> Ran:
    """What came of running a call, its own error included. Interrupts pass through."""
    course = Course(call, clock)
    for attempt in count(1):
        permit = call.ticket.gate.limit.acquire(call.ticket.estimate, call.ticket.gate.timeout) if call.ticket else None
        with course.attempt(permit):
            course.value = call.run()
        pause = course.after(attempt)
        if pause is None:
            return course.ran()
        clock.sleep(pause)
    raise AssertionError


async def arun(call: Call, clock: Clock) -> Ran:
    """The same for a call whose ``run`` gives something to await."""
    course = Course(call, clock)
    for attempt in count(1):
        permit = (
            await call.ticket.gate.limit.aacquire(call.ticket.estimate, call.ticket.gate.timeout)
            if call.ticket
            else None
        )
        with course.attempt(permit):
            course.value = await call.run()
        pause = course.after(attempt)
        if pause is None:
            return course.ran()
        await clock.asleep(pause)
    raise AssertionError


class Course:
    """The attempts of one run: what they took, and whether there is another.

    It is entered around each attempt: the user's error is kept, an interrupt gives the permit back and passes through.
    """

    __slots__ = (
        "_attempted", "_began", "_noting", "_permit", "_reasons", "_seconds", "_this", "_token", "_waited", "call",
        "clock", "error", "started", "value",
    )  # fmt: skip

    def __init__(self, call: Call, clock: Clock) -> None:
        self.call, self.clock = call, clock
        self.value: object = None
        self.error: Exception | None = None
        self.started, self._began = clock.now(), clock.monotonic()
        self._seconds = self._waited = 0.0
        self._reasons: tuple[str, ...] = ()
        self._noting = Noting() if call.key and not call.trouble else None

    def attempt(self, permit: Permit | None) -> Course:
        """The course, to be entered around an attempt that holds this permit."""
        self._permit = permit
        if permit is not None:
            self._waited += permit.waited
        return self

    def __enter__(self) -> None:
        self._this = Attempt()
        self._token = now_running.set(self._this)
        if self._noting is not None:
            self._noting.__enter__()
        self._attempted = self.clock.monotonic()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        self._seconds = self.clock.monotonic() - self._attempted
        if self._noting is not None:
            self._noting.__exit__(kind, error, trace)
        now_running.reset(self._token)
        if error is None or isinstance(error, Exception):
            self.error = error
            return True
        if self._permit is not None:
            self._permit.release()
        return False

    def after(self, attempt: int) -> float | None:
        """Settle with the limit. Seconds to pause before another attempt, or ``None`` when this was the last."""
        permit = self._permit
        if permit is not None:
            self._settle(self._this, permit)
        if self.error is None:
            return None
        if permit is not None and (told := feedback_of(self.error)) is not None:
            permit.feedback(told)
        retry = self.call.options.retry
        if retry is None:
            return None
        pause: float | None = retry.delay(attempt, self.error, self.clock.monotonic() - self._began, _random.random())
        self._reasons += (f"{type(self.error).__name__}: {self.error}",)
        if pause is None and len(self._reasons) > 1:
            self.error.add_note(f"spotmagic tried {len(self._reasons)} times: " + "; ".join(self._reasons))
        return pause

    def ran(self) -> Ran:
        """What came of it all."""
        return Ran(self.value, self.error, self.started, self._seconds, self._waited, self._noting)

    def _settle(self, this: Attempt, permit: Permit) -> None:
        assert self.call.ticket is not None
        gate = self.call.ticket.gate
        actual = this.actual
        if actual is None and gate.settle is not None and self.error is None:
            actual = self._settled(gate.settle)
        if actual is not None:
            permit.settle(actual)
            gate.cost.learn(actual)
        permit.__exit__(type(self.error) if self.error else None, self.error, None)

    def _settled(self, settle: Callable[[Any], float]) -> float | None:
        """The actual cost by the user's ``settle``; an error in it is told and leaves the estimate."""
        try:
            return float(settle(self.value))
        except Exception as error:
            what = f"settle= of {self.call.name} failed"
            tell(what, f"{type(error).__name__}: {error}", "The estimated cost stays", once=what)
            return None
