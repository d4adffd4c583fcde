"""Results carried to another folder in one file: hits there, and never another user's code."""

from __future__ import annotations

import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spotmagic import Spot, last
from spotmagic.errors import OptionError
from spotmagic.store.entry import Entry

WORK = '''
import os
from pathlib import Path


class Planted:
    """Leaves a mark when another user unpickles it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return leave, (self.path, os.environ["XDG_DATA_HOME"])


def leave(path, writer):
    if writer != os.environ["XDG_DATA_HOME"]:
        Path(path).write_text("the code of another user ran")
    return Planted(path)


def rows(n):
    print("ran")
    return {"rows": list(range(n)), "blob": b"x" * 100_000 + bytes([n])}


def planted(path):
    print("ran")
    return Planted(path)
'''

CALL = """
import sys; sys.path.insert(0, sys.argv[1])
import warnings; warnings.simplefilter("ignore")
import carried_work; from spotmagic import Spot, last
with Spot(sys.argv[2], root=sys.argv[1]) as spot:
    if len(sys.argv) > 3:
        loaded = spot.load(sys.argv[3])
        print(loaded.taken, loaded.foreign, len(loaded.refused))
    for function, argument in [("rows", 3), ("planted", sys.argv[1] + "/proof")]:
        spot.mark(getattr(carried_work, function))(argument)
        print(last().verdict)
"""


def moment() -> int:
    return time.perf_counter_ns()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "carried_work.py").write_text(WORK)
    return tmp_path


def called(work: Path, spot: str, *archive: Path) -> list[str]:
    command = [sys.executable, "-c", CALL, str(work), spot, *map(str, archive)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split("\n")[:-1]


def exported(work: Path) -> Path:
    """The archive of a spot in which both functions ran."""
    assert called(work, "here") == ["ran", "ran", "ran", "ran"]
    path = work / "results.zip"
    with Spot("here", root=work) as spot:
        assert spot.export(path) == 2
    return path


def test_the_same_user_runs_nothing_again_elsewhere(work: Path) -> None:
    """Blobs and pickles included."""
    assert called(work, "there", exported(work)) == ["2 0 0", "hit", "hit"]


def test_another_user_gets_what_cannot_run_code_and_runs_the_rest(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes stay under the seal of who made them."""
    path = exported(work)
    monkeypatch.setenv("XDG_DATA_HOME", str(work / "home of somebody else"))
    assert called(work, "there", path) == ["2 2 0", "hit", "ran", "ran"]
    assert not (work / "proof").exists()


def test_who_trusts_nobody_takes_nothing(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is told whose it was."""
    path = exported(work)
    monkeypatch.setenv("XDG_DATA_HOME", str(work / "home of somebody else"))
    code = (
        "import sys; from spotmagic import Spot\n"
        "with Spot('there', root=sys.argv[1], trust='mine') as spot: print(spot.load(sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(work), str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("loaded 0 results, 0 there already, 2 refused\n  2 refused: foreign: its writer")


def test_entries_lie_in_the_archive_as_in_the_store_for_the_owner_alone(tmp_path: Path) -> None:
    """Not sealed anew, and what was there under that name is replaced whole."""
    path = tmp_path / "results.zip"
    path.write_bytes(b"older")
    path.chmod(0o644)
    with Spot("here", root=tmp_path) as spot:
        f = spot.mark(lambda n: n * 2)
        f(21)
        assert spot.export(path) == 1
        key = bytes.fromhex(f.key(21))
        sealed = spot._folder_store("test").transfer.sealed(key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sealed is not None and sealed in path.read_bytes()
    assert [each.name for each in tmp_path.iterdir() if each.name.endswith(".tmp")] == []


def test_a_pattern_chooses_what_is_written(tmp_path: Path) -> None:
    """As it does for forget."""

    def one(n: int) -> int:
        return n

    def two(n: int) -> int:
        return n

    with Spot("here", root=tmp_path) as here, Spot("there", root=tmp_path) as there:
        for function in (one, two):
            here.mark(function)(1)
        assert here.export(tmp_path / "one.zip", "*one") == 1
        assert here.export(tmp_path / "none.zip", "nothing*") == 0
        assert there.load(tmp_path / "none.zip").taken == 0
        assert there.load(tmp_path / "one.zip").taken == 1
        assert [row.name.rpartition(".")[2] for row in there.entries()] == ["one"]


def test_what_is_newer_stays_and_what_was_forgotten_comes_back(tmp_path: Path) -> None:
    """Loading twice takes once."""
    path = tmp_path / "results.zip"
    with Spot("here", root=tmp_path) as spot:
        f = spot.mark(lambda n: n * 2)
        f(1)
        spot.export(path)
        assert (spot.load(path).taken, spot.load(path).known) == (0, 1)
        spot.mark(mode="record")(f)
        before = spot.store.get(bytes.fromhex(f.key(1)))
        spot.forget("*")
        assert spot.load(path).taken == 1
        f(1)
        assert last().verdict == "hit"  # type: ignore[union-attr]
        after = spot.store.get(bytes.fromhex(f.key(1)))
    assert isinstance(before, Entry)
    assert isinstance(after, Entry)
    assert after.created == before.created


def test_a_result_made_after_the_archive_is_not_replaced(tmp_path: Path) -> None:
    """Older ones are, by what the archive holds."""
    path = tmp_path / "results.zip"
    with Spot("here", root=tmp_path) as here, Spot("there", root=tmp_path) as there:
        earlier, later = here.mark(moment), there.mark(moment)
        first = earlier()
        here.export(path)
        second = later()
        assert second > first
        assert there.load(path).known == 1
        assert later() == second
        there.export(path)
        assert here.load(path).taken == 1
        assert earlier() == second


def test_a_file_that_is_no_archive_is_told(tmp_path: Path) -> None:
    """And one that is not there is as any file."""
    (tmp_path / "text").write_text("hello")
    with Spot("there", root=tmp_path) as spot:
        with pytest.raises(OptionError, match="is no archive of results"):
            spot.load(tmp_path / "text")
        with pytest.raises(FileNotFoundError):
            spot.load(tmp_path / "nothing")
        with pytest.raises(FileNotFoundError, match="no such folder: '.*no folder'$"):
            spot.export(tmp_path / "no folder" / "results.zip")
