"""Several kernels, forks and threads on one folder see each other's work."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from waiting import soon

from spotmagic.store.entry import Entry
from spotmagic.store.record import Stat
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring
from spotmagic.testing.clock import FakeClock
from spotmagic.testing.store import same, sample

Make = Callable[..., FolderStore]


def test_what_one_kernel_puts_the_others_find_at_once(open_store: Make) -> None:
    """On the first ask, though they had looked before."""
    one, other = open_store(), open_store()
    assert other.get(sample(1).key) is None
    one.put(sample(1))
    assert same(other.get(sample(1).key), sample(1))


def test_an_overwrite_reaches_kernels_that_hold_the_old_value_in_memory(open_store: Make) -> None:
    """On the next ask."""
    one, other = open_store(), open_store()
    one.put(sample(1, b"old"))
    assert same(other.get(sample(1).key), sample(1, b"old"))
    one.put(sample(1, b"new"))
    assert same(other.get(sample(1).key), sample(1, b"new"))


def test_an_overwrite_by_a_kernel_that_never_saw_the_first_value(open_store: Make) -> None:
    """It looks at the journals before it decides that nobody needs to be told."""
    one, other, third = open_store(), open_store(), open_store()
    other.put(sample(9))
    one.put(sample(1, b"old"))
    assert same(third.get(sample(1).key), sample(1, b"old"))
    other.put(sample(1, b"new"))
    assert same(third.get(sample(1).key), sample(1, b"new"))


def test_a_tombstone_does_not_hide_a_later_put_of_another_kernel(open_store: Make) -> None:
    """It counts as absent: look before a miss. The epoch did not move for that put."""
    one, other = open_store(), open_store()
    one.put(sample(1, b"old"))
    one.forget([sample(1).key])
    assert other.get(sample(1).key) is None
    epoch = one.epoch
    other.put(sample(1, b"new"))
    assert other.epoch == epoch or other.epoch == epoch + 1
    assert same(one.get(sample(1).key), sample(1, b"new"))


def test_a_forgotten_entry_is_gone_everywhere(open_store: Make) -> None:
    """Also where it was in memory."""
    one, other = open_store(), open_store()
    one.put(sample(1))
    assert isinstance(other.get(sample(1).key), Entry)
    one.forget([sample(1).key])
    assert other.get(sample(1).key) is None


def test_reading_a_known_small_entry_asks_the_system_nothing(open_store: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is touched by the second hit."""
    store = open_store()
    store.put(sample(1))
    store.get(sample(1).key)
    for name in ("open", "pread", "preadv", "stat", "fstat", "lstat", "listdir"):
        monkeypatch.setattr(os, name, lambda *args, **options: pytest.fail("a file was touched"))
    found = store.get(sample(1).key)
    monkeypatch.undo()
    assert same(found, sample(1))


def test_what_is_kept_in_memory_is_bounded(open_store: Make) -> None:
    """The oldest leave; all are still found."""
    store = open_store()
    store._memo._bound = 10_000
    for number in range(50):
        store.put(sample(number))
        store.get(sample(number).key)
    assert 0 < len(store._memo.verified) < 10
    assert all(same(store.get(sample(number).key), sample(number)) for number in range(50))


def _child(store: FolderStore) -> None:
    try:
        ok = same(store.get(sample(1).key), sample(1))
        store.put(sample(2, b"child"), durable=True)
        ok = ok and same(store.get(sample(2).key), sample(2, b"child")) and store.flush()
    finally:
        os._exit(0 if ok else 1)


def test_a_forked_child_writes_a_journal_of_its_own(open_store: Make, tmp_path: Path) -> None:
    """Parent and child go on, and see each other."""
    store = open_store()
    store.put(sample(1))
    store.hit(sample(1).key, 1.0, 0.0)
    process = multiprocessing.get_context("fork").Process(target=_child, args=(store,))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert len(list((tmp_path / "spot" / "journal").iterdir())) == 2
    assert same(store.get(sample(2).key), sample(2, b"child"))
    store.put(sample(3))
    store.flush()
    stats = [stat for record in store.records({}) if record.kind == "stat" for stat in record.what]  # type: ignore[union-attr]
    assert stats == [Stat(sample(1).key, 1, 1.0, 0.0)]


def test_the_journal_of_a_dead_parent_is_dead_though_its_child_lives(open_store: Make, tmp_path: Path) -> None:
    """The child holds none of its parent's locks."""
    script = """
import os, sys, time
from pathlib import Path
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring
from spotmagic.testing.store import sample
store = FolderStore(Path(sys.argv[1]), ring=Ring.of(b"s" * 32))
store.put(sample(1))
if os.fork() == 0:
    os.close(1)
    time.sleep(15)
    os._exit(0)
print("forked", flush=True)
os._exit(0)
"""
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "spot")],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    store = open_store()
    assert same(store.get(sample(1).key), sample(1))
    assert soon(lambda: store.compact() == 1), "the child may not have come to its first line yet"


