"""What the catalog answers with."""

from __future__ import annotations

from dataclasses import dataclass


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
