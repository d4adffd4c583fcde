"""Records of the journals, gathered for one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

from spotmagic.catalog.instance import whole

SLOT = 300  # hits are counted over time in steps of so many seconds
_SHORT = 2_000  # texts are cut here: the catalog is for looking, the store has the whole
_LAST_TIME = 253_402_300_799.0  # the end of the year 9999
_MOST_HITS = 10**12  # of one record: sums of them stay within what DuckDB takes


@dataclass(slots=True)
class Use:
    """What a batch says about one key beside its entry."""

    hits: int = 0
    seconds: float = 0.0
    price: float = 0.0
    last: float | None = None
    pinned: bool | None = None
    pinned_at: int | None = None
    forgotten_at: int | None = None
    damage: str | None = None
    damaged_at: int | None = None
    marked_at: int | None = None

    def row(self, key: str) -> tuple[Any, ...]:
        """As a row of the incoming uses."""
        saved = number(self.seconds), number(self.price)
        said = self.pinned, self.pinned_at, self.forgotten_at, self.damage, self.damaged_at, self.marked_at
        return key, self.hits, *saved, self.last, *said


class Label(NamedTuple):
    """What many records have in common, such as the name of a function. It is kept once, and they have its number.

    Attributes:
        asks: of an entry: which inputs are arguments.
    """

    number: int
    row: tuple[Any, ...]
    asks: tuple[int, ...] = ()


@dataclass(slots=True)
class Batch:
    """What a run of records adds up to, in any order of the records.

    Attributes:
        entries: rows by key. The second of each is the number of its label, the last one its stamp.
        runs: rows. The second of each is the number of its label.
        positions: the end of the last record of each file.
        records: how many there are.
        weight: characters in them, about.
    """

    entries: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    entry_labels: dict[tuple[Any, ...], Label] = field(default_factory=dict)
    uses: dict[str, Use] = field(default_factory=dict)
    runs: list[tuple[Any, ...]] = field(default_factory=list)
    run_labels: dict[tuple[Any, ...], Label] = field(default_factory=dict)
    slots: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    records: int = 0
    weight: int = 0

    def use(self, key: bytes) -> Use:
        """What is said of a key, to be added to."""
        return self.uses.setdefault(key.hex(), Use())


def text(value: object) -> str:
    """A text that DuckDB takes: cut, and without halves of characters."""
    return whole(str(value)[:_SHORT])


def number(value: float) -> float:
    """A finite number; what is none counts as 0."""
    return value if isfinite(value) else 0.0


def time(seconds: float) -> float:
    """A time that DuckDB can write: within the years people use."""
    return seconds if 0.0 <= seconds <= _LAST_TIME else min(max(number(seconds), 0.0), _LAST_TIME)


def times(hits: int) -> int:
    """A believable number of hits: anybody can write one."""
    return min(max(int(hits), 0), _MOST_HITS)
