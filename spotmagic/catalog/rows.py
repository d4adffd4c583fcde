"""What the catalog answers with. :class:`Row` is the one list of what is told of an entry."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any

from spotmagic.catalog.told import told
from spotmagic.store.entry import Entry, Part
from spotmagic.values.shown import THUMB

FIELD, ITEM, LINE = "\x1f", "\x1e", "\x1d"
"""What stands between the fields of a line, before each item of a list, between lines: a batch of rows is one text,
which DuckDB takes many times faster than values."""
_MARKS = re.compile("[\x1d-\x1f]")
_SHORT = 2_000  # texts are cut here: the catalog is for looking, the store has the whole
_LAST_TIME = 253_402_300_799.0  # the end of the year 9999


@functools.lru_cache(4096)
def text(value: str) -> str:
    """A text as a field of a line: cut."""
    return _MARKS.sub("?", value[:_SHORT])


def number(value: float) -> float:
    """A finite number; what is none counts as 0."""
    return value if isfinite(value) else 0.0


def moment(seconds: float) -> float:
    """A time that DuckDB can write: within the years people use."""
    return seconds if 0.0 <= seconds <= _LAST_TIME else min(max(number(seconds), 0.0), _LAST_TIME)


@functools.lru_cache(4096)
def listed(texts: tuple[str, ...]) -> str:
    """A list of texts as a field of a line."""
    return "".join([ITEM + text(each) for each in texts])


def _kept(column: str, of: str, shown: str = "", **default: Any) -> Any:
    """A field that is a column of the table of entries.

    Args:
        column: its type there.
        of: what an entry ``e`` with notes ``notes`` says of it, as a field of a line, in Python (:func:`said_of`).
        shown: SQL that gives it, when that is not the column itself.
    """
    return field(metadata={"column": column, "of": of, "shown": shown}, **default)


def _noted(name: str, column: str = "VARCHAR", pattern: str = "", **default: Any) -> Any:
    """A field that an entry has as a note, when it fits a pattern."""
    return _kept(column, f"noted(notes[{name!r}], {pattern!r}) if {name!r} in notes else ''", **default)


def _fitting(said: str, pattern: str) -> str:
    return text(said) if not pattern or re.fullmatch(pattern, said) else ""


def _used(shown: str, **default: Any) -> Any:
    """A field that the table of usage tells."""
    return field(metadata={"shown": shown}, **default)


def _looks(entry: Entry) -> list[str]:
    """What came out of an entry; both of its columns ask one after the other."""
    global _latest
    if _latest[0] is not entry:
        _latest = entry, [_MARKS.sub("?", one) for one in told(entry)]
    return _latest[1]


_latest: tuple[Entry | None, list[str]] = None, []


def _are_safe(parts: tuple[Part, ...]) -> bool:
    return _is_safe(tuple([part.codecs for part in parts]))


@functools.lru_cache(1024)
def _is_safe(parts: tuple[tuple[str, ...], ...]) -> bool:
    from spotmagic.codecs import is_safe

    return is_safe(tuple(codec for codecs in parts for codec in codecs))


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as people see it.

    The columns of the table of entries, what is read from an entry for them, the orders of lists and the view of users'
    SQL all follow from these fields. To tell one more fact, keep it as a note of the entry and add a field that is
    ``_noted("its name")`` here, with a default; catalogs of before are made anew by themselves.

    Attributes:
        key: 32 hexadecimal digits.
        version: the ``version=`` it was made with, or empty.
        status: ``live``, ``superseded`` (newer code has answered the same question), ``expired``, ``partial``,
            ``refused`` (somebody else's, and not
            safe to load) or ``corrupt``.
        created, expires: seconds since 1970; ``expires`` is ``None`` for ever.
        seconds, price: what making it took.
        size: bytes, blobs included.
        parts: names of the values in it.
        writer: 16 hexadecimal digits of the key it is sealed with.
        hits: how often it was returned.
        damage: what a check found wrong with it, or empty.
        model, tokens: what answered, and how much it read and wrote; empty and ``None`` where that is not known.
        arguments: of its call, in short texts by name; of a cell what it read.
        last: when it was last returned, in seconds since 1970, or ``None``.
        type, result: the type and shape of what came out, and its beginning in one line.
    """

    key: str = _kept("VARCHAR", "e.key.hex()")
    name: str = _kept("VARCHAR", "text(e.name)")
    kind: str = _kept("VARCHAR", "text(e.kind)")
    version: str = _noted("version")
    status: str = _kept("VARCHAR", "text(e.status) if e.trusted or are_safe(e.parts) else 'refused'")
    created: float = _kept("TIMESTAMP", "repr(moment(e.created))", "epoch(e.created)")
    expires: float | None = _kept(
        "TIMESTAMP", "'' if e.expires is None else repr(moment(e.expires))", "epoch(e.expires)"
    )
    seconds: float = _kept("DOUBLE", "repr(number(e.seconds))")
    price: float = _kept("DOUBLE", "repr(number(e.price))")
    size: int = _kept("BIGINT", "str(e.size)")
    parts: tuple[str, ...] = _kept("VARCHAR[]", "listed(tuple([part.name for part in e.parts]))")
    content_type: str = _kept("VARCHAR", "text(e.content_type or '')")
    writer: str = _kept("VARCHAR", "e.writer.hex()")
    pinned: bool = _used("coalesce(u.pinned, false)")
    hits: int = _used("coalesce(u.hits, 0)")
    damage: str = _kept("VARCHAR", "''", default="")
    model: str = _noted("model", default="")
    tokens: int | None = _noted("tokens", "BIGINT", r"\d{1,15}", default=None)
    arguments: Mapping[str, str] = _noted("arguments", default_factory=dict)
    last: float | None = _used("epoch(u.last)", default=None)
    type: str = _kept("VARCHAR", "looks(e)[0]", default="")
    result: str = _kept("VARCHAR", "looks(e)[1]", default="")

    @property
    def call(self) -> str:
        """The call as people know it: ``summarise("The tide turns…", n=3)``; the name alone where nothing is kept."""
        shown = [text if place == 0 else f"{name}={text}" for place, (name, text) in enumerate(self.arguments.items())]
        name = self.name.rpartition(".")[2] if self.kind == "function" else self.name
        return f"{name}({', '.join(shown).replace('==', '=')})" if shown else self.name


