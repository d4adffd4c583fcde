"""A call: one thing to run, the gate its attempts pass, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from spotmagic.engine.budget import Budget
from spotmagic.hooks import Hooks
from spotmagic.limits import Cost, Limit
from spotmagic.options import NO_OPTIONS, MarkOptions, Mode, Verdict
from spotmagic.store.entry import Bad, Entry, Part
from spotmagic.values.credentials import Credentials, of_environment


@dataclass(frozen=True, slots=True)
class Gate:
    """A limit together with the costs of one function.

    Attributes:
        cost: what a call is expected to cost, learning from what calls did cost.
        settle: the actual cost, as a function of the result.
        timeout: seconds after which waiting ends with ``LimitTimeout``.
        given: the options of the limiter that made it, which make the same gate in another process.
    """

    limit: Limit
    cost: Cost
    settle: Callable[[Any], float] | None = None
    timeout: float | None = None
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A gate with the estimated cost of one call."""

    gate: Gate
    estimate: float


@dataclass(kw_only=True)
class Call:
    """One thing to run: cells and functions both make calls.

    Attributes:
        run: runs the user's code; for an asynchronous call it returns something to await.
        encode: the parts of a result. Raises ``Uncacheable`` for one that cannot be kept.
        decode: a fresh result of an entry.
        changed: names of the inputs that the run changed although a hit could not repeat it.
        paths: gives what may be paths of files that its code was told of.
        trouble: why the result may not be stored, known before the run, or empty.
        pinned: the user gave the key, so other code or inputs are drift and not a miss.
        fresh: run although there is a result (the word ``refresh``).
        absent: nothing was stored for the key a moment ago, so that the first look can be spared.
        accepts: whether a result of this name stands for this call too, where it has none: what of the code was edited
            in between does not matter (the word ``accept``). Gives the names of what differs, or ``None``.
        least_seconds: a faster run is not worth keeping.
        drifts: files that were read only show drift where they changed.
        secrets: gives its credentials, with what each is called: a result or error that holds one is not kept.
        ticket: the limit every attempt passes, and the expected cost.
        pause: waits so many seconds before another attempt, in place of the clock; what waits for an asynchronous call
            gives something to await.
        check: called while it waits for its limit; what it raises takes the call back.
        budget: checked before a run, and charged with its price.
        notes: small texts kept with the entry.
        hooks: who is told of it.
        draw: gives the outcome of mode mock.
        latency: seconds that a result from the store is held back, or ``"recorded"`` for as long as its run took.
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
    changed: Callable[[], list[str]] = list
    paths: Callable[[], Collection[str]] = tuple
    trouble: str = ""
    pinned: bool = False
    fresh: bool = False
    absent: bool = False
    accepts: Callable[[Entry], Sequence[str] | None] | None = None
    least_seconds: float = 0.0
    ticket: Ticket | None = None
    pause: Callable[[float], Any] | None = None
    check: Callable[[], None] | None = None
    budget: Budget | None = None
    drifts: bool = False
    secrets: Callable[[], Credentials] = of_environment
    notes: Mapping[str, str] = field(default_factory=dict)
    hooks: Hooks | None = None
    draw: Callable[[Call], Entry | Bad | None] | None = None
    latency: float | Literal["recorded"] = 0.0

    @property
    def kept_notes(self) -> Mapping[str, str]:
        """Its notes, and what stands for its code, if anything does."""
        version = self.options.version
        return self.notes if version is None else {**self.notes, "version": version}

    def another(self) -> Call:
        """A call like this one, to be given what differs: four times as fast as to make one of all its parts."""
        made = object.__new__(Call)
        made.__dict__.update(self.__dict__)
        return made


def unkept(name: str, run: Callable[[], Any], ticket: Ticket | None = None) -> Call:
    """A call that only passes its limit: nothing of it is kept."""
    return Call(
        name=name, kind="function", key=b"", code=b"", inputs={}, run=run, encode=_never, decode=_never, mode=Mode.OFF,
        ticket=ticket,
    )  # fmt: skip


def _never(_: Any) -> Any:
    raise AssertionError("nothing is kept of a call that is off")


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


class NotKept(Exception):
    """An end of a call that is no error of its code: the text says why there is nothing to keep."""


class Done(NamedTuple):
    """A call that came to its end: its result, and the outcome, which is made when somebody asks.

    Attributes:
        verdict, price: as the outcome will have them.
        notes: what is known of the call and its answer, the tokens that it took among it.
    """

    value: Any
    outcome: Callable[[], Outcome]
    verdict: Verdict
    price: float
    notes: Mapping[str, str]


def tell_hit(hooks: Hooks, outcome: Outcome) -> None:
    """Tell the hooks of a call whose result was there."""
    names = ("verdict", "seconds", "waited", "saved_seconds", "saved_price", "age", "stored", "reason")
    hooks.tell("hit", outcome, **{name: getattr(outcome, name) for name in names})
