"""However the records are cut into batches, and whatever they share or say: the same rows."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from catalog_ledger import Ledger, key
from hypothesis import given, settings
from hypothesis import strategies as st
from test_catalog_fold import Tables

from spotmagic.catalog import Catalog, feed
from spotmagic.catalog.instance import whole
from spotmagic.store.entry import Entry, Part
from spotmagic.store.record import Record, Run, Stat
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring

NAMES = ["f", "pkg.g", "half a character \udc80", ""]  # a key has one name
SAFE, PICKLE = Part("value", ("plain",), b""), Part("it's", ("pickle",), b"")

entries = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["function", "cell"]),
        "notes": st.sampled_from([{}, {"source": "x"}, {"source": "x", "version": "2"}]),
        "status": st.sampled_from(["value", "error", "partial"]),
        "trusted": st.booleans(),
        "parts": st.sampled_from([(), (SAFE,), (PICKLE,), (SAFE, PICKLE)]),
        "content_type": st.sampled_from([None, "text/html"]),
        "writer": st.sampled_from([b"w" * 8, b"v" * 8]),
        "code": st.sampled_from([b"c" * 16, b"d" * 16, b""]),
        "inputs": st.sampled_from(
            [{}, {"x": b"1" * 16}, {"y": b"1", "x": b"", "helper clean": b"2" * 16}, {"\udc80": b"3" * 16}]
        ),
        "created": st.sampled_from([1_800_000_000.5, 1_800_000_000, -5.0, 1e300, math.nan]),
        "expires": st.sampled_from([None, 1_900_000_000.25, math.inf]),
        "seconds": st.sampled_from([2.5, 2, math.inf]),
        "price": st.sampled_from([0.0, 0.25, math.nan]),
        "size": st.integers(0, 10**12),
    }
)
numbers = st.integers(0, 5)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), numbers, entries),
        st.tuples(st.just("bad"), numbers, st.sampled_from(["corrupt", "foreign", "newer format"])),
        st.tuples(st.just("ran"), numbers, st.sampled_from([{}, {"reason": "`x` changed"}, {"error": "no"}])),
        st.tuples(st.sampled_from(["forget", "pin", "hits"]), numbers, st.none()),
    ),
    max_size=25,
)


def written(script: list[tuple[str, int, Any]]) -> Ledger:
    """A damaged record comes before the whole one of its key: after it the name of the key can be known or not."""
    ledger, named = Ledger(), set()
    for what, number, more in script:
        if what == "put":
            named.add(number)
        if what in ("put", "ran"):
            getattr(ledger, what)(number, NAMES[number % len(NAMES)], **more)
        elif what == "bad":
            if number not in named:
                ledger.bad(number, more)
        else:
            getattr(ledger, what)(number)
    return ledger


def finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def row(record: Record) -> tuple[Any, ...]:
    """What the table of entries should say of an entry, worked out for it alone."""
    what = record.what
    assert isinstance(what, Entry)
    arguments = [(name, value) for name, value in what.inputs.items() if " " not in name]
    asked = blake2b(digest_size=16)
    for _, value in arguments if what.kind == "function" else sorted(arguments):
        asked.update(value)
    foreign = not what.trusted and any("pickle" in codecs for _, codecs, *_ in what.parts)
    return (
        record.key.hex(),
        whole(what.name),
        what.kind,
        what.notes.get("version", ""),
        "refused" if foreign else what.status,
        min(max(finite(what.created), 0.0), 253_402_300_799.0),
        what.expires and min(finite(what.expires), 253_402_300_799.0),
        finite(what.seconds),
        finite(what.price),
        what.size,
        [part.name for part in what.parts],
        what.content_type or "",
        what.writer.hex(),
        *("", None, ""),
        what.code.hex(),
        asked.hexdigest(),
        record.stamp,
    )


@settings(max_examples=40, deadline=None)
@given(steps, st.integers(1, 9))
def test_any_cut_into_batches_gives_the_same_rows(script: list[tuple[str, int, Any]], chunk: int) -> None:
    """The rows of all tables, and of runs one by one."""
    ledger = written(script)
    found = []
    for size in (chunk, 1_000):
        tables = Tables(ledger)
        with patch.object(feed, "CHUNK", size):
            tables.fold()
        runs = "SELECT * FROM tables.main.runs WHERE verdict <> 'hit' ORDER BY ALL"
        found.append([*tables.everything(), tables.cursor.execute(runs).fetchall()])
    assert found[0] == found[1]


@settings(max_examples=40, deadline=None)
@given(st.lists(entries, max_size=12))
def test_entries_that_share_facts_keep_their_own(different: list[dict[str, Any]]) -> None:
    """What is written once for many is the same as if each were alone."""
    ledger = Ledger()
    records = [ledger.put(number, NAMES[number % len(NAMES)], **fields) for number, fields in enumerate(different)]
    tables = Tables(ledger)
    tables.fold()
    rows = tables.cursor.execute(
        "SELECT * EXCLUDE (superseded, damage, type, result, thumb)"
        " REPLACE (epoch(created) AS created, epoch(expires) AS expires) FROM tables.main.entries ORDER BY stamp"
    ).fetchall()
    assert rows == [row(record) for record in records]
    inputs = tables.cursor.execute("SELECT * FROM tables.main.inputs ORDER BY ALL").fetchall()
    assert inputs == sorted(
        (record.key.hex(), whole(name), value.hex())
        for record in records
        if isinstance(record.what, Entry)
        for name, value in record.what.inputs.items()
    )


def test_what_nobody_can_believe_does_not_stop_the_fold(catalog: Catalog, ledger: Ledger) -> None:
    """Records of hits and runs carry no seal, so anybody who can write to the folder can write any."""
    ledger.put(1)
    for hits, seconds in ((2**64 - 1, 1.0), (-5, 1e308), (1.5, 1e308), (3, math.inf), (math.nan, 1.0), ("4", None)):
        ledger.write("stat", (Stat(key(1), hits, seconds, 0.0),))  # type: ignore[arg-type]
    ledger.write("stat", (Stat("no key", 1, 1.0, 0.0),))  # type: ignore[arg-type]
    ledger.write("run", Run(key(1), ["f"], started=-1e300, seconds=math.nan), key(1))  # type: ignore[arg-type]
    ledger.write("run", Run(key(1), "f", started=2**70, price=math.inf), key(1))
    ledger.write("run", Run(key(1), "f", stored=[], seconds="long"), key(1))  # type: ignore[arg-type]
    ledger.put(2, stamp=2**63)
    ledger.forget(1, stamp=2**64 - 1)
    ledger.pin(1, stamp=2**64 - 1)
    ledger.put(3)
    assert [found.key for found in catalog.entries(status=None, order="key")] == [key(1).hex(), key(3).hex()]
    ledger.hits(3)
    assert catalog.entry(key(3).hex()).hits == 1  # type: ignore[union-attr]
    assert catalog.stats().misses == 1


@pytest.mark.parametrize("mark", ["\x1d", "\x1e", "\x1f", "\0", "\n", "\x02", "'", "$1"])
def test_no_text_ends_its_field_or_row(catalog: Catalog, ledger: Ledger, mark: str) -> None:
    """Columns travel as one text each: whatever an entry or a run says stays where it belongs."""
    said = f"a{mark}b{mark}"
    ledger.put(1, f"f{mark}g", inputs={said: b"1" * 16, "y": b"2" * 16}, parts=(Part(said, ("plain",), b""),))
    ledger.ran(1, f"f{mark}g", reason=said, error=said)
    ledger.put(2, notes={"version": said, "model": said, "tokens": said}, content_type=said)
    ledger.put(3)
    rows = catalog.entries(status=None, order="key")
    assert [row.key for row in rows] == [key(number).hex() for number in (1, 2, 3)]
    assert {row.size for row in rows} == {100} and {row.writer for row in rows} == {(b"w" * 8).hex()}
    assert rows[1].tokens is None and rows[0].parts != () and rows[2].version == ""
    assert sorted(catalog.inputs(key(1).hex()).values()) == ["31" * 16, "32" * 16]
    (run,) = catalog.runs(key(1).hex())
    assert run["seconds"] == 2.0 and run["stored"] is True


def test_long_texts_make_short_batches(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB holds a transaction in memory, and may take only so much."""
    monkeypatch.setattr(feed, "WEIGHT", 10_000)
    for number in range(20):
        ledger.ran(number, reason=f"{number}" + "r" * 5_000, error="e" * 5_000)
        ledger.put(number, inputs={f"x{place}": b"1" * 16 for place in range(50)})
    found = list(feed.batches(ledger.records({})))
    assert 8 < len(found) <= 20
    assert [sum(len(getattr(batch, kind)) for batch in found) for kind in ("runs", "entries")] == [20, 20]


