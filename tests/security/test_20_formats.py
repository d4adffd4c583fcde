"""Files that a released version wrote are read for ever."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest
from store.golden.make import MADE, RING, entries

from spotmagic.store.entry import MADE_BY_OLD, Entry
from spotmagic.store.record import Run, Stat, run_of
from spotmagic.store.seal import seal
from spotmagic.store.store import FolderStore
from spotmagic.testing.store import same


def test_a_reader_without_a_version_gives_other_numbers() -> None:
    """The control: what an older layout wrote is read as something, only not as what it was."""
    assert struct.unpack("<QI", struct.pack("<IQ", 7, 1)) != (7, 1)


GOLDEN = Path(__file__).parent.parent / "store" / "golden"
VERSIONS = sorted(path.name for path in GOLDEN.glob("v*"))


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(version: str, tmp_path: Path) -> Path:
    shutil.copytree(GOLDEN / version / "spot", tmp_path / "spot")
    return tmp_path / "spot"


def as_read(entry: Entry, version: str) -> Entry:
    """An entry as a folder of this version gives it: the first one keyed calls in another way, which it says."""
    return entry._replace(inputs={**entry.inputs, MADE_BY_OLD: b""}) if version == "v1" else entry


def test_every_entry_of_an_old_folder_is_found(folder: Path, version: str) -> None:
    """From journals, segments and blobs."""
    store = FolderStore(folder, ring=RING)
    for entry in entries()[:5]:
        found = store.get(entry.key)
        assert same(found, as_read(entry, version))
        assert isinstance(found, Entry)
        assert found.trusted
        assert found.writer == RING.kid
    assert store.get(entries()[5].key) is None
    assert store.get(b"gone" * 4) is None
    assert store.verify().good
    store.close()


def test_the_records_of_an_old_folder_are_read(folder: Path, version: str) -> None:
    """With all that the catalog is made of."""
    store = FolderStore(folder, ring=RING)
    records = list(store.records({}))
    kinds = sorted(record.kind for record in records if record.kind != "made")
    assert kinds == ["delete"] * 2 + ["pin"] + ["put"] * 6 + ["run", "stat"]
    made = [record.what for record in records if record.kind == "made"]
    if version == "v1":
        assert made == []
    else:
        (header,) = made
        assert isinstance(header, Entry)
        run = run_of(header)
        assert run == Run(MADE.key, MADE.name, reason="`x` changed", started=1_800_000_007.5, seconds=1.5, waited=2.5)
    (run,) = (record.what for record in records if record.kind == "run")
    assert run == Run(
        entries()[4].key, "pkg.mod.f4", reason="first run", started=1_800_000_000.0, seconds=1.25, price=0.002
    )
    (stats,) = (record.what for record in records if record.kind == "stat")
    assert stats == (Stat(entries()[0].key, 1, 1.25, 0.002),)
    assert [entry.key for entry in store.recent("pkg.mod.f1")] == [entries()[1].key]
    store.close()


def test_an_old_folder_can_be_written_to(folder: Path, version: str) -> None:
    """And merged, and cleaned up: the pinned and the unexpired stay."""
    store = FolderStore(folder, ring=RING)
    store.put(entries()[5])
    store.compact()
    store.gc()
    for entry in entries()[:5]:
        assert same(store.get(entry.key), as_read(entry, version))
    assert same(store.get(entries()[5].key), entries()[5])
    store.close()


def test_the_current_version_still_writes_what_it_wrote() -> None:
    """A change of a single byte is a new version, with golden files of its own."""
    assert b"".join(seal(entries()[0], RING)) == (GOLDEN / VERSIONS[-1] / "entry.bin").read_bytes()
