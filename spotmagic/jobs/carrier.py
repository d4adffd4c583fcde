"""Executors: where the calls of a function are made. Everything around a call stays in this process.

Look-up, single flight, limit, retry, price and storing are the driver's; a worker gets the plain function and its
arguments and gives back a value, so it needs no cache folder, and nothing of ours is lost with it.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import os
import secrets
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import ProcessPoolExecutor
from typing import Any

from spotmagic import files
from spotmagic.errors import JobFailed, OptionError, unknown
from spotmagic.jobs.shipment import BegunBefore, arrive, pack_call, work
from spotmagic.words import counted

WORDS = ("threads", "processes")
_RUNS = 3  # of a call whose worker died, the first one included
_PATIENCE = 10.0  # seconds between two questions to a cluster about a call
_LOST = frozenset({"KilledWorker", "FutureCancelledError", "LostDependency"})  # of dask, which need not be loaded


class Carrier:
    """Makes calls with an executor.

    Args:
        submit: hands a function of packed arguments over; gives a future, or what has its ``result``.
        here: whether the executor's workers are threads of this process.
        never_twice: a call whose worker died is told as failed, and not made again.
        once: makes what says in a worker whether a call is begun for the first time, where an executor repeats calls.
    """

    def __init__(
        self,
        submit: Callable[..., Any],
        *,
        here: bool = False,
        never_twice: bool = False,
        once: Callable[[], Callable[[], bool]] | None = None,
    ) -> None:
        self._submit, self.here, self._never_twice, self._once = submit, here, never_twice, once

    def bind(self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What makes this call there; of an async function, what gives something to await."""
        awaits = inspect.iscoroutinefunction(function)
        if self.here:
            plain = functools.partial(function, *args, **kwargs)
            if awaits:  # its loop is here
                return plain
            return lambda: self._submit(contextvars.copy_context().run, plain).result()
        return functools.partial(self._away_async if awaits else self._away, name, function, args, kwargs)

    def driving(self, drive: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A driver whose wait in the main thread an interrupt ends, while the call goes on and is kept: it is paid."""
        if self.here:
            return drive

        def driven(call: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                return drive(call)
            done: Future[Any] = Future()
            context = contextvars.copy_context()
            try:
                threading.Thread(target=_settle, args=(done, context.run, drive, call), name="spotmagic-call").start()
            except RuntimeError:  # no thread is to be had: the call is made without
                return drive(call)
            return done.result()

        return driven

    def _away(self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        data = pack_call(function, args, kwargs, name)
        for run in range(1, _RUNS + 1):
            try:
                return arrive(self._hand_over(data).result())
            except BaseException as error:
                self._again(name, error, run)
        raise AssertionError  # the last run gave a value or raised

    async def _away_async(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        data = pack_call(function, args, kwargs, name)
        for run in range(1, _RUNS + 1):
            try:
                handed = self._hand_over(data)
                waits = asyncio.wrap_future(handed) if isinstance(handed, Future) else asyncio.to_thread(handed.result)
                return arrive(await waits)
            except BaseException as error:
                self._again(name, error, run)
        raise AssertionError  # the last run gave a value or raised

    def _hand_over(self, data: bytes) -> Any:
        if self._never_twice and self._once is not None:
            return self._submit(work, data, self._once())
        return self._submit(work, data)

    def _again(self, name: str, error: BaseException, run: int) -> None:
        """Go on to another run, or raise: the user's error as it is, a lost worker as ``JobFailed``."""
        gone = isinstance(error, BrokenExecutor | BegunBefore | CancelledError) or type(error).__name__ in _LOST
        if isinstance(error, asyncio.CancelledError):  # the executor gave it up, unless this task was cancelled
            gone = not _is_cancelled()
        if not gone:
            raise error
        if self._never_twice or run == _RUNS:
            raise JobFailed(
                f"the worker that ran {name} died",
                why="it may or may not have run to its end"
                + ("" if self._never_twice else f", {counted(run, 'time')}"),
                todo="Look whether it was paid for, then call it again",
            ) from error


def carrier(executor: Any, never_twice: bool = False) -> Carrier | None:
    """What makes calls with an executor; ``None`` for threads of our own.

    Args:
        executor: any :class:`concurrent.futures.Executor`, ``"threads"``, ``"processes"`` (loky), a client of dask.

    Raises:
        OptionError: for anything else, for a pool of forked processes, and where a package is missing.
    """
    if executor is None or executor == "threads":
        return None
    if isinstance(executor, str):
        if executor != "processes":
            raise unknown("executor", executor, WORDS)
        _loky()
        return Carrier(_submit_to_loky, never_twice=never_twice)
    if type(executor).__module__.partition(".")[0] == "distributed":
        client = getattr(executor, "_client", executor)
        settings = {**getattr(executor, "_kwargs", {}), "pure": False}  # of client.get_executor(workers=…)
        submit = functools.partial(_OnDask, client, settings | ({"retries": 0} if never_twice else {}))
        return Carrier(submit, never_twice=never_twice, once=_Begun)
    if not (isinstance(executor, Executor) or callable(getattr(executor, "submit", None))):
        raise OptionError(
            f"executor={executor!r} is none",
            todo="Say 'threads', 'processes', a concurrent.futures.Executor or a client of dask",
        )
    if isinstance(executor, ProcessPoolExecutor):
        method = getattr(executor, "_mp_context", None)
        if method is not None and method.get_start_method() == "fork":
            raise OptionError(
                "a pool of forked processes is not used",
                why="its workers keep the functions and modules of the moment they were forked, so after an edit the "
                "old code would run, and locks held then stay locked for ever",
                todo="Say executor='processes', or give the pool mp_context=multiprocessing.get_context('spawn')",
            )
    here = isinstance(executor, ThreadPoolExecutor) and type(executor).__name__ != "InterpreterPoolExecutor"
    return Carrier(executor.submit, here=here, never_twice=never_twice)


class _OnDask:
    """A call handed to a cluster. It is asked for again and again: when a worker dies whose results are being fetched,
    a client may wait for ever for news that it has missed."""

    def __init__(self, client: Any, settings: dict[str, Any], *what: Any) -> None:
        self._client = client
        self._future = client.submit(*what, **settings)

    def result(self) -> Any:
        """What the worker gave."""
        while True:
            try:
                return self._future.result(timeout=_PATIENCE)
            except TimeoutError:  # no error of the user's is raised here: they come packed
                pass
            state = self._client.run_on_scheduler(_state, key=self._future.key)
            if state in ("erred", "forgotten", ""):
                raise BrokenExecutor(f"its result went down with a worker; the scheduler says {state or 'nothing'}")
            if state == "memory":
                self._client._send_to_scheduler({"op": "report-key", "key": self._future.key})


def _state(key: Any, dask_scheduler: Any = None) -> str:
    task = dask_scheduler.tasks.get(key)
    return "" if task is None else str(task.state)


class _Begun:
    """Asks the scheduler of dask, from a worker, whether a call is begun for the first time.

    dask makes calls again whose worker died, whatever ``retries`` says; those that had not begun may be.
    """

    def __init__(self) -> None:
        self._ticket = secrets.token_bytes(12)

    def __call__(self) -> bool:
        from distributed import get_client

        return bool(get_client().run_on_scheduler(_first, ticket=self._ticket))


def _first(ticket: bytes, dask_scheduler: Any = None) -> bool:
    begun: dict[bytes, None] = dask_scheduler.__dict__.setdefault("_spotmagic_begun", {})
    if ticket in begun:
        return False
    begun[ticket] = None
    if len(begun) > 1_000_000:
        del begun[next(iter(begun))]
    return True


_pool: Any = None
_pool_lock = files.ForkLock()


def _loky() -> Any:
    try:
        import loky
    except ImportError:
        todo = "pip install 'spotmagic[processes]'"
        raise OptionError("executor='processes' needs loky", "it is not installed", todo) from None
    return loky


def _submit_to_loky(*what: Any) -> Future[Any]:
    """Hand over to our pool: made when first needed, and anew when a worker died, which breaks a pool."""
    global _pool
    loky = _loky()
    for _ in range(3):
        with _pool_lock:
            if _pool is None or _pool._flags.broken is not None or _pool._flags.shutdown:
                _pool = loky.ProcessPoolExecutor(os.cpu_count() or 1, timeout=300, initializer=_ignore_interrupts)
            pool = _pool
        try:
            future: Future[Any] = pool.submit(*what)
            return future
        except (BrokenExecutor, RuntimeError):  # it broke, or shut down, just now
            continue
    raise BrokenExecutor("the pool of processes breaks at once")


def _ignore_interrupts() -> None:
    """In a worker: an interrupt of the kernel goes to its whole process group, and is meant for the kernel alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _settle(done: Future[Any], run: Callable[..., Any], *what: Any) -> None:
    try:
        value = run(*what)
    except BaseException as error:
        done.set_exception(error)
    else:
        done.set_result(value)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
