"""The way of a call: look, fly alone, pass the limit, run, store, tell. Two short drivers share every step."""

from __future__ import annotations

import asyncio

from spotmagic.engine.attempts import abegin, begin
from spotmagic.engine.call import Call, Done
from spotmagic.engine.flight import GONE, STORED, Landed, Seat, pauses
from spotmagic.engine.ledger import Ledger, Look
from spotmagic.engine.receipt import Receipt
from spotmagic.engine.stream import Streams
from spotmagic.options import Mode, Verdict


class Engine:
    """Drives calls over a store: one execution per key, what was paid for stored before it is returned."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.flight, self._clock = ledger, ledger.flight, ledger.clock
        self.streams = Streams(ledger)

    def drive(self, call: Call) -> Done:
        """What came of a call. The user's own error passes through unchanged."""
        ledger, clock = self.ledger, self._clock
        look = ledger.look(call)
        action = look.decision.action
        if action not in ("run", "bypass"):
            if call.latency:
                clock.sleep(_held_back(call, look))
            return self._settled(call, look, 0.0)
        receipt, began = Receipt(call, look.decision), clock.monotonic()
        while True:
            # Until the result is booked those who wait are told that the run is gone: then one of them makes it.
            seat, landed = Seat(self.flight, call.key if action == "run" else b""), GONE
            try:
                leader = seat.take()
                if leader is None:
                    if not seat.try_lock():
                        for pause in pauses():
                            clock.sleep(pause)
                            if seat.try_lock():
                                break
                    if seat.key and (met := self._met(call, began)) is not None:
                        landed = STORED
                        return met
                    course = ledger.begin(receipt)
                    begin(course, call.run, course)
                    ledger.book(receipt)
                    landed = _landed(receipt)
            except BaseException:
                ledger.rescue(receipt)
                raise
            finally:
                ledger.end(receipt, seat, landed)
            if leader is None:
                return _ended(receipt, ledger.finished(receipt))
            joined = self._joined(call, leader.result(), began)
            if joined is not None:
                return joined

    async def adrive(self, call: Call) -> Done:
        """The same for a call whose ``run`` gives something to await."""
        ledger, clock = self.ledger, self._clock
        look = ledger.look(call)
        action = look.decision.action
        if action not in ("run", "bypass"):
            if call.latency:
                await clock.asleep(_held_back(call, look))
            return self._settled(call, look, 0.0)
        receipt, began = Receipt(call, look.decision), clock.monotonic()
        while True:
            seat, landed = Seat(self.flight, call.key if action == "run" else b""), GONE
            try:
                leader = seat.take()
                if leader is None:
                    if not seat.try_lock():
                        for pause in pauses():
                            await clock.asleep(pause)
                            if seat.try_lock():
                                break
                    if seat.key and (met := self._met(call, began)) is not None:
                        landed = STORED
                        return met
                    course = ledger.begin(receipt)
                    await abegin(course, call.run, course)
                    await ledger.abook(receipt)
                    landed = _landed(receipt)
            except BaseException:
                ledger.rescue(receipt)
                raise
            finally:
                ledger.end(receipt, seat, landed)
            if leader is None:
                return _ended(receipt, ledger.finished(receipt))
            joined = self._joined(call, await asyncio.wrap_future(leader), began)
            if joined is not None:
                return joined

    def _met(self, call: Call, began: float) -> Done | None:
        """The result that another thread or kernel stored between the first look and the lock.

        Whoever held the lock had stored before it let go, so under the lock one look at what came since is enough:
        at the entry only if there is one.
        """
        plain = call.mode is Mode.AUTO and not (call.fresh or call.accepts)
        if plain and not self.ledger.store.has(call.key):
            return None
        look = self.ledger.look(call)
        if look.decision.action == "run":
            return None
        return self._settled(call, look, self._clock.monotonic() - began, "joined")

    def _settled(self, call: Call, look: Look, waited: float, verdict: Verdict = "hit") -> Done:
        """The end of a call that needs no run. Raises where the mode forbids one."""
        if look.entry is None:
            raise self.ledger.refuse(call, look.decision)
        done = self.ledger.hit(call, look.entry, look.value, waited, verdict)
        if look.entry.status == "error":
            raise look.value
        return done

    def _joined(self, call: Call, landed: Landed, began: float) -> Done | None:
        """The end of a waiter's call, or ``None`` if it has to try again."""
        if landed.how == "error":
            raise landed.what
        if landed.how == "value":
            return self.ledger.shared(call, landed.what, self._clock.monotonic() - began)
        if landed.how == "stored":
            call.fresh = False  # the leader's run is as new as one that was asked for meanwhile
            return self._met(call, began)
        return None


def _held_back(call: Call, look: Look) -> float:
    """Seconds that a result from the store is held back by the user's ``latency``."""
    if look.entry is None:
        return 0.0
    return look.entry.seconds if call.latency == "recorded" else float(call.latency)


def _landed(receipt: Receipt) -> Landed:
    ran = receipt.ran
    assert ran is not None
    if ran.error is not None:
        return Landed("error", ran.error)
    return Landed("value", ran.value) if receipt.obstacle else STORED


def _ended(receipt: Receipt, done: Done) -> Done:
    """The end of a call that ran. Raises the user's own error."""
    if receipt.ran is not None and receipt.ran.error is not None:
        raise receipt.ran.error
    return done
