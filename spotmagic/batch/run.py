"""One pass over inputs: each is looked up first, and what has to run is handed to threads or tasks.

Whoever calls :meth:`Pass.run` takes the inputs, in their own thread and context, and looks each up there: so an
iterable may be bound to its thread, a run of hits starts no other, and what is equal runs once.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Literal

from spotmagic.batch.crew import Crew, Lane
from spotmagic.batch.item import State, Task
from spotmagic.batch.target import BatchFunction
from spotmagic.clock import SYSTEM, Clock
from spotmagic.engine.call import Call, Done
from spotmagic.errors import BudgetSpent, EditCosts
from spotmagic.limits.queue import Pause, TaskWaiter, Waiter

if TYPE_CHECKING:
    from spotmagic.batch.books import Books

BREATH = 0.01
"""Seconds after which looking up in an event loop lets others run."""
MOST_BEHIND = 10_000
"""Inputs equal to one that runs that wait for it."""
MOST_BROKEN = 10_000
"""Failures that are remembered, so that equal inputs fail without a run."""
_UNTIL_RUNG = Pause(None)

Step = Literal["wait", "breathe", "take"]


class Withdrawn(BaseException):
    """A call is taken back before it runs, as its batch was stopped or paused."""


class Claim:
    """The right to make a call, which one alone takes: whoever is to make it, or whoever says that it will not be made.

    An interrupt may come between any two steps, and does not tell whether a call that was being handed over got there.
    """

    __slots__ = ("take",)

    def __init__(self) -> None:
        self.take = functools.partial(threading.Lock().acquire, blocking=False)


class Pass:
    """One pass over inputs.

    Attributes:
        flying: the tasks that were looked up and have not ended, each with the claim to make its call.
        halted: no further call begins.
        held: halted or paused.
    """

    def __init__(
        self,
        books: Books,
        tasks: Iterator[Task] | AsyncIterator[Task],
        target: BatchFunction,
        size: int,
        boss: Waiter,
        lane: Lane,
        clock: Clock,
    ) -> None:
        self._books, self._target, self._lane, self._clock = books, target, lane, clock
        self._tasks, self._boss = tasks, boss
        self._crew = Crew(size, boss)
        self._again: deque[Task] = deque()  # looked at again before any new input is taken
        self._leading: dict[bytes, list[Task]] = {}  # by the key of a call that runs, the equal ones that wait for it
        self._broken: dict[bytes, BaseException] = {}
        self._behind = 0  # how many wait like that, over all keys
        self._lock = threading.Lock()
        self.flying: dict[Task, Claim] = {}
        self.halted = self.paused = self.held = False

    def run(self) -> None:
        """Ask all inputs, and wait until the last call has ended. Called in the thread that takes the inputs."""
        self._boss.listen()
        with closing(self._steps()) as steps:
            for _ in steps:
                self._boss.wait(_UNTIL_RUNG)

    async def arun(self) -> None:
        """The same in an event loop, where others run meanwhile."""
        steps, boss = self._steps(breathes=True), self._boss
        assert isinstance(boss, TaskWaiter)
        answer: Task | BaseException | None = None
        with closing(steps):
            while True:
                try:
                    step = steps.send(answer)
                except StopIteration:
                    return
                answer = None
                if step == "wait":
                    await boss.await_ring(_UNTIL_RUNG)
                elif step == "breathe":
                    await asyncio.sleep(0)
                else:
                    assert isinstance(self._tasks, AsyncIterator)
                    try:
                        answer = await anext(self._tasks, None)
                    except Exception as error:
                        answer = error

    def halt(self) -> None:
        """Let no further call begin. Calls that run go on to their end, and those that wait are taken back."""
        self.halted = self.held = True
        self._crew.end()

    def pause(self, paused: bool) -> None:
        """Let no further call begin until it is resumed."""
        self.paused = paused
        self.held = paused or self.halted
        self._boss.ring()

    def snapshot(self) -> list[tuple[State, str]]:
        """What each call under way does now, and the limit it passes."""
        with self._lock:
            return [(task.state, task.limit) for task in self.flying]

    def ring(self) -> None:
        """Let the one who takes the inputs look again at what it waits for."""
        self._boss.ring()

    def _steps(self, *, breathes: bool = False) -> Generator[Step, Task | BaseException | None, None]:
        """Yields whenever it has to wait, and ends when everything has."""
        books, again, look, monotonic = self._books, self._again, self._target.look, self._clock.monotonic
        items, seen = books.items, list[Any]()
        pull = self._tasks.__next__ if isinstance(self._tasks, Iterator) else None
        exhausted, breath = False, monotonic() + BREATH
        while True:
            if self.held or items.crowded or self._behind > MOST_BEHIND:
                if self.halted:
                    exhausted = True
                    again.clear()
                elif self.held or items.is_full() or self._behind > MOST_BEHIND:
                    yield "wait"
                    continue
            if breathes and monotonic() > breath:
                yield "breathe"
                breath = monotonic() + BREATH
            task: Task | None = None
            if again:
                task = again.popleft()
            elif not exhausted:
                try:
                    answer = pull() if pull is not None else (yield "take")
                    if isinstance(answer, BaseException):
                        raise answer
                    task = answer
                except StopIteration:
                    pass
                except Exception as error:  # the user's iterable: what is done stays
                    books.stop_at_end(error)
                if task is None:
                    exhausted = True
                    continue
                books.taken_in()
            else:
                with self._lock:
                    ended = not self.flying and not again
                if ended:
                    return
                yield "wait"
                continue
            try:
                value = look(task, seen)
            except Exception as error:
                books.broke(task, error, b"")
                continue
            if value.__class__ is not Call:
                books.met(task, value, seen.pop())
                continue
            # From here on equal calls line up behind this one, so however it goes it must come to an ``_end``.
            claim = Claim()
            try:
                if not self._leads(task, value, claim):
                    continue
                while not self._crew.take():
                    if self.halted:
                        self._end(task, value)
                        break
                    yield "wait"
                else:
                    self._hand(task, value, claim)
            except BaseException:  # an interrupt, here or where the steps are taken
                if claim.take():  # it will not be made
                    self._ended(task, value, claim)
                raise

    def _leads(self, task: Task, call: Call, claim: Claim) -> bool:
        """Whether a call is to be made: no equal one is under way, and none has failed."""
        with self._lock:
            error = self._broken.get(call.key) if call.key else None
            if error is None:
                behind = self._leading.get(call.key) if call.key else None
                if behind is not None:
                    behind.append(task)
                    self._behind += 1
                    return False
                self.flying[task] = claim
                if call.key:
                    self._leading[call.key] = []
        if error is not None:
            self._books.broke(task, error, call.key)
        return error is None

    def _hand(self, task: Task, call: Call, claim: Claim) -> None:
        context = contextvars.copy_context()  # of the thread that takes the inputs, as the built-in map would have it
        call.check = self._check
        if self._target.awaits:
            self._target.prepare(call, task, _aattempt, self._apause)
            self._lane.hand(lambda: self._awork(task, call, claim), context, lambda: self._ended(task, call, claim))
        else:
            self._target.prepare(call, task, _attempt, self._pause)
            self._lane.hand(lambda: self._work(task, call, claim), context, lambda: self._ended(task, call, claim))

    def _work(self, task: Task, call: Call, claim: Claim) -> None:
        if not claim.take():
            return
        log = self._books.enter(task)
        try:
            self._did(task, call, self._target.engine.drive(call))
        except BaseException as error:
            self._raised(task, call, error)
        finally:
            log.end()
            self._crew.free()

    async def _awork(self, task: Task, call: Call, claim: Claim) -> None:
        if not claim.take():
            return
        try:
            log = self._books.enter(task)
            try:
                self._did(task, call, await self._target.engine.adrive(call))
            finally:
                log.end()
        except BaseException as error:
            self._raised(task, call, error)
        finally:
            self._crew.free()

    def _did(self, task: Task, call: Call, done: Done) -> None:
        self._books.did(task, done, call.key)
        self._end(task, call)

    def _raised(self, task: Task, call: Call, error: BaseException) -> None:
        if isinstance(error, Withdrawn):
            self._end(task, call, take_back=not self.halted)
        elif isinstance(error, BudgetSpent | EditCosts | KeyboardInterrupt | SystemExit | GeneratorExit):
            self._books.stop(f"{type(error).__name__}: {error}", error=error)
            self._end(task, call)
        elif isinstance(error, asyncio.CancelledError) and self.halted:
            self._end(task, call)
        else:
            self._books.broke(task, error, call.key)
            self._end(task, call, error)

    def _end(self, task: Task, call: Call, error: BaseException | None = None, *, take_back: bool = False) -> None:
        """A call has come to its end. Those that are equal are looked at again: they hit, or fail like it."""
        with self._lock:
            self.flying.pop(task, None)
            behind = self._leading.pop(call.key, [])
            self._behind -= len(behind)
            if error is not None and call.key:
                if len(self._broken) >= MOST_BROKEN:
                    del self._broken[next(iter(self._broken))]
                self._broken[call.key] = error
            self._again.extend(([task] if take_back else []) + behind)
        self._boss.ring()

    def _ended(self, task: Task, call: Call, claim: Claim) -> None:
        """A call that was handed over is past, or will never be made: see that it has come to its end."""
        if claim.take():  # its task was cancelled before it began
            self._crew.free()
        if self.flying.get(task) is claim:
            self._end(task, call)

    def _check(self) -> None:
        if self.held:
            raise Withdrawn

    def _pause(self, task: Task, seconds: float) -> None:
        """Wait before another attempt, without a slot."""
        waiter = Waiter(0.0)
        waiter.listen()
        self._rest(task, waiter)
        try:
            if self._clock is SYSTEM:
                until = self._clock.monotonic() + seconds
                while not self.halted and (left := until - self._clock.monotonic()) > 0:
                    waiter.wait(Pause(left))
            else:
                self._clock.sleep(seconds)
        finally:
            while not self._crew.back(waiter):
                waiter.wait(_UNTIL_RUNG)
        self._go_on(task)

    async def _apause(self, task: Task, seconds: float) -> None:
        waiter = TaskWaiter(0.0)
        self._rest(task, waiter)
        try:
            if self._clock is SYSTEM:
                until = self._clock.monotonic() + seconds
                while not self.halted and (left := until - self._clock.monotonic()) > 0:
                    await waiter.await_ring(Pause(left))
            else:
                await self._clock.asleep(seconds)
        finally:
            while not self._crew.back(waiter):
                await waiter.await_ring(_UNTIL_RUNG)
        self._go_on(task)

    def _rest(self, task: Task, waiter: Waiter) -> None:
        task.state = "retrying"
        self._crew.rest(waiter)

    def _go_on(self, task: Task) -> None:
        if self.halted:
            raise Withdrawn
        task.state = "waiting"


@contextmanager
def _running(task: Task) -> Iterator[None]:
    task.attempts += 1
    task.state = "running"
    try:
        yield
    finally:
        task.state = "waiting"


def _attempt(task: Task, go: Callable[[], Any]) -> Any:
    with _running(task):
        return go()


async def _aattempt(task: Task, go: Callable[[], Any]) -> Any:
    with _running(task):
        return await go()
