"""What came out, in a type and a line: what a list of results shows of each, and what a search finds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from spotmagic.codecs import decode
from spotmagic.store.entry import Entry, Part
from spotmagic.values.shown import LINE, REPR, SMALL, TYPE, type_of
from spotmagic.words import counted

OUTPUTS = "outputs"  # the part in which a cell keeps what it put out
_ITEMS, _EACH, _PLAIN = 4, 60, ("plain",)
_SCALARS = (bool, int, float, complex)


def told(entry: Entry) -> tuple[str, str]:
    """The type with its shape, and the beginning in one line; empty where neither can be told.

    Large values and those of classes tell of themselves when they are stored; small plain ones are read here.
    """
    kind, shown = entry.notes.get(TYPE, ""), entry.notes.get(REPR, "")
    part = None if kind else _telling(entry)
    if part is not None and part.codecs == _PLAIN and part.head and part.size <= _most(entry):
        try:
            value = decode(part.codecs, part.head, part.buffers, trusted=entry.trusted)
            kind, shown = ("", _last(value)) if part.name == OUTPUTS else (type_of(value), _line(value, 2))
        except Exception:  # the entry's own page says what is wrong with it
            return "", ""
    elif part is not None and part.codecs != _PLAIN:  # of before results told of themselves
        kind = next(codec for codec in (*part.codecs, "") if codec not in ("plain", "refs"))
    return kind, " ".join(shown[: 2 * LINE].split())[:LINE]


def _most(entry: Entry) -> int:
    return 1_000_000 if entry.kind == "cell" else SMALL


def _telling(entry: Entry) -> Part | None:
    """The part that says most: what a function returned, what a cell showed."""
    if entry.kind != "cell":
        return entry.parts[0] if entry.parts else None
    return next((part for part in entry.parts if part.name == OUTPUTS), None)


def _last(value: Any) -> str:
    """The last thing with words that a cell put out."""
    log = value.get("log") if isinstance(value, dict) else None
    for event in reversed(log if isinstance(log, list) else []):
        _, text, data, *_ = event
        shown = text or data.get("text/plain")
        if isinstance(shown, str) and shown.strip():
            return shown
    return ""


def _line(value: Any, depth: int) -> str:
    kind = type(value)
    if kind is str:
        return value[: 2 * LINE] if depth == 2 else f'"{value[:_EACH]}"'
    if value is None or isinstance(value, _SCALARS):
        return f"{value:.6g}" if kind is float else str(value)[:_EACH]
    if kind is bytes:
        return counted(len(value), "byte")
    if isinstance(value, dict) and depth:
        pairs = [
            f"{key if isinstance(key, str) else _line(key, 0)}: {_line(one, depth - 1)}"
            for key, one in islice(value.items(), _ITEMS)
        ]
        return f"{{{_joined(pairs, len(value))}}}"
    if isinstance(value, list | tuple) and depth:
        return f"[{_joined([_line(one, depth - 1) for one in islice(value, _ITEMS)], len(value))}]"
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return f"{kind.__name__} of {len(value):,}"
    return str(value)[:_EACH]


def _joined(texts: list[str], count: int) -> str:
    return ", ".join(texts) + (", …" if count > _ITEMS else "")
