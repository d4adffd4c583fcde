"""What is read back takes live classes and functions as they are, and never touches one."""

from __future__ import annotations

import collections
import dataclasses
import enum
import importlib
import subprocess
import sys
import types
import typing
from pathlib import Path
from typing import Any

import pandas as pd
import pydantic
import pytest

from spotmagic.codecs import Undecodable, decode, encode, references
from spotmagic.errors import Uncacheable

T = typing.TypeVar("T")

NOTEBOOK = """
import dataclasses, enum, functools
RATE = 2
api_key = "one"
class Config:
    scale = 3
    def __init__(self, n): self.n = n
    def twice(self): return self.n * RATE
    @classmethod
    def make(cls): return cls(1)
    @property
    def half(self): return self.n / 2
@dataclasses.dataclass
class Doc:
    text: str
    def shout(self): return self.text.upper()
class Tone(enum.Enum):
    LOUD = "loud"
    def more(self): return self.value * 2
class Broken(Exception):
    def told(self): return "told"
class Client:
    def __init__(self, n): self.n = n
    def head(self): return {"authorization": api_key}
def clean(x): return x + RATE
@functools.lru_cache
def slow(x): return x
def make(k):
    def inner(x): return x * k * RATE
    return inner
triple = make(3)
"""


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    cell = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", cell)
    exec(NOTEBOOK, cell.__dict__)
    return cell


def back(value: Any) -> Any:
    encoded = encode(value)
    return decode(encoded.codecs, encoded.head, [bytearray(one) for one in encoded.buffers], trusted=True)


def kept(value: Any) -> typing.Callable[[], Any]:
    encoded = encode(value)
    return lambda: decode(encoded.codecs, encoded.head, encoded.buffers, trusted=True)


def inside(kind: type) -> dict[str, Any]:
    return {name: value for name, value in vars(kind).items() if name not in ("__slotnames__", "__doc__")}


def said(function: types.FunctionType) -> tuple[Any, ...]:
    return function.__code__, function.__globals__, function.__defaults__, dict(vars(function))


VALUES: dict[str, typing.Callable[[Any], Any]] = {
    "object": lambda cell: cell.Config(2),
    "class": lambda cell: [cell.Config],
    "record": lambda cell: cell.Doc("a"),
    "member": lambda cell: cell.Tone.LOUD,
    "error": lambda cell: cell.Broken("x"),
    "function": lambda cell: {"f": cell.clean},
    "bound method": lambda cell: cell.Config(2).twice,
    "closure": lambda cell: cell.triple,
    "cached function": lambda cell: [cell.slow],
}


@pytest.mark.parametrize("name", VALUES)
def test_reading_back_leaves_the_live_namespace_as_it_is(name: str, cell: types.ModuleType) -> None:
    read = kept(VALUES[name](cell))
    before = dict(vars(cell))
    classes = {kind: inside(kind) for kind in before.values() if isinstance(kind, type)}
    functions = {f: said(f) for f in before.values() if isinstance(f, types.FunctionType)}
    read()
    read()
    assert dict(vars(cell)) == before
    assert {kind: inside(kind) for kind in classes} == classes
    assert {f: said(f) for f in functions} == functions


def test_what_has_a_name_is_the_live_one(cell: types.ModuleType) -> None:
    value = {"class": cell.Config, "f": cell.clean, "made": cell.triple, "cached": cell.slow, "a": cell.Config(1)}
    copy = back(value)
    assert all(copy[name] is value[name] for name in ("class", "f", "made", "cached"))
    assert type(copy["a"]) is cell.Config and copy["a"].twice() == 2


EDITS = [
    ("object", "self.n * RATE", "self.n + RATE"),
    ("object", "scale = 3", "scale = 4"),
    ("object", "RATE = 2", "RATE = 3"),
    ("class", "cls(1)", "cls(2)"),
    ("record", "upper", "lower"),
    ("record", "text: str", "text: bytes"),
    ("member", "self.value * 2", "self.value * 3"),
    ("error", '"told"', '"untold"'),
    ("function", "x + RATE", "x - RATE"),
    ("bound method", "self.n / 2", "self.n / 3"),
    ("closure", "x * k", "x + k"),
    ("closure", "make(3)", "make(4)"),
]


