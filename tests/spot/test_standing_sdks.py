"""What notes the files of libraries stands in their classes for good, and is not to be noticed between runs."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

import polars as pl
import pytest

from spotmagic import Spot, last


@pytest.fixture
def spot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spot:
    monkeypatch.chdir(tmp_path)
    return Spot("test", root=tmp_path / "kept")


def stands() -> int:
    return id(vars(pl.DataFrame)["write_csv"])


def write(path: str) -> int:
    pl.DataFrame({"n": [1]}).write_csv(path)
    return 1


def test_a_run_changes_no_class_of_a_library(spot: Spot) -> None:
    spot.mark(write)("one.csv")
    assert spot.mark(stands, version="1")() == stands()


def test_an_error_between_two_runs_has_no_frame_of_ours(spot: Spot) -> None:
    spot.mark(write)("one.csv")
    with pytest.raises(OSError) as met:
        pl.DataFrame({"n": [1]}).write_csv("nowhere/one.csv")
    frames = traceback.extract_tb(met.value.__traceback__)
    assert not [frame.filename for frame in frames if "spotmagic" in Path(frame.filename).parts[-3:]]


def test_what_the_user_puts_in_its_place_is_noted_too(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    marked = spot.mark(write)
    marked("one.csv")
    true = pl.DataFrame.write_csv

    def louder(self: pl.DataFrame, path: Any) -> None:
        true(self, path)

    with monkeypatch.context() as patch:
        patch.setattr(pl.DataFrame, "write_csv", louder)
        for _ in range(2):  # the second time it stands behind ours
            key = marked.key("two.csv")
            marked("two.csv")
            assert marked.key("two.csv") == key
        assert last().verdict == "hit"
    assert pl.DataFrame.write_csv is true
    assert pl.DataFrame.write_csv.__get__(None, pl.DataFrame) is true


def test_a_hit_beside_a_run_follows_no_code_again(spot: Spot) -> None:
    marked, begun, end, calls = spot.mark(write), threading.Event(), threading.Event(), 0

    def wait() -> bool:
        begun.set()
        return end.wait(60)

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and Path(frame.f_code.co_filename).parent.name == "keys"

    marked("one.csv"), marked("one.csv")
    other = threading.Thread(target=spot.mark(wait, version="1"))
    other.start()
    try:
        assert begun.wait(60)
        marked("one.csv")
        before = sys.getprofile()
        sys.setprofile(count)
        try:
            marked("one.csv")
        finally:
            sys.setprofile(before)
    finally:
        end.set()
        other.join()
    assert 0 < calls < 20  # of the room that follows code; thousands where it does


_SESSION = """
import json, sys
import duckdb, h5py, polars as pl, pyarrow.parquet as pq
from spotmagic import Spot, last

class Mine(pq.ParquetFile):
    pass

class Frame(pl.DataFrame):
    pass

def write(path):
    Frame({"n": [1]}).write_parquet(path)
    pl.DataFrame.write_csv(pl.DataFrame({"n": [1]}), path + ".csv")
    return duckdb.connect().execute("select 1").fetchall(), Mine(path).read().to_pylist(), h5py.File

spot = Spot("standing", root="kept")
marked = spot.mark(write)
key = marked.key("one.parquet")
marked("one.parquet")
verdict = last().verdict
assert marked.key("one.parquet") == key == marked.key("one.parquet")
marked("one.parquet")
spot.close()
print(json.dumps([str(key), verdict, last().verdict]))
"""


def test_the_key_is_the_same_before_the_first_run_and_after_it(tmp_path: Path) -> None:
    (tmp_path / "session.py").write_text(_SESSION)
    said = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "session.py"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        said.append(json.loads(done.stdout.splitlines()[-1]))
    assert said[0][0] == said[1][0]
    assert [verdicts for _, *verdicts in said] == [["ran", "hit"], ["hit", "hit"]]
