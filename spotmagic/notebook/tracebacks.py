"""Tracebacks as users know them: their own lines, without the frames of ours that led there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from spotmagic.notebook import executor

_OURS = str(Path(executor.__file__).parents[1]) + os.sep
_BODIES = (executor.run.__code__, executor.arun.__code__)


class Tracebacks:
    """Overrides how a shell lays out tracebacks: of cells, of marked calls in plain cells, of chained errors alike."""

    def __init__(self, shell: Any) -> None:
        self._owner = shell.InteractiveTB
        self._layout: Callable[..., Any] = self._owner.structured_traceback
        self._owner.structured_traceback = self

    def __call__(self, kind: Any = None, error: Any = None, trace: Any = None, *args: Any, **more: Any) -> Any:
        """What IPython's own method gives for the error without our frames."""
        if isinstance(error, BaseException):
            cut = clean(error)
            trace = error.__traceback__ or trace
            if cut:  # it begins at the user's line, and there is no frame of IPython's to leave out
                args, more = args[1:], {**more, "tb_offset": 0}
        return self._layout(kind, error, trace, *args, **more)

    def off(self) -> None:
        """Lay tracebacks out as before."""
        if vars(self._owner).get("structured_traceback") is self:
            del self._owner.structured_traceback


def clean(error: BaseException) -> bool:
    """Take our frames out of an error and of those it came from. Whether it begins in the body of a cell of ours."""
    error.__traceback__, cut = _without_us(error.__traceback__)
    seen: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        for name in ("__cause__", "__context__"):
            before = getattr(one, name)
            if before is None:
                continue
            trace, _ = _without_us(before.__traceback__)
            if trace is None and before.__traceback__ is not None:
                quiet = one.__suppress_context__
                setattr(one, name, None)  # it was ours alone, such as a look for what is not there
                one.__suppress_context__ = quiet
            else:
                before.__traceback__ = trace
                todo.append(before)
    return cut


def _without_us(trace: TracebackType | None) -> tuple[TracebackType | None, bool]:
    """A traceback without our frames, from the first line of a cell of ours on; and whether there is such a line."""
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    start = next((place for place, one in enumerate(frames) if one.tb_frame.f_code in _BODIES), -1) + 1
    kept = [one for one in frames[start:] if not one.tb_frame.f_code.co_filename.startswith(_OURS)]
    if not kept:
        return (None, False) if start == 0 else (frames[-1], False)
    clean: TracebackType | None = None
    for each in reversed(kept):
        clean = TracebackType(clean, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return clean, start > 0
