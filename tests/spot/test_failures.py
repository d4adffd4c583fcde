"""Whatever fails below a spot costs one warning: the call's value is returned, and caching resumes when it can."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from failing_files import FailingFiles

from spotmagic import Spot, last
from spotmagic.errors import SpotWarning, _told
from spotmagic.store.layout import Epoch
from spotmagic.testing import FakeClock

Heal = Callable[[], object]
LARGE = 100_000


@pytest.fixture(autouse=True)
def nothing_told() -> None:
    _told.clear()


class Work:
    """A function under a spot, and what it ran for."""

    def __init__(self, spot: Spot) -> None:
        self.runs: list[str] = []

        @spot.mark(version="1", ignore="self")
        def work(letter: str, size: int) -> str:
            self.runs.append(letter)
            return letter * size

        self.ask = work

    def __call__(self, letter: str, size: int = 10) -> str:
        value: str = self.ask(letter, size)
        assert value == letter * size
        return last().verdict  # type: ignore[union-attr]

    def resumes(self, letter: str, seconds: float = 5.0) -> bool:
        """Whether a call becomes a hit before long."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if self(letter) == "hit":
                return True
        return False


@contextlib.contextmanager
def warned() -> Iterator[list[str]]:
    """The warnings of ours inside."""
    told: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield told
    told += [str(each.message) for each in caught if each.category is SpotWarning]


def a_file_in_place_of_the_folder(folder: Path) -> Heal:
    folder.write_text("mine")
    return folder.unlink


def a_file_in_place_of_its_journals(folder: Path) -> Heal:
    folder.mkdir(parents=True)
    (folder / "journal").write_text("mine")
    return (folder / "journal").unlink


def a_link_in_place_of_its_journals(folder: Path) -> Heal:
    folder.mkdir()
    (folder.parent / "elsewhere").mkdir()
    (folder / "journal").symlink_to(folder.parent / "elsewhere")
    return (folder / "journal").unlink


def a_folder_in_place_of_its_epoch(folder: Path) -> Heal:
    (folder / "epoch").mkdir(parents=True)
    return (folder / "epoch").rmdir


def a_newer_layout(folder: Path) -> Heal:
    folder.mkdir()
    (folder / "format.json").write_text('{"format": 99, "id": "abc"}')
    return (folder / "format.json").unlink


TROUBLES = [
    a_file_in_place_of_the_folder,
    a_file_in_place_of_its_journals,
    a_link_in_place_of_its_journals,
    a_folder_in_place_of_its_epoch,
    a_newer_layout,
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.__name__)
def test_a_folder_that_cannot_be_used_costs_one_warning(tmp_path: Path, trouble: Callable[[Path], Heal]) -> None:
    """It names the folder and says what to do; the panel's questions have answers; then caching resumes."""
    folder = tmp_path / "test"
    heal = trouble(folder)
    with warned() as told, Spot("test", root=tmp_path) as spot:
        work = Work(spot)
        assert [work("a"), work("a"), work("b", LARGE)] == ["ran"] * 3
        assert spot.entries() == []
        assert spot.stats().entries == 0
        assert spot.flush() in (True, False)
        heal()
        assert work.resumes("a")
    (message,) = told
    assert "not being stored" in message
    assert str(folder) in message
    assert "storing resumes" in message


@pytest.mark.parametrize("root", ["mine", "mine/below"])
def test_a_spot_whose_folder_cannot_be_made_says_so_at_once(tmp_path: Path, root: str) -> None:
    """Before anything was paid for, and in place of the warning at the first result."""
    (tmp_path / "mine").write_text("a file")
    with warned() as told:
        spot = Spot("test", root=tmp_path / root)
    (message,) = told
    assert f"{tmp_path / 'mine'}: Not a directory" in message
    with warned() as told, spot:
        assert Work(spot)("a") == "ran"
    assert told == []


