"""Records of the store, read into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from spotmagic.catalog.batch import SLOT, Batch, Label, number, text, time, times
from spotmagic.engine.explain import DEFAULTS, asked, asks
from spotmagic.store.entry import NO_NOTES, Bad, Header
from spotmagic.store.index import LAST_STAMP
from spotmagic.store.record import Mark, Record, Run, Stat

CHUNK = 25_000  # records of one transaction
WEIGHT = 8_000_000  # characters of one transaction, which DuckDB holds in memory several times
_NANO = 1e-9


def batches(records: Iterable[Record]) -> Iterator[Batch]:
    """The records in batches of a size that one transaction takes well."""
    batch = Batch()
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
            batch = Batch()
            positions = batch.positions
    if batch.records:
        yield batch


def _put(batch: Batch, key: bytes, stamp: int, what: Header | Bad) -> None:
    of = key.hex()
    known = batch.entries.get(of)
    if known is None or known[-1] < stamp:
        batch.entries[of] = _bad(batch, of, stamp, what) if isinstance(what, Bad) else _entry(batch, of, stamp, what)


def _entry(batch: Batch, key: str, stamp: int, header: Header) -> tuple[Any, ...]:
    name, kind, status, code, created, expires, seconds, price, content_type, inputs, prints, notes, texts = header[:13]
    parts, writer, trusted, size = header[15:]
    said = dict(zip(notes, texts, strict=False)) if notes else NO_NOTES
    version = said.get("version", "")
    held = tuple([part[:2] for part in parts])
    face = (name, kind, version, status, trusted, held, content_type, writer, inputs, said.get(DEFAULTS))
    label = batch.entry_labels.get(face) or _entry_label(batch, face)
    batch.weight += 33 * len(prints)
    return (
        key,
        label.number,
        time(created),
        None if expires is None else time(expires),
        number(seconds),
        number(price),
        size,
        code.hex(),
        asked(label.asks, prints, said).hex(),
        " ".join(map(bytes.hex, prints)),
        stamp,
    )


def _entry_label(batch: Batch, face: tuple[Any, ...]) -> Label:
    name, kind, version, status, trusted, parts, content_type, writer, inputs, defaults = face
    holds = text(status) if trusted or _is_safe(parts) else "refused"
    held, named = [text(part) for part, _ in parts], [text(each) for each in inputs]
    row = (text(name), text(kind), text(version), holds, held, text(content_type or ""), writer.hex(), named)
    label = batch.entry_labels[face] = Label(
        len(batch.entry_labels), row, asks(kind, inputs, {DEFAULTS: defaults or ""})
    )
    batch.weight += sum(map(len, row)) + sum(map(len, [*held, *named]))
    return label


def _is_safe(parts: tuple[tuple[str, tuple[str, ...]], ...]) -> bool:
    from spotmagic.codecs import is_safe

    return is_safe(tuple(codec for _, codecs in parts for codec in codecs))


def _bad(batch: Batch, key: str, stamp: int, bad: Bad) -> tuple[Any, ...]:
    holds = "corrupt" if bad.kind == "corrupt" else "refused"
    label = batch.entry_labels.get((holds,))
    if label is None:
        row: tuple[Any, ...] = ("", "", "", holds, [], "", "", [])
        label = batch.entry_labels[(holds,)] = Label(len(batch.entry_labels), row)
    return key, label.number, stamp * _NANO, None, 0.0, 0.0, 0, "", key, "", stamp


def _made(batch: Batch, key: bytes, stamp: int, what: Header | Bad) -> None:
    _put(batch, key, stamp, what)
    if isinstance(what, Header):
        face = (what.name, what.kind, "ran", what.reason, True, "")
        _ran(batch, key, face, what.created - what.seconds, what.seconds, what.price, what.waited)


def _delete(batch: Batch, key: bytes, stamp: int, _: None) -> None:
    use = batch.use(key)
    use.forgotten_at = max(stamp, use.forgotten_at or 0)


def _pin(batch: Batch, key: bytes, stamp: int, pinned: bool) -> None:
    use = batch.use(key)
    if use.pinned_at is None or stamp > use.pinned_at:
        use.pinned, use.pinned_at = bool(pinned), stamp


def _mark(batch: Batch, key: bytes, stamp: int, mark: Mark) -> None:
    use = batch.use(key)
    if use.marked_at is None or stamp > use.marked_at:
        use.damage, use.damaged_at, use.marked_at = text(mark.why), mark.judged, stamp


def _run(batch: Batch, _: bytes, __: int, run: Run) -> None:
    of, name, kind, verdict, reason, started, seconds, price, waited, stored, error = run
    _ran(batch, of, (name, kind, verdict, reason, bool(stored), error), started, seconds, price, waited)


def _ran(
    batch: Batch, key: bytes, face: tuple[Any, ...], started: float, seconds: float, price: float, waited: float
) -> None:
    label = batch.run_labels.get(face)
    if label is None:
        name, kind, verdict, reason, stored, error = face
        row = (text(name), text(kind), text(verdict), text(reason), stored, text(error))
        label = batch.run_labels[face] = Label(len(batch.run_labels), row)
        batch.weight += sum(len(each) for each in row if isinstance(each, str))
    batch.runs.append((key.hex(), label.number, time(started), number(seconds), number(price), number(waited)))


def _hits(batch: Batch, _: bytes, stamp: int, stats: tuple[Stat, ...]) -> None:
    at = stamp * _NANO
    slot = int(at // SLOT) * SLOT
    for stat in stats:
        hits, seconds, price = times(stat.hits), number(stat.seconds), number(stat.price)
        use = batch.use(stat.key)
        use.hits += hits
        use.seconds += seconds
        use.price += price
        use.last = max(at, use.last or at)
        sums = batch.slots.setdefault((stat.key.hex(), slot), [0, 0.0, 0.0])
        sums[0] += hits
        sums[1] += seconds
        sums[2] += price


_GATHER: dict[str, Any] = {
    "put": _put,
    "made": _made,
    "delete": _delete,
    "mark": _mark,
    "pin": _pin,
    "run": _run,
    "stat": _hits,
}