def test_threads_put_and_get_without_losing_anything(open_store: Make) -> None:
    """Eight at once on one store."""
    store = open_store()

    def work(thread: int) -> None:
        for number in range(50):
            key = thread * 1_000 + number
            store.put(sample(key, str(key).encode(), large=b"x" * (40_000 if number % 10 == 0 else 0)))
            assert isinstance(store.get(sample(key).key), Entry)
            store.hit(sample(key).key, 1.0, 0.0)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other = open_store()
    assert all(isinstance(other.get(sample(t * 1_000 + n).key), Entry) for t in range(8) for n in range(50))
    store.flush()
    hits = [stat.hits for record in other.records({}) if record.kind == "stat" for stat in record.what]  # type: ignore[union-attr]
    assert sum(hits) == 400


EXITS = """
import sys
from pathlib import Path
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring
from spotmagic.testing.store import sample
store = FolderStore(Path(sys.argv[1]), ring=Ring.of(b"s" * 32))
store.put(sample(1))
store.hit(sample(1).key, 1.0, 0.5)
"""


def test_counts_and_journals_are_drained_at_exit(open_store: Make, tmp_path: Path) -> None:
    """Nobody closed the store."""
    subprocess.run([sys.executable, "-c", EXITS, str(tmp_path / "spot")], check=True)
    store = open_store()
    kinds = [record.kind for record in store.records({})]
    assert kinds == ["put", "stat"]


def test_an_idle_store_lets_the_background_thread_sleep(open_store: Make) -> None:
    """After the last write is synced and the last hit counted, nothing ticks any more."""
    clock = FakeClock()
    store = open_store(clock=clock)
    store.put(sample(1))
    store.hit(sample(1).key, 1.0, 0.0)
    assert store.tick() is True
    clock.advance(10.0)
    assert store.tick() is False
    assert [record.kind for record in store.records({})] == ["put", "stat"]


def test_a_group_of_puts_is_synced_within_a_second(open_store: Make) -> None:
    """By the background thread, while nobody asks for it."""
    store = open_store()
    store.put(sample(1))
    assert store._opening.folder is not None
    journal = store._opening.folder.journal
    assert journal is not None
    for _ in range(100):
        if journal.synced == journal.end:
            break
        time.sleep(0.05)
    assert journal.synced == journal.end


def test_a_durable_put_is_synced_before_it_returns(open_store: Make) -> None:
    """And a later one waits for the group."""
    store = open_store()
    store.put(sample(1), durable=True)
    assert store._opening.folder is not None
    journal = store._opening.folder.journal
    assert journal is not None
    assert journal.synced == journal.end
    store.put(sample(2))
    assert journal.synced < journal.end
    assert store.flush()
    assert journal.synced == journal.end


def test_an_interrupt_in_the_middle_of_a_put_leaves_a_sound_journal(
    open_store: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it hits: before the write, after it, or half way."""
    store, real = open_store(), os.pwrite
    store.put(sample(1))

    def interrupted(after: float) -> Callable[..., int]:
        def pwrite(fd: int, data: bytes, offset: int) -> int:
            real(fd, bytes(data)[: int(len(data) * after)], offset)
            raise KeyboardInterrupt

        return pwrite

    for number, after in enumerate((0.0, 0.5, 1.0)):
        monkeypatch.setattr(os, "pwrite", interrupted(after))
        with pytest.raises(KeyboardInterrupt):
            store.put(sample(10 + number))
        monkeypatch.setattr(os, "pwrite", real)
        store.put(sample(20 + number))
    for view in (store, open_store()):
        assert all(same(view.get(sample(20 + number).key), sample(20 + number)) for number in range(3))
        assert view.get(sample(10).key) is None
        assert same(view.get(sample(12).key), sample(12))
        assert view.verify().good


def test_a_journal_that_is_just_being_made_is_not_taken_for_a_dead_one(
    open_store: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another kernel looks at it between its making and its locking."""
    from spotmagic import files

    one, other, real = open_store(), open_store(), files.lock
    other.put(sample(1))

    def looked_at(fd: int, **options: bool) -> bool:
        monkeypatch.setattr(files, "lock", real)
        other._opening.folder._list()  # type: ignore[union-attr]
        return real(fd, **options)

    monkeypatch.setattr(files, "lock", looked_at)
    one._sound()._sound_journal()
    monkeypatch.setattr(files, "lock", real)
    one.put(sample(2))
    assert same(other.get(sample(2).key), sample(2))


def test_a_dead_kernels_journal_that_could_not_be_read_is_tried_again(
    open_store: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One failing read does not hide it for ever."""
    from spotmagic.errors import SpotWarning

    one, other = open_store(), open_store()
    one.put(sample(1))
    one.close()
    real = os.pread
    failing = [True]

    def pread(fd: int, size: int, offset: int) -> bytes:
        if size > 64 and failing and failing.pop():
            raise OSError(5, "Input/output error")
        return real(fd, size, offset)

    monkeypatch.setattr(os, "pread", pread)
    with pytest.warns(SpotWarning, match="cannot be read"):
        other.get(sample(1).key)
    monkeypatch.undo()
    assert same(other.get(sample(1).key), sample(1))


def test_a_dropped_store_does_not_stay_alive_through_the_ticker(tmp_path: Path, ring: Ring) -> None:
    """A notebook that makes many spots does not collect them."""
    import gc
    import weakref

    store = FolderStore(tmp_path / "spot", ring=ring)
    store.put(sample(1))
    gone = weakref.ref(store)
    store.close()
    del store
    assert soon(lambda: (gc.collect(), gone())[1] is None)