def test_to_make_a_spot_makes_no_folder(tmp_path: Path) -> None:
    """It is there when there is something to put into it."""
    with Spot("test", root=tmp_path / "spots") as spot:
        assert not (tmp_path / "spots").exists()
        assert Work(spot)("a") == "ran"
        assert (tmp_path / "spots" / "test").exists()


@pytest.mark.parametrize("size", [10, LARGE], ids=["small", "large"])
def test_a_folder_that_is_deleted_under_a_running_kernel_is_made_again(tmp_path: Path, size: int) -> None:
    """Without a word: nothing stands in the way of keeping what runs next."""
    clock = FakeClock()
    with warned() as told, Spot("test", root=tmp_path, clock=clock) as spot:
        work = Work(spot)
        work("a", size)
        shutil.rmtree(spot.folder)
        clock.advance(0.06)  # for so long what was there is taken to be there
        assert work("b", size) == "ran"
        assert work("b", size) == "hit"
        assert (spot.folder / "format.json").exists()
    assert told == []
    with Spot("test", root=tmp_path) as spot:
        assert Work(spot)("b", size) == "hit"


def test_a_folder_that_is_deleted_counts_what_is_spent_anew(tmp_path: Path) -> None:
    """Before the first paid call and between two of them, without a word."""
    clock = FakeClock()
    with warned() as told, Spot("test", root=tmp_path / "root", clock=clock, budget=10.0) as spot:
        paid = spot.mark(price=1.0)(lambda x: x)
        for x in range(3):
            assert paid(x) == x
            assert spot.budget.spent() == 1.0
            shutil.rmtree(tmp_path / "root")
            clock.advance(0.06)
    assert told == []


def test_journals_that_are_deleted_alone_are_made_again(tmp_path: Path) -> None:
    """Before this kernel had written to them, and afterwards."""
    clock = FakeClock()
    with warned() as told, Spot("test", root=tmp_path, clock=clock) as spot:
        work = Work(spot)
        with contextlib.suppress(LookupError):
            work.ask.peek("a", 1)  # type: ignore[attr-defined]
        for letter in "ab":
            shutil.rmtree(spot.folder / "journal")
            clock.advance(0.06)
            assert work(letter) == "ran"
            assert work(letter) == "hit"
    assert told == []


def test_a_folder_that_becomes_a_file_under_a_running_kernel_costs_one_warning(tmp_path: Path) -> None:
    """What it held is gone; what runs is returned."""
    clock = FakeClock()
    with warned() as told, Spot("test", root=tmp_path, clock=clock) as spot:
        work = Work(spot)
        work("a")
        shutil.rmtree(spot.folder)
        spot.folder.write_text("mine")
        clock.advance(0.06)
        assert [work("b"), work("b"), work("c", LARGE)] == ["ran"] * 3
        spot.folder.unlink()
        assert work.resumes("b")
    assert len(told) == 1


def test_a_folder_that_can_be_neither_read_nor_written_costs_one_warning(tmp_path: Path) -> None:
    """As when rights were taken away, or the network's folder does not answer."""
    with warned() as told, Spot("test", root=tmp_path) as spot:
        work = Work(spot)
        with FailingFiles(tmp_path, 1, error=5):
            assert [work("a"), work("a"), work("b", LARGE)] == ["ran"] * 3
        assert work.resumes("a")
    assert len(told) == 1


def test_a_disk_that_fills_up_costs_one_warning(tmp_path: Path) -> None:
    """What was kept is still a hit, and the half record of the failed write hides nothing that comes after it."""
    with warned() as told, Spot("test", root=tmp_path) as spot:
        work = Work(spot)
        work("a")
        with FailingWrites(tmp_path):
            assert [work("b"), work("b"), work("c", LARGE)] == ["ran"] * 3
            assert work("a") == "hit"
        assert work.resumes("b")
    assert len(told) == 1
    assert "No space left" in told[0]
    with Spot("test", root=tmp_path) as spot:
        again = Work(spot)
        assert [again("a"), again("b")] == ["hit", "hit"]
        assert spot.verify().good


