"""What is judged is a record: whatever another kernel stores meanwhile is another one, and stays."""

from __future__ import annotations

import gc
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spotmagic.catalog import Catalog
from spotmagic.store.entry import Bad, Entry
from spotmagic.store.record import Run
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring
from spotmagic.testing.clock import FakeClock
from spotmagic.testing.store import same, sample

Make = Callable[..., FolderStore]


def meanwhile(store: FolderStore, monkeypatch: pytest.MonkeyPatch, what: Callable[[], object]) -> None:
    """Let something happen between the judgement of a clean-up or repair and the deletion."""
    upkeep = store._upkeep
    real = upkeep._forget

    def forget(*args: object) -> int:
        what()
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(upkeep, "_forget", forget)


@pytest.mark.parametrize("large", [b"", b"l" * 100_000], ids=["small", "large"])
def test_a_clean_up_leaves_what_was_run_again_meanwhile(
    open_store: Make, monkeypatch: pytest.MonkeyPatch, large: bytes
) -> None:
    """Its blobs too, though they are those of the record that goes."""
    clock = FakeClock()
    store, other = open_store(clock=clock), open_store(clock=clock)
    expired = sample(1, b"old", large=large)._replace(expires=clock.now() - 1)
    store.put(expired)
    anew = sample(1, b"new", large=large)._replace(expires=None)
    clock.advance(10)
    upkeep = store._upkeep
    real = upkeep._name_blobs
    calls: list[int] = []

    def named(*args: object) -> None:
        calls.append(1)
        if len(calls) == 2:  # under the lock of the blobs: what holds a small entry is not waited for
            other._append(anew, {}, False, False) if not large else None
        if len(calls) == 1 and large:
            other.put(anew)
        real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(upkeep, "_name_blobs", named)
    swept = store.gc()
    assert [key for key, *_ in swept.entries] == [expired.key]
    for view in (store, other, open_store(clock=clock)):
        assert same(view.get(anew.key), anew)


