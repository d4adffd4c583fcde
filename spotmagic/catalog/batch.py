"""Records of the journals, gathered for one transaction."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

SLOT = 300  # hits are counted over time in steps of so many seconds
_SHORT = 2_000  # texts are cut here: the catalog is for looking, the store has the whole


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

    def row(self, key: str) -> tuple[Any, ...]:
        """As a row of the incoming uses."""
        return key, self.hits, self.seconds, self.price, self.last, self.pinned, self.pinned_at, self.forgotten_at


@dataclass(slots=True)
class Batch:
    """What a run of records adds up to, in any order of the records.

    Attributes:
        positions: the end of the last record of each file.
        records: how many there are.
    """

    entries: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    inputs: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    uses: dict[str, Use] = field(default_factory=dict)
    runs: list[tuple[Any, ...]] = field(default_factory=list)
    slots: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    records: int = 0

    def reached(self, file: str, end: int) -> None:
        """Note that a file has been read up to here."""
        self.positions[file] = max(end, self.positions.get(file, 0))
        self.records += 1

    def use(self, key: bytes) -> Use:
        """What is said of a key, to be added to."""
        return self.uses.setdefault(key.hex(), Use())


def asked(inputs: Mapping[str, bytes]) -> str:
    """A digest of the arguments alone.

    What a function reaches ("helper clean") has a space in its name and counts as its code.
    """
    state = blake2b(digest_size=16)
    for name in sorted(inputs):
        if " " not in name:
            state.update(f"{len(name)}:{name}".encode(errors="replace"))
            state.update(inputs[name])
    return state.hexdigest()


def text(value: object) -> str:
    """A text that JSON and DuckDB take: cut, and without halves of characters."""
    return str(value)[:_SHORT].encode("utf-8", "replace").decode()


def number(value: float | None) -> float:
    """A finite number; what is none counts as 0."""
    return float(value) if value is not None and math.isfinite(value) else 0.0


def columns(names: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> str:
    """Rows as JSON by columns, the quickest way into DuckDB that needs no other library."""
    table = list(zip(*rows, strict=True))
    return json.dumps(dict(zip(names, table, strict=True)) if table else {name: [] for name in names}, allow_nan=False)
