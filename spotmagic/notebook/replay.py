"""Putting out again what a cell once put out."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any
from uuid import uuid4

from spotmagic.notebook.events import Event
from spotmagic.notebook.graph import is_array

NOT_KEPT = object()  # in place of a result's value that no codec could keep

_MADE_UP = re.compile("[0-9a-f]{32}")


class Shown:
    """Stands for the last result of a cell whose value could not be kept: it shows what the value showed."""

    def __init__(self, event: Event) -> None:
        self._event = event

    def __repr__(self) -> str:
        return str(self._event.data.get("text/plain", "(a result that was not kept)"))

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return dict(self._event.data), dict(self._event.metadata)


class Replay:
    """Replays logs in one shell.

    A display id that IPython made up belongs to one place on the page, so each replay gives fresh ones and knows which
    stored id each stands for; an id the user's code chose stays, as other cells may name it.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._fresh: dict[str, str] = {}

    def play(self, log: Iterable[Event], results: Sequence[Any]) -> None:
        """Put the events out in order. ``results`` are the values behind events of kind ``result``."""
        values = iter(results)
        for event in log:
            if event.kind in ("stdout", "stderr"):
                getattr(sys, event.kind).write(event.text)
            elif event.kind == "result":
                value = next(values, NOT_KEPT)
                self._result(event, Shown(event) if value is NOT_KEPT else value)
            else:
                self._display(event)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()

    def adopt(self, values: Iterable[Any]) -> None:
        """Let restored display handles speak of the displays as they were replayed."""
        for value in values:
            stored = getattr(value, "display_id", None)
            if type(value).__name__ == "DisplayHandle" and stored in self._fresh:
                value.display_id = self._fresh[stored]

    def _display(self, event: Event) -> None:
        transient = {}
        if event.display_id:
            display_id = event.display_id
            if event.kind == "display" and _MADE_UP.fullmatch(display_id):
                self._fresh[display_id] = uuid4().hex
            transient = {"display_id": self._fresh.get(display_id, display_id)}
        self._shell.display_pub.publish(
            dict(event.data), dict(event.metadata), transient=transient, update=event.kind == "update"
        )

    def _result(self, event: Event, value: Any) -> None:
        hook = self._shell.displayhook
        if sys.displayhook is not hook and getattr(sys.displayhook, "outputs", None) is not None:  # under %%capture
            sys.displayhook(Shown(event))
            return
        hook.check_for_underscore()
        hook.start_displayhook()
        hook.write_output_prompt()
        hook.update_user_ns(value)
        hook.fill_exec_result(value)
        if event.data:
            hook.write_format_data(dict(event.data), dict(event.metadata))
            hook.log_output(dict(event.data))
        hook.finish_displayhook()


def is_drawn(value: Any, depth: int = 3) -> bool:
    """Whether a result is what matplotlib gives back of a drawing: lines, bars, a histogram's counts and bars.

    Nobody reads it, and each piece of it holds the whole figure.
    """
    if isinstance(value, list | tuple | dict) and not type(value).__module__.startswith("matplotlib."):
        parts = value.values() if isinstance(value, dict) else value
        return depth > 0 and any(is_drawn(part, depth - 1) for part in islice(parts, 100))
    if is_array(value) and value.dtype.kind == "O":
        return any(is_drawn(part, 0) for part in islice(value.flat, 100))
    return type(value).__module__.startswith("matplotlib.")
