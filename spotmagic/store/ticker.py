"""The background threads of all stores of a process: one that syncs, counts and tidies, others that work ahead."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, Protocol, TypeVar

from spotmagic import threads

T = TypeVar("T")

PERIOD = 1.0
WRITERS = 4


class Ticked(Protocol):
    """What wants to be called once a second while it has something to do."""

    def tick(self) -> bool:
        """Do what is due. Returns whether there may be more to do later."""

    def close(self) -> None:
        """Leave nothing undone; called at exit."""

    def before_fork(self) -> None:
        """Come to rest."""

    def after_fork(self, child: bool) -> None:
        """Go on; in the child as somebody new."""


class Ticker:
    """Calls stores that are awake once a second. They are held weakly."""

    def __init__(self) -> None:
        self._all: weakref.WeakSet[Ticked] = weakref.WeakSet()
        self._awake: weakref.WeakSet[Ticked] = weakref.WeakSet()
        self._resting: list[Ticked] = []
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._writers: Executor | None = None
        atexit.register(self._at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._before_fork,
                after_in_parent=lambda: self._after_fork(False),
                after_in_child=lambda: self._after_fork(True),
            )

    def know(self, store: Ticked) -> None:
        """Close a store at exit and carry it over forks."""
        with self._change:
            self._all.add(store)

    def wake(self, store: Ticked) -> bool:
        """Call a store from now on, until it says that it has nothing to do. Whether there is a thread to do so."""
        with self._change:
            if not self._awake:
                self._change.notify()
            self._awake.add(store)
            if self._thread is None:
                self._thread = threads.spawn("spotmagic-store", self._run)
            return self._thread is not None

    def soon(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> Future[T]:
        """Let a thread do what the caller does not wait for, as a loop waits for no disk. It is done before the exit.

        Where there is no thread to be had the caller waits: what was paid for is written.
        """
        future: Future[T] = Future()
        once = threading.Lock()

        def write() -> None:
            # A pool that gets no thread raises, and holds the work for the next thread it gets all the same.
            if once.acquire(blocking=False):
                try:
                    future.set_result(work(*args, **kwargs))
                except BaseException as error:
                    future.set_exception(error)

        future.set_running_or_notify_cancel()  # so that a waiter who is cancelled twice cannot cancel it for the others
        try:
            self._pool().submit(write)
        except RuntimeError:
            write()
        return future

    def _pool(self) -> Executor:
        with self._change:
            if self._writers is None:
                from concurrent.futures import ThreadPoolExecutor

                self._writers = ThreadPoolExecutor(WRITERS, "spotmagic-writer")
            return self._writers

    def _run(self) -> None:
        while True:
            with self._change:
                while not self._awake:
                    self._change.wait()
                self._change.wait(PERIOD)
                awake = list(self._awake)
                self._awake.clear()
            while awake:
                self._tick(awake.pop())  # popped, so that nothing here holds a store through the next rest

    def _tick(self, store: Ticked) -> None:
        try:
            again = store.tick()
        except Exception:
            logging.getLogger("spotmagic").exception("the store's background work failed")
            again = False
        if again:
            with self._change:
                self._awake.add(store)

    def _at_exit(self) -> None:
        for store in list(self._all):
            try:
                store.close()
            except Exception:
                logging.getLogger("spotmagic").exception("a store could not be closed")

    def _before_fork(self) -> None:
        with self._change:
            self._resting = list(self._all)
        for store in self._resting:
            store.before_fork()
        self._change.acquire()

    def _after_fork(self, child: bool) -> None:
        resting, self._resting = self._resting, []
        if child:
            self._change = threading.Condition()
            self._thread = self._writers = None
            self._awake = weakref.WeakSet()
        else:
            self._change.release()
        for store in resting:
            store.after_fork(child)


TICKER = Ticker()
