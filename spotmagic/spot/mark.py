"""A function under a spot: how its calls are keyed, run and kept, and the function users call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spotmagic.code.arrivals import arrived, written
from spotmagic.code.wrapped import Wrapped
from spotmagic.codecs import Undecodable, decode, encode
from spotmagic.engine.around import around
from spotmagic.engine.call import Call, Outcome
from spotmagic.engine.decide import RETURN, decide
from spotmagic.engine.explain import ACCEPTED, ASKED, DEFAULTS, HANDLES, STATE, listed, phrase
from spotmagic.engine.gate import Gate, Ticket
from spotmagic.errors import RecordMissing, Uncacheable
from spotmagic.keys import Account, FunctionKey, Keyed
from spotmagic.options import MarkOptions, Mode
from spotmagic.spot.accepted import is_accepted, last_edit, stands_for
from spotmagic.spot.repeated import tell_changed, tell_streams, tell_trouble, tell_uncacheable
from spotmagic.spot.session import told
from spotmagic.store.editions import FILES, current, editions, holding
from spotmagic.store.entry import NO_NOTES, Entry, Part
from spotmagic.values import late

if TYPE_CHECKING:
    from spotmagic.catalog import Stats
    from spotmagic.engine.explain import Explanation
    from spotmagic.spot.spot import Spot


class Marked:
    """A function under a spot.

    Attributes:
        name: module and qualified name; the latter alone for what a notebook or script defines.
        options: what the mark was told, the spot's defaults filled in.
        gate: the limit its runs pass, if there is one.
    """

    def __init__(self, spot: Spot, function: Callable[..., Any], options: MarkOptions, gate: Gate | None) -> None:
        self.spot, self.function, self.options, self.gate = spot, function, options, gate
        self.keys = FunctionKey(function, options, mask=spot.ring.mask)
        self.name = self.keys.name
        self._changing: set[str] = set()  # arguments that a run was seen to change
        spot.give_mode(self.name, options.mode)
        spot.functions[self.name] = self
        self.streams = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)

    @property
    def mode(self) -> Mode:
        """The mode that holds for this function now."""
        return self.spot.mode_of(self.name, self.options.mode)

    def call(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        accounts: Sequence[Account] = (),
        *,
        fresh: bool = False,
        absent: bool = False,
    ) -> Call:
        """The call of these arguments. One that has no key runs and is not stored.

        Args:
            accounts: what their key was made from, if it was taken just now.
            absent: it is known that the mode is auto and that nothing was stored for the key just now.
        """
        call = Call(
            name=self.name,
            kind="function",
            key=b"",
            code=b"",
            inputs={},
            run=functools.partial(self.function, *args, **kwargs),
            encode=self.encode,
            decode=decode_value,
            options=self.options,
            mode=Mode.AUTO if absent else self.mode,
            fresh=fresh,
            absent=absent,
            budget=self.spot.budget,
        )
        gate = self._gate()
        if gate is not None:
            call.ticket = Ticket(gate, gate.cost.estimate(args, kwargs))
        if self.streams:
            call.trouble = f"`{self.function.__name__}` is a generator: its items are not kept yet"
            tell_streams(self.name)
            return call
        try:
            keyed = self.keys.keyed(args, kwargs, accounts)
        except Uncacheable as error:
            call.trouble = str(error)
            tell_uncacheable(self.name, error, self.keys.ignorable())
            return call
        call.key, call.code, call.inputs, call.trouble = keyed.key, keyed.code, keyed.inputs, keyed.trouble
        call.notes = _notes(keyed)
        pairs = self.spot.accepted.of(self.name)
        if pairs:
            call.accepts = functools.partial(stands_for, pairs, call)
        call.pinned = self.options.version is not None
        if self.options.errors:
            call.secrets = tuple(self.keys.secrets(args, kwargs))
        if call.trouble:
            tell_trouble(self.name, call.trouble)
        before = self.keys.attributes(args, kwargs, self._changing) if self._changing else {}
        call.changed = functools.partial(self._changed, args, kwargs, call, before)
        return call

    def encode(self, value: Any) -> tuple[Part, ...]:
        """The parts of a result."""
        encoded = encode(value, pickle=self.spot.pickle)
        return (Part(name="value", codecs=encoded.codecs, head=encoded.head, buffers=encoded.buffers),)

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
                return decode_value(entry)
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
        made = self.spot.engine.ledger.recall.editions(self.name)
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
        self, args: tuple[Any, ...], kwargs: dict[str, Any], call: Call, before: Mapping[str, Mapping[str, bytes]]
    ) -> list[str]:
        """The names of inputs that the run changed.

        Args:
            before: what the attributes were of arguments that an earlier run changed: to say next time which it is.
        """
        try:
            if late.settle(lambda: self.keys.key(args, kwargs) == call.key):
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
        tell_changed(self.name, names, attributes, self.keys.ignorable())
        self._changing.update(name for name in names if " " not in name)
        return names


def _notes(keyed: Keyed) -> Mapping[str, str]:
    """What is kept with a result about its key: for whoever asks why it ran, and what counted."""
    if not (keyed.asked or keyed.defaults or keyed.handles or keyed.state):
        return NO_NOTES
    said = {DEFAULTS: keyed.defaults, HANDLES: keyed.handles, STATE: keyed.state}
    notes = {name: "\n".join(texts) for name, texts in said.items() if texts}
    return {**notes, ASKED: keyed.asked} if keyed.asked else notes


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

    __slots__ = ("_awaits", "_drive", "_glance", "marked")
    words = frozenset({"accept", "explain", "forget", "key", "peek", "refresh"})

    def __init__(self, marked: Marked) -> None:
        super().__init__(marked.function)
        self.marked = marked
        self._glance = glancing(marked)
        self._awaits = awaits(marked.function)
        self._drive = marked.spot.engine.drive

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value = self._glance(args, kwargs)
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

    def stats(self) -> Stats:
        """Counts, sizes, time and money of the function."""
        return self.marked.spot.stats(self.marked.name)

    def luggage(self) -> Any:
        """The spot and how the function was marked."""
        marked = self.marked
        return marked.spot, marked.options, marked.gate and marked.gate.given, written(marked.function)

    def unpack(self, function: Callable[..., Any], luggage: Any) -> None:
        """Mark the function as it was where it comes from."""
        spot, options, given, here = luggage
        arrived(here)
        from spotmagic.spot.limiter import gate_of

        gate = None if given is None else gate_of(spot, function, given)
        self.__init__(Marked(spot, function, options, gate))  # type: ignore[misc]


def awaits(function: Callable[..., Any]) -> bool:
    """Whether a call of the function gives something to await."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def glancing(marked: Marked) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]:
    """A function of a call's arguments that gives the value of a plain hit, else the call to drive."""
    key_of, mode_of, name = marked.keys.key, marked.spot.mode_of, marked.name
    own_mode, store, clock = marked.options.mode, marked.spot.store, marked.spot.clock
    pinned = marked.options.version is not None
    get, count, now = store.get, store.hit, clock.now

    def glance(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        mode = mode_of(name, own_mode)
        if mode is not Mode.AUTO or marked.streams:
            return marked.call(args, kwargs)
        accounts: list[Account] = []
        try:
            key = key_of(args, kwargs, accounts)
        except Uncacheable:
            return marked.call(args, kwargs)
        entry = get(key)
        if entry is None:
            return marked.call(args, kwargs, accounts, absent=True)
        if entry.__class__ is Entry and FILES in entry.notes:
            entry = current(get, entry)
        if decide(mode, entry, now()) is not RETURN or not isinstance(entry, Entry) or entry.status != "value":
            return marked.call(args, kwargs)
        if pinned and entry.code != marked.keys.code():  # drift, which the ledger remembers
            return marked.call(args, kwargs)
        part = entry.parts[0]
        try:
            value = decode(part.codecs, part.head, part.buffers, trusted=entry.trusted)
        except Undecodable:
            return marked.call(args, kwargs)
        count(entry.key, entry.seconds, entry.price)
        told.last = functools.partial(marked.glance, key, entry)
        return value

    return glance
