"""Counts, sizes, time and money."""

from __future__ import annotations

import pytest
from catalog_ledger import Ledger, key

from spotmagic.catalog import Catalog, Stats
from spotmagic.testing import FakeClock


def test_an_empty_spot_has_zeros(catalog: Catalog) -> None:
    assert catalog.stats() == Stats(0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0) == catalog.stats("nobody")
    assert catalog.functions() == [] == catalog.runs() == catalog.entries()
    assert [(bucket.hits, bucket.misses) for bucket in catalog.series(1, 4)] == [(0, 0)] * 4


def test_stats_add_up_in_all_and_by_name(catalog: Catalog, ledger: Ledger) -> None:
    ledger.put(1, "f", size=10)
    ledger.put(2, "g", size=30)
    ledger.ran(1, "f", seconds=2.0, price=0.5)
    ledger.ran(2, "g", seconds=4.0, price=1.0)
    ledger.ran(3, "g", seconds=1.0, price=0.25, error="ValueError: no", stored=False)
    ledger.ran(4, "g", verdict="bypassed", price=9.0)
    ledger.hits(1, 3, seconds=2.0, price=0.5)
    ledger.hits(2, 1, seconds=4.0, price=1.0)
    assert catalog.stats() == Stats(2, 40, 4, 3, 4 / 7, 10.0, 2.5, 1.75, 1)
    assert catalog.stats("f") == Stats(1, 10, 3, 1, 0.75, 6.0, 1.5, 0.5, 0)
    g = catalog.stats("g")
    assert (g.entries, g.hits, g.misses, g.price_paid, g.errors) == (1, 1, 2, 1.25, 1)


def test_what_was_saved_stays_saved_when_the_entry_goes(catalog: Catalog, ledger: Ledger) -> None:
    ledger.put(1, "f")
    ledger.hits(1, 2)
    catalog.fold()
    ledger.forget(1)
    found = catalog.stats("f")
    assert (found.entries, found.hits, found.seconds_saved, found.price_saved) == (0, 2, 4.0, 0.5)


def test_hits_that_are_read_before_their_entry_get_its_name(catalog: Catalog, ledger: Ledger) -> None:
    ledger.hits(1, 2, file="b.log")
    assert catalog.stats().hits == 2 and catalog.stats("f").hits == 0
    ledger.put(1, "f", file="a.log")
    assert catalog.stats("f").hits == 2


def test_functions_tell_all_of_each_name(catalog: Catalog, ledger: Ledger) -> None:
    ledger.put(1, "cell 1", kind="cell")
    ledger.ran(1, "cell 1", kind="cell", seconds=3.0, price=0.5, started=1_800_000_001.0)
    ledger.hits(1, 2, seconds=3.0, price=0.5)
    ledger.ran(2, "failing", kind="function", error="OSError", stored=False, started=1_800_000_050.0)
    failing, cell = catalog.functions()
    assert (cell.name, cell.kind, cell.entries, cell.calls, cell.hits, cell.misses) == ("cell 1", "cell", 1, 3, 2, 1)
    assert (cell.seconds, cell.seconds_saved, cell.price_paid, cell.price_saved) == (3.0, 6.0, 0.5, 1.0)
    assert (failing.name, failing.entries, failing.misses, failing.errors) == ("failing", 0, 1, 1)
    assert failing.last == 1_800_000_050.0


def test_runs_of_a_key_tell_its_history_newest_first(catalog: Catalog, ledger: Ledger) -> None:
    ledger.ran(1, "f", reason="first run", started=1_800_000_001.0)
    ledger.ran(1, "f", reason="helper `clean` was edited", started=1_800_000_002.0, waited=0.5, error="E")
    ledger.ran(2, "f")
    ledger.hits(1, 3, stamp=int(1_800_000_009.0 * 1e9))
    history = catalog.runs(key=key(1).hex())
    assert [(run["verdict"], run["reason"], run["times"]) for run in history] == [
        ("hit", "", 3), ("ran", "helper `clean` was edited", 1), ("ran", "first run", 1),
    ]  # fmt: skip
    assert history[1]["waited"] == 0.5 and history[1]["error"] == "E" and history[1]["started"] == 1_800_000_002.0
    assert len(catalog.runs(name="f", limit=2)) == 2
    assert catalog.runs(name="nobody") == []


def test_inputs_are_those_of_the_newest_entry_of_a_key(catalog: Catalog, ledger: Ledger) -> None:
    ledger.put(1, inputs={"x": b"\x01" * 16, "helper clean": b"\x02" * 16})
    assert catalog.inputs(key(1).hex()) == {"x": "01" * 16, "helper clean": "02" * 16}
    ledger.put(1, inputs={"y": b"\x03" * 16})
    assert catalog.inputs(key(1).hex()) == {"y": "03" * 16}
    ledger.forget(1)
    assert catalog.inputs(key(1).hex()) == {}
    assert catalog.sql("SELECT count(*) FROM inputs").rows == [(0,)]


def test_series_puts_each_hit_and_miss_into_one_bucket(catalog: Catalog, ledger: Ledger, clock: FakeClock) -> None:
    now = clock.now()
    ledger.put(1, "f")
    for ago in (3500, 1700, 10):
        ledger.ran(1, "f", started=now - ago)
        ledger.hits(1, 2, stamp=int((now - ago) * 1e9))
    ledger.ran(1, "f", started=now - 4000)
    ledger.ran(1, "g", started=now - 10)
    buckets = catalog.series(1, 4)
    assert [bucket.start for bucket in buckets] == [now - 3600, now - 2700, now - 1800, now - 900]
    assert [bucket.misses for bucket in buckets] == [1, 0, 1, 2]
    assert sum(bucket.hits for bucket in buckets) == 6
    assert [bucket.misses for bucket in catalog.series(1, 4, name="f")] == [1, 0, 1, 1]


@pytest.mark.parametrize("buckets", [1, 7, 500])
def test_series_of_any_width_counts_all(catalog: Catalog, ledger: Ledger, clock: FakeClock, buckets: int) -> None:
    for ago in range(0, 3600, 37):
        ledger.ran(1, started=clock.now() - ago)
        ledger.hits(1, stamp=int((clock.now() - ago) * 1e9))
    found = catalog.series(1, buckets)
    assert len(found) == buckets
    assert sum(bucket.misses for bucket in found) == sum(bucket.hits for bucket in found) == 98
