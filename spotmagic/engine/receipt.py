"""What is to be written about a call that ran: its entry, its price, its run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from spotmagic.engine.attempts import Ran
from spotmagic.engine.budget import Hold
from spotmagic.engine.call import Call
from spotmagic.engine.decide import Decision
from spotmagic.engine.explain import Why
from spotmagic.errors import tell
from spotmagic.store.editions import FILES, after, settle
from spotmagic.store.entry import Entry, Part
from spotmagic.store.protocol import Store
from spotmagic.store.record import Run

SYNC_AFTER = 0.05  # a call this long in seconds is on disk before its result is returned
NO_KEY = bytes(16)


class Receipt:
    """What is to be written about a call that ran, and how much of it is done: after an interrupt the rest is done.

    Attributes:
        hold: what is reserved of the budget.
        why: why it ran.
        price: what it cost, once that is known.
        entry: what is to be kept; there is none where an obstacle stands in the way.
        aside: the result over other contents of the files, whose place under the key the entry takes.
        obstacle: what stands in the way of keeping it, or empty.
    """

    __slots__ = ("_begun", "aside", "call", "decision", "entry", "hold", "obstacle", "price", "ran", "why")

    def __init__(self, call: Call, decision: Decision) -> None:
        self.call, self.decision = call, decision
        self.ran: Ran | None = None
        self.hold: Hold | None = None
        self.why: Why | None = None
        self.price: float | None = None
        self.entry: Entry | None = None
        self.aside: Entry | None = None
        self.obstacle = ""
        self._begun = False

    def read(self, ran: Ran) -> str:
        """Let the files that the run read be among its inputs. Returns what forbids to keep the result, or empty."""
        call = self.call
        if ran.noting is None:
            return ""
        text, inputs, obstacle = settle(ran.noting, call.options.files, call.options.ignore)
        if text:
            call.notes, call.inputs = {**call.notes, FILES: text}, {**call.inputs, **inputs}
        return obstacle

    def make(self, parts: tuple[Part, ...], notes: Mapping[str, str], now: float, store: Store) -> None:
        """Make the entry."""
        call, ran, why = self.call, self.ran, self.why
        assert ran is not None and why is not None and self.price is not None
        ttl = call.options.ttl
        entry = Entry(
            key=call.key,
            name=call.name,
            kind=call.kind,
            code=call.code,
            inputs=call.inputs,
            parts=parts,
            created=now,
            expires=None if ttl is None else now + ttl,
            seconds=ran.seconds,
            price=self.price,
            status="value" if ran.error is None else "error",
            content_type=call.options.content_type,
            notes=notes,
            reason=why.reason,
            waited=ran.waited,
        )
        self.entry, self.aside = after(entry, store.get) if FILES in notes else (entry, None)

    def put_aside(self, store: Store) -> None:
        """Keep the result that is replaced for the day when the files are as they were."""
        aside, self.aside = self.aside, None
        if aside is not None:
            try:
                store.put(aside)
            except Exception as error:
                tell_unstored(error)

    def begin(self) -> bool:
        """Whether its entry was about to be written before: then it may be there."""
        before, self._begun = self._begun, True
        return before

    def release(self) -> None:
        """Give back what is reserved of the budget."""
        if self.hold is not None:
            self.hold.release()

    @property
    def durable(self) -> bool:
        """Whether the result has to be on disk before it is returned: paid calls always."""
        return self.entry is not None and (self.entry.seconds > SYNC_AFTER or self.entry.price > 0)

    def run(self, reason: str) -> Run:
        """The record of the run, for one that no entry tells of."""
        call, ran = self.call, self.ran
        assert ran is not None
        return Run(
            key=call.key or NO_KEY,
            name=call.name,
            kind=call.kind,
            reason=reason,
            started=ran.started,
            seconds=ran.seconds,
            price=self.price or 0.0,
            waited=ran.waited,
            stored=not self.obstacle,
            error=type(ran.error).__name__ if ran.error else "",
        )


def price_of(call: Call, ran: Ran) -> float:
    """What a run cost by the user's ``price``; an error in it is told and counts as nothing."""
    price = call.options.price
    if price is None or ran.error is not None:
        return 0.0
    try:
        return float(price(ran.value)) if callable(price) else float(price)
    except Exception as error:
        tell(
            f"price= of {call.name} failed",
            f"{type(error).__name__}: {error}",
            "The call counts as free",
            once=f"price {call.name}",
        )
        return 0.0


def tell_unstored(error: Exception) -> str:
    """Warn, once until something can be stored again, that nothing can be. Returns the reason."""
    reason: str = getattr(error, "strerror", None) or str(error)
    where = getattr(error, "filename", None)
    tell(
        "results are not being stored",
        f"{where}: {reason}" if where else reason,
        "They are returned all the same; free space or rights, and storing resumes",
        once="put",
    )
    return reason


async def anyway(pending: Future[Any]) -> None:
    """Wait for something under way, also when this task is cancelled meanwhile: that goes on afterwards."""
    waiting = asyncio.wrap_future(pending)
    try:
        await asyncio.shield(waiting)
    except asyncio.CancelledError:
        await asyncio.shield(waiting)  # who insists goes on at once, and what is under way goes on too
        raise
