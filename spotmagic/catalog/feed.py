"""Records of the store, read into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from spotmagic.catalog.batch import SLOT, Batch, Use, asked, number, text
from spotmagic.store.entry import Bad, Entry
from spotmagic.store.record import Record, Run

CHUNK = 20_000  # records of one transaction
_NANO = 1e-9


def batches(records: Iterable[Record]) -> Iterator[Batch]:
    """The records in batches of a size that one transaction takes well."""
    batch = Batch()
    for record in records:
        try:
            gather(batch, record)
        except (TypeError, ValueError, AttributeError, OverflowError):
            pass  # sealed by a writer who broke the format: shown nowhere, and no reason to stop at it for ever
        batch.reached(record.file, record.end)
        if batch.records >= CHUNK:
            yield batch
            batch = Batch()
    if batch.records:
        yield batch


def gather(batch: Batch, record: Record) -> None:
    """Add what one record says."""
    what = record.what
    if isinstance(what, Entry):
        _put(batch, record, _row(record, what), what)
    elif record.kind == "put" and isinstance(what, Bad):
        _put(batch, record, _bad_row(record, what), None)
    elif record.kind == "delete":
        use = batch.use(record.key)
        use.forgotten_at = max(record.stamp, use.forgotten_at or 0)
    elif record.kind == "pin" and isinstance(what, bool):
        _pin(batch.use(record.key), record.stamp, what)
    elif isinstance(what, Run):
        batch.runs.append(_run(what))
    elif isinstance(what, tuple):
        _hits(batch, record, what)


def _put(batch: Batch, record: Record, row: tuple[Any, ...], entry: Entry | None) -> None:
    key = record.key.hex()
    known = batch.entries.get(key)
    if known is not None and known[-1] >= record.stamp:
        return
    batch.entries[key] = row
    batch.inputs[key] = {text(name): value for name, value in entry.inputs.items()} if entry else {}


def _row(record: Record, entry: Entry) -> tuple[Any, ...]:
    codecs = tuple(codec for part in entry.parts for codec in part.codecs)
    return (
        record.key.hex(),
        text(entry.name),
        text(entry.kind),
        text(entry.notes.get("version", "")),
        _holds(entry, codecs),
        _time(entry.created),
        None if entry.expires is None else _time(entry.expires),
        number(entry.seconds),
        number(entry.price),
        entry.size,
        [text(part.name) for part in entry.parts],
        text(entry.content_type or ""),
        entry.writer.hex(),
        entry.code.hex(),
        asked(entry.inputs),
        record.stamp,
    )


def _holds(entry: Entry, codecs: tuple[str, ...]) -> str:
    if entry.trusted:
        return text(entry.status)
    from spotmagic.codecs import is_safe

    return text(entry.status) if is_safe(codecs) else "refused"


def _bad_row(record: Record, bad: Bad) -> tuple[Any, ...]:
    holds = "corrupt" if bad.kind == "corrupt" else "refused"
    return (
        record.key.hex(),
        "",
        "",
        "",
        holds,
        record.stamp * _NANO,
        None,
        0.0,
        0.0,
        0,
        [],
        "",
        "",
        "",
        record.key.hex(),
        record.stamp,
    )


def _pin(use: Use, stamp: int, pinned: bool) -> None:
    if use.pinned_at is None or stamp > use.pinned_at:
        use.pinned, use.pinned_at = pinned, stamp


def _hits(batch: Batch, record: Record, stats: tuple[Any, ...]) -> None:
    at = record.stamp * _NANO
    slot = int(at // SLOT) * SLOT
    for stat in stats:
        use = batch.use(stat.key)
        use.hits += stat.hits
        use.seconds += number(stat.seconds)
        use.price += number(stat.price)
        use.last = max(at, use.last or at)
        sums = batch.slots.setdefault((stat.key.hex(), slot), [0, 0.0, 0.0])
        sums[0] += stat.hits
        sums[1] += number(stat.seconds)
        sums[2] += number(stat.price)


def _run(run: Run) -> tuple[Any, ...]:
    return (
        run.key.hex(),
        text(run.name),
        text(run.kind),
        text(run.verdict),
        text(run.reason),
        _time(run.started),
        number(run.seconds),
        number(run.price),
        number(run.waited),
        bool(run.stored),
        text(run.error),
        1,
    )


def _time(seconds: float) -> float:
    """A time that DuckDB can write: within the years people use."""
    return min(max(number(seconds), 0.0), 253_402_300_799.0)
