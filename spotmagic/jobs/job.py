"""A call in the background, as whoever waits for it sees it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import ctypes
import functools
import threading
from collections import defaultdict
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from spotmagic.engine.loop import own_loop
from spotmagic.engine.running import now_running
from spotmagic.errors import JobCancelled, JobFailed, trace
from spotmagic.jobs.listening import JobLog, heard, listening

if TYPE_CHECKING:
    from spotmagic.engine.call import Call
    from spotmagic.spot.mark import Marked

Status = Literal["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
OVER = ("COMPLETED", "FAILED", "CANCELLED")


class JobProgress(NamedTuple):
    """How far a call is, as it told with ``spotmagic.running().progress(done, total, note)``."""

    done: float
    total: float | None
    note: str


class Job:
    """A call in the background: ``job = f.submit(x)``; ``job.result()`` waits, and so does ``await job``.

    Attributes:
        key: of the call, in digits: two submits of one call are one job.
        name: of the function.
    """

    key: str
    name: str

    @property
    def status(self) -> Status:
        """``PENDING``, ``RUNNING``, ``COMPLETED``, ``FAILED`` or ``CANCELLED``."""
        raise NotImplementedError

    @property
    def progress(self) -> JobProgress | None:
        """How far the call says it is, or ``None``."""
        raise NotImplementedError

    @property
    def traceback(self) -> str:
        """The traceback of a call that failed, else empty."""
        raise NotImplementedError

    @property
    def metadata(self) -> dict[str, Any]:
        """Where and when it runs or ran: ``where``, ``submitted``, ``started``, ``ended`` (wall time) and more."""
        raise NotImplementedError

    def log(self) -> str:
        """What the call printed and logged so far."""
        raise NotImplementedError

    def cancel(self, force: bool = False) -> bool:
        """Ask the call to stop. Whether it was still under way.

        Args:
            force: stop it wherever it is, not only where it tells its progress.
        """
        raise NotImplementedError

    def result(self, timeout: float | None = None) -> Any:
        """The value, as soon as it is there.

        Raises:
            JobFailed: the call raised, or its process is gone.
            JobCancelled: it was cancelled.
            TimeoutError: it is not over within so many seconds; it goes on.
        """
        raise NotImplementedError

    def done(self) -> bool:
        """Whether it is over."""
        return self.status in OVER

    def __await__(self) -> Generator[Any, None, Any]:
        return self._awaited().__await__()

    async def _awaited(self) -> Any:
        raise NotImplementedError

    def __repr__(self) -> str:
        far = self.progress
        how = "" if far is None else f" {far.done:g}" + (f" of {far.total:g}" if far.total else "")
        return f"<Job {self.name} {self.status}{how}{f' {far.note}' if far and far.note else ''}>"


class ThreadJob(Job):
    """A call in a thread of this process, which it does not outlive."""

    def __init__(self, marked: Marked, call: Call, key: str) -> None:
        self.key, self.name = key, call.name
        self._marked, self._call = marked, call
        self._clock = marked.spot.clock
        self._future: Future[Any] = Future()
        self._lock = threading.Lock()
        self._stop = False
        self._progress: JobProgress | None = None
        self._log, self._trace = JobLog(), ""
        self._times: dict[str, float] = {"submitted": self._clock.now()}
        self._outcome: Callable[[], Any] | None = None
        self._inside = 0  # the thread that runs the user's code
        self._task: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None
        self._claim = threading.Lock()  # taken once: by the thread that makes the call, or who says that none will

    def start(self, awaits: bool) -> None:
        """Begin."""
        context = contextvars.copy_context()
        run = self._call.run
        self._call.run = functools.partial(self._arun if awaits else self._run, run)
        target = functools.partial(context.run, self._drive, awaits)
        # No daemon: the process stays until the call has ended, as its result may be paid for by then.
        threading.Thread(target=target, name=f"spotmagic-job {self.name}").start()

    def drop(self, error: BaseException) -> None:
        """End the job if it has not begun, as it could not be."""
        if self._claim.acquire(blocking=False):
            self._stop = True
            self._times["ended"] = self._clock.now()
            self._future.set_exception(self._told(error))

    @property
    def status(self) -> Status:
        if not self._future.done():
            return "RUNNING" if "started" in self._times else "PENDING"
        if self._future.exception() is None:
            return "COMPLETED"
        return "CANCELLED" if isinstance(self._future.exception(), JobCancelled) else "FAILED"

    @property
    def progress(self) -> JobProgress | None:
        return self._progress

    @property
    def traceback(self) -> str:
        return self._trace

    @property
    def metadata(self) -> dict[str, Any]:
        told = {"where": "thread", "name": self.name, "key": self.key, **self._times}
        outcome = None if self._outcome is None else self._outcome()
        if outcome is not None:
            told |= {name: getattr(outcome, name) for name in ("verdict", "stored", "reason", "seconds", "price")}
        error = self._future.exception() if self._future.done() else None
        return told | ({"error": error.why} if isinstance(error, JobFailed) else {})

    def log(self) -> str:
        return self._log.text()

    def cancel(self, force: bool = False) -> bool:
        with self._lock:
            if self._future.done():
                return False
            self._stop = True
            if self._task is not None:
                loop, task = self._task
                with contextlib.suppress(RuntimeError):  # the loop has just closed
                    loop.call_soon_threadsafe(task.cancel)
            elif force and self._inside:
                # The interrupt of a thread: the engine gives permit and place back and stores what is paid for.
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self._inside), ctypes.py_object(KeyboardInterrupt)
                )
        return True

    def result(self, timeout: float | None = None) -> Any:
        return self._future.result(timeout)

    async def _awaited(self) -> Any:
        return await asyncio.shield(asyncio.wrap_future(self._future))

    def follow(self, done: float, total: float | None, note: str) -> None:
        """Take in how far the call is; stop it here if that was asked for."""
        self._progress = JobProgress(done, total, note)
        if self._stop:
            raise KeyboardInterrupt

    def _drive(self, awaits: bool) -> None:
        if not self._claim.acquire(blocking=False):
            return
        while True:  # forced to stop, it may be met by the interrupt anywhere
            try:
                if self._future.done():
                    return
                self._settle(awaits)
            except KeyboardInterrupt:
                self._stop = True

    def _settle(self, awaits: bool) -> None:
        """Make the call, and tell its end. Once more: tell its end."""
        engine = self._marked.spot.engine
        try:
            with listening():
                if self._stop:
                    raise KeyboardInterrupt
                if awaits:
                    done = asyncio.run_coroutine_threadsafe(self._adrive(), own_loop()).result()
                else:
                    done = engine.drive(self._call)
        except BaseException as error:
            self._times["ended"] = self._clock.now()
            self._trace = trace(error)
            self._future.set_exception(self._told(error))
        else:
            self._times["ended"] = self._clock.now()
            self._outcome = done.outcome
            self._future.set_result(done.value)

    async def _adrive(self) -> Any:
        task = asyncio.current_task()
        assert task is not None
        with self._lock:
            self._task = asyncio.get_running_loop(), task
        return await self._marked.spot.engine.adrive(self._call)

    def _told(self, error: BaseException) -> BaseException:
        if self._stop and isinstance(error, KeyboardInterrupt | asyncio.CancelledError | CancelledError):
            return JobCancelled(f"the job {self.name} was cancelled", todo="Submit it again")
        failed = JobFailed(f"the job {self.name} failed", f"{type(error).__name__}: {error}", "See job.traceback")
        failed.__cause__ = error
        return failed

    def _begin(self) -> None:
        self._times.setdefault("started", self._clock.now())
        attempt: Any = now_running.get()
        attempt.follower = self
        if self._stop:
            raise KeyboardInterrupt

    def _run(self, run: Callable[[], Any]) -> Any:
        self._begin()
        made: defaultdict[int, Any] = defaultdict(run)  # holds what it gives from the very step in which that comes
        try:
            with heard(self._log):
                with self._lock:
                    self._inside = threading.get_ident()
                try:
                    made[0]
                finally:
                    with self._lock:
                        self._inside = 0
        except KeyboardInterrupt:
            if not made:
                raise
            self._inside = 0  # the force came too late: what was paid for is kept
        return made[0]

    async def _arun(self, run: Callable[[], Any]) -> Any:
        self._begin()
        with heard(self._log):
            return await run()


class KeptJob(Job):
    """A call whose result is kept, and that runs nowhere."""

    def __init__(self, marked: Marked, args: tuple[Any, ...], kwargs: dict[str, Any], key: str) -> None:
        self.key, self.name = key, marked.name
        self._peek = functools.partial(marked.peek, args, kwargs)

    status = "COMPLETED"
    progress = None
    traceback = ""

    @property
    def metadata(self) -> dict[str, Any]:
        return {"where": "store", "name": self.name, "key": self.key}

    def log(self) -> str:
        return ""

    def cancel(self, force: bool = False) -> bool:  # noqa: ARG002
        return False

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002
        return self._peek()

    async def _awaited(self) -> Any:
        return self._peek()
