"""How store and catalog stand: told in words while it is so, and no longer."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from failing_files import FailingFiles
from waiting import soon

from spotmagic import files
from spotmagic.dashboard import twin
from spotmagic.dashboard.backend import Backend
from spotmagic.dashboard.health import NOTES, Health, checkup, told_about
from spotmagic.dashboard.watch import News
from spotmagic.errors import SpotError, SpotWarning, _told, tell
from spotmagic.spot import Spot
from spotmagic.testing import FakeClock

from .conftest import HOSTILE, Keep

FINE = "Store and catalog are fine."
HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); sys.stdin.read()"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    _told.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SpotWarning)
        yield
    _told.clear()


def health(backend: Backend) -> dict[str, Any]:
    known: dict[str, Any] = backend.dispatch("health", {})[0]
    return known


@contextmanager
def held(path: Path) -> Iterator[int]:
    """Another program that has the catalog open, by its process id."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=-1, stdout=-1) as holder:
        assert holder.stdout is not None and holder.stdout.readline()
        yield holder.pid
        holder.communicate()


def ended(spot: Spot) -> None:
    """Wait until a check has ended."""
    assert soon(lambda: checkup(spot.folder).since is None)


def test_all_is_fine_and_leaves_no_trace(backend: Backend, spot: Spot, keep: Keep) -> None:
    keep()
    health(backend)
    before = {path for path in spot.folder.rglob("*") if "duckdb" not in path.name}
    assert health(backend) == {
        "text": FINE, "trouble": [], "notes": [], "checking": None, "checked": None, "folder": True,
    }  # fmt: skip
    assert {path for path in spot.folder.rglob("*") if "duckdb" not in path.name} == before
    assert backend.dispatch("totals", {})[0]["health"]["text"] == FINE


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with Spot("default", root=tmp_path / "file") as spot:
        totals, _ = Backend(spot).dispatch("totals", {})
    (trouble,) = totals["health"]["trouble"]
    assert trouble.startswith(f"Nothing is kept or found: {spot.folder} cannot be used (Not a directory). What runs,")
    assert totals["health"]["text"] == "The catalog is fine, the store is not."
    assert totals["entries"] == 0


def test_a_folder_of_a_newer_version_is_told(tmp_path: Path) -> None:
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "format.json").write_text('{"format": 99, "id": "abc"}')
    with Spot("default", root=tmp_path) as spot:
        (trouble,) = health(Backend(spot))["trouble"]
    assert "laid out by a newer spotmagic" in trouble and "Update spotmagic" in trouble


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, ("the disk of ", " is full", "Make room")),
        (errno.EROFS, ("Read-only file system", "Give yourself the right")),
        (errno.EIO, ("Input/output error", "look again")),
    ],
)
def test_what_keeps_results_from_being_kept_is_told_while_it_is_so(
    spot: Spot, keep: Keep, number: int, words: tuple[str, ...]
) -> None:
    """Before any result had to be kept. Whichever operation below the folder fails, asking does not."""
    keep()
    spot.flush()  # else a sync that runs late may be what fails
    health = Health(spot)
    with FailingFiles(spot.folder) as counted:
        assert health.tell({})["trouble"] == []
    told = []
    for fail_at in range(1, counted.count + 1):
        with FailingFiles(spot.folder, fail_at, times=1, error=number):
            told += health.tell({})["trouble"]
        assert health.tell({})["text"] == FINE
    assert any(each.startswith("Nothing new is kept: ") for each in told)
    for each in told:
        assert "What runs, runs as always." in each and all(word in each for word in words)


FULL = """
import resource, sys
from spotmagic import Spot
from spotmagic.dashboard.backend import Backend
with Spot("test", root=sys.argv[1]) as spot:
    backend = Backend(spot)
    backend.dispatch("totals", {})
    resource.setrlimit(resource.RLIMIT_FSIZE, (700, resource.RLIM_INFINITY))
    print(*backend.dispatch("health", {})[0]["trouble"])
"""


def test_a_file_that_takes_only_a_part_is_no_file(tmp_path: Path) -> None:
    """A real limit of the system, which lets some bytes pass as a disk does that is about to be full."""
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert "Nothing new is kept: " in done.stdout and "(File too large)" in done.stdout, done.stderr


