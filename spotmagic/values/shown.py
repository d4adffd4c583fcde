"""What a result looks like, for people to recognise it by: its type and shape, a line, a small picture.

It is taken when a result is stored, of large values and of those that cannot be looked at later without their class or
their pickle. Small plain values are read when they are looked at.
"""

from __future__ import annotations

import reprlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from spotmagic.values.secrets import masked
from spotmagic.values.short import shaped, texts
from spotmagic.values.state import attributes
from spotmagic.values.thumbnail import thumbnail

TYPE, REPR, THUMB = "type", "repr", "thumb"
"""Notes: the type of a result with its shape; its beginning, of a pickle its own ``repr``; a PNG in base64."""
SMALL = 16_000  # bytes of a plain value that is read for a line of a list
LINE, TEXT = 300, 2_000
_NODES, _COLUMNS = 2_000, 12
TELLING = frozenset({"content", "text", "output_text", "answer", "completion", "message", "summary", "transcript"})
_FLAT = frozenset({str, int, float, bool, bytes, type(None)})

_repr = reprlib.Repr()
_repr.maxlist = _repr.maxtuple = _repr.maxset = _repr.maxdict = 6
_repr.maxstring = _repr.maxother = TEXT


def noted(value: Any, codecs: Sequence[str], size: int, secrets: Callable[[], Iterable[str]] = tuple) -> dict[str, str]:
    """The notes of a result about what it looks like; none of a small plain value.

    Args:
        secrets: gives texts that may not stand in them.
    """
    if size <= SMALL and codecs == ("plain",):
        return {}
    found = {TYPE: type_of(value)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shown = _repr.repr(value) if "pickle" in codecs else _beginning(value)
            found[REPR] = masked(shown, secrets())[:TEXT] if shown and shown != f"<{found[TYPE]}>" else ""
            found[THUMB] = thumbnail(value)
    except Exception:  # of a class of somebody else: what is known by now is enough
        pass
    return {name: text.encode("utf-8", "replace").decode() for name, text in found.items() if text}


def type_of(value: Any) -> str:
    """The type of a value with its shape: ``list of 1,536 floats``, ``Counter``, ``str``."""
    kind = type(value)
    if kind in _FLAT:
        return kind.__name__
    if kind in (list, tuple, set, frozenset, dict):
        first = next(iter(value), None)
        many = f" {type(first).__name__}s" if kind is list and type(first) in (int, float, str) else ""
        return f"{kind.__name__} of {len(value):,}{many}"
    return shaped(value, kind)


def _beginning(value: Any) -> str:
    """A text's beginning, an error's words, a table's columns, an answer inside an object; else the value in short."""
    if isinstance(value, str):
        return value[:TEXT]
    if isinstance(value, BaseException):
        return ", ".join(str(arg) for arg in value.args if type(arg) in _FLAT)
    told = getattr(value, "told", None)  # of a stream
    if callable(told) and type(value).__module__.startswith("spotmagic."):
        return _beginning(told(100))
    columns = getattr(value, "columns", None)
    if columns is not None and type(value).__name__ in ("DataFrame", "LazyFrame", "GeoDataFrame"):
        return ", ".join(map(str, islice(columns, _COLUMNS))) + (", …" if len(columns) > _COLUMNS else "")
    if type(getattr(value, "shape", None)) is tuple:
        return ""
    return answer(value) or texts({"value": value})["value"]


def answer(value: Any) -> str:
    """The longest text that stands in a value under a name such as ``content``, however deep: what a model said."""
    found, queue, seen = "", [value], 0
    while queue and seen < _NODES:
        seen += 1
        one = queue.pop()
        for name, item in _inside(one):
            if type(item) is str:
                if name in TELLING and len(item) > len(found):
                    found = item
            elif type(item) not in _FLAT:
                queue.append(item)
    return found[:TEXT]


def _inside(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        return islice(dict.items(value), _NODES)
    if type(value) in (list, tuple):
        return ((None, item) for item in value[:20])
    state: Mapping[str, Any] = attributes(value)
    return islice(state.items(), _NODES)
