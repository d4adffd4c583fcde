"""What is written about a call: its result in the store, its run in the log, its outcome for the user."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from spotmagic import words
from spotmagic.clock import Clock
from spotmagic.codecs import Undecodable
from spotmagic.engine.around import around
from spotmagic.engine.call import Call, Outcome
from spotmagic.engine.decide import FIRST, Decision, decide
from spotmagic.engine.explain import Explanation, Trace, Why, account, differences, explain, likeness, quoted
from spotmagic.engine.ran import Ran
from spotmagic.errors import EntryRefused, RecordMissing, SpotError, Uncacheable, tell, tell_again
from spotmagic.options import Mode, Verdict
from spotmagic.store.entry import Bad, Entry, Part
from spotmagic.store.protocol import Store
from spotmagic.store.record import Run

SYNC_AFTER = 0.05  # a call this long in seconds is on disk before its result is returned
NO_KEY = bytes(16)
_KEPT_TRACES = 8
_WAYS_ON = (
    "Run it in mode auto for a result of your own, ask its writer for one of safe types, or, if they may run code as "
    "you, put their secret into SPOTMAGIC_KEYS"
)


class Look(NamedTuple):
    """What the store has for a call, what to do about it, and the decoded value where it is to be returned."""

    decision: Decision
    entry: Entry | None = None
    value: Any = None


_NOTHING = Look(FIRST)


class Ledger:
    """The memory of a spot's calls. Trouble of ours ends here as one warning.

    Args:
        tell_outcome: gets each outcome, hits of the short way excepted.
    """

    def __init__(self, store: Store, clock: Clock, tell_outcome: Callable[[Outcome], None]) -> None:
        self.store, self.clock, self._tell_outcome = store, clock, tell_outcome
        self._traces: dict[str, deque[Trace]] = {}
        self._drifted: dict[str, tuple[bytes, Trace]] = {}

    def look(self, call: Call) -> Look:
        """What to do with a call. An entry that cannot be decoded counts as a bad one."""
        if call.absent:
            call.absent = False
            return _NOTHING
        asked = call.key and call.mode not in (Mode.OFF, Mode.RECORD)
        found = self.store.get(call.key) if asked else None
        if found is None and call.mode is Mode.AUTO and not (call.fresh or call.accepts):
            return _NOTHING
        now = self.clock.now()
        if call.accepts and not isinstance(found, Entry):
            found = self._adopt(call)
        if isinstance(found, Bad):
            return self._refused(call, found, now)
        decision = decide(call.mode, found, now, fresh=call.fresh)
        if decision.action != "return" or not isinstance(found, Entry):
            return Look(decision)
        try:
            return Look(decision, found, call.decode(found))
        except Undecodable as error:
            who = "" if found.trusted else f", and it is of writer {found.writer.hex()}"
            return self._refused(call, Bad(error.kind, error.why + who), now)

    def _refused(self, call: Call, bad: Bad, now: float) -> Look:
        """What to do about an entry that gives no value. One that the call has to run for is told."""
        decision = decide(call.mode, bad, now, fresh=call.fresh)
        if decision.action == "run" and bad.kind != "newer format" and not call.fresh:
            todo = _WAYS_ON if bad.kind == "foreign" else "It is run again"
            tell(f"a kept result of {call.name} is not used", decision.reason, todo, once=f"{bad.kind} {call.name}")
        return Look(decision)

    def hit(self, call: Call, entry: Entry, value: Any, waited: float, verdict: Verdict = "hit") -> Outcome:
        """The outcome of a result that was there. An entry that holds an error raises it."""
        if verdict == "hit" and call.mode is Mode.MOCK:
            verdict = "mocked"
        self.store.hit(call.key, entry.seconds, entry.price)
        drift = differences(_trace(call), _kept_trace(entry)) if call.pinned else ()
        if drift:
            self._drifted[call.name] = (call.key, _trace(call))
        elif call.pinned:
            self._drifted.pop(call.name, None)
        outcome = Outcome(
            verdict=verdict,
            stored=True,
            kind=call.kind,
            name=call.name,
            reason=f"another run was under way for {words.duration(waited)}" if verdict == "joined" else "",
            drift=drift,
            key=call.key.hex(),
            age=max(0.0, self.clock.now() - entry.created),
            seconds=entry.seconds,
            saved_seconds=entry.seconds,
            saved_price=entry.price,
            waited=waited,
            value=value,
        )
        self._tell_outcome(outcome)
        if entry.status == "error":
            raise value
        return outcome

    def shared(self, call: Call, value: Any, waited: float) -> Outcome:
        """The outcome of a caller that waited for a run of this process whose result was not stored."""
        outcome = self._outcome(
            call, "joined", False, "the other run's result was not stored", waited=waited, value=value
        )
        self._tell_outcome(outcome)
        return outcome

    def refuse(self, call: Call, decision: Decision) -> SpotError:
        """The error of a call that may not run and has nothing to return."""
        if decision.action == "refused":
            return EntryRefused(
                f"the result of {call.name} may not be loaded",
                why=decision.reason,
                todo=_WAYS_ON,
            )
        changed = explain(call.kind, _trace(call), self._before(call.name))
        return RecordMissing(
            f"no result of {call.name} to return",
            why=f"{decision.reason}; {changed.reason}",
            todo="Run it once in mode auto",
        )

    def bypassed(self, call: Call, decision: Decision, ran: Ran) -> Outcome:
        """The outcome of a call that ran without us. Its own error is raised."""
        outcome = self._outcome(call, "bypassed", False, decision.reason, ran=ran)
        self._tell_outcome(outcome)
        if ran.error is not None:
            raise ran.error
        return outcome

    def afford(self, call: Call) -> None:
        """Let a call run, or raise ``BudgetSpent``."""
        if call.budget is not None:
            price = call.options.price
            known = None if callable(price) else float(price or 0)
            if price is not None:
                call.budget.open()
            call.budget.check(call.name, known, lambda: [entry.price for entry in self.store.recent(call.name)])

    def finished(self, call: Call, decision: Decision, ran: Ran) -> Outcome:
        """The outcome of a call that ran, with its result stored if it can be. An error is left in ``ran``.

        An interrupt that comes meanwhile goes on when what was paid for is stored; a second one goes on at once.
        """
        try:
            why, run, obstacle = self._booked(call, decision, ran)
        except (KeyboardInterrupt, SystemExit):  # the latter from a signal's handler
            self._booked(call, decision, ran)
            raise
        if not obstacle and ran.error is None:
            self._before(call.name).appendleft(_trace(call))
            self._drifted.pop(call.name, None)
        reason = f"{why.reason}; not stored: {obstacle}" if obstacle else why.reason
        outcome = self._outcome(call, "ran", not obstacle, reason, ran=ran, changed=why.changed, price=run.price)
        if obstacle:
            self._log(run._replace(reason=reason, stored=False))
        self._tell_outcome(outcome)
        if outcome.stored and (cell := around()) is not None:
            cell.count()
        return outcome

    def _booked(self, call: Call, decision: Decision, ran: Ran) -> tuple[Why, Run, str]:
        """Store and pay for what ran. Returns why it ran, its record, and what stood in the way of storing it."""
        why = Why(decision.reason) if decision.reason else explain(call.kind, _trace(call), self._before(call.name))
        price = _price(call, ran)
        run = _run(call, ran, why.reason, price)
        obstacle = self._keep(call, ran, run)
        if call.budget is not None and call.options.price is not None and ran.error is None:
            call.budget.spend(call.name, price)
        return why, run, obstacle

    def drifted(self) -> dict[str, str]:
        """The names of results that have drifted, each with the key it was last asked under, in digits."""
        return {name: key.hex() for name, (key, _) in list(self._drifted.items())}

    def accept(self, name: str | None = None) -> list[str]:
        """Keep drifted results for the code and inputs they were last asked with. Returns what had drifted."""
        accepted = []
        for known in [known for known in self._drifted if name in (None, known)]:
            key, trace = self._drifted[known]
            entry = self.store.get(key)
            if isinstance(entry, Entry) and entry.trusted:  # a seal of ours would make it so
                notes = {**entry.notes, "source": trace.source} if trace.source else entry.notes
                self.store.put(entry._replace(code=trace.code, inputs=trace.inputs, notes=notes), durable=True)
                accepted.append(known)
            self._drifted.pop(known, None)
        return accepted

    def _adopt(self, call: Call) -> Entry | None:
        """The nearest result of the call's name, kept for this call as well."""
        now = _trace(call)
        for near in sorted(self.store.recent(call.name), key=lambda entry: -likeness(now, _kept_trace(entry))):
            entry = self.store.get(near.key)
            if isinstance(entry, Entry) and entry.trusted and entry.status == "value":
                adopted = entry._replace(key=call.key, code=call.code, inputs=call.inputs, notes=_notes(call))
                try:
                    self.store.put(adopted, durable=True)
                except (OSError, Uncacheable) as error:
                    tell(
                        f"{call.name} was accepted for this time only", str(error), "Accept it again later", once="put"
                    )
                return adopted
        return None

    def explain_call(self, call: Call) -> Explanation:
        """What differs between a call and the nearest result of its name."""
        return account(call.name, call.kind, _trace(call), map(_kept_trace, self.store.recent(call.name)))

    def explain_name(self, name: str) -> Explanation:
        """What differs between the last result of a name and the nearest one before it."""
        entries = self.store.recent(name)
        if not entries:
            return Explanation(name, "no result is kept under this name")
        return account(name, entries[0].kind, _kept_trace(entries[0]), map(_kept_trace, entries[1:]))

    def _outcome(
        self,
        call: Call,
        verdict: Verdict,
        stored: bool,
        reason: str,
        *,
        ran: Ran | None = None,
        changed: tuple[str, ...] = (),
        price: float = 0.0,
        waited: float = 0.0,
        value: Any = None,
    ) -> Outcome:
        return Outcome(
            verdict=verdict,
            stored=stored,
            kind=call.kind,
            name=call.name,
            reason=reason,
            changed=changed,
            key=call.key.hex(),
            seconds=ran.seconds if ran else 0.0,
            price=price,
            waited=ran.waited if ran else waited,
            value=ran.value if ran else value,
        )

    def _keep(self, call: Call, ran: Ran, run: Run) -> str:
        """Store the result, together with its run. Returns what stood in the way, or empty."""
        kept_error = isinstance(ran.error, call.options.errors)
        if ran.error is not None and not kept_error:
            return f"raised {type(ran.error).__name__}"
        if call.trouble:
            return call.trouble
        if call.secrets and any(secret in f"{ran.error!r}{ran.error}" for secret in call.secrets):
            return "its error holds a secret argument"
        if ran.seconds < call.least_seconds:
            return f"took less than {words.duration(call.least_seconds)}"
        try:
            changed = call.changed()
            if changed:
                return f"changed {quoted(changed)}"
            parts = call.encode(ran.error if kept_error else ran.value)
        except Uncacheable as error:
            if call.kind == "function":  # a cell says it in its badge
                tell(f"the result of {call.name} was not stored", str(error), once=f"obstacle {call.name} {error.path}")
            return str(error)
        except Exception as error:
            tell(
                f"the result of {call.name} was not stored",
                f"{type(error).__name__}: {error}",
                "It was returned as it is",
            )
            return f"{type(error).__name__}: {error}"
        return self._put(call, run, parts, "error" if kept_error else "value")

    def _put(self, call: Call, run: Run, parts: tuple[Part, ...], status: str) -> str:
        now = self.clock.now()
        entry = Entry(
            key=call.key,
            name=call.name,
            kind=call.kind,
            code=call.code,
            inputs=call.inputs,
            parts=parts,
            created=now,
            expires=None if call.options.ttl is None else now + call.options.ttl,
            seconds=run.seconds,
            price=run.price,
            status=status,
            content_type=call.options.content_type,
            notes=_notes(call),
        )
        try:
            durable = run.seconds > SYNC_AFTER or run.price > 0
            self.store.put(entry, save_blob=call.options.save_blob, durable=durable, run=run)
        except Exception as error:  # whatever it is, the result was paid for and is returned
            return tell_unstored(error)
        tell_again("put")
        return ""

    def _log(self, run: Run) -> None:
        try:
            self.store.ran(run)
        except Exception as error:
            tell("runs are not being counted", str(error), "Results are returned all the same", once="put")

    def _before(self, name: str) -> deque[Trace]:
        """Traces of results with this name, newest first: those on disk once, then those of this process."""
        traces = self._traces.get(name)
        if traces is None:
            entries = self.store.recent(name)
            traces = self._traces[name] = deque(map(_kept_trace, entries), maxlen=_KEPT_TRACES)
        return traces


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


def _run(call: Call, ran: Ran, reason: str, price: float) -> Run:
    return Run(
        key=call.key or NO_KEY,
        name=call.name,
        kind=call.kind,
        verdict="ran",
        reason=reason,
        started=ran.started,
        seconds=ran.seconds,
        price=price,
        waited=ran.waited,
        stored=True,
        error=type(ran.error).__name__ if ran.error else "",
    )


def _notes(call: Call) -> Mapping[str, str]:
    version = call.options.version
    return call.notes if version is None else {**call.notes, "version": version}


def _trace(call: Call) -> Trace:
    return Trace(call.code, call.inputs, call.notes.get("source", ""))


def _kept_trace(entry: Entry) -> Trace:
    return Trace(entry.code, entry.inputs, entry.notes.get("source", ""))


def _price(call: Call, ran: Ran) -> float:
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