def test_a_result_that_could_not_be_stored_is_told_until_one_is(backend: Backend, spot: Spot) -> None:
    double = spot.mark(version="1")(lambda n: 2 * n)
    double(1)
    assert spot.flush()  # else the sync of it may be what fails first
    with FailingFiles(spot.folder / "journal", 1):
        assert double(2) == 4
    (trouble,) = health(backend)["trouble"]
    assert trouble.startswith("Results are not being stored: ") and "No space left" in trouble
    double(3)
    assert health(backend)["trouble"] == []


def test_the_trouble_of_another_spot_is_not_told(backend: Backend, tmp_path: Path) -> None:
    beside = tmp_path / ".spotmagic" / "default2"
    tell("results are not being stored", f"{beside}/journal/a.log: full", once="put")
    tell("the catalog cannot be used", once=f"catalog {beside}")
    tell("entries cannot be read", once=f"read {beside}")
    assert health(backend)["text"] == FINE
    assert health(backend)["notes"] == []
    assert set(told_about(beside)) == {"put", f"catalog {beside}", f"read {beside}"}


def test_a_catalog_that_another_program_has_is_told_with_its_number(backend: Backend, spot: Spot, keep: Keep) -> None:
    keep()
    assert backend.dispatch("totals", {})[0]["health"]["text"] == FINE
    os.utime(spot.folder / "spot.duckdb", (1, 1))
    with held(spot.folder / "spot.duckdb") as pid:
        (trouble,) = health(backend)["trouble"]
        assert "written since" not in trouble, "what was read of the journal is in the file"
        keep(name="other")
        totals, _ = backend.dispatch("totals", {})
    (trouble,) = totals["health"]["trouble"]
    assert f"(PID {pid}) has it open" in trouble
    assert "Answers come from memory" in trouble and "End that program" in trouble
    assert "written since then are in these numbers, not in its file" in trouble
    assert totals["health"]["text"] == "The store is fine, the catalog is not."
    assert totals["entries"] == 2
    assert backend.dispatch("totals", {})[0]["health"]["text"] == FINE


def test_a_rebuilt_catalog_is_free_of_the_program_that_had_it(backend: Backend, spot: Spot, keep: Keep) -> None:
    keep()
    health(backend)
    with held(spot.folder / "spot.duckdb"):
        assert health(backend)["trouble"] != []
        assert backend.dispatch("rebuild", {})[0] == {"entries": 1}
        assert health(backend)["trouble"] == []


def test_a_catalog_that_was_not_rebuilt_is_not_said_to_be(backend: Backend, spot: Spot, keep: Keep) -> None:
    keep()
    with files.locked(spot.folder / "fold.lock"):
        with pytest.raises(SpotError, match="the catalog was not rebuilt: .*another kernel.*then rebuild it"):
            backend.dispatch("rebuild", {})
    assert backend.dispatch("rebuild", {})[0] == {"entries": 1}


def test_a_damaged_catalog_is_made_anew_and_told_as_over(backend: Backend, spot: Spot, keep: Keep) -> None:
    keep()
    (spot.folder / "spot.duckdb").write_bytes(b"damaged")
    known = health(backend)
    assert (known["text"], known["trouble"]) == (FINE, [])
    (note,) = known["notes"]
    assert note.startswith("Earlier: the catalog is made anew: ")
    assert note.endswith("Results are not affected.")


def test_only_the_first_of_many_warnings_are_told(backend: Backend, spot: Spot) -> None:
    for n in range(9):
        tell(f"trouble {n}", once=f"{spot.folder} {n}")
    assert health(backend)["notes"] == [f"Earlier: trouble {n}." for n in range(NOTES)]


def damage(spot: Spot) -> None:
    """Change the last entry on disk."""
    spot.close()
    (journal,) = (spot.folder / "journal").iterdir()
    data = journal.read_bytes()
    at = data.index(b"value that is damaged")
    journal.write_bytes(data[:at] + b"V" + data[at + 1 :])


def test_damaged_entries_are_counted_and_where_they_are_listed_is_told(
    backend: Backend, spot: Spot, keep: Keep
) -> None:
    keep("a value that is damaged")
    keep()
    damage(spot)
    (trouble,) = health(backend)["trouble"]
    assert trouble.startswith("1 result is damaged and runs again when called. The status damaged lists what is;")
    assert backend.dispatch("entries", {"status": "corrupt"})[0]["total"] == 1


