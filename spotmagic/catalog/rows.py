"""What the catalog answers with. :class:`Row` is the one list of what is told of an entry."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any

from spotmagic.catalog.told import told
from spotmagic.store.entry import Entry, Part
from spotmagic.values.shown import THUMB

FIELD, ITEM = "\x1f", "\x1e"
"""What stands between the fields of a column, and before each item of a list: a column of many rows is one text, which
DuckDB takes many times faster than values."""
_MARKS = re.compile("[\x1e\x1f]")
SHORT = 2_000  # texts are cut here: the catalog is for looking, the store has the whole
_LAST_TIME = 253_402_300_799.0  # the end of the year 9999


BROKEN = (TypeError, ValueError, AttributeError, OverflowError)
"""What comes of a record whose writer broke the format: it is shown nowhere."""


def said(kind: str, values: Sequence[Any]) -> list[str]:
    """Values of a column as fields; one alone where all are the same. Of an empty field is read ``None``.

    Args:
        kind: the column's type.
        values: at least one; of a list of texts what :func:`listed` gives.

    Raises:
        TypeError, ValueError, OverflowError: a value does not go with the type.
    """
    if values.count(values[0]) == len(values):
        values = values[:1]
    if kind == "VARCHAR":
        whole = "".join(values)
        clean = not (FIELD in whole or ITEM in whole) and len(max(values, key=len)) <= SHORT
        return [*values] if clean else [*map(_text, values)]
    if kind == "DOUBLE":
        return [repr(value) for value in map(number, values)]
    if kind == "TIMESTAMP":
        return ["" if value is None else repr(_moment(value)) for value in values]
    return ["" if value is None else str(value) for value in values]


def _text(value: str) -> str:
    return _MARKS.sub("?", value[:SHORT])


def number(value: float) -> float:
    """A finite number; what is none counts as 0."""
    return value if isfinite(value) else 0.0


def _moment(seconds: float) -> float:
    """A time that DuckDB can write: within the years people use."""
    return seconds if 0.0 <= seconds <= _LAST_TIME else min(max(number(seconds), 0.0), _LAST_TIME)


@functools.lru_cache(4096)
def listed(texts: tuple[str, ...]) -> str:
    """A list of texts as a field."""
    return "".join([ITEM + _text(each) for each in texts])


def _kept(column: str, of: str, shown: str = "", **default: Any) -> Any:
    """A field that is a column of the table of entries.

    Args:
        column: its type there.
        of: what an entry ``e`` with notes ``notes`` says of it, in Python (:func:`said_of`).
        shown: SQL that gives it, when that is not the column itself.
    """
    return field(metadata={"column": column, "of": of, "shown": shown}, **default)


def _noted(name: str, column: str = "VARCHAR", pattern: str = "", **default: Any) -> Any:
    """A field that an entry has as a note, when it fits a pattern."""
    of = f"notes.get({name!r}, '')"
    return _kept(column, f"fitting({of}, {pattern!r}) if {name!r} in notes else ''" if pattern else of, **default)


def _fitting(said: str, pattern: str) -> str:
    return said if re.fullmatch(pattern, said) else ""


def _used(shown: str, **default: Any) -> Any:
    """A field that the table of usage tells."""
    return field(metadata={"shown": shown}, **default)


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
    name: str = _kept("VARCHAR", "e.name")
    kind: str = _kept("VARCHAR", "e.kind")
    version: str = _noted("version")
    status: str = _kept("VARCHAR", "e.status if e.trusted or are_safe(e.parts) else 'refused'")
    created: float = _kept("TIMESTAMP", "e.created", "epoch(e.created)")
    expires: float | None = _kept("TIMESTAMP", "e.expires", "epoch(e.expires)")
    seconds: float = _kept("DOUBLE", "e.seconds")
    price: float = _kept("DOUBLE", "e.price")
    size: int = _kept("BIGINT", "e.size")
    parts: tuple[str, ...] = _kept("VARCHAR[]", "listed(tuple([part.name for part in e.parts]))")
    content_type: str = _kept("VARCHAR", "e.content_type or ''")
    writer: str = _kept("VARCHAR", "e.writer.hex()")
    pinned: bool = _used("coalesce(u.pinned, false)")
    hits: int = _used("coalesce(u.hits, 0)")
    damage: str = _kept("VARCHAR", "''", default="")
    model: str = _noted("model", default="")
    tokens: int | None = _noted("tokens", "BIGINT", r"\d{1,15}", default=None)
    arguments: Mapping[str, str] = _noted("arguments", default_factory=dict)
    last: float | None = _used("epoch(u.last)", default=None)
    type: str = _kept("VARCHAR", "looks[0]", default="")
    result: str = _kept("VARCHAR", "looks[1]", default="")

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
SAID: dict[str, str] = dict(sorted(COLUMNS.items(), key=lambda column: "VARCHAR" not in column[1]))
"""The columns in the order of :func:`said_of`: those of texts, then those of numbers."""
TEXTS = sum("VARCHAR" in kind for kind in COLUMNS.values())
_OF = {each.name: each.metadata["of"] for each in fields(Row) if "of" in each.metadata}
_OF["thumb"] = f"notes.get({THUMB!r}, '')"
_SPACE = {
    "listed": listed, "fitting": _fitting, "are_safe": _are_safe, "tuple": tuple, "__builtins__": {}
}  # fmt: skip
_said_of: Callable[[Entry, Mapping[str, str], tuple[str, str]], tuple[Any, ...]] = eval(
    f"lambda e, notes, looks: ({', '.join(map(_OF.__getitem__, SAID))})", _SPACE
)


def said_of(entry: Entry) -> tuple[Any, ...]:
    """What an entry says of each column: one expression, for bringing the catalog up to date is little else."""
    return _said_of(entry, entry.notes, told(entry))


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
