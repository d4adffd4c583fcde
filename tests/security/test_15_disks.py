"""Input and output fails at every point of a script: results are right or missing, and work goes on afterwards."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from failing_files import FailingFiles, Killed

from spotmagic.store.entry import Bad, Entry
from spotmagic.store.store import FolderStore
from spotmagic.store.ticker import TICKER
from spotmagic.store.trust import Ring
from spotmagic.testing.clock import FakeClock
from spotmagic.testing.store import same, sample

NAIVE = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
def call():
    value = b"x" * 5_000
    with open("value", "wb") as file:
        file.write(value)
    return value
call()
"""
OURS = """
import resource, signal, sys, warnings
from spotmagic import Spot, last
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
spot, ran = Spot("full", root=sys.argv[1]), []

@spot.mark(version="1", ignore="ran")
def call(n):
    ran.append(n)
    return bytes([n]) * 50_000

call(0)
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, most))
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    for n in (1, 1, 2):
        assert call(n) == bytes([n]) * 50_000 and not last().stored
    assert call(0) == bytes(50_000) and last().verdict == "hit"
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
assert len(told) == 1, [str(one.message) for one in told]
assert call(1) == bytes([1]) * 50_000 and last().stored
assert call(1) and last().verdict == "hit" and ran == [0, 1, 1, 2, 1], ran
"""


def test_a_naive_cache_loses_the_value_and_leaves_half_of_it(tmp_path: Path) -> None:
    """The control: the call raises, and what is there will be read as its result."""
    ended = subprocess.run([sys.executable, "-c", NAIVE], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 1 and "File too large" in ended.stderr
    assert (tmp_path / "value").read_bytes() == b"x" * 1_000


def test_on_a_full_disk_calls_give_their_values_and_are_kept_when_there_is_room(tmp_path: Path) -> None:
    """With one warning; what was kept before stays a hit."""
    script = tmp_path / "script.py"
    script.write_text(OURS)
    ended = subprocess.run([sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


RING = Ring.of(b"s" * 32)
LARGE = b"large" * 400
ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.ESTALE, errno.EROFS)


class Ticking(FakeClock):
    """A clock that never shows the same time twice."""

    def now(self) -> float:
        self.advance(0.001)
        return super().now()


class Script:
    """What a kernel does, and what of it was acknowledged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Ticking()
        self.acknowledged: dict[int, Entry] = {}
        self.attempted: dict[int, list[Entry]] = {}
        self.forgotten: set[int] = set()

    def put(self, store: FolderStore, key: int, value: bytes, large: bytes = b"", durable: bool = False) -> None:
        entry = sample(key, value, large=large)
        self.attempted.setdefault(key, []).append(entry)
        try:
            store.put(entry, durable=durable)
        except OSError:
            return
        self.acknowledged[key] = entry
        self.attempted[key] = [entry]
        self.forgotten.discard(key)

    def forget(self, store: FolderStore, key: int) -> None:
        self.forgotten.add(key)
        try:
            store.forget([sample(key).key])
        except OSError:
            return
        self.acknowledged.pop(key, None)

    def read(self, store: FolderStore, key: int) -> None:
        self.check(key, store.get(sample(key).key), reliable=False)

    def check(self, key: int, found: Entry | Bad | None, *, reliable: bool = True) -> None:
        """A value that was put, or none; the last acknowledged one where reading is reliable."""
        if isinstance(found, Entry):
            assert any(same(found, entry) for entry in self.attempted.get(key, [])), f"a value nobody put for {key}"
        elif reliable and key in self.acknowledged and key not in self.forgotten:
            raise AssertionError(f"{key} was acknowledged and is {found}")

    def run(self) -> FolderStore:
        store = FolderStore(self.folder, ring=RING, blob_over=1_000, clock=self.clock)
        self.put(store, 1, b"one")
        self.put(store, 2, b"two", durable=True)
        self.read(store, 1)
        self.put(store, 3, b"three", LARGE)
        self.read(store, 3)
        self.forget(store, 1)
        self.put(store, 2, b"two again")
        store.flush()
        store.hit(sample(2).key, 1.0, 0.1)
        store.tick()
        other = FolderStore(self.folder, ring=RING, blob_over=1_000, clock=self.clock)
        self.read(other, 2)
        self.put(other, 4, b"four", LARGE, durable=True)
        self.put(other, 1, b"one again")
        self.read(store, 1)
        self.read(store, 4)
        other.close()
        try:
            store.compact()
            store.gc()
        except OSError:
            pass
        self.read(store, 3)
        self.put(store, 5, b"five")
        return store


@pytest.fixture(autouse=True)
def no_background_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script ticks when it is its turn: a thread that ticks as well would count operations of its own."""
    monkeypatch.setattr(TICKER, "wake", lambda store: None)


def operations(folder: Path) -> int:
    with FailingFiles(folder) as faults:
        Script(folder / "count").run().close()
    assert faults.count > 150
    return faults.count


@pytest.mark.parametrize("times", [1, 1 << 60], ids=["once", "for-ever"])
def test_an_error_at_any_operation_costs_no_acknowledged_entry(quick_path: Path, times: int) -> None:
    """Nothing but OSError comes out of put, nothing at all out of get, and afterwards the store works."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        count = operations(quick_path)
        for number in range(1, count + 1):
            script = Script(quick_path / str(number))
            with FailingFiles(script.folder, number, times=times, error=ERRORS[number % len(ERRORS)]):
                store = script.run()
            script.clock.advance(5.0)
            script.put(store, 6, b"afterwards", LARGE)
            assert 6 in script.acknowledged, f"after operation {number} failed nothing can be stored"
            for view in (store, FolderStore(script.folder, ring=RING)):
                for key in range(1, 7):
                    script.check(key, view.get(sample(key).key), reliable=key not in (3, 4) or times == 1)
                view.close()
            shutil.rmtree(script.folder)


def test_a_kill_at_any_operation_costs_no_acknowledged_entry(quick_path: Path) -> None:
    """Whoever opens the folder afterwards finds what was acknowledged, and can merge and clean up."""
    count = operations(quick_path)
    for number in range(1, count + 1):
        script = Script(quick_path / str(number))
        store = None
        try:
            with FailingFiles(script.folder, number, lose=True):
                store = script.run()
        except Killed:
            pass
        for view in (FolderStore(script.folder, ring=RING), FolderStore(script.folder, ring=RING)):
            for key in range(1, 6):
                script.check(key, view.get(sample(key).key))
            view.compact()
            view.gc()
            for key in range(1, 6):
                script.check(key, view.get(sample(key).key))
            assert view.verify().bad == ()
            view.close()
        del store
        shutil.rmtree(script.folder)


Make = Callable[..., FolderStore]


def test_a_torn_append_is_cut_off_before_the_next(open_store: Make, tmp_path: Path) -> None:
    """The half record of a full disk does not swallow the record after it."""
    store = open_store()
    store.put(sample(1))
    with FailingFiles(tmp_path, 1, times=1) as faults:
        for number in range(1, 20):
            faults.fail_at, faults.count = number, 0
            try:
                store.put(sample(2))
            except OSError:
                pass
    store.put(sample(3))
    other = open_store()
    assert same(other.get(sample(1).key), sample(1))
    assert same(other.get(sample(3).key), sample(3))
    assert other.verify().good
