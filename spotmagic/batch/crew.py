"""How many calls of a batch run at once, and the threads and tasks that make them."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from spotmagic import threads
from spotmagic.engine.loop import running_loop
from spotmagic.limits.queue import Waiter

MOST_ASLEEP = 256
"""Calls that may wait for another attempt without a slot: each keeps a thread or a task."""


class Crew:
    """The slots of a batch: one for each call that may run at once.

    A call that waits before another attempt gives its slot away, and comes back before any new call begins. With two
    slots A and B run. A fails and waits for 10 s, so C gets its slot. When they are over, A is owed one: whichever of B
    and C ends first hands its slot on to A, and D begins later.

    Args:
        size: how many calls run at once.
        boss: rung whenever a slot may be free.
    """

    def __init__(self, size: int, boss: Waiter) -> None:
        self.size, self._boss = size, boss
        self._busy = 0
        self._asleep: set[Waiter] = set()
        self._owed: deque[Waiter] = deque()
        self._granted: set[Waiter] = set()
        self._ended = False
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take a slot for a new call, if one is free and nobody is to come back to it."""
        with self._lock:
            if self._busy >= self.size or self._owed:
                return False
            self._busy += 1
            return True

    def free(self) -> None:
        """Give a slot back."""
        with self._lock:
            heir = self._owed.popleft() if self._owed else None  # who gets it before any new call could take it
            if heir is None:
                self._busy -= 1
            else:
                self._granted.add(heir)
        (heir or self._boss).ring()

    def rest(self, waiter: Waiter) -> None:
        """Give the slot away for a while, unless so many rest that this one has to keep it."""
        with self._lock:
            # else a provider that is down would gather a thread for each input
            keeps = len(self._asleep) >= MOST_ASLEEP
            self._asleep.add(waiter)
            if keeps:
                self._granted.add(waiter)
        if not keeps:
            self.free()

    def back(self, waiter: Waiter) -> bool:
        """Take a slot again after a rest. To be asked after each ring until it is so."""
        with self._lock:
            self._asleep.discard(waiter)
            if waiter in self._granted:
                self._granted.discard(waiter)
                return True
            if self._busy < self.size or self._ended:
                if waiter in self._owed:
                    self._owed.remove(waiter)
                self._busy += 1
                return True
            if waiter not in self._owed:
                self._owed.append(waiter)
            return False

    def end(self) -> None:
        """Let nobody rest any longer."""
        with self._lock:
            self._ended = True
            waiting = [*self._asleep, *self._owed]
        for waiter in (*waiting, self._boss):
            waiter.ring()


class Threads:
    """Threads of our own. They are daemons, so that a call without end does not keep the process.

    Attributes:
        closed: whether nothing that was handed over can go on.
    """

    closed = False

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: SimpleQueue[Any] = SimpleQueue()  # what :func:`_make` takes, or ``None`` for the end
        self._idle = self._all = 0
        self._closed = False
        self._lock = threading.Lock()

    def hand(self, work: Callable[[], Any], context: contextvars.Context, past: Callable[[], None]) -> None:
        """Begin a piece of work in a context, in a thread that is idle, else in a new one.

        Args:
            past: called when it is over, however it went, also where it was never begun.
        """
        with self._lock:
            new = self._idle <= 0
            if new:
                self._all += 1
            else:
                self._idle -= 1
        self._queue.put((work, context, past))
        # The names are of one pool, as those who note files see it.
        if new and threads.spawn(f"spotmagic {self._name}_{self._all}", self._work) is None:
            with self._lock:
                self._all -= 1
                self._idle -= 1  # the first of the others that comes to rest takes it
                alone = not self._all
            if alone:
                self._idle = 0
                _make(*self._queue.get())

    def close(self) -> None:
        """Let the threads go as they come to rest."""
        with self._lock:
            self._closed = True
        for _ in range(self._all):  # those that work look before they wait for more
            self._queue.put(None)

    def _work(self) -> None:
        while (given := self._queue.get()) is not None:
            _make(*given)
            del given  # what a call was given is not held while its thread rests
            with self._lock:
                if self._closed:
                    return
                self._idle += 1


def _make(work: Callable[[], Any], context: contextvars.Context, past: Callable[[], None]) -> None:
    try:
        context.run(work)
    finally:
        past()


class Tasks:
    """Tasks of an event loop; ``work`` gives a coroutine."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = threading.get_ident() if running_loop() is loop else 0
        self._all: set[asyncio.Task[Any]] = set()

    def hand(self, work: Callable[[], Any], context: contextvars.Context, past: Callable[[], None]) -> None:
        """Begin a task."""
        if threading.get_ident() == self._thread:
            self._begin(work, context, past)
        else:
            self._loop.call_soon_threadsafe(self._begin, work, context, past)

    def close(self) -> None:
        """Nothing to let go of: a task ends with its work."""

    @property
    def closed(self) -> bool:
        """Whether its loop is: no task of it goes on."""
        return self._loop.is_closed()

    def _begin(self, work: Callable[[], Any], context: contextvars.Context, past: Callable[[], None]) -> None:
        task = self._loop.create_task(work(), context=context)
        self._all.add(task)  # a loop holds its tasks weakly
        task.add_done_callback(self._all.discard)
        task.add_done_callback(lambda _: past())


Lane = Threads | Tasks
"""Where calls are made."""
