"""The text of a function as its user wrote it: for people, who know it by that and not by its normal form."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from spotmagic.code.normal import normal_form
from spotmagic.code.source import find
from spotmagic.code.wrapped import unwrapped
from spotmagic.errors import Uncacheable
from spotmagic.values.written import as_written

SOURCE = "source"
EVERY, MOST = 50, 50_000
_NOTHING: Mapping[str, str] = {}


class SourceNotes:
    """Which results of a function carry its text: the first of each code here, then one in fifty.

    So it outlives any one of them, and a million results do not hold it a million times.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._code, self._count, self._noted = b"", 0, _NOTHING

    def note(self, code: bytes) -> Mapping[str, str]:
        """The text as a note of the result of a call of this code, or nothing."""
        if code != self._code:
            text = written(unwrapped(self._function))
            self._code, self._count, self._noted = code, 0, {SOURCE: text} if text else _NOTHING
        self._count += 1
        return self._noted if self._count % EVERY == 1 else _NOTHING


def written(function: Any) -> str:
    """The text of a function without the credentials in it; empty where it is not surely that of what runs."""
    if not isinstance(function, FunctionType):
        return ""
    try:
        text = textwrap.dedent(inspect.getsource(function))
        node = find(function).node
        if node is None or len(text) > MOST:
            return ""
        inner = normal_form(text)
        return as_written(inner, text.rstrip()) if inner == normal_form(node) else ""
    except (OSError, TypeError, SyntaxError, ValueError, Uncacheable):  # a lambda inside an expression, a file gone
        return ""