@pytest.mark.parametrize("ends", ["all is read", "it cannot be read", "the fold fails"])
def test_a_batch_is_gathered_by_a_thread_while_another_is_folded(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """Which has read no further when the fold has ended, however that ends."""
    monkeypatch.setattr(feed, "CHUNK", 10)
    for number in range(30):
        ledger.put(number)
    readers: list[threading.Thread] = []

    def records() -> Iterator[Record]:
        for record in ledger.records({}):
            readers.append(threading.current_thread())
            if ends == "it cannot be read" and len(readers) == 20:
                raise OSError("the disk is gone")
            yield record

    found = feed.ahead(feed.batches(records()))
    positions = [next(found).positions]
    if ends == "the fold fails":
        with pytest.raises(RuntimeError, match="no more"):
            found.throw(RuntimeError("no more"))
    elif ends == "it cannot be read":
        with pytest.raises(OSError, match="the disk is gone"):
            next(found)
    else:
        positions += [batch.positions for batch in found]
        assert positions == [batch.positions for batch in feed.batches(ledger.records({}))]
    assert len(readers) == (30 if ends == "all is read" else 20)
    assert {*readers[:10]} == {threading.main_thread()} and threading.main_thread() not in readers[10:]


@pytest.mark.parametrize("kind", ["run", "stat"])
def test_a_damaged_record_of_a_run_or_of_hits_does_not_count(tmp_path: Path, kind: str) -> None:
    """One flipped bit in a price must not be money."""
    ring = Ring.of(b"s" * 32)
    store = FolderStore(tmp_path, ring=ring)
    store.put(Entry(key(1), "f"))
    for price in (4.0, 1.0):
        if kind == "run":
            store.ran(Run(key(1), "f", price=price))
        else:
            store.hit(key(1), 0.0, price)
            store.flush()
    store.close()
    (journal,) = (tmp_path / "journal").glob("*.log")
    data = journal.read_bytes()
    four = b"\xcb\x40\x10" + bytes(6)  # 4.0 in msgpack
    assert data.count(four) == 1
    journal.write_bytes(data.replace(four, b"\xcb\x41\x10" + bytes(6)))
    catalog = Catalog(tmp_path, store)
    stats = catalog.stats()
    assert (stats.price_paid if kind == "run" else stats.price_saved) == 1.0
    catalog.close()
    store.close()