def test_a_check_reads_every_entry_and_its_result_stays(backend: Backend, spot: Spot, keep: Keep) -> None:
    for n in range(3):
        keep(n)
    began = spot.clock.now()
    backend.dispatch("check", {})
    ended(spot)
    known = health(backend)
    assert (known["checking"], known["checked"]) == (None, {"at": began, "text": "3 checked, none damaged"})
    again = Backend(spot)
    assert health(again)["checked"] == known["checked"]


def test_what_only_a_check_finds_is_told_with_what_to_do(backend: Backend, spot: Spot, keep: Keep) -> None:
    spot.mark(version="1", save_blob=True)(lambda: "x" * 100)()
    keep()
    (blob,) = (path for path in (spot.folder / "blobs").rglob("*") if path.is_file())
    blob.chmod(0o600)
    blob.write_bytes(b"y" * blob.stat().st_size)
    assert health(backend)["trouble"] == []
    backend.dispatch("check", {})
    ended(spot)
    known = health(backend)
    assert known["checked"]["text"] == "2 checked, 1 damaged"
    (trouble,) = known["trouble"]
    assert trouble.startswith("1 result is damaged and runs again") and "verify --repair" in trouble
    assert backend.dispatch("entries", {"status": "corrupt"})[0]["total"] == 1
    spot.verify(repair=True)
    assert health(backend)["trouble"] == []
    assert health(backend)["checked"]["text"] == "2 checked, none damaged"


def test_a_check_runs_beside_everything_else_and_once_at_a_time(
    backend: Backend, spot: Spot, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, begun = threading.Event(), []

    def slow(*_: Any, **__: Any) -> None:
        begun.append(threading.current_thread())
        assert go.wait(20)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(spot.store, "verify", slow)
    keep()
    first = backend.dispatch("check", {})[0]
    assert first["checking"] == spot.clock.now()
    assert backend.dispatch("check", {})[0]["checking"] == first["checking"]
    assert backend.dispatch("entries", {})[0]["total"] == 1
    go.set()
    ended(spot)
    assert len(begun) == 1 and begun[0] is not threading.main_thread()
    assert health(backend)["trouble"] == [
        "Not all results could be checked: Input/output error. Set it right, then check again."
    ]
    monkeypatch.undo()
    backend.dispatch("check", {})
    ended(spot)
    assert health(backend)["trouble"] == []


@pytest.mark.parametrize("event", ["a warning", "a check that runs", "a check that ended"])
def test_news_of_the_health_reach_a_panel_that_does_not_ask(
    spot: Spot, backend: Backend, keep: Keep, event: str
) -> None:
    keep()
    watch = News(spot.folder)
    watch.settle()
    assert watch.look(backend) is None
    go = threading.Event()
    if event == "a warning":
        tell("trouble", once=f"catalog {spot.folder}")
    elif event == "a check that runs":
        checkup(spot.folder).start(go.wait, spot.clock)
    else:
        spot.verify()
    assert watch.look(backend)
    # asking for the totals may have ended a warning, which is news once more
    assert watch.look(backend) is None or watch.look(backend) is None
    go.set()
    ended(spot)


def test_a_store_without_a_folder_is_fine_and_offers_no_check(tmp_path: Path, clock: FakeClock) -> None:
    from memory_store import MemoryStore

    from spotmagic.store.trust import ring

    with Spot("default", root=tmp_path, store=MemoryStore(ring=ring(), clock=clock), clock=clock) as spot:
        known = health(Backend(spot))
    assert (known["trouble"], known["folder"]) == ([], False)


@pytest.mark.parametrize("form", [lambda first: twin.html(first, "x"), twin.plain])
def test_a_picture_of_the_panel_tells_trouble_and_only_that(
    backend: Backend, keep: Keep, form: Callable[[Any], str]
) -> None:
    keep()
    first = backend.first()
    assert FINE not in form(first)
    first["totals"]["health"]["trouble"] = [f"Trouble {HOSTILE}"]
    shown = form(first)
    assert "Trouble" in shown
    if shown.startswith("<"):
        assert "<script" not in shown
    else:
        assert "\x1b" not in shown and "\u202e" not in shown