class FailingWrites(FailingFiles):
    """A full disk: reads go on."""

    def _guarded(self, name: str, real: Callable[..., object]) -> Callable[..., object]:
        return super()._guarded(name, real) if name in ("write", "pwrite", "mkdir") else real

    def __enter__(self) -> FailingFiles:
        self.fail_at = 1
        return super().__enter__()


def test_a_result_that_the_format_does_not_take_is_returned(tmp_path: Path) -> None:
    """With more text than a header has room for."""
    with warned() as told, Spot("test", root=tmp_path) as spot:
        double = spot.mark(version="1", content_type="text/" + "x" * 5_000_000)(lambda number: number * 2)
        assert [double(4), double(4)] == [8, 8]
        assert last().verdict == "ran"  # type: ignore[union-attr]
        assert "cannot be stored" in last().reason  # type: ignore[union-attr]
    assert len(told) == 1


LIMITED = """
import resource, sys, warnings
from spotmagic import Spot, last
limit = lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
verdicts = []
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    with Spot("test", root=sys.argv[1]) as spot:
        @spot.mark(version="1")
        def work(letter, size):
            return letter * size
        def ask(letter, size=10):
            assert work(letter, size) == letter * size
            verdicts.append(last().verdict)
        ask("a")
        limit(int(sys.argv[2]))
        for letter in "bb":
            ask(letter)
        ask("c", 100_000)
        ask("a")
        limit(resource.RLIM_INFINITY)
        ask("b")
        ask("b")
print(*verdicts, len(told), *(each.message for each in told))
"""


@pytest.mark.parametrize("limit", [0, 450])
def test_a_file_that_may_not_grow_costs_one_warning(tmp_path: Path, limit: int) -> None:
    """A real limit of the system, set while a kernel works; it resumes once the limit is gone."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path), str(limit)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    verdicts, (count, *message) = done.stdout.split()[:7], done.stdout.split()[7:]
    assert verdicts == ["ran", "ran", "ran", "ran", "hit", "ran", "hit"]
    assert count == "1", message
    assert "File too large" in " ".join(message)


def test_a_kernel_outlives_a_disk_that_is_full_to_the_last_byte(tmp_path: Path) -> None:
    """Memory over a hole of a file would end the process there."""
    epoch = Epoch(tmp_path / "epoch")
    assert os.lseek(epoch.fd, 0, os.SEEK_HOLE) == os.fstat(epoch.fd).st_size == 8
    epoch.close()


SQUEEZED = """
import os, sys, warnings
from spotmagic import Spot
warnings.simplefilter("ignore")
fd = os.open(f"{sys.argv[1]}/filler", os.O_CREAT | os.O_WRONLY)
try:
    while True:
        os.write(fd, bytes(4096))
except OSError:
    os.ftruncate(fd, os.fstat(fd).st_size - 4096 * int(sys.argv[2]))
with Spot("test", root=sys.argv[1]) as spot:
    work = spot.mark(version="1")(lambda letter: letter * 10)
    assert [work("a"), work("b"), work("a")] == ["a" * 10, "b" * 10, "a" * 10]
    os.unlink(f"{sys.argv[1]}/filler")
    assert work("c") == "c" * 10
"""


@pytest.mark.parametrize("pages", range(5))
def test_a_kernel_outlives_a_disk_with_a_few_pages_left(tmp_path: Path, pages: int) -> None:
    """On a real file system that is full but for so much."""
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], capture_output=True
    ).returncode:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("nothing can be mounted here")
    try:
        done = subprocess.run(
            [sys.executable, "-c", SQUEEZED, str(tmp_path), str(pages)], capture_output=True, text=True, timeout=60
        )
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
    assert done.returncode == 0, done.stderr
