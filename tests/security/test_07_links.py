"""A link, or what is no plain file, is not followed where files of a spot, a secret or a catalog should be."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from catalog_ledger import Ledger

from spotmagic.catalog import Catalog
from spotmagic.errors import SpotWarning
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import read_secret, user_secret
from spotmagic.testing import FakeClock
from spotmagic.testing.store import same, sample


def test_a_naive_write_goes_where_the_link_points(tmp_path: Path) -> None:
    """The control."""
    (tmp_path / "outside").write_text("of somebody")
    (tmp_path / "blob").symlink_to(tmp_path / "outside")
    (tmp_path / "blob").write_text("ours")
    assert (tmp_path / "outside").read_text() == "ours"


def test_another_name_of_a_blob_keeps_what_it_had(open_store: Make, tmp_path: Path) -> None:
    """What is written anew is another file: whoever links one's files has nothing of his changed."""
    entry = sample(1, large=b"a" * 100_000)
    store = open_store()
    store.put(entry)
    (blob,) = files_in(tmp_path / "spot" / "blobs")
    blob.write_bytes(b"of somebody else")
    (tmp_path / "other").hardlink_to(blob)
    store.put(entry)
    assert same(store.get(entry.key), entry)
    assert (tmp_path / "other").read_bytes() == b"of somebody else"


Make = Callable[..., FolderStore]


@pytest.mark.parametrize("name", ["epoch", "journal", "segments", "blobs"])
def test_symbolic_links_inside_are_refused(open_store: Make, tmp_path: Path, name: str) -> None:
    """Nothing is written through them; the spot's folder itself may be one."""
    outside = tmp_path / "outside"
    (outside / "journal").mkdir(parents=True)
    (tmp_path / "spot").mkdir()
    (tmp_path / "spot" / name).symlink_to(outside / "epoch" if name == "epoch" else outside / "journal")
    store = open_store()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(OSError):
            store.put(sample(1, large=b"a" * 100_000))
        assert store.get(sample(1).key) is None
    assert not (outside / "epoch").exists()
    assert list((outside / "journal").iterdir()) == []


def test_a_symlinked_journal_is_left_out(open_store: Make, tmp_path: Path) -> None:
    """Its content may be anybody's."""
    store = open_store()
    store.put(sample(1))
    store.close()
    (journal,) = (tmp_path / "spot" / "journal").iterdir()
    moved = tmp_path / "elsewhere.log"
    journal.rename(moved)
    journal.symlink_to(moved)
    other = open_store()
    with pytest.warns(SpotWarning, match="left out"):
        assert other.get(sample(1).key) is None


def test_a_symlinked_spot_folder_is_the_users_choice(tmp_path: Path, open_store: Make) -> None:
    """It works."""
    (tmp_path / "big-disk").mkdir()
    (tmp_path / "spot").symlink_to(tmp_path / "big-disk")
    store = open_store()
    store.put(sample(1))
    assert same(open_store().get(sample(1).key), sample(1))


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_blob_that_became_a_link_is_not_followed(open_store: Make, tmp_path: Path) -> None:
    """Whatever it points to."""
    entry = sample(1, large=b"a" * 100_000)
    store = open_store()
    store.put(entry)
    (blob,) = files_in(tmp_path / "spot" / "blobs")
    target = tmp_path / "elsewhere"
    blob.rename(target)
    blob.symlink_to(target)
    with pytest.warns(SpotWarning):
        assert store.get(entry.key) is None
    store.put(entry)
    assert not blob.is_symlink()
    assert same(store.get(entry.key), entry)


def test_a_symlinked_secret_is_refused(tmp_path: Path) -> None:
    """Even to a good one."""
    user_secret(tmp_path / "real")
    (tmp_path / "secret").symlink_to(tmp_path / "real")
    with pytest.raises(PermissionError):
        user_secret(tmp_path / "secret")


def test_a_pipe_is_no_secret(tmp_path: Path) -> None:
    """And reading it does not wait."""
    os.mkfifo(tmp_path / "secret", 0o600)
    with pytest.raises(PermissionError):
        read_secret(tmp_path / "secret")


@pytest.mark.parametrize("suffix", ["", ".wal"])
def test_a_symbolic_link_is_never_followed(
    suffix: str, made: Path, ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_bytes(made.read_bytes())
    before = target.read_bytes()
    link = Path(f"{made}{suffix}")
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    catalog = Catalog(made.parent, ledger, clock=clock)
    with pytest.warns(SpotWarning, match="symbolic link"):
        assert catalog.count() == 3
    assert target.read_bytes() == before
    assert not link.is_symlink()
