"""A function under a spot: how its calls are keyed, run and kept, and the wrapper users call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spotmagic.codecs import Undecodable, decode, encode
from spotmagic.engine.around import around
from spotmagic.engine.call import Call, Outcome
from spotmagic.engine.gate import Gate, Ticket
from spotmagic.errors import RecordMissing, Uncacheable, tell
from spotmagic.keys import FunctionKey
from spotmagic.options import MarkOptions, Mode
from spotmagic.spot.session import told
from spotmagic.store.entry import Bad, Entry, Part

if TYPE_CHECKING:
    from spotmagic.spot.spot import Spot

MARKED = "__spotmagic_marked__"
GATE = "__spotmagic_gate__"


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
        spot.give_mode(self.name, options.mode)
        self.streams = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)

    @property
    def mode(self) -> Mode:
        """The mode that holds for this function now."""
        return self.spot.mode_of(self.name, self.options.mode)

    def call(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], *, fresh: bool = False, absent: bytes | None = None
    ) -> Call:
        """The call of these arguments. One that has no key runs and is not stored.

        Args:
            absent: their key, if it is known that the mode is auto and that nothing was stored for it just now.
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
            mode=self.mode if absent is None else Mode.AUTO,
            fresh=fresh,
            absent=absent is not None,
            budget=self.spot.budget,
        )
        gate = self._gate()
        if gate is not None:
            call.ticket = Ticket(gate, gate.cost.estimate(args, kwargs))
        if self.streams:
            call.trouble = f"`{self.function.__name__}` is a generator"
            return call
        try:
            keyed = self.keys.keyed(args, kwargs, absent)
        except Uncacheable as error:
            call.trouble = str(error)
            tell(f"{self.name} runs uncached", str(error), once=f"uncached {self.name} {error.path}")
            return call
        call.key, call.code, call.inputs, call.trouble = keyed.key, keyed.code, keyed.inputs, keyed.trouble
        call.handles, call.state = keyed.handles, keyed.state
        call.pinned = self.options.version is not None
        if self.options.errors:
            call.secrets = tuple(self.keys.secrets(args, kwargs))
        call.changed = functools.partial(self._changed, args, kwargs, call)
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
        )

    def peek(self, *args: Any, **kwargs: Any) -> Any:
        """The kept result of these arguments. Raises ``RecordMissing`` if there is none; never runs."""
        entry = self.spot.store.get(self.keys.key(args, kwargs))
        why = entry.why if isinstance(entry, Bad) else ""
        if isinstance(entry, Entry) and entry.status == "value":
            if entry.expires is None or entry.expires > self.spot.clock.now():
                try:
                    return decode_value(entry)
                except Undecodable as error:
                    why = str(error)
            else:
                why = "it has expired"
        raise RecordMissing(f"no result of {self.name} for these arguments", why, "Call it once")

    def forget(self, *args: Any, **kwargs: Any) -> bool:
        """Delete the kept result of these arguments. Whether there was one."""
        return self.spot.store.forget([self.keys.key(args, kwargs)]) > 0

    def _gate(self) -> Gate | None:
        """Its own gate, else the one that the cell around the call lends."""
        if self.gate is not None:
            return self.gate
        cell = around()
        return None if cell is None else cell.gate(self.function)

    def _changed(self, args: tuple[Any, ...], kwargs: dict[str, Any], call: Call) -> list[str]:
        try:
            if self.keys.key(args, kwargs) == call.key:
                return []
            after = self.keys.keyed(args, kwargs)
        except Uncacheable as error:
            return [error.path or "an argument"]
        names = [name for name in {**call.inputs, **after.inputs} if call.inputs.get(name) != after.inputs.get(name)]
        return names or ["code"]


def decode_value(entry: Entry) -> Any:
    """A fresh copy of the value of an entry."""
    part = entry.parts[0]
    return decode(part.codecs, part.head, part.buffers, trusted=entry.trusted)


def wrap(marked: Marked) -> Callable[..., Any]:
    """The function users call: a hit takes the short way here, everything else goes through the engine."""
    function, key_of, mode_of, name = marked.function, marked.keys.key, marked.spot.mode_of, marked.name
    own_mode, store, clock = marked.options.mode, marked.spot.store, marked.spot.clock
    pinned = marked.options.version is not None
    get, count, now, engine = store.get, store.hit, clock.now, marked.spot.engine

    def glance(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The value of a plain hit, else the call to drive."""
        if mode_of(name, own_mode) is not Mode.AUTO or marked.streams:
            return marked.call(args, kwargs)
        try:
            key = key_of(args, kwargs)
        except Uncacheable:
            return marked.call(args, kwargs)
        entry = get(key)
        if entry is None:
            return marked.call(args, kwargs, absent=key)
        if entry.__class__ is not Entry or entry.status != "value":
            return marked.call(args, kwargs)
        if entry.expires is not None and entry.expires <= now():
            return marked.call(args, kwargs)
        if pinned and entry.code != marked.keys.code():  # drift, which the ledger remembers
            return marked.call(args, kwargs)
        part = entry.parts[0]
        try:
            value = decode(part.codecs, part.head, part.buffers, trusted=entry.trusted)
        except Undecodable:
            return marked.call(args, kwargs)
        count(key, entry.seconds, entry.price)
        told.last = functools.partial(marked.glance, key, entry)
        return value

    def call(*args: Any, **kwargs: Any) -> Any:
        value = glance(args, kwargs)
        return engine.drive(value).value if value.__class__ is Call else value

    def refresh(*args: Any, **kwargs: Any) -> Any:
        return engine.drive(marked.call(args, kwargs, fresh=True)).value

    async def acall(*args: Any, **kwargs: Any) -> Any:
        value = glance(args, kwargs)
        return (await engine.adrive(value)).value if value.__class__ is Call else value

    async def arefresh(*args: Any, **kwargs: Any) -> Any:
        return (await engine.adrive(marked.call(args, kwargs, fresh=True))).value

    awaits = inspect.iscoroutinefunction(function)
    wrapper = functools.update_wrapper(acall if awaits else call, function)
    wrapper.__dict__.update(
        {
            MARKED: marked,
            "key": lambda *args, **kwargs: marked.keys.key(args, kwargs).hex(),
            "peek": marked.peek,
            "forget": marked.forget,
            "refresh": functools.update_wrapper(arefresh if awaits else refresh, function),
            "stats": lambda: marked.spot.stats(name),
            "explain": lambda *args, **kwargs: marked.spot.explain_call(marked.call(args, kwargs)),
        }
    )
    return wrapper
