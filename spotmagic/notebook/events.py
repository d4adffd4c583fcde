"""What a cell put out, as one ordered log, and putting it out again."""

from __future__ import annotations

import binascii
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal
from uuid import uuid4

from spotmagic.errors import Uncacheable
from spotmagic.notebook.graph import is_array
from spotmagic.values.shown import THUMB
from spotmagic.values.thumbnail import thumbnail

Kind = Literal["stdout", "stderr", "display", "update", "clear", "result"]

_WIDGET = "application/vnd.jupyter.widget-view+json"
_FOREIGN = frozenset({"text/plain", "image/png", "image/jpeg", "image/gif", "image/webp"})
_STILL = frozenset({"Box", "_Progress", "IntProgress", "FloatProgress", "HTML", "HTMLMath", "Label", "Image"})
"""Widgets that only show something: bars of progress are of these."""
NOT_KEPT = object()  # in place of a result's value that no codec could keep
_DRAWING = ("matplotlib.", "seaborn._core.plot")
_MADE_UP = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class CellOutput:
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


def fold(log: Iterable[CellOutput]) -> list[CellOutput]:
    """The log as it looks at the end: joined stream texts, displays in their last state, cleared output gone.

    Updates of displays that another cell made stay, as they are not this cell's output.
    """
    folded: list[CellOutput] = []
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


def _cleared(log: list[CellOutput]) -> list[CellOutput]:
    return [event for event in log if event.kind == "update"]


def _updated(log: list[CellOutput], update: CellOutput) -> bool:
    """Put an update into the displays of its id. False if this cell has none."""
    places = [i for i, event in enumerate(log) if event.kind == "display" and event.display_id == update.display_id]
    for place in places:
        log[place] = replace(log[place], data=update.data, metadata=update.metadata)
    return bool(places)


def refuse_live(log: Iterable[CellOutput]) -> None:
    """Raise for a cell that shows a widget which answers people or changes later: a text in its place would not."""
    for event in log:
        todo = [_widget(event.data[_WIDGET])] if _WIDGET in event.data else []
        while todo:
            widget = todo.pop()
            kinds = {base.__name__ for base in type(widget).__mro__}
            todo += getattr(widget, "children", ())
            answers = kinds.isdisjoint(_STILL) or "_SelectionContainer" in kinds
            if answers and getattr(widget, "comm", None) is not None:
                why = f"it shows {type(widget).__name__}, a widget that answers only while its kernel lives"
                raise Uncacheable(
                    "the cell cannot be kept", why, "Show it in a cell of its own, which runs each time", path="widget"
                )


def _widget(view: Any) -> Any:
    """The widget of a view, while it is there."""
    instances = getattr(sys.modules.get("ipywidgets.widgets.widget"), "_instances", None) or {}
    return instances.get(view.get("model_id")) if isinstance(view, Mapping) else None


def _still(event: CellOutput) -> CellOutput:
    """A widget's view is of use only while its kernel lives: its text as it is now takes its place."""
    if _WIDGET not in event.data:
        return event
    data = {mime: body for mime, body in event.data.items() if mime != _WIDGET}
    widget = _widget(event.data[_WIDGET])
    if widget is not None:
        data["text/plain"] = repr(widget)
    data.setdefault("text/plain", "(a widget)")
    return replace(event, data=data)


def plain_outputs(log: Iterable[CellOutput]) -> list[CellOutput]:
    """The log of somebody else: text and raster images, nothing that could run script."""
    kept = []
    for event in log:
        data = {mime: body for mime, body in event.data.items() if mime in _FOREIGN}
        if event.text or data or event.kind == "result":
            kept.append(replace(event, data=data, metadata={m: v for m, v in event.metadata.items() if m in _FOREIGN}))
    return kept


def pack_outputs(log: Iterable[CellOutput]) -> list[list[Any]]:
    """The log as plain lists, to be encoded."""
    return [[e.kind, e.text, _jsonable(dict(e.data)), _jsonable(dict(e.metadata)), e.display_id, e.wait] for e in log]


def unpack_outputs(packed: Sequence[Sequence[Any]]) -> list[CellOutput]:
    """The log of plain lists. Raises ``ValueError`` for anything else."""
    try:
        return [CellOutput(*fields) for fields in packed]
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


class Shown:
    """Stands for the last result of a cell whose value could not be kept: it shows what the value showed."""

    def __init__(self, event: CellOutput) -> None:
        self._event = event

    def __repr__(self) -> str:
        return str(self._event.data.get("text/plain", "(a result that was not kept)"))

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return dict(self._event.data), dict(self._event.metadata)


