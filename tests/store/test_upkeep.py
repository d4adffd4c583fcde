"""Merging, cleaning up, pinning: what is asked for goes, everything else stays."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from spotmagic.store.entry import Entry
from spotmagic.store.record import FILE_MAGIC, Record, Run
from spotmagic.store.store import FolderStore
from spotmagic.testing.clock import FakeClock
from spotmagic.testing.store import same, sample

Make = Callable[..., FolderStore]
DAY = 86_400.0


def kernels(make: Make, count: int, each: int = 10, **options: object) -> FolderStore:
    """The work of several kernels that are gone, and a living one."""
    for kernel in range(count):
        store = make(**options)
        for number in range(kernel * each, (kernel + 1) * each):
            store.put(sample(number, str(number).encode()))
        store.ran(Run(sample(kernel).key, "demo.f"))
        store.hit(sample(kernel).key, 1.0, 0.0)
        store.close()
    return make(**options)


def told(store: FolderStore) -> list[tuple[str, int, str, bytes]]:
    return sorted((record.file, record.end, record.kind, record.key) for record in store.records({}))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_merging_changes_nothing_that_can_be_asked(open_store: Make, tmp_path: Path) -> None:
    """Entries, what is recent, and records with their places."""
    store = kernels(open_store, 4)
    other = open_store()
    before, recent = told(store), [entry.key for entry in store.recent("demo.f")]
    assert same(other.get(sample(7).key), sample(7, b"7"))
    assert store.compact() == 4
    assert names(tmp_path / "spot" / "journal") == set()
    assert len(names(tmp_path / "spot" / "segments")) == 1
    for view in (store, other, open_store()):
        assert told(view) == before
        assert [entry.key for entry in view.recent("demo.f")] == recent
        assert all(same(view.get(sample(number).key), sample(number, str(number).encode())) for number in range(40))
        assert view.get(sample(40).key) is None


def test_a_reader_that_stopped_in_the_middle_goes_on_after_a_merge(open_store: Make) -> None:
    """At any point of any journal, through any number of merges: each record comes once."""
    store = kernels(open_store, 3, 4)
    everything = list(store.records({}))
    chance = random.Random(3)
    for _ in range(10):
        positions: dict[str, int] = {}
        stop = chance.randrange(len(everything))
        seen = [(record.file, record.end) for record in everything[:stop]]
        for record in everything[:stop]:
            positions[record.file] = record.end
        store.put(sample(chance.randrange(1_000)))
        store._opening.folder.leave()  # type: ignore[union-attr]
        store.compact()
        everything_now = [(record.file, record.end) for record in store.records({})]
        later = [(record.file, record.end) for record in store.records(positions)]
        assert sorted(seen + later) == sorted(everything_now)
        everything = list(store.records({}))


def test_merging_drops_what_was_forgotten_and_keeps_what_was_replaced(open_store: Make) -> None:
    """A replaced result was paid for, too."""
    store = open_store()
    for value in (b"one", b"two"):
        store.put(sample(1, value))
    store.put(sample(2))
    store.forget([sample(2).key])
    store.close()
    store.compact()
    assert [record.key for record in store.records({}) if record.kind == "put"] == [sample(1).key] * 2
    assert same(store.get(sample(1).key), sample(1, b"two"))
    assert store.get(sample(2).key) is None


def test_merges_stay_small_beside_what_they_merge(open_store: Make, tmp_path: Path) -> None:
    """A large segment is not written again for each little journal."""
    kernels(open_store, 1, 2_000).compact()
    (large,) = (tmp_path / "spot" / "segments").iterdir()
    for kernel in range(4):
        store = open_store()
        store.put(sample(5_000 + kernel))
        store.close()
        store.compact()
        store.close()
    assert large.exists()
    assert 2 <= len(names(tmp_path / "spot" / "segments")) <= 3
    store = open_store()
    assert all(isinstance(store.get(sample(number).key), Entry) for number in (0, 1_999, 5_000, 5_003))


def test_a_merge_that_was_killed_after_it_was_published_is_finished_by_the_next(
    open_store: Make, tmp_path: Path
) -> None:
    """The journals it took in do not count twice meanwhile."""
    store = kernels(open_store, 3)
    store.close()
    journals = {path: path.read_bytes() for path in (tmp_path / "spot" / "journal").iterdir()}
    before = told(store)
    store.compact()
    store.close()
    for path, data in journals.items():
        path.write_bytes(data)
    other = open_store()
    assert told(other) == before
    assert all(isinstance(other.get(sample(number).key), Entry) for number in range(30))
    other.compact()
    assert names(tmp_path / "spot" / "journal") == set()
    assert told(other) == before


def test_leftovers_of_a_killed_merge_go(open_store: Make, tmp_path: Path) -> None:
    """A file that never got its name."""
    store = kernels(open_store, 1)
    leftover = tmp_path / "spot" / "segments" / ".0000000000000001-000000000001.log.tmp"
    leftover.write_bytes(FILE_MAGIC)
    store.compact()
    assert not leftover.exists()


def test_other_kernels_let_go_of_files_that_were_merged(open_store: Make) -> None:
    """So that the disk gets them back; and the segment takes their place in the index."""
    store, other = kernels(open_store, 3), open_store()
    assert isinstance(other.get(sample(1).key), Entry)
    assert other._opening.folder is not None
    assert len(other._opening.folder.logs) == 3
    store.compact()
    assert isinstance(other.get(sample(2).key), Entry)
    assert other._opening.folder.logs == {}
    assert other._opening.folder.index.places == {}
    assert len(other._opening.folder.segments) == 1


def test_two_kernels_do_not_merge_at_once(open_store: Make, tmp_path: Path) -> None:
    """The second one leaves it to the first."""
    from spotmagic import files

    store = kernels(open_store, 2)
    with files.locked(tmp_path / "spot" / "seal.lock"):
        assert store.compact() == 0
    assert store.compact() == 2


def test_dead_journals_are_merged_in_the_background(open_store: Make, tmp_path: Path) -> None:
    """By whoever is at work, when they have become many."""
    clock = FakeClock()
    store = kernels(open_store, 9, clock=clock)
    store.put(sample(1_000))
    store.tick()
    assert len(names(tmp_path / "spot" / "journal")) == 10
    clock.advance(60.0)
    store.tick()
    assert len(names(tmp_path / "spot" / "journal")) == 1
    assert len(names(tmp_path / "spot" / "segments")) == 1


def test_a_long_journal_is_left_for_merging(open_store: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that runs for weeks does not keep one endless file."""
    monkeypatch.setattr("spotmagic.store.folder.ROTATE", 5_000)
    store = open_store()
    for number in range(100):
        store.put(sample(number))
    assert len(names(tmp_path / "spot" / "journal")) > 3
    assert store.compact() > 2
    assert all(isinstance(store.get(sample(number).key), Entry) for number in range(100))


