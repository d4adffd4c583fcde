"""Records of the store, gathered into batches for one transaction each."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from spotmagic.catalog.rows import FIELD, ITEM, listed, moment, number, said_of, text
from spotmagic.engine.explain import DEFAULTS, asked, asks
from spotmagic.engine.usage import read_usage
from spotmagic.store.entry import Bad, Entry
from spotmagic.store.index import LAST_STAMP
from spotmagic.store.record import USAGE, Mark, Record, Run, Stat

CHUNK = 25_000  # records of one transaction
WEIGHT = 8_000_000  # characters of one transaction, which DuckDB holds in memory several times
SLOT = 300  # hits are counted over time in steps of so many seconds
_MOST_HITS = 10**12  # of one record: sums of them stay within what DuckDB takes
_NANO = 1e-9


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

    def line(self, key: str) -> str:
        """As a line of the incoming uses."""
        saved = self.hits, number(self.seconds), number(self.price), self.last
        said = self.pinned, self.pinned_at, self.forgotten_at, self.damage, self.damaged_at, self.marked_at
        return line(key, *saved, *said)


def line(*values: Any) -> str:
    """Values as a line; ``None`` is an empty field."""
    return FIELD.join(["" if value is None else str(value) for value in values])


Made = tuple[tuple[str, ...], float, float, float, float, str]
"""A run: name, kind, verdict, reason, stored and error; when it began, seconds, price, waited; its usage."""


@dataclass(slots=True)
class Intake:
    """What a run of records adds up to, in any order of the records.

    Attributes:
        entries: by key the stamp of the newest record, its line, and the run that it stands for, if it does.
        runs: lines.
        positions: the end of the last record of each file.
        records: how many there are.
        weight: characters in them, about.
    """

    entries: dict[bytes, tuple[int, str, Made | None]] = field(default_factory=dict)
    uses: dict[bytes, Use] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
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
            except (TypeError, ValueError, AttributeError, OverflowError):
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


def _put(batch: Intake, key: bytes, stamp: int, what: Entry | Bad, made: Made | None = None) -> None:
    known = batch.entries.get(key)
    if known is not None:
        if known[0] >= stamp:
            return
        if known[2] is not None:
            _ran(batch, key, *known[2])
    if isinstance(what, Bad):
        holds = "corrupt" if what.kind == "corrupt" else "refused"
        question, entry = key.hex(), Entry(key, "", "", holds, created=stamp * _NANO)
    else:
        entry = what
        inputs = entry.inputs
        places = _asks(entry.kind, tuple(inputs), entry.notes.get(DEFAULTS, ""))
        question = asked(places, tuple(inputs.values()), entry.notes).hex()
    prints = "".join([ITEM + print_.hex() for print_ in entry.inputs.values()])
    ran = (text(entry.reason), repr(number(entry.waited)), "true") if made else ("", "0.0", "")
    own = said_of(entry, entry.notes)
    said = FIELD.join((*own, entry.code.hex(), question, str(stamp), *ran, listed(tuple(entry.inputs)), prints))
    batch.entries[key] = stamp, said, made
    batch.weight += len(said)


@functools.lru_cache(1024)
def _asks(kind: str, names: tuple[str, ...], defaults: str) -> tuple[int, ...]:
    return asks(kind, names, {DEFAULTS: defaults})


def _made(batch: Intake, key: bytes, stamp: int, what: Entry | Bad) -> None:
    """An entry that counts as a run too: as its line says all of it, there is none of its own unless it has to be."""
    if isinstance(what, Bad):
        _put(batch, key, stamp, what)
        return
    begun, usage = what.created - what.seconds, what.notes.get(USAGE, "")
    made = (what.name, what.kind, "ran", what.reason, "True", ""), begun, what.seconds, what.price, what.waited, usage
    known = batch.entries.get(key)
    if usage or (known is not None and known[0] >= stamp):
        _put(batch, key, stamp, what)
        _ran(batch, key, *made)
    else:
        _put(batch, key, stamp, what, made)


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
        use.damage, use.damaged_at, use.marked_at = text(mark.why), mark.judged, stamp


def _run(batch: Intake, _: bytes, __: int, run: Run) -> None:
    of, name, kind, verdict, reason, started, seconds, price, waited, stored, error, usage = run
    face = name, kind, verdict, reason, str(bool(stored)), error
    _ran(batch, of, face, started, seconds, price, waited, usage)


def _ran(
    batch: Intake,
    key: bytes,
    face: tuple[str, ...],
    started: float,
    seconds: float,
    price: float,
    waited: float,
    usage: str,
) -> None:
    took = read_usage(usage) if usage else None
    tokens = (text(took.model), str(took.input), str(took.output)) if took else ("", "", "")
    numbers = repr(moment(started)), repr(number(seconds)), repr(number(price)), repr(number(waited))
    said = FIELD.join((key.hex(), *map(text, face), *numbers, *tokens))
    batch.runs.append(said)
    batch.weight += len(said)


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
