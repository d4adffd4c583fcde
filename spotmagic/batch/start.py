"""How a batch begins: its options, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spotmagic.batch.batch import Batch
from spotmagic.batch.books import Plan
from spotmagic.batch.inputs import Inputs
from spotmagic.batch.screen import screen
from spotmagic.batch.target import BatchFunction
from spotmagic.engine.retry import Retry
from spotmagic.errors import OptionError, unknown
from spotmagic.options import is_whole
from spotmagic.spot.given import refuse_uncallable

if TYPE_CHECKING:
    from spotmagic.spot import Spot

_WORDS = (
    "background", "concurrency", "executor", "keep", "max_failures", "name", "never_twice", "on_error", "order",
    "progress", "retry", "samples", "star",
)  # fmt: skip
_CHOICES = {"order": ("input", "done"), "on_error": ("keep", "stop")}


def start(spot: Spot, function: Any, iterables: Sequence[Any], options: dict[str, Any]) -> Batch:
    """Ask a function with all inputs, in this thread's time unless ``background`` is said."""
    background = bool(options.pop("background", False))
    inputs, batch = prepared(spot, function, iterables, options)
    if inputs.awaits:
        raise OptionError("the inputs are asynchronous", todo="Say await spot.amap(f, inputs)")
    batch.ask(inputs.tasks(), background=background)
    return batch


async def astart(spot: Spot, function: Any, iterables: Sequence[Any], options: dict[str, Any]) -> Batch:
    """The same in the event loop of the caller."""
    background = bool(options.pop("background", False))
    inputs, batch = prepared(spot, function, iterables, options)
    await batch.aask(inputs.atasks() if inputs.awaits else inputs.tasks(), background=background)
    return batch


def prepared(spot: Spot, function: Any, iterables: Sequence[Any], options: dict[str, Any]) -> tuple[Inputs, Batch]:
    """A batch that has not begun. Raises ``OptionError`` for options that are none."""
    for word in options:
        if word not in _WORDS:
            raise unknown("option", word, _WORDS)
    concurrency, most = options.get("concurrency", 8), options.get("max_failures")
    if not is_whole(concurrency, 1):
        raise OptionError(f"concurrency={concurrency!r} is not a number of calls", todo="Say a whole number from 1 on")
    if most is not None and not is_whole(most, 0):
        raise OptionError(f"max_failures={most!r} is not a number of failures", todo="Say a whole number from 0 on")
    for word, known in _CHOICES.items():
        if (said := options.get(word, known[0])) not in known:
            raise unknown(f"{word}=", str(said), known)
    samples, retry = options.get("samples", 1), options.get("retry")
    where: dict[str, Any] = {name: options[name] for name in ("executor", "never_twice") if name in options}
    refuse_uncallable(function, "a batch", "Say spot.map(f, inputs): the function comes first")
    inputs = Inputs(iterables, star=bool(options.get("star", False)), samples=samples)  # raises before a folder is made
    target = BatchFunction(spot, function, Retry.of(retry), where, samples)
    plan = Plan(
        concurrency=concurrency,
        in_order=options.get("order") != "done",
        most_failures=0 if options.get("on_error") == "stop" else most,
        keep=bool(options.get("keep", True)),
        name=options.get("name") or "",
        samples=samples,
    )
    return inputs, Batch(spot, target, inputs, plan, screen(options.get("progress", True)))
