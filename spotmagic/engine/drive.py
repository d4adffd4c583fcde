"""The way of a call: look, fly alone, pass the limit, run, store, tell. Two short drivers share every step."""

from __future__ import annotations

import asyncio
from typing import Any

from spotmagic.engine.attempts import arun, run
from spotmagic.engine.call import Call, Outcome
from spotmagic.engine.flight import Flight, Landed, Seat, pauses
from spotmagic.engine.ledger import Ledger, Look
from spotmagic.engine.ran import Ran


class Engine:
    """Drives calls over a store: one execution per key, what was paid for stored before it is returned."""

    def __init__(self, ledger: Ledger, flight: Flight) -> None:
        self.ledger, self.flight, self._clock = ledger, flight, ledger.clock

    def drive(self, call: Call) -> Outcome:
        """What came of a call. The user's own error passes through unchanged."""
        look = self.ledger.look(call)
        if look.decision.action == "bypass":
            return self.ledger.bypassed(call, look.decision, run(call, self._clock))
        settled = self._settled(call, look, 0.0)
        if settled is not None:
            return settled
        if not call.key:
            self.ledger.afford(call)
            return _raised(self.ledger.finished(call, look.decision, ran := run(call, self._clock)), ran)
        began = self._clock.monotonic()
        while True:
            seat = self.flight.take(call.key)
            if isinstance(seat, Seat):
                return self._lead(call, look, seat, began)
            joined = self._joined(call, seat.result(), began)
            if joined is not None:
                return joined

    async def adrive(self, call: Call) -> Outcome:
        """The same for a call whose ``run`` gives something to await."""
        look = self.ledger.look(call)
        if look.decision.action == "bypass":
            return self.ledger.bypassed(call, look.decision, await arun(call, self._clock))
        settled = self._settled(call, look, 0.0)
        if settled is not None:
            return settled
        if not call.key:
            self.ledger.afford(call)
            return _raised(self.ledger.finished(call, look.decision, ran := await arun(call, self._clock)), ran)
        began = self._clock.monotonic()
        while True:
            seat = self.flight.take(call.key)
            if isinstance(seat, Seat):
                return await self._alead(call, look, seat, began)
            joined = self._joined(call, await asyncio.wrap_future(seat), began)
            if joined is not None:
                return joined

    def _lead(self, call: Call, look: Look, seat: Seat, began: float) -> Outcome:
        landed = Landed("gone")
        try:
            for pause in pauses():
                if seat.try_lock():
                    break
                self._clock.sleep(pause)
            met = self._met(call, began)
            if met is not None:
                landed = Landed("stored")
                return met
            self.ledger.afford(call)
            ran = run(call, self._clock)
            outcome = self.ledger.finished(call, look.decision, ran)
            landed = _landed(outcome, ran.error)
        finally:
            seat.land(landed)
        return _raised(outcome, ran)

    async def _alead(self, call: Call, look: Look, seat: Seat, began: float) -> Outcome:
        landed = Landed("gone")
        try:
            for pause in pauses():
                if seat.try_lock():
                    break
                await self._clock.asleep(pause)
            met = self._met(call, began)
            if met is not None:
                landed = Landed("stored")
                return met
            self.ledger.afford(call)
            ran = await arun(call, self._clock)
            outcome = self.ledger.finished(call, look.decision, ran)
            landed = _landed(outcome, ran.error)
        finally:
            seat.land(landed)
        return _raised(outcome, ran)

    def _met(self, call: Call, began: float) -> Outcome | None:
        """The result that another kernel stored between the first look and the lock."""
        waited = self._clock.monotonic() - began
        return self._settled(call, self.ledger.look(call), waited, "joined")

    def _settled(self, call: Call, look: Look, waited: float, verdict: Any = "hit") -> Outcome | None:
        """The outcome of a look that needs no run. Raises where the mode forbids one."""
        if look.decision.action in ("missing", "refused"):
            raise self.ledger.refuse(call, look.decision)
        if look.entry is None:
            return None
        return self.ledger.hit(call, look.entry, look.value, waited, verdict)

    def _joined(self, call: Call, landed: Landed, began: float) -> Outcome | None:
        """The outcome of a waiter, or ``None`` if it has to try again."""
        waited = self._clock.monotonic() - began
        if landed.how == "error":
            raise landed.what
        if landed.how == "value":
            return self.ledger.shared(call, landed.what, waited)
        if landed.how == "stored":
            call.fresh = False
            return self._met(call, began)
        return None


def _raised(outcome: Outcome, ran: Ran) -> Outcome:
    """The outcome of a run, or the user's own error."""
    if ran.error is not None:
        raise ran.error
    return outcome


def _landed(outcome: Outcome, error: Exception | None) -> Landed:
    if error is not None:
        return Landed("error", error)
    return Landed("stored") if outcome.stored else Landed("value", outcome.value)
