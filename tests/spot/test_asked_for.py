"""Code that a run asks for by a name made while it runs, as pickles do: it counts, and nobody sees who looks on."""

from __future__ import annotations

import importlib
import importlib.machinery
import pickle
import sys
import threading
import traceback
import types
from collections.abc import Iterator
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
    cell(made, MAKE)
    return made


def cell(notebook: types.ModuleType, text: str) -> None:
    """Run a cell, whose text is kept as IPython keeps it."""
    import linecache

    name = f"<ipython-input-1-{abs(hash(text)):x}>"
    linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    exec(compile(text, name, "exec"), vars(notebook))


@pytest.fixture
def features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a module of the user's, which is not loaded."""
    monkeypatch.syspath_prepend(tmp_path)
    (path := tmp_path / "asked_features.py").write_text(MAKE)
    yield path
    sys.modules.pop("asked_features", None)


def pickled(path: Path, text: bytes) -> str:
    path.write_bytes(text)
    return str(path)


KEPT = b"casked_features\nScaler\n)\x81."


def predict(path: str) -> Any:
    return pickle.loads(Path(path).read_bytes()).go(3)


def read(path: str) -> Any:
    return pickle.loads(Path(path).read_bytes())


def edit(path: Path, new: str) -> None:
    path.write_text(new)
    importlib.invalidate_caches()
    sys.modules.pop("asked_features", None)


def test_a_class_of_a_module_counts_that_its_pickle_loads_first(spot: Spot, features: Path, tmp_path: Path) -> None:
    asked, path = spot.mark(predict), pickled(tmp_path / "m.pkl", KEPT)
    assert [asked(path), asked(path)] == [6, 6] and last().verdict == "hit", last().reason
    edit(features, MAKE.replace("* 2", "* 50"))
    assert asked(path) == 150 and last().reason.startswith("`asked_features` changed")
    edit(features, MAKE)
    assert asked(path) == 6 and last().verdict == "hit"


def test_an_edit_that_was_not_loaded_is_trouble(spot: Spot, features: Path, tmp_path: Path) -> None:
    asked, path = spot.mark(predict), pickled(tmp_path / "m.pkl", KEPT)
    assert asked(path) == 6
    features.write_text(MAKE.replace("* 2", "* 50"))
    assert asked(path) == 6 and not last().stored and "edited after import" in last().reason


def test_a_class_of_a_notebook_counts_by_its_name(spot: Spot, notebook: types.ModuleType, tmp_path: Path) -> None:
    asked, path = spot.mark(predict), pickled(tmp_path / "m.pkl", b"c__main__\nScaler\n)\x81.")
    assert [asked(path), asked(path)] == [6, 6] and last().verdict == "hit", last().reason
    cell(notebook, "class Other: pass")
    assert asked(path) == 6 and last().verdict == "hit"
    cell(notebook, MAKE.replace("* 2", "* 50"))
    assert asked(path) == 150 and last().verdict == "ran"
    assert type(notebook) is types.ModuleType


@pytest.mark.parametrize("data", [b"no pickle", b"cno_such_module\nThing\n.", b"c__main__\nNoSuch\n.", b""])
def test_an_error_is_as_without_us(spot: Spot, notebook: types.ModuleType, tmp_path: Path, data: bytes) -> None:
    path = pickled(tmp_path / "m.pkl", data)
    told = []
    for function in (read, spot.mark(read)):
        with pytest.raises(Exception) as caught:  # noqa: PT011
            function(path)
        frames = [one.filename for one in traceback.extract_tb(caught.value.__traceback__)]
        told.append((type(caught.value), str(caught.value)))
        assert not any(one.endswith("imports.py") for one in frames)
    assert told[0] == told[1]


def test_a_class_of_a_package_counts_by_the_file_alone(spot: Spot, tmp_path: Path) -> None:
    asked, path = spot.mark(read), pickled(tmp_path / "m.pkl", pickle.dumps(Path("a")))
    assert [asked(path), asked(path)] == [Path("a"), Path("a")] and last().verdict == "hit"


def test_a_module_stays_what_it_was_to_all_who_look(spot: Spot, features: Path) -> None:
    def look(n: int) -> Any:
        module, spec = sys.modules["__main__"], importlib.import_module("asked_features").__spec__
        again = importlib.reload(sys.modules["asked_features"])
        return (
            isinstance(module, types.ModuleType),
            isinstance(spec, importlib.machinery.ModuleSpec) and repr(spec).startswith("ModuleSpec("),
            again.Scaler().go(n),
        )

    assert spot.mark(look)(2) == look(2) == (True, True, 4)
    assert type(sys.modules["__main__"]) is types.ModuleType and "ModuleSpec(" in repr(
        sys.modules["asked_features"].__spec__
    )


def test_threads_that_load_a_module_at_once_count_it_each(spot: Spot, features: Path, tmp_path: Path) -> None:
    features.write_text("import threading\nassert threading.current_thread().inside.wait(60)\n" + MAKE)
    path, begun, last_of = pickled(tmp_path / "m.pkl", KEPT), threading.Event(), dict[str, Any]()
    second_asks = threading.Event()

    def waiting(path: str, which: str) -> Any:
        if which == "two":
            begun.set()
        return predict(path)

    asked = spot.mark(waiting, ignore=("begun", "which"), version="1", key=lambda path, which: which)

    def run(which: str) -> None:
        last_of[which] = asked(path, which), last()

    class One(threading.Thread):
        inside = second_asks

    one, two = One(target=run, args=("one",)), threading.Thread(target=run, args=("two",))
    one.start()
    while "asked_features" not in sys.modules:  # it is being loaded
        one.join(0.001)
        assert one.is_alive()
    two.start()
    assert begun.wait(60)
    second_asks.set()
    one.join(60)
    two.join(60)
    assert {which: (value, told.stored) for which, (value, told) in last_of.items()} == {
        "one": (6, True),
        "two": (6, True),
    }
    edit(features, MAKE.replace("* 2", "* 50"))
    assert [asked(path, "one"), asked(path, "two")] == [150, 150]
