"""What a cell put out, as one ordered log."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Kind = Literal["stdout", "stderr", "display", "update", "clear", "result"]

_WIDGET = "application/vnd.jupyter.widget-view+json"
_FOREIGN = frozenset({"text/plain", "image/png", "image/jpeg", "image/gif", "image/webp"})


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a cell put out.

    Attributes:
        text: what was written to a stream.
        data, metadata: the bundle of a display or result, by mime type.
        display_id: the id the user's code gave a display, or IPython made up for it.
        wait: of ``clear``: with the next output and not at once.
    """

    kind: Kind
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    display_id: str = ""
    wait: bool = False


def fold(log: Iterable[Event]) -> list[Event]:
    """The log as it looks at the end: joined stream texts, displays in their last state, cleared output gone.

    Updates of displays that another cell made stay, as they are not this cell's output.
    """
    folded: list[Event] = []
    clear_next = False
    for event in log:
        if event.kind == "clear":
            clear_next = event.wait
            if not event.wait:
                folded = _cleared(folded)
            continue
        if event.kind == "update" and _updated(folded, event):
            continue
        if clear_next and event.kind != "update":
            folded, clear_next = _cleared(folded), False
        last = folded[-1] if folded else None
        if event.kind in ("stdout", "stderr") and last is not None and last.kind == event.kind:
            folded[-1] = replace(last, text=last.text + event.text)
        else:
            folded.append(event)
    return [_still(event) for event in folded]


def _cleared(log: list[Event]) -> list[Event]:
    return [event for event in log if event.kind == "update"]


def _updated(log: list[Event], update: Event) -> bool:
    """Put an update into the displays of its id. False if this cell has none."""
    places = [i for i, event in enumerate(log) if event.kind == "display" and event.display_id == update.display_id]
    for place in places:
        log[place] = replace(log[place], data=update.data, metadata=update.metadata)
    return bool(places)


def _still(event: Event) -> Event:
    """A widget's view is of use only while its kernel lives: its text as it is now takes its place."""
    if _WIDGET not in event.data:
        return event
    data = {mime: body for mime, body in event.data.items() if mime != _WIDGET}
    widgets = sys.modules.get("ipywidgets.widgets.widget")
    instances = getattr(widgets, "_instances", None) or {}
    widget = instances.get(event.data[_WIDGET].get("model_id"))
    if widget is not None:
        data["text/plain"] = repr(widget)
    data.setdefault("text/plain", "(a widget)")
    return replace(event, data=data)


def plain(log: Iterable[Event]) -> list[Event]:
    """The log of somebody else: text and raster images, nothing that could run script."""
    kept = []
    for event in log:
        data = {mime: body for mime, body in event.data.items() if mime in _FOREIGN}
        if event.text or data or event.kind == "result":
            kept.append(replace(event, data=data, metadata={m: v for m, v in event.metadata.items() if m in _FOREIGN}))
    return kept


def pack(log: Iterable[Event]) -> list[list[Any]]:
    """The log as plain lists, to be encoded."""
    return [[e.kind, e.text, _jsonable(dict(e.data)), _jsonable(dict(e.metadata)), e.display_id, e.wait] for e in log]


def unpack(packed: Sequence[Sequence[Any]]) -> list[Event]:
    """The log of plain lists. Raises ``ValueError`` for anything else."""
    try:
        return [Event(*fields) for fields in packed]
    except TypeError as error:
        raise ValueError(f"no log of outputs: {error}") from None


def _jsonable(value: Any) -> Any:
    """Bundles hold JSON and bytes; what a formatter slipped in besides counts by its text."""
    if isinstance(value, dict):
        return {str(name): _jsonable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    if value is None or type(value) in (str, bytes, bool, int, float):
        return value
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, float):
        return float(value)
    return int(value) if isinstance(value, int) else str(value)
