"""What a run unpickles: code that is in no file is refused by name, and nothing is seen of whoever looks on."""

from __future__ import annotations

import pickle
import subprocess
import sys
import traceback
import types
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot, last

MAKE = """
class Scaler:
    def go(self, x): return x * 2
"""


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module that stands for a notebook: no file has its code."""
    made = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", made)
    exec(MAKE, vars(made))
    return made


def unnamed(path: str) -> Any:
    return pickle.loads(Path(path).read_bytes()).go(3)


def named(path: str) -> Any:
    found = pickle.loads(Path(path).read_bytes())
    return found.go(3) if type(found).__name__ == "Scaler" else Scaler  # type: ignore[name-defined]  # noqa: F821


def broken(path: str) -> Any:
    return pickle.loads(Path(path).read_bytes())


def test_a_class_of_a_notebook_that_the_code_does_not_name_is_refused(
    spot: Spot, notebook: types.ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps(notebook.Scaler()))
    asked = spot.mark(unnamed)
    assert [asked(str(path)), asked(str(path))] == [6, 6]
    assert not last().stored and "reads a pickle of `Scaler`" in last().reason


def test_one_that_it_names_is_kept(spot: Spot, notebook: types.ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps(notebook.Scaler()))
    asked = spot.mark(named)
    assert [asked(str(path)), asked(str(path))] == [6, 6]
    assert last().verdict == "hit", last().reason


@pytest.mark.parametrize("data", [b"no pickle", b"cno_such_module\nThing\n.", b""])
def test_an_error_is_as_without_us(spot: Spot, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(data)
    told = []
    for function in (broken, spot.mark(broken)):
        with pytest.raises(Exception) as caught:  # noqa: PT011
            function(str(path))
        frames = [one.name for one in traceback.extract_tb(caught.value.__traceback__) if "spotmagic" in one.filename]
        told.append((type(caught.value), str(caught.value)))
        assert not set(frames) & {"load", "loads", "find_class"}
    assert told[0] == told[1]


def test_a_class_of_a_package_counts_by_the_file_alone(spot: Spot, tmp_path: Path) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps(Path("a")))
    asked = spot.mark(broken)
    assert [asked(str(path)), asked(str(path))] == [Path("a"), Path("a")] and last().verdict == "hit"
    path.write_bytes(pickle.dumps(Path("b")))
    assert asked(str(path)) == Path("b") and last().verdict == "ran"


READERS = {"pkl": pickle.loads}


def by_table(path: str) -> Any:
    return READERS["pkl"](Path(path).read_bytes())


def test_one_held_in_a_table_is_no_reason_to_pay_again(spot: Spot, tmp_path: Path) -> None:
    path = tmp_path / "m.pkl"
    path.write_bytes(pickle.dumps([1, 2]))
    asked = spot.mark(by_table)
    assert [asked(str(path)), asked(str(path))] == [[1, 2], [1, 2]] and last().verdict == "hit", last().reason


LATE = """
import sys
from spotmagic import Spot, last
def read(x):
    import pickle
    with open("m.pkl", "rb") as file:
        return pickle.load(file).go(x)
with Spot("s", root=sys.argv[1]) as spot:
    assert "pickle" not in sys.modules
    print(spot.mark(read)(3), last().verdict)
"""


def test_a_pickle_that_is_the_first_of_its_process_counts_too(tmp_path: Path) -> None:
    def told(text: str) -> str:
        (tmp_path / "kept_late.py").write_text(text)
        (tmp_path / "late.py").write_text(LATE)
        given = [sys.executable, "late.py", str(tmp_path / "spots")]
        return subprocess.run(given, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    (tmp_path / "m.pkl").write_bytes(b"ckept_late\nKept\n)\x81.")
    assert told(LATE_CLASS) == "6 ran" and told(LATE_CLASS) == "6 hit"
    assert told(LATE_CLASS.replace("* 2", "* 5")) == "15 ran"


LATE_CLASS = """
class Kept:
    def go(self, x): return x * 2
"""