@pytest.mark.parametrize(("name", "old", "new"), EDITS)
def test_what_was_edited_gives_no_value(name: str, old: str, new: str, cell: types.ModuleType) -> None:
    read = kept(VALUES[name](cell))
    assert NOTEBOOK.count(old) == 1
    exec(NOTEBOOK, cell.__dict__)
    read()
    exec(NOTEBOOK.replace(old, new), cell.__dict__)
    with pytest.raises(Undecodable, match="` was edited"):
        read()


def test_a_secret_that_code_reads_may_be_another(cell: types.ModuleType) -> None:
    read = kept(cell.Client(1))
    cell.api_key = "two"
    assert read().head() == {"authorization": "two"}


def test_what_is_not_defined_here_gives_no_value(cell: types.ModuleType) -> None:
    read = kept(cell.Config(1))
    del cell.Config
    with pytest.raises(Undecodable, match="`Config` is not defined here"):
        read()


class TestClassesThatWereMade:
    def test_by_a_factory_and_given_a_name_are_the_same_class(self, cell: types.ModuleType) -> None:
        cell.Point = dataclasses.make_dataclass("Made", ["x"])
        cell.Row = collections.namedtuple("Raw", "a b")
        cell.Shade = enum.Enum("Shadow", ["DARK"])
        cell.Answer = pydantic.create_model("Reply", n=(int, 1))
        value = [cell.Point(1), cell.Row(1, 2), cell.Shade.DARK, cell.Answer()]
        assert [type(one) for one in back(value)] == [cell.Point, cell.Row, cell.Shade, cell.Answer]

    def test_inside_a_function_are_the_same_class_in_this_process(self) -> None:
        class Local:
            n = 1

        @dataclasses.dataclass
        class Record:
            n: int

        Row = collections.namedtuple("Row", "a")
        Made = dataclasses.make_dataclass("Made", ["x"])
        before = inside(Local)
        copies = back([Local(), Record(1), Row(2), Made(3)])
        assert [type(one) for one in copies] == [Local, Record, Row, Made] and inside(Local) == before

    def test_inside_a_function_give_no_value_in_another_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Local:
            pass

        read = kept([Local()])
        monkeypatch.setattr(references, "_here", {})
        with pytest.raises(Undecodable, match="Local` was made inside a function.*top level"):
            read()

    def test_inside_a_function_and_changed_give_no_value(self) -> None:
        class Local:
            n = 1

        read = kept([Local()])
        Local.n = 2
        with pytest.raises(Undecodable, match="was edited"):
            read()

    def test_by_arguments_are_the_same_class(self) -> None:
        for kind in (Box[int], Box[list[int]], Pair[int]):
            assert type(back(kind(x=kind.model_fields["x"].annotation()))) is kind

    def test_of_typing_are_the_same_class(self) -> None:
        copy = back([Bag[int](), Bag[int]])
        assert type(copy[0]) is Bag and copy[0].__orig_class__ == Bag[int] == copy[1]

    def test_for_the_rows_of_a_frame_come_back(self) -> None:
        rows = list(pd.DataFrame({"a": [1], "two words": [2]}).itertuples())
        copy = back(rows)
        assert copy == rows and copy[0]._fields == rows[0]._fields and type(copy[0]).__name__ == "Pandas"
        assert back(rows[0]) == rows[0]


class Box(pydantic.BaseModel, typing.Generic[T]):
    x: T


class Pair(Box[T], typing.Generic[T]):
    y: int = 1


class Bag(typing.Generic[T]):
    pass


LEVEL = [1]


