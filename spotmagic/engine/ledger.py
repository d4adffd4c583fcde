"""What is written about a call: its result in the store, its run in the log, its outcome for the user."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

from spotmagic import words
from spotmagic.clock import Clock
from spotmagic.codecs import Undecodable
from spotmagic.engine.around import around
from spotmagic.engine.attempts import Ran
from spotmagic.engine.call import Call, Done, Outcome
from spotmagic.engine.decide import FIRST, Decision, decide
from spotmagic.engine.explain import (
    ACCEPTED,
    Explanation,
    Trace,
    Why,
    differences,
    listed,
    phrase,
    quoted,
)
from spotmagic.engine.recall import Recall, beside, outcome, trace_of
from spotmagic.engine.receipt import Receipt, anyway, price_of, tell_unstored
from spotmagic.errors import EntryRefused, RecordMissing, SpotError, Uncacheable, tell, tell_again
from spotmagic.options import Mode, Verdict
from spotmagic.store.editions import FILES, as_now, hand_up, holding, labels
from spotmagic.store.entry import Bad, Entry
from spotmagic.store.protocol import Store
from spotmagic.store.reads import spoil
from spotmagic.store.record import Run

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
        tell_outcome: gets what makes each outcome, hits of the short way excepted.
    """

    def __init__(self, store: Store, clock: Clock, tell_outcome: Callable[[Callable[[], Outcome]], None]) -> None:
        self.store, self.clock, self._tell_outcome = store, clock, tell_outcome
        self.recall = Recall(store)
        self._drifted: dict[str, tuple[bytes, Trace]] = {}

    def look(self, call: Call) -> Look:
        """What to do with a call. An entry that cannot be decoded counts as a bad one."""
        if call.absent and call.accepts is None:
            call.absent = False
            return _NOTHING
        asked = call.key and call.mode not in (Mode.OFF, Mode.RECORD)
        found = self.store.get(call.key) if asked else None
        if found is None and call.mode is Mode.AUTO and not (call.fresh or call.accepts):
            return _NOTHING
        now = self.clock.now()
        found, gone = (found, ()) if call.drifts else holding(self.store.get, found)
        if call.accepts is not None and found is None and not (call.fresh or call.trouble):
            found = self._adopt(call)
        if isinstance(found, Bad):
            return self._refused(call, found, now)
        decision = decide(call.mode, found, now, fresh=call.fresh)
        if gone and found is None and (decision is FIRST or decision.action == "missing"):
            decision = Decision(decision.action, ", ".join(map(phrase, gone)), gone)
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

    def hit(self, call: Call, entry: Entry, value: Any, waited: float, verdict: Verdict = "hit") -> Done:
        """The end of a call whose result was there. An entry that holds an error raises it."""
        if verdict == "hit" and call.mode is Mode.MOCK:
            verdict = "mocked"
        self.store.hit(entry.key, entry.seconds, entry.price)
        now = beside(_trace(call), entry) if call.pinned else _trace(call)
        drift = differences(now, trace_of(entry)) if call.pinned else listed(entry.notes, ACCEPTED)
        if call.drifts:
            hand_up(entry)
        if drift and call.pinned:
            self._drifted[call.name] = (entry.key, now)
        elif call.pinned:
            self._drifted.pop(call.name, None)
        reason = f"another run was under way for {words.duration(waited)}" if verdict == "joined" else ""
        age = max(0.0, self.clock.now() - entry.created)
        done = self._done(
            call,
            value,
            verdict=verdict,
            stored=True,
            reason=reason,
            drift=drift,
            age=age,
            seconds=entry.seconds,
            saved_seconds=entry.seconds,
            saved_price=entry.price,
            waited=waited,
            notes=entry.notes,
        )
        if entry.status == "error":
            raise value
        return done

    def shared(self, call: Call, value: Any, waited: float) -> Done:
        """The end of a caller that waited for a run of this process whose result was not stored."""
        reason = "the other run's result was not stored"
        spoil(f"what {call.name} read in another thread is not known")
        return self._done(call, value, verdict="joined", stored=False, reason=reason, waited=waited)

    def refuse(self, call: Call, decision: Decision) -> SpotError:
        """The error of a call that may not run and has nothing to return."""
        if decision.action == "refused":
            return EntryRefused(
                f"the result of {call.name} may not be loaded",
                why=decision.reason,
                todo=_WAYS_ON,
            )
        why = Why("") if decision.changed else self.recall.why(call.name, call.key, _trace(call))
        return RecordMissing(
            f"no result of {call.name} to return",
            why="; ".join(filter(None, (decision.reason, why.reason))),
            todo="Run it once in mode auto",
        )

    def bypassed(self, call: Call, decision: Decision, ran: Ran) -> Done:
        """The end of a call that ran without us. Its own error is raised."""
        done = self._done(
            call,
            ran.value,
            verdict="bypassed",
            stored=False,
            reason=decision.reason,
            seconds=ran.seconds,
            waited=ran.waited,
        )
        if ran.error is not None:
            raise ran.error
        return done

    def afford(self, receipt: Receipt) -> None:
        """Let a call run, with its price reserved, or raise ``BudgetSpent``."""
        call = receipt.call
        price = call.options.price
        if call.budget is not None and price is not None:
            known = None if callable(price) else float(price)
            receipt.hold = call.budget.hold(
                call.name, known, lambda: [entry.price for entry in self.store.recent(call.name)]
            )

    def book(self, receipt: Receipt) -> None:
        """Keep and pay for what ran. An error of the user's is left where it is.

        An interrupt that comes meanwhile goes on when what was paid for is stored; a second one goes on at once.
        """
        try:
            self._prepare(receipt)
            self._write(receipt)
        except (KeyboardInterrupt, SystemExit):  # the latter from a signal's handler
            self._prepare(receipt)
            self._write(receipt)
            raise

    async def abook(self, receipt: Receipt) -> None:
        """The same for a call of an event loop, which never waits for the disk: other threads do."""
        try:
            self._prepare(receipt)
            pending = self._begin(receipt)
        except (KeyboardInterrupt, SystemExit):
            self._prepare(receipt)
            self._write(receipt)
            raise
        if pending is not None:
            try:
                await anyway(pending)
            except Exception as error:
                receipt.obstacle = tell_unstored(error)

    def finished(self, receipt: Receipt) -> Done:
        """The end of a call that ran and was booked."""
        call, ran, why, obstacle = receipt.call, receipt.ran, receipt.why, receipt.obstacle
        assert ran is not None and why is not None
        reason = why.reason
        if obstacle:
            reason = f"{reason}; not stored: {obstacle}" if reason else f"not stored: {obstacle}"
        elif ran.error is None:
            self._drifted.pop(call.name, None)
        if obstacle or ran.error is not None:
            self._log(receipt.run(reason))
        done = self._done(
            call,
            ran.value,
            verdict="ran",
            stored=not obstacle,
            reason=reason,
            changed=why.changed,
            seconds=ran.seconds,
            price=receipt.price or 0.0,
            waited=ran.waited,
            why=None if why.reason or not call.key else self.recall.why,
        )
        if not obstacle and (cell := around()) is not None:
            cell.count()
        return done

    def _prepare(self, receipt: Receipt) -> None:
        """Ask the user's code what it cost and what is to be kept of it, once."""
        call, ran = receipt.call, receipt.ran
        assert ran is not None
        if receipt.why is None:
            reason = receipt.decision.reason
            receipt.why = Why(reason, receipt.decision.changed)
            if call.kind == "cell" and not reason:  # its badge asks at once
                receipt.why = self.recall.why(call.name, call.key, _trace(call))
        if receipt.price is None:
            receipt.price = price_of(call, ran)
        if receipt.entry is None and not receipt.obstacle:
            receipt.obstacle = self._encoded(receipt, ran)

    def _write(self, receipt: Receipt) -> None:
        """Store what is to be kept and count its price, each once."""
        entry = receipt.entry
        receipt.put_aside(self.store)
        if entry is not None:
            durable, save_blob = receipt.durable, receipt.call.options.save_blob
            try:
                if receipt.begin() and self._is_there(entry):
                    if durable:
                        self.store.flush()
                else:
                    self.store.put(entry, save_blob=save_blob, durable=durable, run=entry.status == "value")
                tell_again("put")
            except Exception as error:  # whatever it is, the result was paid for and is returned
                receipt.obstacle = tell_unstored(error)
        self._pay(receipt)

    def _begin(self, receipt: Receipt) -> Future[Any] | None:
        """The same, without waiting for the disk: what is to be waited for, if anything."""
        entry, pending = receipt.entry, None
        receipt.put_aside(self.store)
        if entry is not None:
            receipt.begin()
            try:
                pending = self.store.put_soon(
                    entry,
                    save_blob=receipt.call.options.save_blob,
                    durable=receipt.durable,
                    run=entry.status == "value",
                )
                tell_again("put")
            except Exception as error:
                receipt.obstacle = tell_unstored(error)
        self._pay(receipt)
        return pending

    def _pay(self, receipt: Receipt) -> None:
        if receipt.hold is not None and receipt.ran is not None and receipt.ran.error is None:
            receipt.hold.spend(receipt.price or 0.0)

    def _is_there(self, entry: Entry) -> bool:
        kept = self.store.get(entry.key)
        return isinstance(kept, Entry) and kept.created == entry.created

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
                notes = as_now({**entry.notes, "source": trace.source} if trace.source else entry.notes)
                self.store.put(entry._replace(code=trace.code, inputs=trace.inputs, notes=notes), durable=True)
                accepted.append(known)
            self._drifted.pop(known, None)
        return accepted

    def _adopt(self, call: Call) -> Entry | None:
        """The nearest result of the call's name that stands for this call, kept for it as well."""
        assert call.accepts is not None
        for entry in self.recall.candidates(call.name, call.key, _trace(call)):
            differ = call.accepts(entry)
            if differ is None or not entry.trusted or entry.status != "value":
                continue
            if entry.expires is not None and entry.expires <= self.clock.now():
                continue
            if holding(self.store.get, entry)[0] is not entry:
                continue
            notes = {**_notes(call), ACCEPTED: "\n".join(differ)} if differ else {**_notes(call)}
            if FILES in entry.notes:
                notes[FILES] = entry.notes[FILES]
            inputs = {**call.inputs, **labels(entry.notes)}
            adopted = entry._replace(key=call.key, code=call.code, inputs=inputs, notes=notes)
            try:
                self.store.put(adopted)
            except (OSError, Uncacheable) as error:
                tell(f"{call.name} was accepted for this time only", str(error), "Accept it again later", once="put")
            return adopted
        return None

    def explain_call(self, call: Call) -> Explanation:
        """What differs between a call and the nearest result of its name, its own included."""
        return self.recall.account(call.name, call.key, _trace(call))

    def _done(self, call: Call, value: Any, **said: Any) -> Done:
        """The end of a call, and how to tell of it. What is to be told later holds none of its arguments."""
        done = Done(value, functools.partial(outcome, call.name, call.key, _trace(call), value, **said))
        self._tell_outcome(done.outcome)
        return done

    def _encoded(self, receipt: Receipt, ran: Ran) -> str:
        """Make the entry of a result. Returns what stood in the way, or empty."""
        call = receipt.call
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
            obstacle = receipt.read(ran)
            if obstacle:
                return obstacle
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
        assert receipt.why is not None and receipt.price is not None
        receipt.make(parts, _notes(call), self.clock.now(), self.store)
        return ""

    def _log(self, run: Run) -> None:
        try:
            self.store.ran(run)
        except Exception as error:
            tell("runs are not being counted", str(error), "Results are returned all the same", once="put")


def _notes(call: Call) -> Mapping[str, str]:
    version = call.options.version
    return call.notes if version is None else {**call.notes, "version": version}


def _trace(call: Call) -> Trace:
    return Trace(call.code, call.inputs, call.notes, call.kind)
