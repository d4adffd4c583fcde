"""Folders that are read-only, removed, moved, full of strangers or shared with other users."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from spotmagic.errors import SpotWarning
from spotmagic.store.entry import Entry
from spotmagic.store.store import FolderStore
from spotmagic.testing.clock import FakeClock
from spotmagic.testing.store import same, sample

Make = Callable[..., FolderStore]
not_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def test_a_folder_says_what_it_is_and_stays_out_of_git(open_store: Make, tmp_path: Path) -> None:
    """``format.json`` and ``.gitignore``."""
    open_store().put(sample(1))
    content = json.loads((tmp_path / "spot" / "format.json").read_text())
    assert content["format"] == 1
    assert (tmp_path / "spot" / ".gitignore").read_text() == "*\n"


def test_a_folder_removed_under_a_running_kernel_is_made_anew(open_store: Make, tmp_path: Path) -> None:
    """What was in it is gone, what comes is kept, by both kernels that had it open."""
    one, other = open_store(), open_store()
    one.put(sample(1, large=b"a" * 100_000))
    other.put(sample(2))
    assert isinstance(one.get(sample(2).key), Entry)
    shutil.rmtree(tmp_path / "spot")
    one.tick()
    other.tick()
    assert one.get(sample(1).key) is None
    assert other.get(sample(2).key) is None
    one.put(sample(3, large=b"b" * 100_000))
    other.put(sample(4))
    for store in (one, other, open_store()):
        assert same(store.get(sample(3).key), sample(3, large=b"b" * 100_000))
        assert same(store.get(sample(4).key), sample(4))


def test_a_put_right_after_the_removal_is_not_lost(open_store: Make, tmp_path: Path) -> None:
    """It does not go to the file that nobody will see."""
    store = open_store()
    store.put(sample(1))
    shutil.rmtree(tmp_path / "spot")
    store.put(sample(2), durable=True)
    assert same(open_store().get(sample(2).key), sample(2))


def test_a_kernel_that_only_read_can_write_after_the_removal(open_store: Make, tmp_path: Path) -> None:
    """It had no journal whose name it could miss."""
    open_store().put(sample(1))
    reader = open_store()
    assert isinstance(reader.get(sample(1).key), Entry)
    shutil.rmtree(tmp_path / "spot")
    reader.put(sample(2))
    assert same(open_store().get(sample(2).key), sample(2))


def test_a_folder_that_cannot_be_made_is_tried_again_later(open_store: Make, tmp_path: Path) -> None:
    """Reads find nothing, writes raise OSError, and both work once it can be made."""
    clock = FakeClock()
    (tmp_path / "spot").write_text("a file stands in the way")
    store = open_store(clock=clock)
    assert store.get(sample(1).key) is None
    with pytest.raises(OSError):
        store.put(sample(1))
    assert store.recent("demo.f") == []
    assert list(store.records({})) == []
    assert store.flush() is True
    (tmp_path / "spot").unlink()
    clock.advance(2.0)
    assert store.get(sample(1).key) is None
    store.put(sample(1))
    assert same(store.get(sample(1).key), sample(1))


def test_a_read_only_folder_can_be_read(open_store: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its writes raise, and work again when they may."""
    store = open_store()
    store.put(sample(1, large=b"a" * 100_000))
    store.close()
    real = os.open

    def read_only(path: str, flags: int, *args: int, **options: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and str(path).startswith(str(tmp_path)):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, flags, *args, **options)

    monkeypatch.setattr(os, "open", read_only)
    reader = open_store()
    assert same(reader.get(sample(1).key), sample(1, large=b"a" * 100_000))
    assert len(list(reader.records({}))) == 1
    with pytest.raises(OSError):
        reader.put(sample(2))
    reader.hit(sample(1).key, 1.0, 0.0)
    assert reader.flush() is True
    monkeypatch.undo()
    reader.close()
    reader.put(sample(2))
    assert same(open_store().get(sample(2).key), sample(2))


@not_root
def test_a_folder_whose_permission_was_lost_can_still_be_read(open_store: Make, tmp_path: Path) -> None:
    """By a kernel that comes later, too."""
    store = open_store()
    store.put(sample(1))
    store.close()
    journal = tmp_path / "spot" / "journal"
    journal.chmod(0o500)
    (tmp_path / "spot").chmod(0o500)
    try:
        reader = open_store()
        assert same(reader.get(sample(1).key), sample(1))
        with pytest.raises(OSError):
            reader.put(sample(2))
    finally:
        journal.chmod(0o700)
        (tmp_path / "spot").chmod(0o700)


def test_strangers_in_the_folder_are_left_alone(open_store: Make, tmp_path: Path) -> None:
    """By reads, merges and clean-ups."""
    store = open_store()
    store.put(sample(1, large=b"a" * 100_000))
    strangers = {
        tmp_path / "spot" / "notes.txt",
        tmp_path / "spot" / "journal" / "mine.log",
        tmp_path / "spot" / "segments" / "mine.log",
        tmp_path / "spot" / "blobs" / "mine",
        tmp_path / "spot" / "blobs" / "ab" / ("c" * 62),
    }
    for path in strangers:
        path.parent.mkdir(exist_ok=True)
        path.write_text("keep me")
    store.forget([sample(1).key])
    store.close()
    swept = store.gc()
    assert len(swept.blobs) == 1
    assert all(path.read_text() == "keep me" for path in strangers)


def test_a_journal_of_a_newer_format_is_left_out_and_kept(open_store: Make, tmp_path: Path) -> None:
    """Merging does not touch it."""
    store = open_store()
    store.put(sample(1))
    store.close()
    (journal,) = (tmp_path / "spot" / "journal").iterdir()
    data = bytearray(journal.read_bytes())
    data[12] = 2
    journal.write_bytes(data)
    other = open_store()
    with pytest.warns(SpotWarning, match="newer"):
        assert other.get(sample(1).key) is None
    other.put(sample(2))
    other.close()
    other.compact()
    other.gc()
    assert journal.read_bytes() == data
