"""The note of the last check: read back as it was written, by every later version, and never a reason to stop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotmagic.store.checked import FILE, Checked, last_checked, note
from spotmagic.store.entry import Entry, Part
from spotmagic.store.store import FolderStore
from spotmagic.testing import FakeClock

GOLDEN = b'{"checked": 1, "at": 1800000000.5, "entries": 120, "damaged": 2, "refused": 3, "lost": 40}\n'
counts = st.integers(0, 2**52)


@given(st.builds(Checked, st.floats(0, 2**52), counts, counts, counts, counts))
def test_a_note_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, checked: Checked) -> None:
    folder = tmp_path_factory.mktemp("spot")
    note(folder, checked)
    assert last_checked(folder) == checked


def test_a_note_of_version_1_is_read_for_ever(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(GOLDEN)
    assert last_checked(tmp_path) == Checked(1_800_000_000.5, 120, 2, 3, 40)


@given(
    st.binary(max_size=60) | st.sampled_from(list(range(len(GOLDEN)))).map(lambda at: GOLDEN[:at] + GOLDEN[at + 1 :])
)
def test_a_damaged_note_is_no_note_or_one_of_numbers(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("spot")
    (folder / FILE).write_bytes(data)
    known = last_checked(folder)
    assert known is None or (known.at >= 0 and known.entries >= 0 and known.damaged >= 0)


@pytest.mark.parametrize(
    "wrong",
    [
        '"at": NaN',
        '"at": -1',
        '"at": true',
        '"at": 1e999',
        '"entries": 1.5',
        '"entries": "9"',
        '"checked": 2',
        '"at": []',
    ],
)
def test_what_is_no_count_is_no_note(tmp_path: Path, wrong: str) -> None:
    (tmp_path / FILE).write_text(GOLDEN.decode().rstrip("}\n") + f", {wrong}}}")
    assert last_checked(tmp_path) is None


def test_a_folder_that_takes_no_file_goes_without(tmp_path: Path) -> None:
    note(tmp_path / "nowhere", Checked(1.0, 0, 0, 0, 0))
    (tmp_path / FILE).mkdir()
    note(tmp_path, Checked(1.0, 0, 0, 0, 0))
    assert last_checked(tmp_path) is None
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(("at", "found"), [(0.45, (3, 1, False)), (0.35, (2, 0, True))], ids=["an entry", "its head"])
def test_every_check_leaves_its_note(
    open_store: Callable[..., FolderStore], at: float, found: tuple[int, int, bool]
) -> None:
    """Of an entry with a damaged head not even the key is known. What was removed by a repair is damaged no more."""
    clock = FakeClock()
    store = open_store(clock=clock)
    for n in range(3):
        part = Part("value", ("plain",), b"x" * 300)
        store.put(Entry(key=bytes([n]) * 16, name="work", kind="function", code=b"c" * 16, parts=(part,)))
    store.flush()
    assert last_checked(store.folder) is None
    store.verify()
    assert last_checked(store.folder) == Checked(clock.now(), 3, 0, 0, 0)
    (journal,) = (store.folder / "journal").iterdir()
    data = bytearray(journal.read_bytes())
    data[int(at * len(data))] ^= 1
    journal.write_bytes(data)
    other = open_store(clock=clock)
    other.verify()
    known = last_checked(store.folder)
    assert known is not None
    assert (known.entries, known.damaged, known.lost > 0) == found
    other.verify(repair=True)
    assert last_checked(store.folder) == Checked(clock.now(), found[0], 0, 0, 0)