class Replay:
    """Replays logs in one shell.

    A display id that IPython made up belongs to one place on the page. The first replay in a kernel that has not shown
    it takes it as it is, so that a handle in a variable is what it was for later cells; each other one takes a fresh
    id, and is known by the stored one. An id the user's code chose stays, as other cells may name it.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._fresh: dict[str, str] = {}
        self._shown: set[str] = set()

    def saw(self, log: list[CellOutput]) -> list[CellOutput]:
        """A log that a run put out: its ids are on the page."""
        self._shown.update(event.display_id for event in log)
        return log

    def play(self, log: Iterable[CellOutput], results: Sequence[Any], held: Collection[str] = ()) -> None:
        """Put the events out in order. ``results`` are the values behind events of kind ``result``.

        Args:
            held: ids of the handles that the cell takes from the notebook: their displays are where they were.
        """
        values = iter(results)
        for event in log if held else ():
            if event.display_id in held:
                self._fresh.pop(event.display_id, None)
        for event in log:
            if event.kind in ("stdout", "stderr"):
                getattr(sys, event.kind).write(event.text)
            elif event.kind == "result":
                value = next(values, NOT_KEPT)
                self._result(event, Shown(event) if value is NOT_KEPT else value)
            else:
                self._display(event, held)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()

    def adopt(self, values: Iterable[Any]) -> None:
        """Let restored display handles speak of the displays as they were replayed."""
        for value in values:
            stored = getattr(value, "display_id", None)
            if type(value).__name__ == "DisplayHandle" and stored in self._fresh:
                value.display_id = self._fresh[stored]

    def _display(self, event: CellOutput, held: Collection[str]) -> None:
        transient = {}
        if event.display_id:
            display_id = event.display_id
            if event.kind == "display" and display_id not in held and _MADE_UP.fullmatch(display_id):
                self._fresh[display_id] = uuid4().hex if display_id in self._shown else display_id
                self._shown.add(display_id)
            transient = {"display_id": self._fresh.get(display_id, display_id)}
        self._shell.display_pub.publish(
            dict(event.data), dict(event.metadata), transient=transient, update=event.kind == "update"
        )

    def _result(self, event: CellOutput, value: Any) -> None:
        hook = self._shell.displayhook
        if sys.displayhook is not hook and getattr(sys.displayhook, "outputs", None) is not None:  # under %%capture
            sys.displayhook(Shown(event))
            return
        # What the hook itself does with a value, but for formatting: what it showed is known.
        hook.check_for_underscore()
        hook.start_displayhook()
        hook.write_output_prompt()
        hook.update_user_ns(value)
        hook.fill_exec_result(value)
        if event.data:
            hook.write_format_data(dict(event.data), dict(event.metadata))
            hook.log_output(dict(event.data))
        hook.finish_displayhook()


def handles(namespace: Mapping[str, Any], names: Iterable[str]) -> set[str]:
    """The ids of the display handles among some variables."""
    found = [namespace[name] for name in names if name in namespace]
    return {one.display_id for one in found if type(one).__name__ == "DisplayHandle"}


def is_drawn(value: Any, depth: int = 3) -> bool:
    """Whether a result is what matplotlib gives back of a drawing: lines, bars, a histogram's counts and bars.

    Nobody reads it, and each piece of it holds the whole figure. What ``plot()`` of ``seaborn.objects`` gives holds
    classes besides that were made in functions.
    """
    if isinstance(value, list | tuple | dict) and not type(value).__module__.startswith(_DRAWING):
        parts = value.values() if isinstance(value, dict) else value
        return depth > 0 and any(is_drawn(part, depth - 1) for part in islice(parts, 100))
    if is_array(value) and value.dtype.kind == "O":
        return any(is_drawn(part, 0) for part in islice(value.flat, 100))
    return type(value).__module__.startswith(_DRAWING)


def thumb(log: Iterable[CellOutput]) -> dict[str, str]:
    """The note of a small picture of the last thing that was drawn."""
    drawn = [event.data["image/png"] for event in log if isinstance(event.data.get("image/png"), str | bytes)]
    try:
        data = drawn[-1] if drawn and isinstance(drawn[-1], bytes) else binascii.a2b_base64(drawn[-1] if drawn else "")
        small = thumbnail(data)
    except Exception:  # a picture that its library cannot read
        return {}
    return {THUMB: small} if small else {}
