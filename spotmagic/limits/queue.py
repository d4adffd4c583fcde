"""Whose turn it is to book: the callers of one limit in this process, in the order they came.

Threads and tasks of any event loop stand in the same queue. Who has the turn books a start, waits for it, goes, and
hands the turn on, so a process has one booking at a time: crashes and cancellations lose little, and processes take
turns too.

A task can hold the turn while its event loop is busy (a long cell runs in the loop's own thread, and may itself be
waiting here). Then it loses the turn to the next who can run, and books anew when its loop lives again.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from spotmagic.limits.storage import Slot

GRACE = 0.2
"""Seconds after which a task that does not come for its turn is passed over."""


class Pause(NamedTuple):
    """A wait that ends when somebody rings, or after some seconds."""

    seconds: float | None


class Waiter:
    """A thread that waits for its turn."""

    __slots__ = ("_bell", "asked", "here", "slot", "thread", "until", "watches")
    loop: asyncio.AbstractEventLoop | None = None

    def __init__(self, asked: float) -> None:
        self.asked = asked
        self.thread = threading.get_ident()
        self.slot: Slot | None = None  # what it holds while it waits for its start
        self.until = asked  # when it has to show up while it has the turn
        self.here = False  # whether it is in a queue
        self.watches = False  # whether it looks after the one before it
        # A lock that is held until somebody rings. It is made when needed: most callers have their turn at once.
        self._bell: threading.Lock | None = None

    def listen(self) -> None:
        """Get ready to be rung."""
        self._bell = threading.Lock()
        self._bell.acquire()

    def ring(self) -> None:
        """End its wait, this one or the next."""
        if self._bell is None:
            return
        try:
            self._bell.release()
        except RuntimeError:  # rung already
            pass

    def wait(self, ring: Pause) -> None:
        """Wait until rung, or for the seconds."""
        if self._bell is None:
            self.listen()
        assert self._bell is not None
        seconds = ring.seconds
        self._bell.acquire(timeout=-1 if seconds is None else min(max(0.0, seconds), threading.TIMEOUT_MAX))


class TaskWaiter(Waiter):
    """A task that waits for its turn, in the event loop that runs now."""

    __slots__ = ("_called", "_future", "_rung", "loop")

    def __init__(self, asked: float) -> None:
        super().__init__(asked)
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] | None = None
        self._rung = self._called = False

    def listen(self) -> None:
        """Nothing to get ready."""

    def ring(self) -> None:
        """End its wait, this one or the next, from any thread."""
        if threading.get_ident() == self.thread:
            self._ring()
        elif not self._called:
            self._called = True
            try:
                self.loop.call_soon_threadsafe(self._ring)
            except RuntimeError:  # the loop is closed; it will be passed over
                pass

    def _ring(self) -> None:
        self._rung, self._called = True, False
        _finish(self._future)

    async def await_ring(self, ring: Pause) -> None:
        """Wait until rung, or for the seconds."""
        if not self._rung:
            self._future = future = self.loop.create_future()
            timer = None if ring.seconds is None else self.loop.call_later(max(0.0, ring.seconds), _finish, future)
            try:
                await future
            finally:
                self._future = None
                if timer is not None:
                    timer.cancel()
        self._rung = False


def _finish(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


@dataclass(slots=True)
class _BusyLoop:
    thread: int  # that it runs in
    tasks: int = 0  # of it that are in the queue


class TurnQueue:
    """The queue of one limit in this process.

    The lock may be taken again by its own thread: the garbage collector can end a task's wait anywhere.

    Args:
        now: the time that ``Waiter.until`` is in.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._gate = threading.RLock()
        self._holder: Waiter | None = None
        self._waiting: deque[Waiter] = deque()
        self._loops: dict[asyncio.AbstractEventLoop, _BusyLoop] = {}  # those with tasks in here
        self._asleep: set[asyncio.AbstractEventLoop] = set()  # loops that did not answer

    def __len__(self) -> int:
        """How many wait, the one who has the turn included."""
        return len(self._waiting) + (self._holder is not None)

    def enter(self, waiter: Waiter) -> bool:
        """Stand in the queue. Returns whether the turn is the waiter's at once."""
        with self._gate:
            waiter.here = True
            if waiter.loop is not None:
                self._asleep.discard(waiter.loop)
                self._loops.setdefault(waiter.loop, _BusyLoop(waiter.thread)).tasks += 1
            elif self._loops:  # this thread is about to block, and with it the loop that runs in it
                self._asleep.update(self._loops_in(waiter.thread))
            if self._holder is None:
                self._holder = waiter
                return True
            before = self._waiting[-1] if self._waiting else self._holder
            waiter.watches = before.loop is not None and before.loop is not waiter.loop
            waiter.listen()
            self._waiting.append(waiter)
            if self._holder.loop in self._asleep:
                self._pass_over()
            return self._holder is waiter

    def mine(self, waiter: Waiter) -> bool:
        """Whether the waiter has the turn. To be asked after each wait, as the turn may have gone on."""
        with self._gate:
            if waiter.loop is not None and self._asleep:
                self._asleep.discard(waiter.loop)
            holder = self._holder
            if (
                waiter.watches
                and holder is not None
                and holder.loop is not None
                and holder.loop is not waiter.loop
                and self._now() > holder.until + GRACE
            ):
                self._asleep.add(holder.loop)
                self._pass_over()
            return self._holder is waiter

    def leave(self, waiter: Waiter) -> None:
        """Leave the queue, with or without having had the turn, and hand the turn on. Again, it changes nothing."""
        with self._gate:
            if not waiter.here:
                return
            if waiter.loop is not None:
                self._asleep.discard(waiter.loop)
                loop = self._loops[waiter.loop]
                loop.tasks -= 1
                if not loop.tasks:
                    del self._loops[waiter.loop]
            elif self._asleep:
                self._asleep.difference_update(self._loops_in(waiter.thread))
            if self._holder is waiter:
                self._holder = None
            elif waiter in self._waiting:
                place = self._waiting.index(waiter)
                del self._waiting[place]
                # Somebody has to watch over each task, or a loop that is asleep would stop the queue.
                if waiter.watches and place < len(self._waiting):
                    self._waiting[place].watches = True
                    self._waiting[place].ring()
            if self._holder is None:
                self._hand_on()
            waiter.here = False

    def freed(self) -> None:
        """Tell the one who has the turn that a slot is free."""
        # Without the lock: who had the turn is rung for nothing then, and who took it looks for a slot in any case.
        holder = self._holder
        if holder is not None:
            holder.ring()

    def _loops_in(self, thread: int) -> list[asyncio.AbstractEventLoop]:
        return [loop for loop, its in self._loops.items() if its.thread == thread]

    def _pass_over(self) -> None:
        """Take the turn from a task whose loop is asleep; it stays first of those who wait."""
        asleep = self._holder
        assert asleep is not None
        if all(waiter.loop in self._asleep for waiter in self._waiting):
            return  # nobody else could use the turn now
        if asleep.slot is not None:  # another call can run in it; with its turn it asks for one anew
            asleep.slot.drop()
            asleep.slot = None
        self._waiting.appendleft(asleep)
        self._holder = None
        self._hand_on()

    def _hand_on(self) -> None:
        if not self._waiting:
            return
        place = 0
        while place < len(self._waiting) and self._waiting[place].loop in self._asleep:
            self._waiting[place].ring()  # it answers when its loop lives again
            place += 1
        place = place if place < len(self._waiting) else 0  # all are asleep: then in their order
        holder = self._waiting[place]
        del self._waiting[place]
        self._holder = holder
        holder.until = self._now()
        holder.ring()
