"""Counts, sizes, time and money."""

from __future__ import annotations

from catalog_ledger import Ledger, key

from spotmagic.catalog import Catalog, Stats
from spotmagic.testing import FakeClock


def test_an_empty_spot_has_zeros(catalog: Catalog) -> None:
    assert catalog.stats() == Stats(0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0) == catalog.stats("nobody")
    assert catalog.functions() == [] == catalog.runs() == catalog.entries()
    assert catalog.series() == [] == catalog.unkept()


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
    assert (cell.bytes, failing.bytes) == (100, 0)
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


def test_series_puts_each_hit_and_run_into_one_step(catalog: Catalog, ledger: Ledger, clock: FakeClock) -> None:
    hour = clock.now() // 3600 * 3600
    ledger.put(1, "f")
    for ago in (7100, 3500, 10):
        ledger.ran(1, "f", started=hour - ago, seconds=2.0, price=0.5)
        ledger.hits(1, 2, seconds=2.0, price=0.5, stamp=int((hour - ago) * 1e9))
    ledger.ran(1, "g", started=hour - 10, price=0.25)
    ledger.ran(1, "g", started=hour - 10, verdict="bypassed", price=9.0)
    found = catalog.series(since=hour - 7200, step=3600)
    assert [(one.name, one.start, one.misses, one.hits) for one in found] == [
        ("f", hour - 7200, 1, 2), ("f", hour - 3600, 2, 4), ("g", hour - 3600, 1, 0),
    ]  # fmt: skip
    assert [(one.paid, one.saved, one.seconds, one.seconds_saved) for one in found[:2]] == [
        (0.5, 1.0, 2.0, 4.0), (1.0, 2.0, 4.0, 8.0),
    ]  # fmt: skip
    assert [one.start for one in catalog.series(since=hour - 3600, step=3600)] == [hour - 3600] * 2


def test_days_begin_at_the_readers_midnight(catalog: Catalog, ledger: Ledger) -> None:
    midnight = 1_800_000_000 // 86_400 * 86_400
    for at in (midnight - 7201, midnight - 7199):
        ledger.ran(1, "f", started=float(at))
    assert [one.misses for one in catalog.series()] == [2]
    berlin = catalog.series(offset=7200.0)
    assert [(one.start, one.misses) for one in berlin] == [(midnight - 93_600, 1), (midnight - 7200, 1)]


def test_hits_are_shown_under_the_time_of_the_last(catalog: Catalog, ledger: Ledger) -> None:
    """A result that was used after its run never seems to have been used before it."""
    slot = 1_800_000_000.0 // 300 * 300
    ledger.put(1, "f")
    ledger.ran(1, "f", started=slot + 100)
    ledger.hits(1, 1, stamp=int((slot + 200) * 1e9))
    hit, ran = catalog.runs(name="f")
    assert (hit["verdict"], hit["started"], ran["started"]) == ("hit", slot + 200, slot + 100)
    ledger.hits(1, 2, stamp=int((slot + 250) * 1e9))
    ledger.hits(1, 4, stamp=int((slot + 240) * 1e9))
    ledger.hits(1, 8, stamp=int((slot + 300) * 1e9))
    assert [(run["started"], run["times"]) for run in catalog.runs(name="f") if run["verdict"] == "hit"] == [
        (slot + 300, 8), (slot + 250, 7),
    ]  # fmt: skip


def test_a_name_of_which_nothing_is_ever_kept_is_told(catalog: Catalog, ledger: Ledger) -> None:
    for at in range(3):
        ledger.ran(
            1, "ask", stored=False, price=0.5, reason=f"not stored: changed `llm`{at}", started=1_800_000_000.0 + at
        )
        ledger.ran(2, "healed", stored=at == 2, reason="not stored: x", started=1_800_000_000.0 + at)
        ledger.ran(3, "failing", stored=False, error="ValueError: no", started=1_800_000_000.0 + at)
    ledger.ran(4, "once", stored=False, reason="not stored: x")
    ledger.ran(5, "lapsed", started=1_800_000_000.0)
    for at in (1, 2):
        ledger.ran(5, "lapsed", stored=False, price=0.1, started=1_800_000_000.0 + at)
    found, lapsed = catalog.unkept()
    assert (found.name, found.reason, found.runs, found.paid) == ("ask", "not stored: changed `llm`2", 3, 1.5)
    assert (found.never, lapsed.name, lapsed.never, lapsed.runs) == (True, "lapsed", False, 2)
