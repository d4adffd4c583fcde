"""A function under a spot: how its calls are keyed, run and kept, and the function users call."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spotmagic.code.origin import arrived, written
from spotmagic.code.wrapped import Wrapped
from spotmagic.codecs import Undecodable, decode, encode
from spotmagic.engine.around import around
from spotmagic.engine.call import Call, Gate, Outcome, Ticket
from spotmagic.engine.decide import RETURN, decide
from spotmagic.engine.explain import ACCEPTED, ARGUMENTS, BROUGHT, DEFAULTS, HANDLES, STATE, listed, phrase
from spotmagic.errors import RecordMissing, Uncacheable
from spotmagic.keys import Account, FunctionKey, Keyed, asked_with
from spotmagic.keys.credentials import hidden
from spotmagic.keys.told import SourceNotes
from spotmagic.options import MarkOptions, Mode, mark_options, parse_duration, parse_sample
from spotmagic.spot.accepted import is_accepted, last_edit, stands_for
from spotmagic.spot.given import awaits, streams
from spotmagic.spot.glance import glancing
from spotmagic.spot.outcomes import Outcomes
from spotmagic.spot.repeated import tell_changed, tell_trouble, tell_uncacheable
from spotmagic.store.editions import editions, holding
from spotmagic.store.entry import MASKED, NO_NOTES, Entry, Part
from spotmagic.values import late

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable

    from spotmagic.batch import Batch
    from spotmagic.catalog import Stats
    from spotmagic.engine.explain import Explanation
    from spotmagic.jobs import Job
    from spotmagic.jobs.carrier import Carrier
    from spotmagic.spot.spot import Spot

_HERE = ("executor", "detached")  # options that do not travel to another process


class Marked:
    """A function under a spot.

    Attributes:
        name: module and qualified name; the latter alone for what a notebook or script defines.
        options: what the mark was told, the spot's defaults filled in.
        gate: the limit its runs pass, if there is one.
    """

    def __init__(
        self,
        spot: Spot,
        function: Callable[..., Any],
        options: MarkOptions,
        gate: Gate | None,
        *,
        variant: bool = False,
    ) -> None:
        self.spot, self.function, self.options, self.gate = spot, function, options, gate
        self.keys = FunctionKey(function, options, mask=spot.ring.mask)
        self.name, self._written = self.keys.name, SourceNotes(function)
        self.outcomes = Outcomes(self)
        self._changing: set[str] = set()  # arguments that a run was seen to change
        self.carrier: Carrier | None = None
        if options.executor is not None and not streams(function):  # items come one by one, from here
            from spotmagic import jobs

            self.carrier = jobs.carrier(options.executor, bool(options.never_twice))
        if not variant:  # the name stands for the function as it was marked
            spot.give_mode(self.name, options.mode)
            spot.functions[self.name] = self  # weakly: a cell that is run again leaves no old one behind
        self.streams = streams(function)
        self._like = Call(
            name=self.name, kind="function", key=b"", code=b"", inputs={}, run=function, encode=self.encode,
            decode=self.decode, options=options, pinned=options.version is not None, draw=self.outcomes.draw,
            budget=spot.budget, hooks=spot.hooks,
        )  # fmt: skip

    @property
    def mode(self) -> Mode:
        """The mode that holds for this function now."""
        return self.spot.mode_of(self.name, self.options.mode)

    def call(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        accounts: list[Account] | None = None,
        *,
        fresh: bool = False,
        absent: bool = False,
    ) -> Call:
        """The call of these arguments. One that has no key runs and is not stored.

        Args:
            accounts: what their key was made from, if it was taken just now.
            absent: it is known that the mode is auto and that nothing was stored for the key just now.
        """
        call = self._like.another()
        if self.carrier is None:
            call.run = functools.partial(self.function, *args, **kwargs)
        else:
            call.run = self.carrier.bind(self.name, self.function, args, kwargs)
        call.fresh, call.absent = fresh, absent
        if not absent:
            call.mode = self.mode
            call.latency = self.spot.slow.get(self.name, 0.0)
        gate = self._gate()
        if gate is not None:
            call.ticket = Ticket(gate, gate.cost.estimate(args, kwargs))
        if self.keys.renew():  # the key of a moment ago is another's now, and so is what was found under it
            accounts, call.absent = [], False
        accounts = [] if accounts is None else accounts
        try:
            keyed = self.keys.keyed(args, kwargs, accounts, sure=absent)
        except Uncacheable as error:
            call.trouble = str(error)
            tell_uncacheable(self.name, error, self.keys.ignorable())
            return call
        call.key, call.code, call.inputs, call.trouble = keyed.key, keyed.code, keyed.inputs, keyed.trouble
        call.notes = notes = {**_notes(keyed), **self._written.note(keyed.code)}
        if self.options.keep_inputs and (told := asked_with(self.keys, accounts[0], args, kwargs)):
            notes[ARGUMENTS] = told  # as they are before the run, which may change them
        pairs = self.spot.accepted.of(self.name)
        if pairs:
            call.accepts = functools.partial(stands_for, pairs, call)
        call.paths = functools.partial(self.keys.paths, args, kwargs)
        call.secrets = functools.partial(hidden, self.keys, args, kwargs)
        if call.trouble:
            tell_trouble(self.name, call.trouble)
        before = self.keys.attributes(args, kwargs, self._changing) if self._changing else {}
        call.changed = functools.partial(self._changed, args, kwargs, call, before, accounts)
        return call

    def encode(self, value: Any) -> tuple[Part, ...]:
        """The parts of a result."""
        encoded = encode(value, pickle=self.spot.pickle)
        return (Part(name="value", codecs=encoded.codecs, head=encoded.head, buffers=encoded.buffers),)

    def decode(self, entry: Entry) -> Any:
        """A fresh result of an entry. What was kept of a generator is no result of a function, nor the other way."""
        if ("stream" in entry.parts[0].codecs) is not self.streams:
            raise Undecodable("not restorable", "it was kept of a function of another kind")
        return decode_value(entry)

    def glance(self, key: bytes, entry: Entry) -> Outcome:
        """The outcome of a hit of the short way."""
        now = self.spot.clock.now()
        return Outcome(
            verdict="hit",
            stored=True,
            kind="function",
            name=self.name,
            key=key.hex(),
            age=max(0.0, now - entry.created),
            seconds=entry.seconds,
            saved_seconds=entry.seconds,
            saved_price=entry.price,
            drift=listed(entry.notes, ACCEPTED),
            handles=listed(entry.notes, HANDLES),
            state=listed(entry.notes, STATE),
        )

    def peek(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The kept result of these arguments. Raises ``RecordMissing`` if there is none; never runs."""
        store = self.spot.store
        entry, changed = holding(store.get, store.get(self.keys.key(args, kwargs)))
        decision = decide(Mode.REPLAY, entry, self.spot.clock.now())
        why = ", ".join(map(phrase, changed)) if entry is None else decision.reason
        if decision is RETURN and isinstance(entry, Entry) and entry.status == "value":
            try:
                return self.decode(entry)
            except Undecodable as error:
                why = str(error)
        raise RecordMissing(f"no result of {self.name} for these arguments", why, "Call it once")

    def accept(self, owner: Any = None) -> list[str]:
        """Let results of the code before the last edit stand for the code now. Returns what of it was edited.

        Args:
            owner: the object of a method, whose class may have been edited.
        """
        if self.options.version is not None:
            return self.spot.accept(self.name)
        made = self.spot.engine.ledger.recall.editions(self.name)  # the newest first, one for each state of the code
        now = self.keys.edition({label for trace in made for label in trace.inputs if " " in label}, owner)
        pairs = self.spot.accepted.of(self.name)
        edit = {label: pair for label, pair in last_edit(made, now).items() if not is_accepted(pairs, label, *pair)}
        if edit:
            self.spot.accepted.add(self.name, edit)
        return sorted(edit)

    def _gate(self) -> Gate | None:
        """Its own gate, else the one that the cell around the call lends."""
        if self.gate is not None:
            return self.gate
        cell = around()
        return None if cell is None else cell.gate(self.function)

    def _changed(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        call: Call,
        before: Mapping[str, Mapping[str, bytes]],
        accounts: list[Account],
    ) -> list[str]:
        """The names of inputs that the run changed.

        Args:
            before: what the attributes were of arguments that an earlier run changed: to say next time which it is.
            accounts: what the key was made from.
        """
        try:
            # Both looks inside, as what a look meets is no longer new to the next.
            if late.settle_late(lambda: self.keys.unchanged(accounts) or self.keys.key(args, kwargs) == call.key):
                return []
            after = self.keys.keyed(args, kwargs)
        except Uncacheable as error:
            return [error.path or "an argument"]
        names = [name for name in {**call.inputs, **after.inputs} if call.inputs.get(name) != after.inputs.get(name)]
        names = names or ["code"]
        after_run = self.keys.attributes(args, kwargs, self._changing) if before else {}
        attributes = {
            name: [one for one, now in after_run[name].items() if before[name].get(one) != now] for name in before
        }
        tell_changed(self.name, names, attributes, self.keys.ignorable(), self.keys.streams(args, kwargs))
        self._changing.update(name for name in names if " " not in name)
        return names


