"""Entries written to an archive from the panel: what was chosen, to a new file and to no other place."""

from __future__ import annotations

import errno
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from failing_files import FailingFiles
from memory_store import MemoryStore

from spotmagic.dashboard.backend import Backend
from spotmagic.dashboard.export import Beside, Downloads, pieces
from spotmagic.errors import OptionError, SpotError
from spotmagic.spot import Spot
from spotmagic.store.trust import ring
from spotmagic.testing import FakeClock

from .conftest import HOSTILE, Keep

Export = dict[str, Any]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of the notebook."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def notebook(spot: Spot, place: Path) -> Iterator[Backend]:
    yield Backend(spot, {}, Beside())


def entries_in(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return {name.removeprefix("entries/") for name in archive.namelist() if name.startswith("entries/")}


def test_the_chosen_entries_and_no_others_are_in_the_file(notebook: Backend, place: Path, keep: Keep) -> None:
    keys = [keep(n) for n in range(4)]
    known, _ = notebook.dispatch("export", {"keys": keys[1:3], "file": "two.zip"})
    path = place / "two.zip"
    assert entries_in(path) == set(keys[1:3])
    assert known["text"].startswith("2 results, ") and known["text"].endswith(f" in {path}.")
    assert (known["name"], known["ticket"]) == ("two.zip", "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_choice_all_that_the_filter_shows_is_exported(
    notebook: Backend, place: Path, keep: Keep, clock: FakeClock
) -> None:
    """Whatever the page: a filter shows more than fifty rows."""
    wanted = {keep(n, name="wanted", inputs={"n": bytes([n]) * 16}) for n in range(60)}
    keep("other", name="other")
    gone = keep("gone", name="wanted", expires=clock.now() + 1)
    clock.sleep(2)
    query = {"name": "wanted", "kind": "", "status": "live", "search": "", "order": "-size", "offset": 50, "limit": 50}
    notebook.dispatch("export", {**query, "file": "live.zip"})
    assert entries_in(place / "live.zip") == wanted
    notebook.dispatch("export", {**query, "status": "all", "file": "all.zip"})
    assert entries_in(place / "all.zip") == {*wanted, gone}


def test_another_spot_takes_what_was_exported(notebook: Backend, place: Path, keep: Keep, tmp_path: Path) -> None:
    keep({"large": b"x" * 100_000})
    notebook.dispatch("export", {"file": "results"})
    with Spot("other", root=tmp_path / "other") as other:
        assert other.load(place / "results.zip").taken == 1


def test_a_file_that_is_there_is_never_replaced(notebook: Backend, place: Path, keep: Keep) -> None:
    keep()
    (place / "mine.zip").write_text("mine")
    (place / "link.zip").symlink_to(place / "elsewhere")
    for name in ("mine.zip", "mine", "link.zip"):
        with pytest.raises(OptionError, match=r"is there already\. Say another name"):
            notebook.dispatch("export", {"file": name})
    assert (place / "mine.zip").read_text() == "mine"
    assert not (place / "elsewhere").exists()


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        ".zip",
        "../a.zip",
        "/tmp/a.zip",
        "a/b.zip",
        "a\\b",
        "C:a",
        "~a",
        "-a",
        "a\nb",
        "a\0b",
        HOSTILE,
    ],
)
def test_a_name_leads_nowhere_else(notebook: Backend, place: Path, keep: Keep, name: str) -> None:
    keep()
    with pytest.raises(OptionError):
        notebook.dispatch("export", {"file": name})
    assert list(place.iterdir()) == []


def test_nothing_chosen_or_shown_is_no_file(notebook: Backend, place: Path, keep: Keep) -> None:
    keep()
    for params in ({"keys": []}, {"search": "nothing is called that"}, {"keys": ["f" * 32]}):
        with pytest.raises(SpotError, match="nothing was exported"):
            notebook.dispatch("export", {**params, "file": "empty.zip"})
    assert list(place.iterdir()) == []


def test_what_is_gone_meanwhile_is_counted_as_left_out(notebook: Backend, place: Path, keep: Keep) -> None:
    known, _ = notebook.dispatch("export", {"keys": [keep(), "f" * 32], "file": "one.zip"})
    assert known["text"].startswith("1 result (1 left out: damaged, gone or refused), ")


@pytest.mark.parametrize("fail_at", range(1, 9))
def test_a_disk_that_fills_up_leaves_nothing_and_is_told(
    notebook: Backend, place: Path, keep: Keep, fail_at: int
) -> None:
    keep("x" * 1000)
    with FailingFiles(place, fail_at, error=errno.ENOSPC, times=1):
        try:
            notebook.dispatch("export", {"file": "full.zip"})
            return  # fewer operations than that
        except SpotError as error:
            assert str(error).startswith("full.zip was not written: No space left on device. ")
    assert list(place.iterdir()) == []


def test_downloads_hold_a_file_without_a_name_and_give_it_once(spot: Spot, keep: Keep) -> None:
    downloads = Downloads()
    page = Backend(spot, exports=downloads)
    key = keep()
    page.dispatch("totals", {})
    files = set(spot.folder.rglob("*"))
    known, _ = page.dispatch("export", {"file": "page"})
    assert set(spot.folder.rglob("*")) == files
    taken = downloads.take(known["ticket"])
    assert taken is not None and downloads.take(known["ticket"]) is None
    file, name = taken
    with zipfile.ZipFile(file) as archive:
        assert archive.namelist() == [f"entries/{key}"]
    file.seek(0)
    assert b"".join(pieces(file))[:2] == b"PK" and file.closed
    assert name == "page.zip"


def test_where_nothing_can_be_exported_it_is_said(spot: Spot, keep: Keep, tmp_path: Path, clock: FakeClock) -> None:
    keep()
    assert "export" not in Backend(spot).methods
    with Spot("memory", root=tmp_path, store=MemoryStore(ring=ring(), clock=clock), clock=clock) as other:
        with pytest.raises(OptionError, match="in no folder"):
            Backend(other, {}, Beside()).dispatch("export", {"file": "a"})
