"""What is to be written about a call that ran: its entry, its price, its run."""

from __future__ import annotations

import asyncio
import math
import sys
import traceback
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from spotmagic.codecs.failures import stand_in
from spotmagic.engine.attempts import Course, Ran
from spotmagic.engine.budget import Hold
from spotmagic.engine.call import Call
from spotmagic.engine.decide import Decision
from spotmagic.engine.explain import Why
from spotmagic.engine.running import Board, Sign, outer
from spotmagic.engine.usage import Usage, price_of_usage, usage_of
from spotmagic.errors import Uncacheable, is_end, tell
from spotmagic.options import Mode, Verdict
from spotmagic.reads.supposed import confirm
from spotmagic.reads.typed import TYPED
from spotmagic.store import Store
from spotmagic.store.editions import FILES, after, one_more, settle
from spotmagic.store.entry import Entry, Part
from spotmagic.store.record import USAGE, Run
from spotmagic.values.credentials import found_in
from spotmagic.values.secrets import masked
from spotmagic.values.shown import noted
from spotmagic.values.written import mask
from spotmagic.words import counted

SYNC_AFTER = 0.05  # a call this long in seconds is on disk before its result is returned
NO_KEY = bytes(16)
_TRACEBACK, _FAILURE = 20_000, 300


class Receipt:
    """What is to be written about a call that ran, and how much of it is done: after an interrupt the rest is done.

    Attributes:
        course: the run under way, if it does not come in steps.
        ran: what came of the run, once it is over.
        booked: all is written.
        hold: what is reserved of the budget.
        why: why it ran.
        price: what it cost, once that is known.
        usage: what its answer says it took, if it does.
        entry: what is to be kept; there is none where an obstacle stands in the way.
        aside: the result over other contents of the files, whose place under the key the entry takes.
        obstacle: what stands in the way of keeping it, or empty.
        remark: what else the verdict is to say.
        about: notes about the run beside the call's.
        passes: the call runs without us.
    """

    __slots__ = (
        "_begun", "_board", "_sign", "_started", "about", "aside", "booked", "call", "course", "decision", "entry",
        "hold", "obstacle", "passes", "price", "ran", "remark", "usage", "why",
    )  # fmt: skip

    def __init__(self, call: Call, decision: Decision) -> None:
        self.call, self.decision, self.passes = call, decision, decision.action == "bypass"
        self._board: Board | None = None
        self._sign: Sign | None = None
        self.course: Course | None = None
        self.ran: Ran | None = None
        self.booked = False
        self.hold: Hold | None = None
        self.why: Why | None = None
        self.price: float | None = None
        self.usage: Usage | None = None
        self.entry: Entry | None = None
        self.aside: Entry | None = None
        self.obstacle = self.remark = ""
        self.about: Mapping[str, str] = {}
        self._begun = self._started = False

    @property
    def takes_turns(self) -> bool:
        """Whether it is a stream that is recorded: nobody waits for its whole run, so others may be at it as well."""
        return self.call.mode is Mode.RECORD and self.course is None and bool(self.call.key)

    def over(self) -> None:
        """The run is over: settle with its limit, and see what came of it."""
        if self.ran is None:
            assert self.course is not None
            self.course.settle()
            self.ran = self.course.ran()

    def read(self, ran: Ran) -> str:
        """Let the files that the run read be among its inputs. Returns what forbids to keep the result, or empty.

        Raises:
            Uncacheable: it asked a person.
        """
        call = self.call
        if ran.noting is None:
            return ""
        if ran.noting.trouble == TYPED:
            raise Uncacheable("what is typed is not kept", TYPED, "Pass the answer as an argument", path="input")
        confirm(ran.noting)
        text, inputs, obstacle = settle(ran.noting, call.options.files, call.options.ignore)
        if text:
            call.notes, call.inputs = {**call.notes, FILES: text}, {**call.inputs, **inputs}
        return obstacle

    def judge(self, value: Any) -> str:
        """Ask the user's ``keep_if`` about a result. Returns what it has against keeping it, or empty.

        Where it fails the result is kept, and told to be: what is paid for is not lost by a slip in a predicate.
        """
        keep_if = self.call.options.keep_if
        if keep_if is None:
            return ""
        option = "keep" if self.call.kind == "cell" else "keep_if"
        try:
            if keep_if(value):
                return ""
        except BaseException as error:
            if is_end(error):
                raise
            self.remark = masked(f"kept, as {option}= failed ({type(error).__name__}: {error})")
            what = f"{option}= of {self.call.name} failed"
            tell(what, f"{type(error).__name__}: {error}", "Its results are kept", once=f"{what} {id(keep_if)}")
            return ""
        name = getattr(keep_if, "__name__", type(keep_if).__name__)
        return f"not worth keeping, says {option}={'' if name.startswith(('<', '_')) else name}"

    def make(self, parts: tuple[Part, ...], notes: Mapping[str, str], now: float, store: Store) -> None:
        """Make the entry."""
        call, ran, why = self.call, self.ran, self.why
        assert ran is not None and why is not None and self.price is not None
        ttl, made = call.options.ttl, ran.value if ran.error is None or ran.stopped else ran.error
        if call.kind == "function":  # a cell tells of its drawings itself
            notes = {**notes, **noted(made, parts[0].codecs, parts[0].size, call.secrets)}
        if ran.error is not None and not ran.stopped:
            ttl = call.options.errors.ttl(ran.error, ttl)
        status = "partial" if ran.stopped else "value" if ran.error is None else "error"
        entry = Entry(
            key=call.key,
            name=call.name,
            kind=call.kind,
            status=status,
            code=call.code,
            created=ran.started if ran.stopped else now,
            expires=None if ttl is None else now + ttl,
            seconds=ran.seconds,
            price=self.price,
            content_type=call.options.content_type,
            inputs=call.inputs,
            notes=notes,
            reason=why.reason,
            waited=ran.waited,
            parts=parts,
        )
        if call.mode is Mode.RECORD and entry.status != "partial":
            self.entry, self.aside = one_more(entry, store.get)
        else:
            self.entry, self.aside = after(entry, store.get) if FILES in notes else (entry, None)

    def put_aside(self, store: Store) -> None:
        """Keep the result that is replaced for the day when the files are as they were."""
        aside, self.aside = self.aside, None
        if aside is not None:
            try:
                store.put(aside)
            except Exception as error:
                tell_unstored(error)

    def start(self, board: Board, now: float) -> None:
        """Tell the board and the hooks that the call runs from now on."""
        self._started, self._board = True, board
        self._sign = board.begin(self.call.name, self.call.kind, now)
        if self.call.hooks is not None:
            self.call.hooks.tell("start", self.call)

    def tell(self) -> None:
        """Tell the hooks what came of the run; of one that was interrupted, or did not get leave, by what."""
        self._ended()
        hooks, ran, call = self.call.hooks, self.ran, self.call
        if hooks is None or not self._started:
            return
        verdict: Verdict = "bypassed" if self.passes else "ran"
        if ran is None:
            error = sys.exception()
            if isinstance(error, Exception):
                hooks.tell("failure", call, verdict=verdict, error=error)
            hooks.tell("finish", call, verdict=verdict, error=error)
            return
        facts = {
            "verdict": verdict,
            "attempt": ran.attempts,
            "seconds": ran.seconds,
            "waited": ran.waited,
            "price": self.price or 0.0,
            "stored": self.entry is not None and not self.obstacle,
            "reason": self.obstacle,
            "error": ran.error,
        }
        hooks.tell("success" if ran.error is None else "failure", call, **facts)
        hooks.tell("finish", call, **facts)

    def refuse_secrets(self, parts: tuple[Part, ...], error: BaseException | None) -> None:
        """Raise if a result or error to be kept holds a credential. The traceback of an error is noted without any."""
        secrets = self.call.secrets()
        if error is None and not secrets:
            return
        for part in parts:  # of an error each word is looked for: what is not kept of it is made again for nothing
            looked_for = secrets if error is None else {**dict.fromkeys(secrets.all, "a word of it"), **secrets}
            where = found_in((part.head, *part.buffers), looked_for)
            if where:
                what = part.name if self.call.kind == "cell" else "its result" if error is None else "its error"
                if self.call.kind == "cell":
                    todo = "Make it in a cell of its own, or leave it out with outputs="
                else:
                    todo = "Give it back without, or say with key=KeyGen.map(…) how an argument counts that is none"
                raise Uncacheable(f"{what} cannot be kept", f"it holds a secret ({where})", todo, path=part.name)
        if error is not None and self.call.kind == "function":
            lines = "".join(traceback.format_exception(error))
            self.about = {"traceback": masked(mask(lines), secrets.all)[-_TRACEBACK:]}

    def failed(self, error: BaseException) -> tuple[Part, ...]:
        """The parts of an error; of one that cannot be copied those of a stand-in of its class."""
        try:
            return self.call.encode(error)
        except Uncacheable:
            return self.call.encode(stand_in(error))

    def stopped(self, store: Store) -> str:
        """What forbids to keep a stream that was stopped early: nothing had come, or all of it is kept already."""
        assert self.ran is not None
        came, kept = len(self.ran.value or ()), store.get(self.call.key) if self.call.key else None
        said = f"stopped after {counted(came, 'item')}"
        if self.ran.error is not None:
            said += f" by {type(self.ran.error).__name__}"
        if not came or (isinstance(kept, Entry) and kept.status != "partial"):
            return said
        self.remark = f"{said}, kept as partial"
        return ""

    def cost(self) -> None:
        """Find out what the run cost: by the user's ``price``, else by what its answer says it took.

        An answer that a kept call inside gave is that call's: it was paid there, or by nobody.
        """
        call, ran = self.call, self.ran
        assert ran is not None
        if ran.error is None and not ran.asked_inside:
            value: Any = getattr(ran.value, "main", None) if call.kind == "cell" else ran.value
            self.usage = usage_of(value.told() if call.kind == "http" else value)
        self.price = price_of(call, ran)
        if self.usage is None:
            return
        if call.options.price is None:
            self.price = price_of_usage(self.usage)
        tokens = {"model": self.usage.model, "tokens": str(self.usage.input + self.usage.output)}
        call.notes = {**call.notes, **{name: text for name, text in tokens.items() if text}, USAGE: self.usage.note()}

    def begin(self) -> bool:
        """Whether its entry was about to be written before: then it may be there."""
        before, self._begun = self._begun, True
        return before

    def reserve(self, store: Store) -> None:
        """Reserve the price, or raise ``BudgetSpent`` or ``EditCosts``. Inside a call with a price it is reserved."""
        budget, price = self.call.budget, self.call.options.price
        if budget is None:
            return
        if budget.edits is not None:
            budget.edits.check(self.call)
        if price is None and budget.total is None:
            return

        def before() -> list[float]:
            return [entry.price for entry in store.recent(self.call.name)]

        if price is not None:
            around = outer()
            within = around is not None and around.priced
            known = 0.0 if within else None if callable(price) else float(price)
            self.hold = budget.hold(self.call.name, known, before)
        elif any(before()):
            self.hold = budget.hold(self.call.name, None, before)  # its answers have told prices

    def pay(self) -> None:
        """Count the price once: what calls inside it cost is counted already, and a part of it."""
        assert self.ran is not None
        if self.hold is None:  # only its answer told that it has a price
            if not self.price or self.call.budget is None:
                return
            self.hold = self.call.budget.late(self.call.name)  # once: it remembers that it was counted
        price, around = self.price or 0.0, outer()
        if around is not None and not self.hold.ended:
            around.spent_inside += price
        self.hold.spend(max(0.0, price - self.ran.spent_inside))

    def release(self) -> None:
        """It runs no more: give back what is reserved of the budget."""
        self._ended()
        if self.hold is not None:
            self.hold.release()

    def _ended(self) -> None:
        if self._sign is not None and self._board is not None:
            self._board.end(self._sign)
            self._sign = None

    @property
    def durable(self) -> bool:
        """Whether the result has to be on disk before it is returned: paid calls always."""
        entry = self.entry
        return entry is not None and entry.status != "partial" and (entry.seconds > SYNC_AFTER or entry.price > 0)

    def log(self, store: Store, reason: str) -> None:
        """Write the run down, of which no entry tells."""
        try:
            store.ran(self._run(reason))
        except Exception as error:
            tell("runs are not being counted", str(error), "Results are returned all the same", once="put")

    def _run(self, reason: str) -> Run:
        call, ran = self.call, self.ran
        assert ran is not None
        return Run(
            usage=self.usage.note() if self.usage else "",
            key=call.key or NO_KEY,
            name=call.name,
            kind=call.kind,
            reason=reason,
            started=ran.started,
            seconds=ran.seconds,
            price=self.price or 0.0,
            waited=ran.waited,
            stored=not self.obstacle,
            error=self._failure(ran.error) if ran.error else "",
        )

    def _failure(self, error: BaseException) -> str:
        """An error's type and the first line of its text, without the credentials that stand in it."""
        kind, text = type(error).__name__, ""
        with suppress(Exception):  # the text is made by the user's code
            text = next(iter(str(error).strip().splitlines()), "")
        said = masked(mask(text), self.call.secrets().all)
        return f"{kind}: {said[:_FAILURE]}" if said else kind


def price_of(call: Call, ran: Ran) -> float:
    """What a run cost by the user's ``price``; an error in it is told and counts as nothing."""
    price = call.options.price
    if price is None or ran.error is not None:
        return 0.0
    try:
        told = float(price(ran.value)) if callable(price) else float(price)
        if not 0 <= told < math.inf:  # it would spoil every sum that it is a part of
            raise ValueError(f"{told:g} is not a price")
        return told
    except BaseException as error:
        if is_end(error):
            raise
        tell(
            f"price= of {call.name} failed",
            f"{type(error).__name__}: {error}",
            "The call counts as free",
            once=f"price {call.name} {id(price)}",  # once for each that was given: one that was mended may fail too
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