def test_a_large_folder_is_found_through_the_index(open_store: Make) -> None:
    """Ten thousand entries in one segment: each is found, no other key is."""
    store = open_store()
    keys = [os.urandom(16) for _ in range(10_000)]
    for key in keys:
        store.put(sample(1)._replace(key=key))
    store.close()
    store.compact()
    store.close()
    other = open_store()
    assert all(isinstance(other.get(key), Entry) for key in keys)
    assert all(other.get(os.urandom(16)) is None for _ in range(1_000))
    assert other._opening.folder is not None
    assert other._opening.folder.index.places == {}


def test_nothing_goes_by_default(open_store: Make) -> None:
    """Old, large, replaced or never hit: it was paid for."""
    clock = FakeClock()
    store = open_store(clock=clock)
    for number in range(5):
        store.put(sample(number, large=b"x" * 50_000))
    clock.advance(10_000 * DAY)
    swept = store.gc()
    assert (swept.entries, swept.blobs) == ((), ())
    assert all(isinstance(store.get(sample(number).key), Entry) for number in range(5))


def test_rules_by_name_and_age_remove_what_they_name(open_store: Make) -> None:
    """The first pattern that fits counts; pinned entries stay."""
    clock = FakeClock(now=1_800_000_000.0)
    store = open_store(clock=clock)
    for number, name in enumerate(["demo.keep", "demo.old", "demo.pinned", "other.old"]):
        store.put(sample(number, name=name)._replace(created=clock.now()))
    store.pin([sample(2).key], True)
    clock.advance(8 * DAY)
    store.put(sample(4, name="demo.young")._replace(created=clock.now()))
    rules = {"demo.keep": 365 * DAY, "demo.*": 7 * DAY}
    plan = store.gc(rules, dry_run=True)
    assert [name for _, name, _, _ in plan.entries] == ["demo.old"]
    assert isinstance(store.get(sample(1).key), Entry)
    assert [name for _, name, _, _ in store.gc(rules).entries] == ["demo.old"]
    assert store.get(sample(1).key) is None
    assert all(isinstance(store.get(sample(number).key), Entry) for number in (0, 2, 3, 4))
    store.pin([sample(2).key], False)
    assert [name for _, name, _, _ in store.gc(rules).entries] == ["demo.pinned"]


def test_pins_last_through_restarts_and_merges(open_store: Make) -> None:
    """And the last word counts."""
    store = open_store()
    store.put(sample(1)._replace(expires=1.0))
    store.put(sample(2)._replace(expires=1.0))
    store.pin([sample(1).key, sample(2).key], True)
    store.pin([sample(2).key], False)
    store.close()
    store.compact()
    store.close()
    other = open_store()
    assert [key for key, *_ in other.gc().entries] == [sample(2).key]
    assert isinstance(other.get(sample(1).key), Entry)


