"""Running a call: each attempt passes the limit, and a failed one may be tried again."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

from spotmagic.clock import Clock
from spotmagic.engine.call import Call
from spotmagic.engine.feedback import feedback_of
from spotmagic.engine.running import Attempt, now_running, outer
from spotmagic.errors import is_end, tell
from spotmagic.reads.memories import recall
from spotmagic.reads.noting import Noting
from spotmagic.reads.supposed import suppose
from spotmagic.words import counted

if TYPE_CHECKING:
    from spotmagic.limits import Permit

_random = random.Random()  # the global one is the user's
_NOTICED = 0.001  # seconds; a shorter wait is none


class Ran(NamedTuple):
    """A run that ended.

    Attributes:
        value: the result, if there is no error.
        error: the user's own error.
        noting: what it read, if it is to be kept.
        started: wall time at the start in seconds.
        seconds: how long the last attempt took; of a stream, to make what it gave.
        waited: seconds spent waiting for a limit.
        attempts: how many were made.
        stopped: it is a stream that was not read to its end.
        spent_inside: what priced calls inside it cost, which its own price holds too.
        asked_inside: it called what is kept.
    """

    value: Any
    error: BaseException | None
    started: float
    seconds: float
    waited: float
    noting: Noting | None = None
    attempts: int = 1
    stopped: bool = False
    spent_inside: float = 0.0
    asked_inside: bool = False


def begin(course: Course, run: Callable[[], Any], around: AbstractContextManager[Any]) -> None:
    """Run until an attempt is the last. One that succeeds keeps its place in the limit until the course is settled.

    What the call gives is kept in the step of the interpreter in which it comes, so that no interrupt gets between.

    Args:
        around: what is entered around each attempt: the course, or what enters it.
    """
    call, ticket, permit = course.call, course.call.ticket, None
    while True:
        if ticket is not None:
            permit = ticket.gate.limit.acquire(ticket.estimate, ticket.gate.timeout, call.check)
        _check(call, permit)
        course.attempt(permit)
        with around:
            made: defaultdict[int, Any] = defaultdict(run)
            course.value = made[0]
        pause = None if course.error is None else course.after()
        if pause is None:
            return
        (call.pause or course.clock.sleep)(pause)


async def abegin(course: Course, run: Callable[[], Any], around: AbstractContextManager[Any]) -> None:
    """The same where running gives something to await."""
    call, ticket, permit = course.call, course.call.ticket, None
    while True:
        if ticket is not None:
            permit = await ticket.gate.limit.aacquire(ticket.estimate, ticket.gate.timeout, call.check)
        _check(call, permit)
        course.attempt(permit)
        with around:
            course.value = await run()
        pause = None if course.error is None else course.after()
        if pause is None:
            return
        await (call.pause or course.clock.asleep)(pause)


def _check(call: Call, permit: Permit | None) -> None:
    """Ask once more whether a call is wanted: one that is not has not been made, and gives all it booked back."""
    if call.check is not None:
        try:
            call.check()
        except BaseException:
            if permit is not None:
                permit.refund()
            raise


_NOTHING: Any = object()


class Course:
    """The attempts of one run: what they took, and whether there is another.

    It is entered around each attempt: the user's error is kept, an interrupt gives the permit back and passes through.

    Args:
        stepwise: it is entered around each step of a stream; :meth:`leave` ends it.

    Attributes:
        value: what came, if it did.
        error: the error of the user's that came instead.
        attempts: how many were made.
        seconds: how long the last one took.
    """

    __slots__ = (
        "_attempted", "_before", "_began", "_noting", "_paused", "_permit", "_reasons", "_spent", "_stepwise", "_this",
        "_waited", "attempts", "call", "clock", "error", "seconds", "started", "value",
    )  # fmt: skip

    def __init__(self, call: Call, clock: Clock, *, stepwise: bool = False) -> None:
        self.call, self.clock, self._stepwise, self._paused = call, clock, stepwise, False
        self.value: Any = _NOTHING
        self.error: BaseException | None = None
        self.started, self._began = clock.now(), clock.monotonic()
        self.seconds = self._waited = self._spent = 0.0
        self.attempts = 0
        self._permit: Permit | None = None
        self._this: Attempt | None = None
        self._reasons: tuple[str, ...] = ()
        asks_files = call.key and not call.trouble and call.kind != "http"  # what a request asks stands in it
        self._noting = Noting() if asks_files else None
        if self._noting is not None:
            suppose(self._noting, call.paths())
            recall(self._noting, call.inputs)

    @property
    def came(self) -> bool:
        """Whether the call came to its end and gave something."""
        return self.value is not _NOTHING

    def attempt(self, permit: Permit | None) -> Course:
        """The course, to be entered around an attempt that holds this permit."""
        priced = self.call.options.price is not None
        if (around := outer()) is not None:
            priced, around.asked_inside = priced or around.priced, True
        if self._this is not None:
            self._spent += self._this.spent_inside
        # Anew for each attempt: what the last one told of its cost is its own.
        self._permit, self._this, self.seconds = permit, Attempt(priced), 0.0
        self.attempts += 1
        if permit is not None:
            self._waited += permit.waited
            if self.call.hooks is not None and permit.waited > _NOTICED:
                self._tell("limit_wait", waited=permit.waited)
        return self

    def __enter__(self) -> None:
        assert self._this is not None
        self._before = now_running.get()
        now_running.set(self._this)
        if self._noting is not None:
            if self._paused:
                self._noting.resume()
            else:
                self._noting.__enter__()
        self._attempted = self.clock.monotonic()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        self.seconds += self.clock.monotonic() - self._attempted
        if self._noting is not None and self._stepwise:
            self._noting.pause()
            self._paused = True
            now_running.set(self._before)
        else:
            self.leave(error)
        if error is None or isinstance(error, Exception) or not is_end(error):
            self.error = error
            return True
        if self._permit is not None:
            self._permit.release()
        return False

    def leave(self, error: BaseException | None = None) -> None:
        """Leave off, wherever an interrupt came. Twice is the same as once.

        Args:
            error: what ended it: our frames are taken out of its traceback.
        """
        self._paused = False
        if self._noting is not None:
            self._noting.__exit__(None, error, None)
        if self._this is not None and now_running.get() is self._this:
            now_running.set(self._before)

    def settle(self) -> None:
        """Settle with the limit: give the place back and say what it did cost. Twice is the same as once."""
        permit, self._permit = self._permit, None
        if permit is None:
            return
        assert self.call.ticket is not None
        gate, actual = self.call.ticket.gate, self._told
        try:
            if actual is None and gate.settle is not None and self.error is None:
                actual = self._settled(gate.settle)
            if actual is not None:
                permit.settle(actual)
                gate.cost.learn(actual)
        finally:
            permit.__exit__(type(self.error) if self.error else None, self.error, None)

    def after(self, *, begun: bool = False) -> float | None:
        """Settle with the limit. Seconds to pause before another attempt, or ``None`` when this was the last.

        Args:
            begun: somebody has seen some of what it gives, so that there is no other attempt.
        """
        permit = self._permit
        self.settle()
        if self.error is None:
            return None
        if permit is not None and (told := feedback_of(self.error)) is not None:
            permit.feedback(told)
        retry = self.call.options.retry
        if retry is None or begun:
            return None
        passed = self.clock.monotonic() - self._began
        pause: float | None = retry.delay(self.attempts, self.error, passed, _random.random())
        self._reasons += (f"{type(self.error).__name__}: {self.error}",)
        if pause is not None and self.call.hooks is not None:
            self._tell("retry", seconds=self.seconds, waited=self._waited, pause=pause, error=self.error)
        if pause is None and len(self._reasons) > 1:
            self.error.add_note(f"spotmagic tried {counted(len(self._reasons), 'time')}: " + "; ".join(self._reasons))
        return pause

    def stopped(self) -> None:
        """Give back the slot of a stream that is not read to its end. Its cost stays as estimated, or as told."""
        if self._permit is not None:
            if (actual := self._told) is not None:
                self._permit.settle(actual)
            self._permit.release()

    def ran(self, *, stopped: bool = False) -> Ran:
        """What came of it all."""
        this = self._this or Attempt()
        return Ran(
            value=self.value if self.came else None,
            error=self.error,
            started=self.started,
            seconds=self.seconds,
            waited=self._waited,
            noting=self._noting,
            attempts=self.attempts,
            stopped=stopped,
            spent_inside=self._spent + this.spent_inside,
            asked_inside=this.asked_inside,
        )

    @property
    def _told(self) -> float | None:
        """What the user's code told that it did cost."""
        return None if self._this is None else self._this.actual

    def _tell(self, moment: str, **facts: Any) -> None:
        assert self.call.hooks is not None
        limit = self.call.ticket.gate.limit.name if self.call.ticket else ""
        self.call.hooks.tell(moment, self.call, attempt=self.attempts, limit=limit, **facts)

    def _settled(self, settle: Callable[[Any], float]) -> float | None:
        """The actual cost by the user's ``settle``; an error in it is told and leaves the estimate."""
        try:
            return float(settle(self.value))
        except BaseException as error:
            if is_end(error):
                raise
            what = f"settle= of {self.call.name} failed"
            tell(what, f"{type(error).__name__}: {error}", "The estimated cost stays", once=f"{what} {id(settle)}")
            return None
