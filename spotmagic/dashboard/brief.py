"""A stored value in one line, to tell entries of one name apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from spotmagic.codecs import decode, is_safe
from spotmagic.dashboard.outputs import OUTPUTS, Event, log_of
from spotmagic.dashboard.table import table
from spotmagic.store.entry import Entry, Part

LENGTH = 90
SMALL = 16_000  # larger entries are not read for a line of a list
_ITEMS = 4
_SCALARS = (bool, int, float, complex)


def brief(entry: Entry) -> str:
    """One line about what an entry holds, or empty. Pickles are not opened, and nothing large is decoded."""
    part = _telling(entry)
    if part is None or part.size > SMALL or not is_safe(part.codecs):
        return ""
    try:
        value = decode(part.codecs, part.head, part.buffers, trusted=False)
    except Exception:  # the entry's own page says what is wrong with it
        return ""
    log = log_of(value) if part.name == OUTPUTS else None
    text = _last(log) if log is not None else _line(value, 2)
    text = " ".join(text[: 4 * LENGTH].split())
    return text if len(text) <= LENGTH else text[: LENGTH - 1] + "…"


def _telling(entry: Entry) -> Part | None:
    """The part that says most: what a function returned, what a cell showed."""
    if entry.kind != "cell":
        return entry.parts[0] if entry.parts else None
    return next((part for part in entry.parts if part.name == OUTPUTS), None)


def _last(log: list[Event]) -> str:
    """The last thing in a log that has words."""
    for event in reversed(log):
        text = event.text or event.data.get("text/plain")
        if isinstance(text, str) and text.strip():
            return text
    return ""


def _line(value: Any, depth: int) -> str:
    if isinstance(value, str):
        return value if depth == 2 else f'"{value[:LENGTH]}"'
    if value is None or isinstance(value, _SCALARS):
        return f"{value:.6g}" if isinstance(value, float) else str(value)[:LENGTH]
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, dict) and depth:
        pairs = (
            f"{key if isinstance(key, str) else _line(key, 0)}: {_line(one, depth - 1)}" for key, one in value.items()
        )
        return f"{{{_joined(pairs, len(value))}}}"
    if isinstance(value, list | tuple) and depth:
        return f"[{_joined((_line(one, depth - 1) for one in value), len(value))}]"
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return f"{type(value).__name__} of {len(value):,}"
    grid = table(value)
    if grid is not None:
        return f"{type(value).__name__}, {grid['height']:,} \N{MULTIPLICATION SIGN} {grid['width']:,}"
    return type(value).__name__


def _joined(texts: Iterable[str], count: int) -> str:
    return ", ".join(islice(texts, _ITEMS)) + (", …" if count > _ITEMS else "")
