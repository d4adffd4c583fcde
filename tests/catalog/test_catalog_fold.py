"""Each record counts exactly once, whatever the order, the cuts and the failures."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import pytest
from catalog_ledger import Ledger, key
from hypothesis import given, settings
from hypothesis import strategies as st

from spotmagic.catalog import Catalog, feed, fold, queries, schema, uses
from spotmagic.catalog.instance import Instance, Opened
from spotmagic.store.entry import Entry
from spotmagic.store.record import Record


def state(catalog: Catalog) -> dict[str, list[tuple[Any, ...]]]:
    """All that the tables say, in a fixed order."""
    return {
        "entries": sorted(
            (row.key, row.name, row.status, row.pinned, row.hits, row.size)
            for row in catalog.entries(status=None, limit=None)
        ),
        "usage": catalog.sql("SELECT key, hits, price_saved FROM usage ORDER BY key").rows,
        "runs": catalog.sql("SELECT verdict, name, sum(times), sum(price) FROM runs GROUP BY ALL ORDER BY ALL").rows,
        "inputs": catalog.sql("SELECT * FROM inputs ORDER BY ALL").rows,
        "positions": catalog.sql("SELECT * FROM runs WHERE false").rows,
    }


def model(records: list[Record]) -> dict[str, Any]:
    """What the records say, by the rule that of each key the largest stamp holds."""
    entries: dict[bytes, Record] = {}
    gone: dict[bytes, int] = defaultdict(int)
    pins: dict[bytes, tuple[int, bool]] = {}
    hits: dict[bytes, int] = defaultdict(int)
    runs = 0
    for record in records:
        if record.kind == "put" and (record.key not in entries or entries[record.key].stamp < record.stamp):
            entries[record.key] = record
        elif record.kind == "delete":
            gone[record.key] = max(gone[record.key], record.stamp)
        elif record.kind == "pin":
            pins[record.key] = max(pins.get(record.key, (0, False)), (record.stamp, bool(record.what)))
        elif record.kind == "stat":
            for stat in record.what:  # type: ignore[union-attr]
                hits[stat.key] += stat.hits
        elif record.kind == "run":
            runs += 1
    live = {of: record.what for of, record in entries.items() if record.stamp > gone[of]}
    return {
        "sizes": {of.hex(): entry.size for of, entry in live.items() if isinstance(entry, Entry)},
        "pinned": {of.hex() for of in live if pins.get(of, (0, False))[1]},
        "hits": {of.hex(): number for of, number in hits.items() if number},
        "runs": runs,
    }


class Tables:
    """A catalog in memory without a file, for many quick examples."""

    instance = Instance()

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.cursor = self.instance.cursor()
        self.cursor.execute("DETACH DATABASE IF EXISTS tables").fetchall()
        self.cursor.execute("ATTACH ':memory:' AS tables").fetchall()
        schema.create(self.cursor, "tables")

    def fold(self) -> None:
        for batch in feed.batches(self.ledger.records(fold.positions(self.cursor, "tables"))):
            fold.apply(self.cursor, "tables", batch)

    def everything(self) -> list[Any]:
        found = [
            self.cursor.execute(f"SELECT * FROM tables.main.{table} ORDER BY ALL").fetchall()
            for table in schema.TABLES
            if table != "runs"
        ]
        return [
            *found,
            self.cursor.execute(
                "SELECT verdict, name, sum(times), sum(price) FROM tables.main.runs GROUP BY ALL ORDER BY ALL"
            ).fetchall(),
        ]

    def seen(self) -> dict[str, Any]:
        session = Opened(self.cursor, "tables", 1_800_000_000.0)
        rows = queries.entries(session, status=None, order="key", limit=None)
        return {
            "sizes": {row.key: row.size for row in rows},
            "pinned": {row.key for row in rows if row.pinned},
            "hits": dict(session.rows("SELECT key, hits FROM {main}.usage WHERE hits > 0")),
            "runs": uses.stats(session).misses,
        }


steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "forget", "pin", "unpin", "hits", "ran", "fold"]),
        st.integers(0, 4),
        st.sampled_from(["a.log", "b.log", "c.log"]),
        st.integers(-3000, 3000),
    ),
    max_size=30,
)


@settings(max_examples=25, deadline=None)
@given(steps)
def test_any_interleaving_of_writers_and_folds_counts_each_record_once(script: list[tuple[str, int, str, int]]) -> None:
    ledger, sizes = Ledger(), iter(range(1, 1000))
    used: set[int] = set()
    tables = Tables(ledger)
    for what, of, file, skew in script:
        stamp = ledger.stamp + 1000 + skew
        while stamp in used:
            stamp += 1
        used.add(stamp)
        if what == "put":
            ledger.put(
                of,
                file=file,
                stamp=stamp,
                size=next(sizes),
                code=bytes([stamp % 2]) * 16,
                inputs={"x": bytes([of % 2])},
            )
        elif what == "forget":
            ledger.forget(of, file=file, stamp=stamp)
        elif what in ("pin", "unpin"):
            ledger.pin(of, what == "pin", file=file, stamp=stamp)
        elif what == "hits":
            ledger.hits(of, of + 1, file=file, stamp=stamp)
        elif what == "ran":
            ledger.ran(of)
        else:
            tables.fold()
    tables.fold()
    assert tables.seen() == model([record for records in ledger.files.values() for record in records])
    bit_by_bit = tables.everything()
    at_once = Tables(ledger)
    at_once.fold()
    assert at_once.everything() == bit_by_bit, "what is folded bit by bit is what is folded at once"


def test_folding_record_by_record_in_any_order_gives_the_same_tables(tmp_path: Path) -> None:
    base = Ledger()
    for number in range(6):
        base.put(
            number, code=bytes([number % 2]) * 16, inputs={"x": bytes([number // 2]) * 16}, file=f"{number % 3}.log"
        )
        base.hits(number, number + 1, file=f"{(number + 1) % 3}.log")
    base.forget(5, file="0.log")
    base.pin(1, file="2.log")
    outcomes = []
    for seed in range(4):
        shuffled = Ledger()
        folder = tmp_path / str(seed)
        folder.mkdir()
        catalog = Catalog(folder, shuffled)
        left = {file: list(records) for file, records in base.files.items()}
        rng = random.Random(seed)
        while any(left.values()):
            file = rng.choice([file for file, records in left.items() if records])
            shuffled.files.setdefault(file, []).append(left[file].pop(0))
            catalog.fold()
        outcomes.append(state(catalog))
        catalog.close()
    for outcome in outcomes:
        assert outcome == outcomes[0]


def test_a_deletion_read_before_its_entry_still_deletes_it(catalog: Catalog, ledger: Ledger) -> None:
    ledger.forget(1, file="b.log", stamp=ledger.stamp + 10_000_000)
    catalog.fold()
    ledger.put(1, file="a.log")
    assert catalog.entries(status=None) == []
    ledger.put(1, file="a.log", stamp=ledger.stamp + 20_000_000)
    assert catalog.count() == 1


def test_an_older_entry_read_later_changes_nothing(catalog: Catalog, ledger: Ledger) -> None:
    ledger.put(1, size=2, stamp=ledger.stamp + 10_000_000, inputs={"new": b"1" * 16})
    catalog.fold()
    ledger.put(1, size=1, file="b.log", inputs={"old": b"1" * 16})
    assert [row.size for row in catalog.entries()] == [2]
    assert list(catalog.inputs(key(1).hex())) == ["new"]


def test_a_fold_that_fails_at_any_statement_leaves_nothing_behind() -> None:
    ledger = Ledger()
    for number in range(3):
        ledger.put(number)
        ledger.ran(number)
        ledger.hits(number)
    ledger.forget(2)
    (batch,) = feed.batches(ledger.records({}))

    class Failing:
        """A cursor whose n-th statement fails."""

        def __init__(self, cursor: Any, at: int) -> None:
            self._cursor, self._left = cursor, at

        def execute(self, sql: str, *values: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                raise duckdb.IOException("no")
            return self._cursor.execute(sql, *values)

    instance = Instance()
    cursor = instance.cursor()
    failures = 0
    for at in range(1, 100):
        cursor.execute(f"ATTACH ':memory:' AS d{at}").fetchall()
        schema.create(cursor, f"d{at}")
        failing = Failing(cursor, at)
        try:
            fold.apply(failing, f"d{at}", batch)
        except duckdb.IOException:
            failures += 1
            for table in schema.TABLES:
                assert cursor.execute(f"SELECT count(*) FROM d{at}.main.{table}").fetchall() == [(0,)], (at, table)
            fold.apply(cursor, f"d{at}", batch)
        assert cursor.execute(f"SELECT sum(hits) FROM d{at}.main.usage").fetchall() == [(3,)]
        assert fold.positions(cursor, f"d{at}") == batch.positions
        if failing._left > 0:
            break
    assert failures > 15
    instance.close()


def test_a_large_fold_goes_in_several_transactions(
    catalog: Catalog, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "CHUNK", 10)
    for number in range(95):
        ledger.put(number)
    assert len(list(feed.batches(ledger.records({})))) == 10
    assert catalog.count() == 95


def test_a_fold_that_breaks_off_goes_on_where_it_was(
    catalog: Catalog, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "CHUNK", 10)
    for number in range(35):
        ledger.put(number)
        ledger.hits(number)
    applied = fold.apply
    calls = []

    def interrupted(*given: Any) -> None:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        applied(*given)

    monkeypatch.setattr(fold, "apply", interrupted)
    with pytest.raises(KeyboardInterrupt):
        catalog.fold()
    monkeypatch.setattr(fold, "apply", applied)
    assert catalog.count() == 35 and catalog.stats().hits == 35


def test_a_record_that_breaks_the_format_is_passed_over(catalog: Catalog, ledger: Ledger) -> None:
    ledger.put(1, seconds="no number")
    ledger.write("stat", ((1, 2, 3),))
    ledger.write("run", None)
    ledger.write("pin", None, key(1))
    ledger.put(2)
    assert [row.key for row in catalog.entries(status=None)] == [key(2).hex()]


def test_a_store_that_cannot_be_read_further_gives_what_was_read(
    catalog: Catalog, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        ledger.put(number)
    catalog.fold()

    def broken(positions: Any) -> Any:
        raise OSError(5, "Input/output error", "journal")
        yield

    monkeypatch.setattr(ledger, "records", broken)
    with pytest.warns(match="may not show the newest results"):
        assert catalog.count() == 3
