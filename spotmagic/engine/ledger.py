"""What is written about a call: its result in the store, its run in the log, its outcome for the user."""

from __future__ import annotations

import functools
import operator
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, NamedTuple

from spotmagic import words
from spotmagic.clock import Clock
from spotmagic.codecs import Undecodable
from spotmagic.engine.around import around
from spotmagic.engine.attempts import Course, Ran
from spotmagic.engine.call import Call, Done, NotKept, Outcome, tell_hit
from spotmagic.engine.decide import FIRST, Decision, decide
from spotmagic.engine.explain import ACCEPTED, NOT_KEPT, Explanation, Trace, Why, differences, listed, phrase, quoted
from spotmagic.engine.flight import GONE, Flight, Landed, Seat
from spotmagic.engine.recall import Recall, beside, outcome, trace_of
from spotmagic.engine.receipt import Receipt, anyway, tell_unstored
from spotmagic.engine.running import Board, asked_inside
from spotmagic.errors import EntryRefused, RecordMissing, SpotError, Uncacheable, show_users_frames, tell, tell_again
from spotmagic.options import Mode, Verdict
from spotmagic.reads.noting import spoil
from spotmagic.store import Store
from spotmagic.store.editions import FILES, as_now, hand_up, holding, labels
from spotmagic.store.entry import Bad, Entry
from spotmagic.values.scheme import digest
from spotmagic.values.secrets import masked

