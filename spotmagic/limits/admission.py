"""How one call gets through a limit: turn, slot, booking, wait. The steps are the same for threads and for tasks.

The order is what keeps it fair and cheap. Who has no turn has booked nothing and holds no slot, so a call that is
cancelled while it waits in the queue leaves no trace in the state that is shared with other processes.
"""

from __future__ import annotations

from collections.abc import Generator

from spotmagic.clock import SYSTEM
from spotmagic.errors import LimitTimeout
from spotmagic.limits.booking import Booking, Late
from spotmagic.limits.line import Line
from spotmagic.limits.permit import Permit
from spotmagic.limits.queue import GRACE, Pause, Waiter
from spotmagic.limits.storage import Storage, StorageGone

POLL = 0.005
"""Seconds between two looks for a slot that another process may have freed."""


class Abandoned(Exception):
    """The waiter is destroyed by the garbage collector, perhaps in the midst of one of our locks."""


def admit(
    line: Line, waiter: Waiter, cost: float, deadline: float, adaptive: bool
) -> Generator[float | Pause, None, Permit]:
    """Yields each wait, a sleep in seconds or a :class:`Pause`; returns the permit.

    Three calls that come at once to an idle limit of 60 requests a minute: the first one's steps return at once. Those
    of the second have the turn after that, and yield 1.0, the seconds to its start. Those of the third yield a
    ``Pause`` until the second has gone and rings, and 1.0 then.

    However it ends without a permit, the booking is taken back and the slot is free.
    """
    queue, now = line.queue, line.clock.monotonic
    storage: Storage = line.storage
    booking: Booking | None = None
    waits = False
    try:
        mine = queue.enter(waiter)
        since = waiter.asked
        while booking is None:
            while not mine:
                waits = waits or line.waits()
                yield Pause(_rest(line, waiter, now(), deadline))
                mine = queue.mine(waiter)
            storage = line.storage
            try:
                # The slot before the booking: a start that is booked and has no slot would be lost for everybody.
                if storage.seen.concurrency and waiter.slot is None:
                    waiter.slot = storage.take(storage.seen.concurrency)
                    if waiter.slot is None:
                        moment = now()
                        if moment >= deadline:
                            raise _timeout(
                                line, deadline - waiter.asked, f"all {storage.seen.concurrency} slots are taken"
                            )
                        waiter.until = moment + POLL
                        waits = waits or line.waits()
                        # Only a wait on the machine's own clock can end early; the slots of other processes are polled.
                        yield Pause(POLL) if line.clock is SYSTEM else POLL
                        mine, since = queue.mine(waiter), now()
                        continue
                moment = now()
                requests, tokens = (1.0, cost) if storage.seen.tpm else (cost, 0.0)
                booked = storage.book(requests, tokens, moment - since, max(0.0, deadline - moment))
                if isinstance(booked, Late):
                    raise _timeout(line, deadline - waiter.asked, f"the next start is {booked.wait:.3g} s away")
                booking = booked
                wait = booking.wait
                while wait > 0.0:
                    moment = now()
                    if moment + wait > deadline:  # a pause came
                        raise _timeout(line, deadline - waiter.asked, f"it is paused for {wait:.3g} s")
                    waiter.until = moment + wait
                    waits = waits or line.waits()
                    yield wait
                    mine = queue.mine(waiter)
                    if not mine:  # passed over while the event loop was busy
                        lost, booking = booking, None
                        storage.undo(lost)
                        break
                    wait = storage.left(booking)
            except StorageGone as error:
                # Booking and slot are gone with their place. The turn stays, so nobody overtakes in the next one.
                booking = None
                _drop(waiter)
                line.fall_back(storage, error)
        slot, waiter.slot = waiter.slot, None
        permit = Permit(line, storage, booking, slot, cost, max(0.0, now() - waiter.asked), adaptive)
    except BaseException as error:
        # The garbage collector may end the wait of a task while this very thread holds the lock of the storage: undoing
        # would then wait for itself for ever. The booking is lost, which costs no more than one start.
        if booking is not None and not isinstance(error, Abandoned):
            try:
                storage.undo(booking)
            except StorageGone:
                pass
        _drop(waiter)
        raise
    finally:
        queue.leave(waiter)
        if waits:
            line.waits()
    return permit


def _rest(line: Line, waiter: Waiter, moment: float, deadline: float) -> float | None:
    """Seconds to wait for the turn at most, or ``None`` for any time."""
    if moment >= deadline:
        raise _timeout(line, deadline - waiter.asked, "others are before it")
    rest = deadline - moment if line.clock is SYSTEM else float("inf")
    if waiter.watches:
        rest = min(rest, GRACE)
    return rest if rest < float("inf") else None


def _drop(waiter: Waiter) -> None:
    slot, waiter.slot = waiter.slot, None
    if slot is not None:
        slot.drop()


def _timeout(line: Line, seconds: float, why: str) -> LimitTimeout:
    return LimitTimeout(
        f"limit {line.name!r} did not let the call pass in {max(0.0, seconds):.3g} s",
        why=why,
        todo="Wait longer (timeout=), or raise the limit",
    )
