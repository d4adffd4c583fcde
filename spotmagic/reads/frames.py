"""Frames of what notes, taken out of the tracebacks of the user's errors."""

from __future__ import annotations

from types import CodeType, TracebackType

OURS: set[CodeType] = set()
"""The code of what stands in the places of functions that read and write."""


def shorten(error: BaseException | None) -> None:
    """Take our frames out of the traceback of an error, and of those it came of."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = _without_ours(error.__traceback__)
        error = error.__cause__ or error.__context__


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_frame.f_code in OURS:
        trace = trace.tb_next
    at = trace
    while at is not None:
        while at.tb_next is not None and at.tb_next.tb_frame.f_code in OURS:
            at.tb_next = at.tb_next.tb_next
        at = at.tb_next
    return trace
