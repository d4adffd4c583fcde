"""Other users of the machine can neither read nor write what is made, under any umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from catalog_ledger import Ledger

from spotmagic.catalog import Catalog
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import user_secret
from spotmagic.testing import FakeClock
from spotmagic.testing.store import sample


def test_a_naive_write_is_for_all_to_read(tmp_path: Path) -> None:
    """The control: the umask decides."""
    before = os.umask(0)
    try:
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "file").write_text("x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o777
    assert stat.S_IMODE((tmp_path / "folder" / "file").stat().st_mode) == 0o666


Make = Callable[..., FolderStore]


def test_everything_that_is_made_is_for_its_owner_alone(open_store: Make, tmp_path: Path) -> None:
    """Under any umask: folders 0700, files 0600."""
    before = os.umask(0)
    try:
        store = open_store()
        store.put(sample(1, large=b"a" * 100_000))
        store.close()
        store.compact()
    finally:
        os.umask(before)
    for path in [tmp_path / "spot", *(tmp_path / "spot").rglob("*")]:
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """Whatever the umask: file 0600, folder 0700."""
    path = tmp_path / "data" / "spotmagic" / "secret"
    before = os.umask(0)
    try:
        secret = user_secret(path)
    finally:
        os.umask(before)
    assert len(secret) == 32
    assert user_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["secret"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660])
def test_a_secret_that_others_could_have_read_or_changed_is_refused(tmp_path: Path, mode: int) -> None:
    """Even by the group alone."""
    path = tmp_path / "secret"
    user_secret(path)
    path.chmod(mode)
    with pytest.raises(PermissionError):
        user_secret(path)


def test_files_are_private_whatever_the_umask(folder: Path, ledger: Ledger) -> None:
    before = os.umask(0)
    try:
        catalog = Catalog(folder, ledger)
        ledger.put(1)
        seen: dict[str, int] = {}

        def look(positions: object) -> object:
            yield from Ledger.records(ledger, positions)
            for path in folder.iterdir():
                seen[path.name] = stat.S_IMODE(path.lstat().st_mode)

        ledger.records = look  # type: ignore[method-assign]
        for number in range(3):
            ledger.put(number)
            catalog.fold()
            look({})
            seen |= {path.name: stat.S_IMODE(path.lstat().st_mode) for path in folder.iterdir()}
    finally:
        os.umask(before)
    assert "spot.duckdb" in seen and set(seen.values()) == {0o600}, seen
    catalog.close()


def test_the_log_of_a_fold_is_private_too(
    made: Path, ledger: Ledger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spotmagic.catalog import fold

    modes = []
    applied = fold.apply

    def apply(*given: object) -> None:
        applied(*given)
        modes.extend(stat.S_IMODE(path.lstat().st_mode) for path in made.parent.glob("spot.duckdb*"))

    monkeypatch.setattr(fold, "apply", apply)
    before = os.umask(0)
    try:
        ledger.put(9)
        Catalog(made.parent, ledger, clock=clock).fold()
    finally:
        os.umask(before)
    assert len(modes) >= 2 and set(modes) == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(made: Path, ledger: Ledger, clock: FakeClock) -> None:
    made.chmod(0o644)
    assert Catalog(made.parent, ledger, clock=clock).count() == 3
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