def test_a_repair_leaves_what_was_run_again_meanwhile(
    open_store: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store, other = open_store(), open_store()
    entry = sample(1, large=b"x" * 100_000)
    store.put(entry)
    (blob,) = (path for path in (tmp_path / "spot" / "blobs").rglob("*") if path.is_file())
    blob.unlink()
    anew = sample(1, b"again")
    meanwhile(store, monkeypatch, lambda: other.put(anew))
    found = store.verify(repair=True)
    assert [key for key, *_ in found.bad] == [entry.key]
    for view in (store, other, open_store()):
        assert same(view.get(entry.key), anew)


def test_a_deletion_of_a_judged_record_spares_a_later_one_whatever_is_read_first(open_store: Make) -> None:
    """Also when the kernel that judged has not seen the later one when it deletes."""
    clock = FakeClock()
    store, other = open_store(clock=clock), open_store(clock=clock)
    store.put(sample(1, b"old"))
    with store._lock:
        place = store._sound().index.find(sample(1).key)
    assert place is not None
    clock.advance(1)
    other.put(sample(1, b"new"))
    store.forget([sample(1).key], {sample(1).key: place.stamp})
    for view in (store, other, open_store(clock=clock)):
        assert same(view.get(sample(1).key), sample(1, b"new"))


def test_memory_of_an_entry_goes_when_its_record_was_merged_away(open_store: Make) -> None:
    """A kernel that only watches sees the newer result, though it never read the journal that held it."""
    store, other = open_store(), open_store()
    store.put(sample(1, b"old"))
    watcher = open_store()
    assert same(watcher.get(sample(1).key), sample(1, b"old"))
    other.put(sample(1, b"new"))
    other.close()
    store.close()
    other.gc()
    other.close()
    assert same(watcher.get(sample(1).key), sample(1, b"new"))


def test_memory_of_an_entry_goes_with_the_file_it_was_read_from(open_store: Make, tmp_path: Path) -> None:
    store = open_store()
    store.put(sample(1))
    store.close()
    watcher = open_store()
    assert same(watcher.get(sample(1).key), sample(1))
    for path in (tmp_path / "spot" / "journal").iterdir():
        path.unlink()
    store.put(sample(2))  # a file came, so all look anew
    assert watcher.get(sample(1).key) is None


def test_a_clean_up_with_nothing_to_do_writes_nothing(open_store: Make, tmp_path: Path) -> None:
    """Whatever was merged, forgotten or replaced before."""
    store = open_store()
    for number in range(20):
        store.put(sample(number, b"1", large=b"l" * 50_000))
        store.put(sample(number, b"2", large=b"m" * 50_000))
    store.forget([sample(3).key])
    store.close()
    store.gc()
    store.close()
    names = {path: path.stat().st_ino for path in (tmp_path / "spot").rglob("*") if path.is_file()}
    assert store.gc().blobs == ()
    assert store.gc(dry_run=True).blobs == ()
    store.close()
    assert {path: path.stat().st_ino for path in (tmp_path / "spot").rglob("*") if path.is_file()} == names


def asked(number: int, value: bytes = b"value", *, large: bytes = b"") -> Entry:
    """An entry of arguments of its own."""
    return sample(number, value, large=large)._replace(inputs={"x": bytes([number]) * 16})


def test_what_was_paid_stays_known_when_the_entry_is_cleaned_away(open_store: Make, tmp_path: Path) -> None:
    """Also for a catalog that is made anew afterwards."""
    clock = FakeClock()
    store = open_store(clock=clock)
    for number in range(3):
        store.put(asked(number)._replace(expires=clock.now() + 5, reason="first run", created=clock.now()), run=True)
    store.put(asked(0, b"again")._replace(created=clock.now(), reason="refresh"), run=True)
    catalog = Catalog(tmp_path / "spot", store, clock=clock)
    before = catalog.stats()
    assert (before.misses, before.price_paid, before.entries) == (4, 1.0, 3)
    clock.advance(10)
    store.close()
    store.gc()
    store.close()
    for _ in range(2):
        after = catalog.stats()
        assert (after.misses, after.price_paid, after.entries) == (4, 1.0, 1)
        assert sorted(run["reason"] for run in catalog.runs()) == ["first run"] * 3 + ["refresh"]
        catalog.rebuild()
    catalog.close()


def test_a_catalog_that_has_seen_more_than_the_folder_has_is_made_anew(
    open_store: Make, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    """A power cut took the end of a journal: what is not there any more is not shown as if it were."""
    store = open_store()
    store.put(asked(1))
    (journal,) = (tmp_path / "spot" / "journal").iterdir()
    size = journal.stat().st_size
    store.put(asked(2))
    catalog = Catalog(tmp_path / "spot", store)
    assert len(catalog.entries()) == 2
    store.close()
    os.truncate(journal, size)
    store.put(asked(3))
    assert {row.key for row in catalog.entries()} == {asked(1).key.hex(), asked(3).key.hex()}
    assert any("lost" in str(each.message) for each in recwarn)
    shutil.rmtree(tmp_path / "spot" / "journal")
    store.close()
    store.put(asked(4))
    assert [row.key for row in catalog.entries()] == [asked(4).key.hex()]
    catalog.close()


def test_a_check_marks_what_is_damaged_until_it_is_whole_again(open_store: Make, tmp_path: Path) -> None:
    """Lists of entries show it, with what is wrong and under its name."""
    store = open_store()
    entry = asked(1, large=b"x" * 100_000)
    store.put(entry), store.put(asked(2))
    catalog = Catalog(tmp_path / "spot", store)
    (blob,) = (path for path in (tmp_path / "spot" / "blobs").rglob("*") if path.is_file())
    aside = tmp_path / "aside"
    blob.rename(aside)
    for _ in range(2):  # a second check finds it marked
        assert not store.verify().good
        (row,) = catalog.entries(status="corrupt")
        assert (row.name, row.key) == ("demo.f", entry.key.hex())
        assert "missing" in row.damage
        assert [row.key for row in catalog.entries()] == [asked(2).key.hex()]
    records = list(store.records({}))
    assert [record.kind for record in records].count("mark") == 1
    aside.rename(blob)
    assert store.verify().good
    assert len(catalog.entries()) == 2 and catalog.entries(status="corrupt") == []
    blob.unlink()
    store.verify()
    store.put(entry)
    assert len(catalog.entries()) == 2 and catalog.entries(status="corrupt") == []
    blob.unlink()
    catalog.rebuild()
    assert len(catalog.entries()) == 2
    store.verify()
    catalog.rebuild()
    assert len(catalog.entries()) == 1 and len(catalog.entries(status="corrupt")) == 1
    assert isinstance(store.get(entry.key), Bad)
    store.verify(repair=True)
    assert store.get(entry.key) is None and catalog.entries(status="corrupt") == []
    catalog.close()


def test_half_written_blobs_of_killed_kernels_are_swept(open_store: Make, tmp_path: Path) -> None:
    store = open_store()
    store.put(asked(1, large=b"x" * 100_000))
    (blob,) = (path for path in (tmp_path / "spot" / "blobs").rglob("*") if path.is_file())
    half = blob.with_name(f".{blob.name}.0123456789ab.tmp")
    half.write_bytes(b"h" * 1_000)
    assert store.gc(dry_run=True).leftovers == 0 and half.exists()
    assert store.gc().leftovers == 1_000
    assert not half.exists() and blob.exists()


def test_a_repair_leaves_a_blob_that_was_stored_anew_meanwhile(open_store: Make, tmp_path: Path) -> None:
    """The call ran again because of the damage: its new entry has the blob under the same name."""
    store, other = open_store(), open_store()
    entry = sample(1, b"v", large=b"l" * 100_000)
    store.put(entry)
    (blob,) = (path for path in (tmp_path / "spot" / "blobs").rglob("*") if path.is_file())
    blob.write_bytes(b"x" * blob.stat().st_size)
    check, checks = store.blobs.check, []

    def checked(digest: bytes, size: int) -> bool:
        good = check(digest, size)
        if not checks:
            assert isinstance(other.get(entry.key), Bad)
            other.put(entry)
        checks.append(good)
        return good

    store.blobs.check = checked  # type: ignore[method-assign]
    assert not store.verify(repair=True).good
    found = store.get(entry.key)
    assert checks == [False, True] and isinstance(found, Entry) and same(found, entry)


def open_files() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208


def test_checks_and_dropped_stores_leave_no_file_open(tmp_path: Path, ring: Ring) -> None:
    """A notebook drops a spot each time its cell runs again."""
    store = FolderStore(tmp_path / "spot", ring=ring)
    store.put(asked(1))
    store.close()
    store.compact()
    gc.collect()
    before = open_files()
    for number in range(20):
        dropped = FolderStore(tmp_path / "spot", ring=ring)
        dropped.put(asked(number + 2), durable=True)
        dropped.verify()
        del dropped
    gc.collect()
    assert open_files() <= before + 8
    fresh = FolderStore(tmp_path / "spot", ring=ring)
    assert all(isinstance(fresh.get(asked(number + 2).key), Entry) for number in range(20))
    fresh.close()
    store.close()


def overwrite(store: FolderStore, times: int) -> None:
    for number in range(times):
        store.put(asked(1, b"%d" % number))


def test_a_forked_child_and_its_parent_move_the_epoch_one_after_the_other(open_store: Make) -> None:
    """With one open file between them both would hold its lock, and moves would be lost."""
    store = open_store()
    overwrite(store, 1)
    before = store.epoch
    kernels = multiprocessing.get_context("fork")
    children = [kernels.Process(target=overwrite, args=(store, 300)) for _ in range(3)]
    for child in children:
        child.start()
    overwrite(store, 300)
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    store.get(asked(1).key)
    assert store.epoch - before >= 1_200


@pytest.fixture(autouse=True)
def no_leftover() -> Iterator[None]:
    yield
    gc.collect()


def test_reasons_of_many_runs_are_worked_out_in_several_looks(
    open_store: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest first: all at once would take the memory of the catalog. Runs whose entry is gone hold nobody up."""
    monkeypatch.setattr("spotmagic.catalog.reasons.MOST", 3)
    store = open_store()
    catalog = Catalog(tmp_path / "spot", store)
    for number in range(1, 6):
        store.put(asked(number), run=True)
    for number in range(6, 10):
        store.ran(Run(asked(number).key, "demo.f", started=asked(number).created))
    told = [bool(run["reason"]) for run in catalog.runs()]
    assert told == [False] * 4 + [True] * 3 + [False] * 2
    store.put(asked(10), run=True)
    assert sum(bool(run["reason"]) for run in catalog.runs()) == 6
    catalog.close()
