"""Which entries to list, in which order, and what the catalog answers with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spotmagic.errors import OptionError, unknown

STATUSES = ("live", "superseded", "expired", "partial", "refused", "corrupt")
_OF_ENTRIES = "key name kind version created expires seconds price size content_type writer"
_ORDERS = {
    **{name: f"e.{name}" for name in _OF_ENTRIES.split()},
    "status": "status",
    "parts": "len(e.parts)",
    "pinned": "coalesce(u.pinned, false)",
    "hits": "coalesce(u.hits, 0)",
}
_OF_USAGE = frozenset({"pinned", "hits"})
_KEY = re.compile(r"[0-9a-fA-F]{8,32}")

# The time of the question is $now, a number of seconds since 1970.
STATUS = """CASE WHEN e.damage <> '' THEN 'corrupt' WHEN e.holds IN ('partial', 'refused', 'corrupt') THEN e.holds
     WHEN e.expires <= make_timestamp(($now * 1e6)::BIGINT) THEN 'expired'
     WHEN e.superseded THEN 'superseded' ELSE 'live' END"""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entries are meant.

    Args:
        like: a glob over names (``"summ*"``; of a dotted name the last words alone may be given), or the first eight or
            more digits of a key.
        kind: ``"function"``, ``"cell"`` or ``"http"``.
        status: one of :data:`STATUSES`, or ``None`` for all.
        search: text to find in names, content types and keys, in any case.

    Raises:
        OptionError: for a status there is not.
    """

    like: str | None = None
    kind: str | None = None
    status: str | None = "live"
    search: str | None = None

    def __post_init__(self) -> None:
        if self.status is not None and self.status not in STATUSES:
            raise unknown("status", self.status, STATUSES)

    def where(self) -> Where:
        """The condition over ``entries AS e``."""
        parts, values = [], {}
        if self.like:
            by_key = " OR starts_with(e.key, lower($like))" if _KEY.fullmatch(self.like) else ""
            parts.append(f"(e.name GLOB $like OR e.name GLOB '*.' || $like{by_key})")
            values["like"] = self.like
        if self.kind:
            parts.append("e.kind = $kind")
            values["kind"] = self.kind
        if self.search:
            found = "contains(lower(e.name), $search) OR contains(lower(e.content_type), $search)"
            parts.append(f"({found} OR starts_with(e.key, $search))")
            values["search"] = self.search.lower()
        if self.status:
            parts.append(f"{STATUS} = $status")
            values["status"] = self.status
        return Where(" AND ".join(parts) or "true", values)


@dataclass(frozen=True, slots=True)
class Where:
    """A condition in SQL and the values of its parameters."""

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """By which column to sort, from a closed list. ``"-created"`` is newest first."""

    word: str

    def __post_init__(self) -> None:
        if self.word.removeprefix("-") not in _ORDERS:
            raise unknown("order", self.word, [*_ORDERS, *(f"-{name}" for name in _ORDERS)])

    @property
    def sql(self) -> str:
        """What stands after ``ORDER BY``; ties go by key, so that pages do not overlap."""
        direction = "DESC" if self.word.startswith("-") else "ASC"
        return f"{_ORDERS[self.word.removeprefix('-')]} {direction} NULLS LAST, e.key"

    @property
    def of_usage(self) -> bool:
        """Whether the column lies in ``usage``."""
        return self.word.removeprefix("-") in _OF_USAGE


def page(limit: int | None, offset: int) -> str:
    """``LIMIT`` and ``OFFSET`` of whole numbers."""
    if (limit is not None and limit < 0) or offset < 0:
        raise OptionError(
            f"limit={limit!r}, offset={offset!r}",
            "rows are counted from 0",
            "Give numbers that are not negative, or limit=None for all",
        )
    return (f" LIMIT {int(limit)}" if limit is not None else "") + (f" OFFSET {int(offset)}" if offset else "")


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as people see it.

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
    """

    key: str
    name: str
    kind: str
    version: str
    status: str
    created: float
    expires: float | None
    seconds: float
    price: float
    size: int
    parts: tuple[str, ...]
    content_type: str
    writer: str
    pinned: bool
    hits: int
    damage: str = ""


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
        entries: live ones.
        calls: hits and misses together.
        seconds: what the runs took.
        last: when it was last asked, in seconds since 1970, or ``None``.
    """

    name: str
    kind: str
    entries: int
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
class Bucket:
    """Hits and misses of a stretch of time that begins at ``start`` (seconds since 1970)."""

    start: float
    hits: int
    misses: int
