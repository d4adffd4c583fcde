"""A call: one thing to run, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from spotmagic.engine.budget import Budget
from spotmagic.engine.gate import Ticket
from spotmagic.options import NO_OPTIONS, MarkOptions, Mode, Verdict
from spotmagic.store.entry import Entry, Part


def _nothing_changed() -> list[str]:
    return []


@dataclass(slots=True, kw_only=True)
class Call:
    """One thing to run: cells and functions both make calls.

    Attributes:
        run: runs the user's code; for an asynchronous call it returns something to await.
        encode: the parts of a result. Raises ``Uncacheable`` for one that cannot be kept.
        decode: a fresh result of an entry.
        changed: names of the inputs that the run changed although a hit could not repeat it.
        trouble: why the result may not be stored, known before the run, or empty.
        pinned: the user gave the key, so other code or inputs are drift and not a miss.
        fresh: run although there is a result (the word ``refresh``).
        absent: nothing was stored for the key a moment ago, so that the first look can be spared.
        accepts: whether a result of this name stands for this call too, where it has none: what of the code was edited
            in between does not matter (the word ``accept``). Gives the names of what differs, or ``None``.
        least_seconds: a faster run is not worth keeping.
        drifts: files that were read only show drift where they changed.
        secrets: texts of secret arguments; an error that holds one is not kept.
        ticket: the limit every attempt passes, and the expected cost.
        budget: checked before a run, and charged with its price.
        notes: small texts kept with the entry.
    """

    name: str
    kind: str
    key: bytes
    code: bytes
    inputs: Mapping[str, bytes]
    run: Callable[[], Any]
    encode: Callable[[Any], tuple[Part, ...]]
    decode: Callable[[Entry], Any]
    options: MarkOptions = NO_OPTIONS
    mode: Mode = Mode.AUTO
    changed: Callable[[], list[str]] = _nothing_changed
    trouble: str = ""
    pinned: bool = False
    fresh: bool = False
    absent: bool = False
    accepts: Callable[[Entry], Sequence[str] | None] | None = None
    least_seconds: float = 0.0
    ticket: Ticket | None = None
    budget: Budget | None = None
    drifts: bool = False
    secrets: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of a call.

    Attributes:
        verdict: ``hit`` (from the store), ``ran``, ``joined`` (another task, thread or kernel ran it meanwhile),
            ``mocked`` or ``bypassed`` (it ran and spotmagic kept out of it).
        stored: whether the result is in the store.
        reason: why it ran, or why it was not stored.
        changed: names of the inputs that differ from the nearest entry.
        drift: what differs from the entry although its key was given.
        key: 32 hexadecimal digits, empty where there is none.
        age: seconds since the result was made.
        seconds: how long the call took to run when it ran.
        saved_seconds, saved_price: what the hit did not cost.
        price: what the run cost.
        waited: seconds spent waiting for another run or for a limit.
        handles: what counts by its settings only, such as ``openai.OpenAI (base_url=…)``.
        state: what the call only writes, which is no input.
        value: the result.
    """

    verdict: Verdict
    stored: bool
    kind: str
    name: str
    reason: str = ""
    changed: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    key: str = ""
    age: float = 0.0
    seconds: float = 0.0
    saved_seconds: float = 0.0
    price: float = 0.0
    saved_price: float = 0.0
    waited: float = 0.0
    handles: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    value: Any = field(default=None, repr=False)


class Done(NamedTuple):
    """A call that came to its end: its result, and the outcome, which is made when somebody asks."""

    value: Any
    outcome: Callable[[], Outcome]
