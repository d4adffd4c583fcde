"""A batch: many calls of one function, what came of each, and the means to pause it, stop it and go on."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING, Any

from spotmagic import threads
from spotmagic.batch import listening
from spotmagic.batch.books import Books, Plan
from spotmagic.batch.crew import Lane, Tasks, Threads
from spotmagic.batch.folder import read_failed, read_log
from spotmagic.batch.gathered import data_frame
from spotmagic.batch.inputs import Inputs
from spotmagic.batch.item import Failed, Item, Task, batch_failed
from spotmagic.batch.past import here
from spotmagic.batch.progress import Progress, Show
from spotmagic.batch.run import Pass
from spotmagic.batch.screen import hear_prints
from spotmagic.batch.target import BatchFunction
from spotmagic.batch.ticker import Heartbeat
from spotmagic.engine.loop import own_loop, running_loop
from spotmagic.errors import SpotError, tell
from spotmagic.limits.queue import Pause, TaskWaiter, Waiter

if TYPE_CHECKING:
    from spotmagic.spot import Spot

RAISE: Any = object()
_UNTIL_RUNG = Pause(None)


class Batch:
    """Many calls of one function: what ``spot.map`` gives.

    Iterating gives an item for each input (``index, input, value, error, outcome``); of a batch in the background each
    as soon as it is there. Results are in the spot's cache as well: running the same again asks only what is missing.

    Attributes:
        name: of the batch; that of the function when none was said.
        function: the name of the function.
    """

    def __init__(self, spot: Spot, target: BatchFunction, inputs: Inputs, plan: Plan, show: Show | None) -> None:
        self._books = Books(spot, target, inputs.total, plan)
        self.name, self.function = self._books.name, target.name
        self.folder = self._books.folder.path
        self._target, self._plan, self._shows, self._clock = target, plan, show, spot.clock
        self._ticker: Heartbeat | None = None
        self._lane: Lane = Threads(target.name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._abandoned = False
        self._finishing, self._finished = threading.Lock(), False
        self._saved = 0.0
        here[self.folder] = self  # weakly: a batch that nobody holds is told by its folder

    # what users ask

    @property
    def status(self) -> str:
        """``running``, ``paused``, ``stopping``, ``done``, ``stopped``, ``interrupted`` or ``failed`` (its inputs
        raised)."""
        return self._books.status

    @property
    def progress(self) -> Progress:
        """How far it is, and what it waits for."""
        return self._books.progress()

    def done(self) -> bool:
        """Whether it has come to its end, of whatever kind."""
        return self._books.over.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has come to its end, for so many seconds at most. Whether it has.

        A batch with ``keep=False`` lets go of its results from now on, as nobody iterates.
        """
        self._refuse_blocking()
        self._books.items.drain()
        over = self._books.over.wait(timeout)
        if over:
            self._let_finish()
        return over

    def __await__(self) -> Generator[Any, None, Batch]:
        return self._awaited().__await__()

    def pause(self) -> None:
        """Begin no further call. Those that run go on to their end."""
        self._hold(True)

    def resume(self) -> None:
        """Go on after a pause."""
        self._hold(False)

    def stop(self) -> None:
        """Begin no further call, for good. Those that run go on to their end, and all results are kept."""
        self.end("")

    @property
    def failed(self) -> list[Failed]:
        """The inputs that failed, in their order: with error, attempts and traceback."""
        found = list(self._books.failures)
        if not self._plan.keep:  # in memory are those alone that the folder did not take
            found += read_failed(self.folder)
        return sorted(found, key=lambda one: (one.index, one.sample))

    def values(self, missing: Any = RAISE) -> list[Any]:
        """The results in the order of the inputs, when it has come to its end. Of several samples a list for each.

        Args:
            missing: stands for the result of an input that failed or was not asked.

        Raises:
            BatchFailed: if there is such an input and ``missing`` is not said.
            Exception: what the iterable of the inputs raised.
        """
        self._refuse_unkept("values")
        self.wait()
        if missing is RAISE:
            self._raise_error()
        items = self._books.items.sorted()
        unasked = max(self._books.total or 0, self._books.pulled) - len(items)
        if missing is RAISE and (unasked > 0 or self._books.failed):
            raise batch_failed(self, self.failed, unasked)
        values = [missing] * (len(items) + unasked)
        for item in items:
            values[item.number] = missing if item.error is not None else item.value
        samples = self._plan.samples
        if samples == 1:
            return values
        return [values[at : at + samples] for at in range(0, len(values), samples)]

    def df(self) -> Any:
        """A data frame of inputs, value, error, verdict and cost, a row for each call. Needs pandas."""
        self._refuse_unkept("df")
        self.wait()
        return data_frame(self._books.items.sorted(), self._plan.samples)

    def retry_failed(self, *, background: bool = False) -> Batch:
        """Ask the inputs that failed once more, and these alone. Returns the batch itself.

        Args:
            background: return at once.
        """
        self.ask(self._failed_tasks(), background=background)
        return self

    async def aretry_failed(self) -> Batch:
        """The same in the event loop of the caller."""
        await self.aask(self._failed_tasks())
        return self

    def log(self) -> list[dict[str, Any]]:
        """Its log so far: what ran, failed or was logged, and what calls in the background printed."""
        self._books.folder.flush()
        return read_log(self.folder)

    def __iter__(self) -> Iterator[Item]:
        for item in self._books.items.stream(self._books.over.is_set, in_order=self._plan.in_order):
            if isinstance(item, Item):
                yield item
                continue
            self._refuse_blocking()
            waiter = Waiter(0.0)
            waiter.listen()
            self._books.items.listen(waiter)
            if not item():
                waiter.wait(_UNTIL_RUNG)
            self._books.items.leave(waiter)
        self._let_finish()
        self._raise_error()

    async def __aiter__(self) -> AsyncIterator[Item]:
        for item in self._books.items.stream(self._books.over.is_set, in_order=self._plan.in_order):
            if isinstance(item, Item):
                yield item
                continue
            waiter = TaskWaiter(0.0)
            self._books.items.listen(waiter)
            if not item():
                await waiter.await_ring(_UNTIL_RUNG)
            self._books.items.leave(waiter)
        self._let_finish()
        self._raise_error()

    def __repr__(self) -> str:
        return f"<Batch {self.progress}>"

    # how it goes

    def ask(self, tasks: Iterator[Task], *, background: bool = False) -> None:
        """Ask all, in the thread of the caller unless in the background. Raises what ended it early."""
        self._refuse_twice()
        self._loop, loop = None, own_loop() if self._target.awaits else None
        try:
            run = self._open(tasks, Waiter(0.0), loop)
            self._books.prints = background and hear_prints()
            if background:
                context = contextvars.copy_context()
                if threads.spawn("spotmagic batch_inputs", context.run, self._aside, run) is not None:
                    return
            self._books.items.drain()
            run.run()
            self._finish()
        except BaseException as error:
            self._interrupted(error)
            raise
        self._raise_all()

    async def aask(self, tasks: Iterator[Task] | AsyncIterator[Task], *, background: bool = False) -> None:
        """The same in the event loop of the caller."""
        self._refuse_twice()
        self._loop = asyncio.get_running_loop()
        try:
            run = self._open(tasks, TaskWaiter(0.0), self._loop if self._target.awaits else None)
            self._books.prints = background and hear_prints()
            if background:
                self._task = self._loop.create_task(self._aaside(run))
                return
            self._books.items.drain()
            await run.arun()
            self._finish()
        except BaseException as error:
            self._interrupted(error)
            raise
        self._raise_all()

    def end(self, reason: str) -> None:
        """Let no further call begin, for a reason."""
        if not self.done():
            self._books.stop(reason)

    def tick(self) -> None:
        """Tell how far it is, and hear what other kernels ask."""
        books, word = self._books, self._books.folder.word()
        if word == "stop":
            self.stop()
        elif word:
            self._hold(word == "pause")
        if self._loop is not None and self._loop.is_closed() and not self._abandoned:
            books.stop("its event loop was closed", "interrupted")
            self._abandoned = True
        if self._abandoned and (not books.is_flying() or (self._target.awaits and self._lane.closed)):
            self._finish()
            return
        now = books.progress()
        books.folder.flush()
        if self._clock.monotonic() - self._saved >= 1.0:
            self._saved = self._clock.monotonic()
            with self._finishing:  # never over its end
                if not self._finished:
                    books.folder.save(now.said())
        self._show(now)

    def _open(
        self, tasks: Iterator[Task] | AsyncIterator[Task], boss: Waiter, loop: asyncio.AbstractEventLoop | None
    ) -> Pass:
        self._finished = self._abandoned = False
        self._lane = Threads(self.function) if loop is None else Tasks(loop)
        boss.listen()
        run = Pass(self._books, tasks, self._target, self._plan.concurrency, boss, self._lane, self._clock)
        self._books.items.free = run.ring
        self._books.open(run)
        self._books.folder.open()  # before anything runs: a kill from here on leaves a run that is told as lost
        now = self._books.progress()
        self._books.folder.save(now.said())
        self._show(now)  # in the cell that began it, whichever runs when it goes on
        listening.listen(self)
        self._ticker = Heartbeat(self)
        self._ticker.start()
        return run

    def _aside(self, run: Pass) -> None:
        try:
            run.run()
        except BaseException as error:  # raised where somebody waits for it
            self._books.stop(f"{type(error).__name__}: {error}", error=error)
        self._finish()

    async def _aaside(self, run: Pass) -> None:
        try:
            await run.arun()
            self._finish()
        except BaseException as error:
            self._interrupted(error)
            raise

    def _interrupted(self, error: BaseException) -> None:
        """The one who takes the inputs was interrupted: calls under way go on, and what they give is kept."""
        reason = "" if isinstance(error, KeyboardInterrupt | asyncio.CancelledError) else f"{type(error).__name__}"
        self._abandoned = True  # from here on the ticker ends what is not ended here
        if not self.done():
            self._books.stop(reason, "interrupted")
        if self._books.is_flying():
            self.tick()
        else:
            self._finish()

    def _finish(self) -> None:
        """All has ended: tell so, and let go. Where an interrupt ends it, it is done once more."""
        with self._finishing:  # the one who takes inputs and the ticker may both find that all has ended
            if self._finished:
                return
            self._books.close()
            self._lane.close()
            listening.unlisten(self)
            now = self._books.progress()
            self._books.log(**now.said())
            self._books.folder.save(now.said())
            self._books.folder.close()
            if self._ticker is not None:
                self._ticker.stop()
            self._finished = True
        self._show(now)

    def _let_finish(self) -> None:
        """Wait until whoever tells its end has done so: other kernels see it by then, and its folder is left alone."""
        with self._finishing:
            pass

    def _show(self, now: Progress) -> None:
        """Show how far it is. A display that fails, the user's own or a closed stream, ends no batch."""
        try:
            if self._shows is not None:
                self._shows(now)
        except Exception as error:
            tell("the progress of a batch cannot be shown", f"{type(error).__name__}: {error}", once="batch display")

    def _failed_tasks(self) -> Iterator[Task]:
        """The failed inputs as they were asked, taken out of the books."""
        self._refuse_twice()
        self._refuse_unkept("retry_failed")
        return iter(self._books.forget_failed())

    def _hold(self, held: bool) -> None:
        run = self._books.run
        if run is not None and not self.done():
            run.pause(held)
            self._books.log(word="pause" if held else "resume")

    async def _awaited(self) -> Batch:
        self._books.items.drain()
        waiter = TaskWaiter(0.0)
        self._books.items.listen(waiter)
        while not self.done():
            await waiter.await_ring(_UNTIL_RUNG)
        self._books.items.leave(waiter)
        self._let_finish()
        return self

    def _raise_error(self) -> None:
        if self._books.error is not None:
            raise self._books.error

    def _raise_all(self) -> None:
        self._raise_error()
        if self._books.too_many:
            raise batch_failed(self, self.failed)

    def _refuse_twice(self) -> None:
        if not self.done() and self._ticker is not None:
            raise SpotError(f"{self.name} is under way", todo="Wait for it, or stop it first")

    def _refuse_unkept(self, what: str) -> None:
        if not self._plan.keep:
            raise SpotError(
                f"{what} needs the results", f"{self.name} was made with keep=False", "Leave it out, or iterate"
            )

    def _refuse_blocking(self) -> None:
        """Raise where waiting would stop the very event loop that makes the calls."""
        if self._loop is not None and not self.done() and running_loop() is self._loop:
            raise SpotError(f"{self.name} runs in this event loop", "it would stop while you wait", "Say await")
