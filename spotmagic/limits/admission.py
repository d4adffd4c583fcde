"""How one call gets through a limit: turn, slot, booking, wait. The steps are the same for threads and for tasks."""

from __future__ import annotations

from collections.abc import Generator

from spotmagic.clock import SYSTEM
from spotmagic.errors import LimitTimeout
from spotmagic.limits.booking import Booking, Late
from spotmagic.limits.ledger import Ledger, LedgerGone
from spotmagic.limits.line import Line
from spotmagic.limits.permit import Permit
from spotmagic.limits.queue import GRACE, Ring, Waiter

POLL = 0.005
"""Seconds between two looks for a slot that another process may have freed."""


class Abandoned(Exception):
    """The waiter is destroyed by the garbage collector, perhaps in the midst of one of our locks."""


def admit(
    line: Line, waiter: Waiter, cost: float, deadline: float, adaptive: bool
) -> Generator[float | Ring, None, Permit]:
    """Yields each wait, a sleep in seconds or a :class:`Ring`; returns the permit.

    However it ends without one, the booking is taken back and the slot is free.
    """
    queue, now = line.queue, line.clock.monotonic
    ledger: Ledger = line.ledger
    booking: Booking | None = None
    waits = False
    try:
        mine = queue.enter(waiter)
        since = waiter.asked
        while booking is None:
            while not mine:
                waits = waits or line.waits()
                yield Ring(_rest(line, waiter, now(), deadline))
                mine = queue.mine(waiter)
            ledger = line.ledger
            try:
                if ledger.seen.concurrency and waiter.slot is None:
                    waiter.slot = ledger.take(ledger.seen.concurrency)
                    if waiter.slot is None:
                        moment = now()
                        if moment >= deadline:
                            raise _timeout(
                                line, deadline - waiter.asked, f"all {ledger.seen.concurrency} slots are taken"
                            )
                        waiter.until = moment + POLL
                        waits = waits or line.waits()
                        # Only a wait on the machine's own clock can end early; the slots of other processes are polled.
                        yield Ring(POLL) if line.clock is SYSTEM else POLL
                        mine, since = queue.mine(waiter), now()
                        continue
                moment = now()
                requests, tokens = (1.0, cost) if ledger.seen.tpm else (cost, 0.0)
                booked = ledger.book(requests, tokens, moment - since, max(0.0, deadline - moment))
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
                        ledger.undo(lost)
                        break
                    wait = ledger.left(booking)
            except LedgerGone as error:
                booking = None
                _drop(waiter)
                line.fall_back(ledger, error)
        slot, waiter.slot = waiter.slot, None
        permit = Permit(line, ledger, booking, slot, cost, max(0.0, now() - waiter.asked), adaptive)
    except BaseException as error:
        if booking is not None and not isinstance(error, Abandoned):
            try:
                ledger.undo(booking)
            except LedgerGone:
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