def _notes(keyed: Keyed) -> Mapping[str, str]:
    """What is kept with a result about its key: for whoever asks why it ran, and what counted."""
    if not (keyed.brought or keyed.defaults or keyed.handles or keyed.state or keyed.secret):
        return NO_NOTES
    said = {DEFAULTS: keyed.defaults, HANDLES: keyed.handles, STATE: keyed.state, MASKED: keyed.masked}
    notes = {name: "\n".join(texts) for name, texts in said.items() if texts}
    return {**notes, BROUGHT: "code"} if keyed.brought else notes


def decode_value(entry: Entry) -> Any:
    """A fresh copy of the value of an entry."""
    part = entry.parts[0]
    edited = "version" in entry.notes or ACCEPTED in entry.notes
    return decode(part.codecs, part.head, part.buffers, trusted=entry.trusted, edited=edited)


class MarkedFunction(Wrapped):
    """The function users call: a hit takes the short way here, everything else goes through the engine.

    Attributes:
        marked: the function under its spot.
    """

    __slots__ = ("_awaits", "_drive", "_glance", "_samples", "marked", "origin")
    words = frozenset({"accept", "explain", "forget", "key", "peek", "refresh", "submit"})
    variants = frozenset({"sample", "using"})
    whole = frozenset({"amap", "map"})

    def __init__(self, marked: Marked, origin: tuple[MarkedFunction, dict[str, Any]] | None = None) -> None:
        super().__init__(marked.function)
        self.marked, self.origin = marked, origin
        self._samples: dict[int, MarkedFunction] = {}
        self._glance = glancing(marked)
        self._awaits = awaits(marked.function)
        drive = marked.spot.engine.drive
        self._drive = drive if marked.carrier is None else marked.carrier.driving(drive)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value = self._glance(args, kwargs)  # now and not when it is awaited: arguments may change until then
        if self._awaits:
            return self._arrived(value)
        return self._drive(value).value if value.__class__ is Call else value

    async def _arrived(self, value: Any) -> Any:
        return (await self.marked.spot.engine.adrive(value)).value if value.__class__ is Call else value

    def key(self, *args: Any, **kwargs: Any) -> str:
        """The key of the call with these arguments, in digits."""
        return self.marked.keys.key(args, kwargs).hex()

    def peek(self, *args: Any, **kwargs: Any) -> Any:
        """The kept result of these arguments. Raises ``RecordMissing`` if there is none; never runs."""
        return self.marked.peek(args, kwargs)

    def forget(self, *args: Any, **kwargs: Any) -> bool:
        """Delete the kept result of these arguments. Whether there was one."""
        key, store = self.marked.keys.key(args, kwargs), self.marked.spot.store
        return store.forget(editions(key, store.get(key))) > 0

    def refresh(self, *args: Any, **kwargs: Any) -> Any:
        """The result of a new run, which takes the place of the kept one."""
        call = self.marked.call(args, kwargs, fresh=True)
        return self._arrived(call) if self._awaits else self._drive(call).value

    def explain(self, *args: Any, **kwargs: Any) -> Explanation:
        """What differs between the call with these arguments and the nearest result."""
        return self.marked.spot.explain_call(self.marked.call(args, kwargs))

    def accept(self, owner: Any = None) -> list[str]:
        """Say that the last edit does not matter: all results of the code before stand for the code now, and none is
        run again. Returns the names of what was edited: ``code``, ``helper clean``.

        Other arguments, globals and files count as ever, and so does the next edit.
        """
        return self.marked.accept(owner)

    @property
    def number(self) -> int:  # type: ignore[override]
        """Which of its answers to the same arguments it gives."""
        return self.marked.options.sample

    def sample(self, number: int) -> MarkedFunction:
        """The function that gives the n-th answer to the same arguments: each is run once, and is a result of its own.

        ``[ask.sample(n)(prompt) for n in range(30)]`` are 30 answers, the same 30 in the next run.
        """
        number = parse_sample(number, "sample")
        known = self._samples.get(number)
        if known is None or known.marked.gate is not self.marked.gate:
            known = self._samples[number] = self.using(sample=number)
        return known

    def using(self, **options: Any) -> MarkedFunction:
        """The same function with other options of ``mark``; what is not named stays as it was marked."""
        checked, marked = mark_options(options), self.marked
        own = marked.spot.filled(replace(marked.options, **{name: getattr(checked, name) for name in options}))
        varied = type(self)(
            Marked(marked.spot, marked.function, own, marked.gate, variant=True),
            origin=(self, {name: value for name, value in options.items() if name not in _HERE}),
        )
        vars(varied).update(vars(self))  # what users set on the function
        return varied

    def map(self, *inputs: Iterable[Any], **options: Any) -> Batch:
        """Ask the function with many inputs: ``spot.map(f, inputs)``, which has the options."""
        return self.marked.spot.map(self, *inputs, **options)

    async def amap(self, *inputs: Iterable[Any] | AsyncIterable[Any], **options: Any) -> Batch:
        """The same in the event loop of the caller."""
        return await self.marked.spot.amap(self, *inputs, **options)

    def submit(self, *args: Any, **kwargs: Any) -> Job:
        """The call with these arguments in the background. While one runs, another of the same call is the same job."""
        from spotmagic import jobs

        return jobs.submit(self, args, kwargs)

    @property
    def mode(self) -> Mode:
        """The mode that holds for the function now. Setting it is ``spot.set_mode``: kept, and seen by every kernel."""
        return self.marked.mode

    @mode.setter
    def mode(self, mode: str | Mode | None) -> None:
        self.marked.spot.set_mode(mode, self.marked.name)

    @property
    def latency(self) -> float | str:
        """Seconds that hits and mocks are held back; ``"recorded"`` for as long as the run took. Kept like the mode."""
        seconds: float | str = self.marked.spot.tuned(self.marked.name).get("latency", 0.0)
        return seconds

    @latency.setter
    def latency(self, seconds: float | str | None) -> None:
        if seconds not in (None, 0, "recorded"):
            seconds = parse_duration(seconds, "latency")
        self.marked.spot.tune(self.marked.name, latency=seconds or None)

    @property
    def outcomes(self) -> Outcomes:
        """What mode mock draws from: ``f.outcomes.add(returns=…)``."""
        return self.marked.outcomes

    def stats(self) -> Stats:
        """Counts, sizes, time and money of the function."""
        return self.marked.spot.stats(self.marked.name)

    def _state(self) -> Any:
        """The spot and how the function was marked."""
        marked = self.marked
        options = replace(marked.options, executor=None, detached=False)
        return marked.spot, options, marked.gate and marked.gate.given, written(marked.function)

    def _restore(self, function: Callable[..., Any], state: Any) -> None:
        """Mark the function as it was where it comes from."""
        spot, options, given, here = state
        arrived(here, function)
        from spotmagic.spot.limiter import gate_of

        gate = None if given is None else gate_of(spot, function, given)
        self.__init__(Marked(spot, function, options, gate))  # type: ignore[misc]
