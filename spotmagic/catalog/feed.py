"""Records of the store, gathered into batches for one transaction each."""

from __future__ import annotations

import functools
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import wait
from dataclasses import dataclass, field
from typing import Any

from spotmagic.catalog.rows import BROKEN, ITEM, SHORT, TEXTS, listed, number, said_of
from spotmagic.engine.explain import DEFAULTS, asked, asks
from spotmagic.engine.usage import read_usage
from spotmagic.store.entry import Bad, Entry
from spotmagic.store.index import LAST_STAMP
from spotmagic.store.record import USAGE, Mark, Record, Run, Stat, run_of
from spotmagic.store.ticker import TICKER

CHUNK = 25_000  # records of one transaction
WEIGHT = 8_000_000  # characters of one transaction, which DuckDB holds in memory several times
SLOT = 300  # hits are counted over time in steps of so many seconds
_MOST_HITS = 10**12  # of one record: sums of them stay within what DuckDB takes
_NANO = 1e-9
_FLAT = 150  # characters of the numbers of a row, and of the texts that are never long


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
    damage: str = ""
    damaged_at: int | None = None
    marked_at: int | None = None

    def row(self, key: str) -> tuple[Any, ...]:
        """As a row of the incoming uses."""
        saved = self.hits, self.seconds, self.price, self.last
        return key, *saved, self.pinned, self.pinned_at, self.forgotten_at, self.damage, self.damaged_at, self.marked_at


@dataclass(slots=True)
class Intake:
    """What a run of records adds up to, in any order of the records.

    Attributes:
        entries: rows of entries, of which those of one key may be several.
        keys: those of the entries.
        made: an entry counts as a run.
        runs: rows of other runs.
        positions: the end of the last record of each file.
        records: how many there are.
        weight: characters in them, about.
    """

    entries: list[tuple[Any, ...]] = field(default_factory=list)
    keys: set[bytes] = field(default_factory=set)
    made: bool = False
    uses: dict[bytes, Use] = field(default_factory=dict)
    runs: list[tuple[Any, ...]] = field(default_factory=list)
    slots: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    records: int = 0
    weight: int = 0

    def use(self, key: bytes) -> Use:
        """What is said of a key, to be added to."""
        return self.uses.setdefault(key, Use())


def batches(records: Iterable[Record]) -> Iterator[Intake]:
    """The records in batches of a size that one transaction takes well."""
    batch = Intake()
    positions = batch.positions
    for kind, file, end, stamp, key, what in records:
        if stamp < LAST_STAMP and (what.__class__ is not Bad or kind in ("put", "made")):
            try:
                _GATHER[kind](batch, key, stamp, what)
            except BROKEN:
                pass  # sealed by a writer who broke the format: shown nowhere, and no reason to stop at it for ever
        if end > positions.get(file, 0):
            positions[file] = end
        batch.records += 1
        if batch.records >= CHUNK or batch.weight >= WEIGHT:
            yield batch
            batch = Intake()
            positions = batch.positions
    if batch.records:
        yield batch


def ahead(found: Iterator[Intake]) -> Generator[Intake]:
    """The same batches. While one is folded, for most of which DuckDB lets other threads run, the next is gathered."""
    batch = next(found, None)
    while batch is not None:
        following = TICKER.soon(next, found, None)
        try:
            yield batch
        finally:
            wait([following])  # nobody reads on when the fold has ended
        batch = following.result()


def _put(batch: Intake, key: bytes, stamp: int, what: Entry | Bad, made: bool = False) -> None:
    if isinstance(what, Bad):
        holds = "corrupt" if what.kind == "corrupt" else "refused"
        what = Entry(key, "", "", holds, created=stamp * _NANO)
        names, question = "", key
    else:
        notes, fingerprints = what.notes, tuple(what.inputs.values())
        names, places = _asks(what.kind, tuple(what.inputs), notes.get(DEFAULTS, ""))
        question = asked(places, fingerprints)
    own = said_of(what)
    prints = "".join([ITEM + each.hex() for each in what.inputs.values()])
    batch.entries.append((*own, what.code.hex(), question.hex(), stamp, what.reason, what.waited, made, names, prints))
    batch.keys.add(key)
    batch.weight += _FLAT + len("".join(own[:TEXTS])) + len(names) + len(prints)


@functools.lru_cache(1024)
def _asks(kind: str, names: tuple[str, ...], defaults: str) -> tuple[str, tuple[int, ...]]:
    return listed(names), asks(kind, names, {DEFAULTS: defaults})


def _made(batch: Intake, key: bytes, stamp: int, what: Entry | Bad) -> None:
    """An entry that counts as a run too: as its row says all of it, there is none of its own but for what it took."""
    if isinstance(what, Bad):
        _put(batch, key, stamp, what)
    elif USAGE in what.notes:
        _put(batch, key, stamp, what)
        _run(batch, key, stamp, run_of(what))
    else:
        _put(batch, key, stamp, what, made=True)
        batch.made = True


def _delete(batch: Intake, key: bytes, stamp: int, _: None) -> None:
    use = batch.use(key)
    use.forgotten_at = max(stamp, use.forgotten_at or 0)


def _pin(batch: Intake, key: bytes, stamp: int, pinned: bool) -> None:
    use = batch.use(key)
    if use.pinned_at is None or stamp > use.pinned_at:
        use.pinned, use.pinned_at = bool(pinned), stamp


def _mark(batch: Intake, key: bytes, stamp: int, mark: Mark) -> None:
    use = batch.use(key)
    if use.marked_at is None or stamp > use.marked_at:
        use.damage, use.damaged_at, use.marked_at = mark.why, mark.judged, stamp


def _run(batch: Intake, _: bytes, __: int, run: Run) -> None:
    of, *said, stored, error, usage = run
    took = read_usage(usage) if usage else None
    tokens = (took.model, took.input, took.output) if took else ("", None, None)
    batch.runs.append((of.hex(), *said, bool(stored), error, *tokens))
    batch.weight += _FLAT + min(len(run.reason), SHORT) + min(len(run.error), SHORT)


def _hits(batch: Intake, _: bytes, stamp: int, stats: tuple[Stat, ...]) -> None:
    at = stamp * _NANO
    slot = int(at // SLOT) * SLOT
    for stat in stats:  # anybody can write one: what nobody can believe is cut
        of, hits = stat.key.hex(), min(max(int(stat.hits), 0), _MOST_HITS)
        seconds, price = number(stat.seconds), number(stat.price)
        use = batch.use(stat.key)
        use.hits += hits
        use.seconds += seconds
        use.price += price
        use.last = max(at, use.last or at)
        sums = batch.slots.setdefault((of, slot), [0, 0.0, 0.0, at])
        sums[0] += hits
        sums[1] += seconds
        sums[2] += price
        sums[3] = max(sums[3], at)


_GATHER: dict[str, Any] = {
    "put": _put,
    "made": _made,
    "delete": _delete,
    "mark": _mark,
    "pin": _pin,
    "run": _run,
    "stat": _hits,
}