class TestFunctionsWithoutAName:
    def test_keep_what_they_hold(self) -> None:
        def outer(k: int) -> Any:
            def inner(x: int, y: int = 2, *, z: int = 3) -> int:
                "Says it."
                return x + y + z + k + LEVEL[0]

            inner.told = [k]
            return inner

        copy = back([outer(10)])[0]
        assert copy(1) == 17 and copy.told == [10] and copy.__doc__ == "Says it." and copy.__kwdefaults__ == {"z": 3}
        assert copy.__annotations__ == outer(1).__annotations__ and copy.__qualname__ == outer(1).__qualname__

    def test_read_the_live_globals(self) -> None:
        copy = back([lambda: LEVEL])[0]
        assert copy() is LEVEL and copy.__globals__ is globals()

    def test_may_call_themselves_and_share_a_closure(self) -> None:
        def counter() -> Any:
            n = 0

            def up() -> int:
                nonlocal n
                n += 1
                return n

            def down(k: int) -> int:
                return n if k == 0 else down(k - 1)

            return up, down

        up, down = back(counter())
        up()
        assert up() == 2 and down(3) == 2

    def test_of_a_module_that_was_replaced_keep_their_globals(self) -> None:
        gone = types.ModuleType("gone")
        exec("N = 5\ndef add(x): return x + N\ndef both(x): return add(x) + N", vars(gone))
        copy = back([gone.both])[0]
        gone.N = 7
        assert copy(1) == 11 and gone.both(1) == 15

    def test_of_another_python_give_no_value(self, monkeypatch: pytest.MonkeyPatch) -> None:
        read = kept([lambda: 1])
        monkeypatch.setattr("spotmagic.codecs.functions._MAGIC", b"else")
        with pytest.raises(Undecodable, match="another version of Python"):
            read()


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1}.keys(),
        collections.OrderedDict(a=1).items(),
        types.MappingProxyType({"a": [1]}),
        [sys, importlib, types.FunctionType, type(None)],
    ],
    ids=str,
)
def test_what_pickle_alone_does_not_take_comes_back(value: Any) -> None:
    assert back(value) == value


WORK = """
import sys
class Config:
    def __init__(self, n): self.n = n
    def told(self): return f"v1 {self.n}"
def make(n):
    return getattr(sys.modules["work"], "Con" + "fig")(n)
"""


@pytest.mark.parametrize(("options", "verdict"), [("", "ran"), ("version=1", "hit")])
def test_an_edited_class_of_the_project_is_run_again_unless_versions_are_given(
    options: str, verdict: str, tmp_path: Path
) -> None:
    """The class is found by text, so the key does not know of it. With ``version=`` edits are the user's affair."""

    def run() -> str:
        code = f"import work\nfrom spotmagic import Spot, last\nf = Spot('t').mark({options})(work.make)\n"
        code += "print(f(1).told(), last().verdict)"
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    (tmp_path / "work.py").write_text(WORK)
    assert [run(), run()] == ["v1 1 ran", "v1 1 hit"]
    (tmp_path / "work.py").write_text(WORK.replace("v1", "v2 of it"))
    assert [run(), run()] == [f"v2 of it 1 {verdict}", "v2 of it 1 hit"]


def test_a_class_whose_code_cannot_be_told_is_refused(cell: types.ModuleType) -> None:
    exec(
        "source = (n for n in [])\nclass Odd:\n    def __init__(self): pass\n    def go(self): return next(source)",
        cell.__dict__,
    )
    with pytest.raises(Uncacheable, match="source"):
        encode(cell.Odd())


def test_a_module_that_is_listed_twice_goes_by_its_own_name(
    cell: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As joblib lists the notebook once more, as ``__mp_main__``: no later kernel has that."""
    monkeypatch.setitem(sys.modules, "__mp_main__", cell)
    triple = vars(cell)["triple"]
    assert str(references.reference(triple)).startswith("__main__:triple#")
    with references.without({"triple"}):
        assert references.reference(triple) is None
