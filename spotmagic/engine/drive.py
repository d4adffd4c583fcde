"""The way of a call: look, fly alone, pass the limit, run, store, tell. Two short drivers share every step."""

from __future__ import annotations

import asyncio
from typing import Any

from spotmagic.engine.attempts import Ran, arun, run
from spotmagic.engine.call import Call, Done
from spotmagic.engine.flight import GONE, STORED, Flight, Landed, Seat, pauses
from spotmagic.engine.ledger import Ledger, Look
from spotmagic.engine.receipt import Receipt
from spotmagic.options import Mode, Verdict


class Engine:
    """Drives calls over a store: one execution per key, what was paid for stored before it is returned."""

    def __init__(self, ledger: Ledger, flight: Flight) -> None:
        self.ledger, self.flight, self._clock = ledger, flight, ledger.clock

    def drive(self, call: Call) -> Done:
        """What came of a call. The user's own error passes through unchanged."""
        look = self.ledger.look(call)
        if look.decision.action != "run":
            if look.decision.action == "bypass":
                return self.ledger.bypassed(call, look.decision, run(call, self._clock))
            return self._settled(call, look, 0.0)
        began = self._clock.monotonic()
        while True:
            seat = self.flight.take(call.key) if call.key else None
            if seat is None or isinstance(seat, Seat):
                return self._lead(call, look, seat, began)
            joined = self._joined(call, seat.result(), began)
            if joined is not None:
                return joined

    async def adrive(self, call: Call) -> Done:
        """The same for a call whose ``run`` gives something to await."""
        look = self.ledger.look(call)
        if look.decision.action != "run":
            if look.decision.action == "bypass":
                return self.ledger.bypassed(call, look.decision, await arun(call, self._clock))
            return self._settled(call, look, 0.0)
        began = self._clock.monotonic()
        while True:
            seat = self.flight.take(call.key) if call.key else None
            if seat is None or isinstance(seat, Seat):
                return await self._alead(call, look, seat, began)
            joined = self._joined(call, await asyncio.wrap_future(seat), began)
            if joined is not None:
                return joined

    def _lead(self, call: Call, look: Look, seat: Seat | None, began: float) -> Done:
        landed, receipt = GONE, Receipt(call, look.decision)
        try:
            if seat is not None:
                if not seat.try_lock():
                    for pause in pauses():
                        self._clock.sleep(pause)
                        if seat.try_lock():
                            break
                met = self._met(call, began)
                if met is not None:
                    landed = STORED
                    return met
            self.ledger.afford(receipt)
            receipt.ran = ran = run(call, self._clock)
            self.ledger.book(receipt)
            landed = _landed(receipt, ran)
        finally:
            receipt.release()
            if seat is not None:
                seat.land(landed)
        done = self.ledger.finished(receipt)
        if ran.error is not None:
            raise ran.error
        return done

    async def _alead(self, call: Call, look: Look, seat: Seat | None, began: float) -> Done:
        landed, receipt = GONE, Receipt(call, look.decision)
        try:
            if seat is not None:
                if not seat.try_lock():
                    for pause in pauses():
                        await self._clock.asleep(pause)
                        if seat.try_lock():
                            break
                met = self._met(call, began)
                if met is not None:
                    landed = STORED
                    return met
            self.ledger.afford(receipt)
            receipt.ran = ran = await arun(call, self._clock)
            await self.ledger.abook(receipt)
            landed = _landed(receipt, ran)
        finally:
            receipt.release()
            if seat is not None:
                seat.land(landed)
        done = self.ledger.finished(receipt)
        if ran.error is not None:
            raise ran.error
        return done

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
        return self.ledger.hit(call, look.entry, look.value, waited, verdict)

    def _joined(self, call: Call, landed: Landed, began: float) -> Done | None:
        """The end of a waiter's call, or ``None`` if it has to try again."""
        if landed.how == "error":
            raise landed.what
        if landed.how == "value":
            return self.ledger.shared(call, landed.what, self._clock.monotonic() - began)
        if landed.how == "stored":
            call.fresh = False
            return self._met(call, began)
        return None


def _landed(receipt: Receipt, ran: Ran) -> Landed:
    value: Any = ran.value
    if ran.error is not None:
        return Landed("error", ran.error)
    return Landed("value", value) if receipt.obstacle else STORED
