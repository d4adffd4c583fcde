"""What a call asks of the file system counts: lists of folders, patterns, whether a path is there."""

from __future__ import annotations

import glob
import os
import pathlib
import tempfile
import traceback
from pathlib import Path
from typing import Any

import pytest
from telling import reason, verdict

from spotmagic import Spot


@pytest.fixture
def spot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "work" / "docs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    Path("docs/a.txt").write_text("a")
    with Spot("test", root=tmp_path / "kept") as spot:
        yield spot


def listing() -> list[str]:
    return sorted(os.listdir("docs"))  # noqa: PTH208


def pattern() -> int:
    return len(glob.glob("docs/*.txt"))  # noqa: PTH207


def pattern_below() -> int:
    return len(glob.glob("docs/**/*.txt", recursive=True))  # noqa: PTH207


def path_pattern() -> int:
    return len(list(Path("docs").glob("*.txt")))


def scanned() -> list[str]:
    with os.scandir("docs") as found:
        return sorted(one.name for one in found)


def walked() -> list[str]:
    return [name for _, _, names in os.walk("docs") for name in sorted(names)]


def iterated() -> list[str]:
    return sorted(path.name for path in Path("docs").iterdir())


ASKING = [listing, pattern, pattern_below, path_pattern, scanned, walked, iterated]


@pytest.mark.parametrize("ask", ASKING, ids=lambda ask: ask.__name__)
def test_a_new_file_in_a_folder_is_another_call_and_without_it_the_first_one_is_a_hit(spot: Spot, ask: Any) -> None:
    marked = spot.mark(ask)
    first = marked()
    assert marked() == first and verdict() == "hit"
    Path("docs/b.txt").write_text("b")
    assert marked() == ask() != first and verdict() == "ran"
    assert "docs" in reason()
    assert marked() == ask() and verdict() == "hit"
    Path("docs/b.txt").unlink()
    assert marked() == first and verdict() == "hit"


@pytest.mark.parametrize("ask", [pattern, pattern_below, path_pattern], ids=lambda ask: ask.__name__)
def test_a_pattern_does_not_see_what_it_does_not_match(spot: Spot, ask: Any) -> None:
    marked = spot.mark(ask)
    marked()
    Path("docs/plot.png").write_text("")
    marked()
    assert verdict() == "hit"


def test_a_folder_that_another_call_lists_counts_for_the_call_around_it(spot: Spot) -> None:
    inner = spot.mark(listing)

    @spot.mark
    def outer() -> int:
        return len(inner())

    inner()
    assert outer() == 1
    Path("docs/b.txt").write_text("b")
    assert outer() == 2 and verdict() == "ran"


def test_whether_a_file_is_there_counts_and_what_it_holds_does_not(spot: Spot) -> None:
    @spot.mark
    def there() -> bool:
        return Path("docs/a.txt").exists()

    assert there()
    Path("docs/a.txt").write_text("other")
    assert there() and verdict() == "hit"
    Path("docs/a.txt").unlink()
    assert not there() and verdict() == "ran"


def test_what_a_run_makes_itself_is_no_input_of_it(spot: Spot) -> None:
    @spot.mark
    def build(x: int) -> int:
        os.makedirs("out/parts", exist_ok=True)  # noqa: PTH103
        if not os.path.exists("out/model"):  # noqa: PTH110
            Path("out/model").write_text("m")
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "x").write_text("x")
            assert os.listdir(folder) == ["x"]  # noqa: PTH208
        return x + len(os.listdir("out"))  # noqa: PTH208

    assert build(1) == 3 and verdict() == "ran"
    assert build(1) == 3 and verdict() == "hit"


def test_a_folder_that_the_run_adds_to_is_a_hit_until_somebody_else_does(spot: Spot) -> None:
    @spot.mark
    def fetch() -> int:
        known = len(os.listdir("docs"))  # noqa: PTH208
        Path("docs/fetched.txt").write_text("f")
        return known

    assert fetch() == 1 and verdict() == "ran"
    assert fetch() == 1 and verdict() == "hit"
    Path("docs/c.txt").write_text("c")
    assert fetch() == 3 and verdict() == "ran"


def test_a_folder_that_somebody_else_changes_meanwhile_is_not_stored(spot: Spot) -> None:
    @spot.mark
    def count() -> int:
        known = len(os.listdir("docs"))  # noqa: PTH208
        os.mkfifo("docs/pipe")  # no writer of ours sees it
        return known

    assert count() == 1
    assert "`docs` changed while it ran" in reason()


def test_where_somebody_works_does_not_count(spot: Spot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @spot.mark
    def resolved() -> str:
        return Path("docs/a.txt").resolve().name

    @spot.mark
    def relative() -> list[str]:
        return sorted(str(path) for path in Path().glob("docs/*"))

    resolved(), relative()
    (tmp_path / "other" / "docs").mkdir(parents=True)
    (tmp_path / "other" / "docs" / "a.txt").write_text("a")
    monkeypatch.chdir(tmp_path / "other")
    assert resolved() == "a.txt" and verdict() == "hit"
    assert relative() == ["docs/a.txt"] and verdict() == "hit"


def test_imports_and_metadata_of_packages_ask_for_no_data(spot: Spot) -> None:
    @spot.mark
    def load() -> int:
        import importlib.metadata
        import linecache

        linecache.checkcache()
        return min(1, len(importlib.metadata.entry_points(group="console_scripts")))

    load()
    Path("another.txt").write_text("x")
    load()
    assert verdict() == "hit"


def test_a_pattern_of_files_is_left_out_by_ignore(spot: Spot) -> None:
    @spot.mark(ignore="./docs")
    def other() -> int:
        return len(os.listdir("docs"))  # noqa: PTH208

    other()
    Path("docs/c.txt").write_text("c")
    other()
    assert verdict() == "hit"


def test_errors_are_as_without_a_mark_and_everything_is_put_back(spot: Spot) -> None:
    spot.mark(lambda: list(Path("docs").glob("*")))()  # what stands in classes is put there once, and stays
    before = [os.listdir, os.scandir, os.stat, os.lstat, os.open, os.mkdir, glob.iglob, vars(pathlib.Path)["glob"]]
    with pytest.raises(FileNotFoundError) as caught:
        spot.mark(lambda: os.listdir("nowhere"))()  # noqa: PTH208
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert not any("/spotmagic/store/" in frame.filename for frame in frames)
    with pytest.raises(ValueError, match="pattern"):
        spot.mark(lambda: list(Path("docs").glob("")))()
    assert spot.mark(lambda: os.stat in os.supports_follow_symlinks and os.listdir in os.supports_fd)()
    after = [os.listdir, os.scandir, os.stat, os.lstat, os.open, os.mkdir, glob.iglob, vars(pathlib.Path)["glob"]]
    assert all(one is two for one, two in zip(before, after, strict=True))


def test_file_descriptors_and_bytes_are_asked_as_ever(spot: Spot) -> None:
    @spot.mark
    def ask() -> list[Any]:
        fd = os.open("docs", os.O_RDONLY)
        try:
            return [os.listdir(fd), os.listdir(b"docs"), os.stat(fd).st_nlink > 0]  # noqa: PTH116, PTH208
        finally:
            os.close(fd)

    assert ask() == [["a.txt"], [b"a.txt"], True]
    Path("docs/b.txt").write_text("b")
    assert ask()[1] == [b"a.txt", b"b.txt"] or ask()[1] == [b"b.txt", b"a.txt"]