SHOWN: dict[str, str] = {each.name: each.metadata["shown"] or f"e.{each.name}" for each in fields(Row)}
"""SQL for each field, over ``entries AS e`` and ``usage AS u``."""
COLUMNS: dict[str, str] = {each.name: each.metadata["column"] for each in fields(Row) if "of" in each.metadata}
COLUMNS["thumb"] = "VARCHAR"  # a picture is for the panel, which asks for it: in no list of facts
_SPACE = {
    "text": text, "moment": moment, "number": number, "listed": listed, "noted": _fitting, "are_safe": _are_safe,
    "looks": _looks, "repr": repr, "str": str, "tuple": tuple, "__builtins__": {},
}  # fmt: skip
said_of: Callable[[Entry, Mapping[str, str]], tuple[str, ...]] = eval(
    f"lambda e, notes: ({', '.join(each.metadata['of'] for each in fields(Row) if 'of' in each.metadata)},"
    f" text(notes.get({THUMB!r}, '')))",
    _SPACE,
)
"""What an entry with these notes says of each column, as fields of a line: one expression, for bringing the catalog up
to date is little else."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What a spot, or one name in it, holds and has saved.

    Attributes:
        entries, bytes: of what is live.
        hits, misses: how often a result was returned, and how often the call ran.
        hit_rate: from 0 to 1; 0 where nothing was asked.
        seconds_saved, price_saved: what the hits did not cost.
        price_paid: what the runs cost.
        errors: runs that raised.
    """

    entries: int
    bytes: int
    hits: int
    misses: int
    hit_rate: float
    seconds_saved: float
    price_saved: float
    price_paid: float
    errors: int


@dataclass(frozen=True, slots=True)
class FunctionUse:
    """All that is known of one name: a function, a cell or a wrapped client.

    Attributes:
        entries, bytes: of what is live.
        calls: hits and misses together.
        seconds: what the runs took.
        last: when it was last asked, in seconds since 1970, or ``None``.
    """

    name: str
    kind: str
    entries: int
    bytes: int
    calls: int
    hits: int
    misses: int
    seconds: float
    seconds_saved: float
    price_paid: float
    price_saved: float
    errors: int
    last: float | None


@dataclass(frozen=True, slots=True)
class TimeSlice:
    """What a name did in a stretch of time that begins at ``start`` (seconds since 1970)."""

    name: str
    start: float
    hits: int
    misses: int
    paid: float
    saved: float
    seconds: float
    seconds_saved: float


@dataclass(frozen=True, slots=True)
class Unkept:
    """A name that is paid for at every call, as nothing of it is stored.

    Attributes:
        reason: of the latest run.
        never: none was ever stored.
        runs, paid, seconds: of those since the last that was stored.
        last: when it last ran, in seconds since 1970.
    """

    name: str
    kind: str
    reason: str
    never: bool
    runs: int
    paid: float
    seconds: float
    last: float
