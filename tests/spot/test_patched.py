"""What a program puts into classes of packages counts as it is now, also where it stood in another's place before."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.core.generic import NDFrame

from spotmagic import Spot


def one(frame: pd.DataFrame) -> str:
    return "one"


def two(frame: pd.DataFrame) -> str:
    return "two"


def mine(frame: pd.DataFrame) -> str:
    return frame.mine()  # type: ignore[no-any-return,operator]


def head(frame: pd.DataFrame) -> str:
    return repr(frame.head())


def size(frame: pd.DataFrame) -> str:
    return repr(frame.size)


def shape(frame: pd.DataFrame) -> str:
    return repr(frame.shape)


PATCHES: dict[str, tuple[Callable[..., str], type, str, list[Any]]] = {
    "a method of the user's in the place of another": (mine, pd.DataFrame, "mine", [one, two, one]),
    "a lambda": (mine, pd.DataFrame, "mine", [lambda frame: "λ", lambda frame: "μ"]),
    "in a base class": (mine, NDFrame, "mine", [one, two]),
    "a method of the package replaced": (head, NDFrame, "head", [NDFrame.head, one, two, NDFrame.head]),
    "a property of the package replaced": (size, NDFrame, "size", [NDFrame.size, property(one), property(two)]),
    "a property of the class itself": (shape, pd.DataFrame, "shape", [pd.DataFrame.shape, property(two)]),
    "a static method": (mine, pd.DataFrame, "mine", [staticmethod(lambda: "s"), staticmethod(lambda: "t")]),
    "a class method": (mine, pd.DataFrame, "mine", [classmethod(one), classmethod(two)]),
}


@pytest.fixture
def put() -> Iterator[Callable[[type, str, Any], None]]:
    """Puts something into a class, until the test ends."""
    before: list[tuple[type, str, Any]] = []

    def into(kind: type, name: str, value: Any) -> None:
        before.append((kind, name, vars(kind).get(name)))
        setattr(kind, name, value)

    yield into
    for kind, name, value in reversed(before):
        delattr(kind, name) if value is None else setattr(kind, name, value)


@pytest.mark.parametrize("what", PATCHES)
def test_a_call_sees_what_is_there_now(tmp_path: Any, put: Callable[[type, str, Any], None], what: str) -> None:
    function, kind, name, values = PATCHES[what]
    marked = Spot("patched", root=tmp_path).mark(function)
    frame = pd.DataFrame({"a": [1, 2]})
    for value in values:
        put(kind, name, value)
        assert marked(frame) == function(frame)
        assert marked(frame) == function(frame)


def inside(frames: dict[str, list[pd.DataFrame]]) -> str:
    return frames["all"][0].mine()  # type: ignore[no-any-return,operator]


def test_it_counts_inside_an_argument(tmp_path: Any, put: Callable[[type, str, Any], None]) -> None:
    marked = Spot("patched", root=tmp_path).mark(inside)
    frames = {"all": [pd.DataFrame({"a": [1, 2]})]}
    for value in (one, two, one):
        put(pd.DataFrame, "mine", value)
        assert marked(frames) == inside(frames)


ALIKE = """
import warnings

class Alike(type):
    def __eq__(self, other):
        warnings.warn("compared", DeprecationWarning)
        return True
    def __hash__(self):
        return 1

class First(metaclass=Alike): pass
class Second(metaclass=Alike): pass
"""


def made(kind: type) -> str:
    return kind().mine()  # type: ignore[no-any-return]


def test_classes_that_say_they_are_equal_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As do some of Python's own, whose comparison warns besides."""
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "alike_classes.py").write_text(ALIKE)
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    module = importlib.import_module("alike_classes")
    with Spot("s", root=tmp_path / "spots") as spot:
        marked = spot.mark(made)
        for kind in (module.First, module.Second):
            for put in (one, two, one):
                kind.mine = put
                assert marked(kind) == put(kind)  # type: ignore[arg-type]