def test_expired_entries_go(open_store: Make) -> None:
    """They cannot be hit any more."""
    store = open_store()
    store.put(sample(1)._replace(expires=1.0))
    store.put(sample(2)._replace(expires=4e9))
    assert [why for *_, why in store.gc().entries] == ["expired"]
    assert store.get(sample(1).key) is None
    assert isinstance(store.get(sample(2).key), Entry)


def blob_files(folder: Path) -> set[Path]:
    return {path for path in (folder / "spot" / "blobs").rglob("*") if path.is_file()}


def test_a_dry_run_shows_blobs_with_their_sizes_and_removes_nothing(open_store: Make, tmp_path: Path) -> None:
    """The real run then removes those."""
    store = open_store()
    for number in range(3):
        store.put(sample(number, b"", large=bytes([number]) * 50_000))
    store.forget([sample(0).key])
    plan = store.gc(dry_run=True)
    assert [size for _, size in plan.blobs] == [50_000]
    assert plan.size == 50_000
    assert "would remove 0 results and 1 blob of" in str(plan)
    assert len(blob_files(tmp_path)) == 3
    assert store.gc().blobs == plan.blobs
    assert len(blob_files(tmp_path)) == 2
    assert store.gc().blobs == ()
    assert all(isinstance(store.get(sample(number).key), Entry) for number in (1, 2))


def test_a_blob_that_another_entry_holds_stays(open_store: Make, tmp_path: Path) -> None:
    """Until the last one goes."""
    store = open_store()
    for number in range(2):
        store.put(sample(number, b"", large=b"s" * 50_000))
    store.forget([sample(0).key])
    assert store.gc().blobs == ()
    assert isinstance(store.get(sample(1).key), Entry)
    store.forget([sample(1).key])
    assert len(store.gc().blobs) == 1
    assert blob_files(tmp_path) == set()


def test_a_blob_whose_record_was_never_written_goes(open_store: Make, tmp_path: Path) -> None:
    """A kernel was killed in between: the journal says what it was about to write."""
    store = open_store()
    real, store._append = store._append, lambda *args: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        store.put(sample(1, large=b"x" * 50_000))
    store._append = real  # type: ignore[method-assign]
    assert len(blob_files(tmp_path)) == 1
    store.close()
    assert store.get(sample(1).key) is None
    assert len(store.gc().blobs) == 1
    assert blob_files(tmp_path) == set()


def test_replaced_results_go(open_store: Make) -> None:
    """With their blobs: nobody can get them any more."""
    store = open_store()
    for value in (b"1", b"2", b"3"):
        store.put(sample(1, b"", large=value * 50_000))
    assert len(store.gc().blobs) == 2
    assert same(open_store().get(sample(1).key), sample(1, b"", large=b"3" * 50_000))


def test_all_blobs_stay_while_an_entry_is_in_a_newer_format(open_store: Make, tmp_path: Path) -> None:
    """What it holds is not known here."""
    store = open_store()
    store.put(sample(1, large=b"x" * 50_000))
    store.forget([sample(1).key])
    from spotmagic.store import seal

    version, seal.VERSION = seal.VERSION, 3
    try:
        store.put(sample(2, large=b"y" * 50_000))
    finally:
        seal.VERSION = version
    swept = store.gc()
    assert swept.blobs == ()
    assert "1 result " in swept.kept
    assert len(blob_files(tmp_path)) == 2


def test_a_put_that_shares_a_blob_waits_for_a_clean_up(open_store: Make, tmp_path: Path) -> None:
    """So the blob it found is not taken away under it."""
    import threading

    store, other = open_store(), open_store()
    entry = sample(1, b"", large=b"x" * 50_000)
    store.put(entry)
    store.forget([entry.key])
    reached, go = threading.Event(), threading.Event()
    real = store.blobs.remove

    def slow(digest: bytes) -> bool:
        reached.set()
        go.wait(5)
        return real(digest)

    store.blobs.remove = slow  # type: ignore[method-assign]
    cleaning = threading.Thread(target=store.gc)
    cleaning.start()
    reached.wait(5)
    putting = threading.Thread(target=other.put, args=(entry._replace(key=b"n" * 16),))
    putting.start()
    putting.join(0.1)
    assert putting.is_alive()
    go.set()
    cleaning.join()
    putting.join()
    assert same(other.get(b"n" * 16), entry._replace(key=b"n" * 16))
    assert len(blob_files(tmp_path)) == 1


def test_records_of_a_folder_without_journals_are_none(open_store: Make) -> None:
    """An empty spot."""
    found: list[Record] = list(open_store().records({}))
    assert found == []