_WAYS_ON = (
    "Run it in mode auto for a result of your own, ask its writer for one of safe types, or, if they may run code as "
    "you, trust who signed it (spotmagic trust add), or name your team's secret in SPOTMAGIC_KEYS"
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
        board: is told what runs.

    Attributes:
        refused: the last errors of calls that might not run and had nothing to return.
        insist: writes a result by calling what it is given; whoever can wait for room on a full disk calls it again.
    """

    def __init__(
        self,
        store: Store,
        flight: Flight,
        clock: Clock,
        tell_outcome: Callable[[Callable[[], Outcome]], None],
        board: Board,
    ) -> None:
        self.store, self.flight, self.clock, self._tell_outcome, self.board = store, flight, clock, tell_outcome, board
        self.recall = Recall(store)
        self.refused: deque[SpotError] = deque(maxlen=100)
        self.insist: Callable[[Callable[[], Any]], Any] = operator.call
        self._drifted: dict[str, tuple[bytes, Trace]] = {}

    def look(self, call: Call) -> Look:
        """What to do with a call. An entry that cannot be decoded counts as a bad one."""
        if call.absent and call.accepts is None:
            call.absent = False  # true of the first look alone: another may store it before the second
            return _NOTHING
        if call.mode is Mode.MOCK and call.draw is not None:
            found = call.draw(call)
        else:
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
        """The end of a call whose result was there; that of an entry of status ``error`` is to be raised."""
        if verdict == "hit" and call.mode is Mode.MOCK:
            verdict = "mocked"
        self.store.hit(entry.key, entry.seconds, entry.price)
        asked_inside()
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
        return self._done(
            call, value, verdict=verdict, stored=True, reason=reason, drift=drift, age=age, seconds=entry.seconds,
            saved_seconds=entry.seconds, saved_price=entry.price, waited=waited, notes=entry.notes,
        )  # fmt: skip

    def shared(self, call: Call, value: Any, waited: float) -> Done:
        """The end of a caller that waited for a run of this process whose result was not stored."""
        asked_inside()
        reason = "the other run's result was not stored"
        spoil(f"what {call.name} read in another thread is not known")
        return self._done(call, value, verdict="joined", stored=False, reason=reason, waited=waited)

    def refuse(self, call: Call, decision: Decision) -> SpotError:
        """The error of a call that may not run and has nothing to return."""
        if decision.action == "refused":
            what = f"the result of {call.name} may not be loaded"
            error: SpotError = EntryRefused(what, why=decision.reason, todo=_WAYS_ON)
        else:
            near = "" if decision.changed else self.recall.beside(call.name, call.key, _trace(call), self.clock.now())
            what, reasons = f"no result of {call.name} to return", filter(None, (decision.reason, near))
            error = RecordMissing(what, why="; ".join(reasons), todo="Run it once in mode auto")
            show_users_frames()
        self.refused.append(error)
        return error

    def begin(self, receipt: Receipt) -> Course:
        """Let a call run, with its price reserved, or raise ``BudgetSpent`` or ``EditCosts``. Returns its run."""
        if not receipt.passes:
            receipt.reserve(self.store)
        receipt.start(self.board, self.clock.now())
        receipt.course = course = Course(receipt.call, self.clock)
        return course

    def book(self, receipt: Receipt) -> None:
        """Keep and pay for what ran. An error of the user's is left where it is."""
        receipt.over()
        if receipt.takes_turns:
            seat = self._turn(receipt)
            try:
                for pause in seat.turns():
                    self.clock.sleep(pause)
                self._prepare(receipt)
                self._write(receipt)
            finally:
                seat.land(GONE)
        elif not receipt.passes:
            self._prepare(receipt)
            self._write(receipt)
        receipt.booked = True

    async def abook(self, receipt: Receipt) -> None:
        """The same for a call of an event loop, which never waits for the disk: other threads do."""
        receipt.over()
        if receipt.takes_turns:
            seat = self._turn(receipt)
            try:
                for pause in seat.turns():
                    await self.clock.asleep(pause)
                await self._akeep(receipt)
            finally:
                seat.land(GONE)
        elif not receipt.passes:
            await self._akeep(receipt)
        receipt.booked = True

    async def _akeep(self, receipt: Receipt) -> None:
        self._prepare(receipt)
        pending = self._write(receipt, soon=True)
        receipt.booked = True
        if pending is not None:
            try:
                await anyway(pending)
            except Exception as error:
                receipt.obstacle = tell_unstored(error)

    def _turn(self, receipt: Receipt) -> Seat:
        """The place of whoever keeps a recorded stream: each puts the one before it aside, so one does at a time."""
        return Seat(self.flight, digest("recorded", receipt.call.key))

    def rescue(self, receipt: Receipt) -> None:
        """Book what ran although an interrupt came, wherever it came. It goes on then; a second one goes on at once."""
        course = receipt.course
        if course is not None:
            course.leave()
        if not receipt.booked and (receipt.ran is not None or (course is not None and course.came)):
            self.book(receipt)

    def end(self, receipt: Receipt, seat: Seat, landed: Landed) -> None:
        """Give back what was reserved, and let others go on."""
        try:
            receipt.release()
            seat.land(landed)
        except BaseException:  # an interrupt between the two: whoever waits for a seat that never lands waits for ever
            receipt.release()
            seat.land(landed)
            raise
        finally:
            receipt.tell()

    def finished(self, receipt: Receipt) -> Done:
        """The end of a call that ran and was booked. An error of the user's is left where it is."""
        call, ran, why, obstacle = receipt.call, receipt.ran, receipt.why, receipt.obstacle
        assert ran is not None
        if receipt.passes:
            told = {"reason": receipt.decision.reason, "seconds": ran.seconds, "waited": ran.waited}
            return self._done(call, ran.value, verdict="bypassed", stored=False, **told)
        assert why is not None
        remark = f"not stored: {obstacle}" if obstacle else receipt.remark
        reason = f"{why.reason}; {remark}" if why.reason and remark else why.reason or remark
        if not obstacle and ran.error is None:
            self._drifted.pop(call.name, None)
        if obstacle or ran.error is not None or ran.stopped:
            receipt.log(self.store, reason)
        known, again = why.reason or not call.key, bool(obstacle) and self.recall.unkept(call.name)
        if obstacle and call.key:
            self.recall.not_kept(call.name, call.key)
        done = self._done(
            call, ran.value, verdict="ran", stored=not obstacle and not ran.stopped, reason=reason, changed=why.changed,
            seconds=ran.seconds, price=receipt.price or 0.0, waited=ran.waited,
            why=None if known else functools.partial(self.recall.why, again=again),
        )  # fmt: skip
        if not obstacle and not ran.stopped and (cell := around()) is not None:
            cell.count()
        return done

    def _prepare(self, receipt: Receipt) -> None:
        """Ask the user's code what it cost and what is to be kept of it, once."""
        call, ran = receipt.call, receipt.ran
        assert ran is not None
        if receipt.why is None:
            reason = receipt.decision.reason
            receipt.why = Why(reason, receipt.decision.changed)
            if not reason and self.recall.unkept(call.key):
                receipt.why = NOT_KEPT
            elif call.kind == "cell" and not reason:  # its badge asks at once
                receipt.why = self.recall.why(call.name, call.key, _trace(call))
        if receipt.price is None:
            receipt.cost()
        if receipt.entry is None and not receipt.obstacle:
            receipt.obstacle = self._encoded(receipt, ran)

    def _write(self, receipt: Receipt, *, soon: bool = False) -> Future[Any] | None:
        """Store what is to be kept and count its price, each once.

        Args:
            soon: do not wait for the disk. What is to be waited for comes back, if anything.
        """
        entry, ran, pending = receipt.entry, receipt.ran, None
        # The result that gives up its key comes first: a kill between the two leaves it twice, and never not at all.
        if receipt.aside is not None:
            receipt.put_aside(self.store)
        if entry is not None:
            durable, save_blob, run = receipt.durable, receipt.call.options.save_blob, entry.status == "value"
            try:
                kept = self.store.get(entry.key) if receipt.begin() else None
                if isinstance(kept, Entry) and kept.created == entry.created:  # written before an interrupt came
                    if durable:
                        self.store.flush()
                else:
                    put = self.store.put_soon if soon else self.store.put
                    done = self.insist(functools.partial(put, entry, save_blob=save_blob, durable=durable, run=run))
                    pending = done if soon else None
                tell_again("put")
            except Exception as error:  # whatever it is, the result was paid for and is returned
                receipt.obstacle = tell_unstored(error)
        if ran is not None and ran.error is None:
            receipt.pay()  # also where nothing could be stored: the money is gone
        return pending

    def drifted(self) -> dict[str, tuple[str, Trace]]:
        """The names of results that have drifted, each with its key in digits, and what it was last asked with."""
        return {name: (key.hex(), trace) for name, (key, trace) in list(self._drifted.items())}

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
            notes = {**call.kept_notes, ACCEPTED: "\n".join(differ)} if differ else {**call.kept_notes}
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
        told, kept = (
            self.recall.account(call.name, call.key, _trace(call)),
            self.store.get(call.key) if call.key else None,
        )
        reason = decide(call.mode, kept, self.clock.now(), fresh=call.fresh).reason
        return told if kept is None else replace(told, reason=reason or told.reason)

    def _done(self, call: Call, value: Any, **said: Any) -> Done:
        """The end of a call, and how to tell of it. What is to be told later holds none of its arguments."""
        told = functools.partial(outcome, call.name, call.key, _trace(call), value, **said)
        done = Done(value, told, said["verdict"], said.get("price", 0.0), said.get("notes", call.notes))
        self._tell_outcome(done.outcome)
        if call.hooks is not None and said["verdict"] not in ("ran", "bypassed"):
            tell_hit(call.hooks, done.outcome())
        return done

    def _encoded(self, receipt: Receipt, ran: Ran) -> str:
        """Make the entry of a result. Returns what stood in the way, or empty."""
        call, failed = receipt.call, None if ran.stopped else ran.error
        if failed is not None and not call.options.errors.keeps(failed):
            return str(failed) if isinstance(failed, NotKept) else f"raised {type(failed).__name__}"
        if call.trouble:
            return call.trouble
        if ran.seconds < call.least_seconds:
            return f"took less than {words.duration(call.least_seconds)}"
        unwanted = receipt.stopped(self.store) if ran.stopped else receipt.judge(ran.value) if failed is None else ""
        if unwanted:
            return unwanted
        try:
            changed = call.changed()
            if changed:
                return f"changed {quoted(changed)}"
            parts = call.encode(ran.value) if failed is None else receipt.failed(failed)
            receipt.refuse_secrets(parts, failed)
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
            return masked(f"{type(error).__name__}: {error}")
        assert receipt.why is not None and receipt.price is not None
        receipt.make(parts, {**call.kept_notes, **receipt.about}, self.clock.now(), self.store)
        return ""


def _trace(call: Call) -> Trace:
    return Trace(call.code, call.inputs, call.kept_notes, call.kind)
