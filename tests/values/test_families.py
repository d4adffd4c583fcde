"""A subclass of any family counts by the content of the family and by all that its instances hold beside it."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import fractions
import importlib.util
import io
import pathlib
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from spotmagic import Spot, last
from spotmagic.keys import fingerprint

CONTENTS: dict[type, tuple[Callable[[type], Any], Callable[[type], Any]]] = {
    list: (lambda kind: kind([1, 2]), lambda kind: kind([1, 3])),
    dict: (lambda kind: kind(a=1), lambda kind: kind(a=2)),
    tuple: (lambda kind: kind((1, 2)), lambda kind: kind((1, 3))),
    set: (lambda kind: kind({"a", "b"}), lambda kind: kind({"a", "c"})),
    frozenset: (lambda kind: kind({"a", "b"}), lambda kind: kind({"a", "c"})),
    str: (lambda kind: kind("a"), lambda kind: kind("b")),
    int: (lambda kind: kind(1), lambda kind: kind(2)),
    float: (lambda kind: kind(-0.0), lambda kind: kind(0.0)),
    complex: (lambda kind: kind(1j), lambda kind: kind(2j)),
    bytes: (lambda kind: kind(b"a"), lambda kind: kind(b"b")),
    bytearray: (lambda kind: kind(b"a"), lambda kind: kind(b"b")),
    array.array: (lambda kind: kind("i", [1]), lambda kind: kind("i", [2])),
    collections.deque: (lambda kind: kind([1], 3), lambda kind: kind([1], 4)),
    collections.OrderedDict: (lambda kind: kind(a=1, b=2), lambda kind: _moved(kind(a=1, b=2))),
    collections.Counter: (lambda kind: kind("aa"), lambda kind: kind("ab")),
    collections.defaultdict: (lambda kind: kind(list, a=1), lambda kind: kind(set, a=1)),
    datetime.date: (lambda kind: kind(2020, 1, 2), lambda kind: kind(2020, 1, 3)),
    datetime.datetime: (lambda kind: kind(2020, 1, 2), lambda kind: kind(2020, 1, 2, fold=1)),
    datetime.timedelta: (lambda kind: kind(1), lambda kind: kind(2)),
    decimal.Decimal: (lambda kind: kind("1.0"), lambda kind: kind("1.00")),
    fractions.Fraction: (lambda kind: kind(1, 2), lambda kind: kind(1, 3)),
    uuid.UUID: (lambda kind: kind(int=1), lambda kind: kind(int=2)),
    pathlib.PurePosixPath: (lambda kind: kind("a"), lambda kind: kind("b")),
    io.BytesIO: (lambda kind: kind(b"a"), lambda kind: kind(b"b")),
    io.StringIO: (lambda kind: kind("a"), lambda kind: kind("b")),
    ValueError: (lambda kind: kind("a"), lambda kind: kind("b")),
    OSError: (lambda kind: kind(2, "no", "x.txt"), lambda kind: kind(2, "no", "y.txt")),
    np.ndarray: (lambda kind: np.array([1, 2]).view(kind), lambda kind: np.array([1, 3]).view(kind)),
    np.ma.MaskedArray: (
        lambda kind: np.ma.array([1, 2], mask=[0, 1]).view(kind),
        lambda kind: np.ma.array([1, 3], mask=[0, 1]).view(kind),  # data below the mask
    ),
    pd.DataFrame: (lambda kind: kind({"a": [1]}), lambda kind: kind({"a": [2]})),
    pd.Series: (lambda kind: kind([1], name="a"), lambda kind: kind([1], name="b")),
    pl.DataFrame: (lambda kind: kind({"a": [1]}), lambda kind: kind({"b": [1]})),
    pl.Series: (lambda kind: kind("a", ["x"]), lambda kind: kind("", ["x"])),
}


def _set(value: Any, unit: Any) -> None:
    (setattr if isinstance(value, BaseException) else object.__setattr__)(value, "unit", unit)


def _moved(value: Any) -> Any:
    value.move_to_end("a")
    return value


@pytest.mark.parametrize("base", CONTENTS, ids=lambda base: f"{base.__module__}.{base.__name__}")
def test_a_subclass_counts_by_class_content_and_own_state(base: type) -> None:
    plain = type("Mine", (base,), {"__module__": "__main__"})
    slotted = type(
        "Mine", (base,), {"__module__": "__main__"} | ({} if plain.__itemsize__ else {"__slots__": ("unit",)})
    )
    one, other = CONTENTS[base]
    assert fingerprint(one(base)) == fingerprint(one(base)) != fingerprint(other(base))
    for kind in (plain, slotted):
        assert fingerprint(one(kind)) == fingerprint(one(kind))
        assert len({fingerprint(one(kind)), fingerprint(other(kind)), fingerprint(one(base))}) == 3
        value = one(kind)
        before = fingerprint(value)
        _set(value, "km")
        kilometres = fingerprint(value)
        _set(value, ["m"])
        assert len({before, kilometres, fingerprint(value)}) == 3


class Liar(dict):
    """Every look that runs its code is a wrong one."""

    def __iter__(self) -> Any:
        raise AssertionError

    keys = items = values = copy = __len__ = __getitem__ = __reduce_ex__ = __getattr__ = __iter__

    @property
    def __dict__(self) -> Any:
        raise AssertionError


def test_the_code_of_a_subclass_is_not_run_to_look_at_it() -> None:
    assert fingerprint(Liar(a=1)) == fingerprint(Liar(a=1)) != fingerprint(Liar(a=2))


def test_an_attribute_dict_is_its_items() -> None:
    class AttrDict(dict):
        __getattr__ = dict.__getitem__

    class Itself(dict):
        def __init__(self, **items: Any) -> None:
            super().__init__(**items)
            self.__dict__ = self

    for kind in (AttrDict, Itself):
        assert fingerprint(kind(a=1)) == fingerprint(kind(a=1)) != fingerprint(kind(a=2))


def test_attributes_set_on_a_frame_or_counter_itself_count() -> None:
    frame, counter, buffer = pd.DataFrame({"a": [1]}), collections.Counter("a"), io.BytesIO(b"x")
    for value in (frame, counter, buffer):
        before = fingerprint(value)
        _set(value, "x")
        assert fingerprint(value) != before


def test_frames_count_the_same_whatever_was_looked_up_in_them() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}, index=["p", "q"])
    before = fingerprint(frame), fingerprint(frame["a"]), fingerprint(frame.index)
    frame["a"], frame.loc["p"], frame.index.get_loc("q"), frame.index.is_unique, frame.groupby("b").sum(), repr(frame)
    assert (fingerprint(frame), fingerprint(frame["a"]), fingerprint(frame.index)) == before
    assert fingerprint(frame.copy()) == before[0]


def test_exceptions_count_with_notes_and_what_stands_behind_them() -> None:
    def raised(cause: str, note: str = "") -> BaseException:
        try:
            try:
                raise KeyError(cause)
            except KeyError as error:
                raise ValueError("x") from error
        except ValueError as error:
            if note:
                error.add_note(note)
            return error

    prints = [fingerprint(raised("a")), fingerprint(raised("b")), fingerprint(raised("a", "n"))]
    assert len(set(prints)) == 3
    assert fingerprint(raised("a")) == prints[0]


def test_padding_between_fields_and_in_long_doubles_does_not_count() -> None:
    kind = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    for fill in (0, 255):
        raw = np.full(3 * kind.itemsize, fill, np.uint8).view(kind)
        raw["a"], raw["b"] = 1, 2.0
        long = np.full(3 * np.dtype("g").itemsize, fill, np.uint8).view("g")
        long[:] = np.longdouble(1) / 3
        pair = np.full(3 * np.dtype("G").itemsize, fill, np.uint8).view("G")
        pair[:] = np.longdouble(1) / 3 + 1j
        if np.finfo(np.longdouble).nmant == 63:  # as x86 keeps them
            for array_ in (long, pair):
                array_.view(np.uint8).reshape(-1, 16)[:, 10:] = fill
        prints = fingerprint(raw), fingerprint(long), fingerprint(pair), fingerprint(raw[0]), fingerprint(long[0])
        first = prints if fill == 0 else first  # noqa: F821
    assert prints == first


def test_arrays_count_with_the_metadata_of_their_dtype() -> None:
    plain, told = np.dtype("i4"), np.dtype("i4", metadata={"unit": "m"})
    assert fingerprint(np.zeros(2, plain)) != fingerprint(np.zeros(2, told))


def test_a_ufunc_made_of_a_function_counts_by_the_function() -> None:
    assert fingerprint(np.frompyfunc(lambda x: x + 1, 1, 1)) != fingerprint(np.frompyfunc(lambda x: x + 2, 1, 1))
    assert fingerprint(np.add) != fingerprint(np.multiply)


def test_arrow_counts_unused_categories_and_metadata_of_nested_fields() -> None:
    def nested(unit: str) -> pa.DataType:
        return pa.list_(pa.field("item", pa.int8(), metadata={"unit": unit}))

    assert fingerprint(pa.array([[1]], nested("m"))) != fingerprint(pa.array([[1]], nested("km")))
    small, large = (pa.DictionaryArray.from_arrays(pa.array([0, 0]), pa.array(words)) for words in (["a"], ["a", "b"]))
    assert fingerprint(small) != fingerprint(large)
    whole = pa.DictionaryArray.from_arrays(pa.array([0, 0, 0, 0]), pa.array(["a"]))
    assert fingerprint(pa.chunked_array([small, small])) == fingerprint(pa.chunked_array([whole]))


TEXTS = """
import sys
if {arrow!r}:
    import pyarrow
import polars as pl
from spotmagic import Spot, last
from spotmagic.keys import fingerprint
class Tags(set): pass
class Fixed(frozenset): unit = 1
class Grade(str): pass
values = [
    pl.Series("a", ["x", None, "ä"]), pl.Series("", ["x"]), pl.DataFrame({{"a": ["x"], "b": [[1]]}}),
    pl.Series("c", ["x", "y"], dtype=pl.Categorical), pl.Series("d", ["x"], dtype=pl.Enum(["x", "y"])),
    Tags(["a", "b", "c", "d"]), Fixed(["a", 1, None]), {{"k": Tags([Grade("x"), Grade("y")])}}, {{Grade("z"), "w"}},
]
print([fingerprint(value).hex() for value in values])
"""


def test_no_fingerprint_depends_on_loaded_libraries_or_the_hash_seed() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", TEXTS.format(arrow=arrow)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, arrow in (("1", False), ("2", True), ("3", False))
    }
    assert len(said) == 1


def test_members_of_an_enum_count_by_class_name_and_value() -> None:
    class Color(enum.Enum):
        RED = 1
        BLUE = 2

    assert fingerprint(Color.RED) != fingerprint(Color.BLUE)


def test_objects_that_lead_to_each_other_are_not_taken_apart_again_and_again() -> None:
    looks = 0

    class Part:
        def __init__(self) -> None:
            self.parts: list[Any] = []

        def __getstate__(self) -> Any:
            nonlocal looks
            looks += 1
            return self.__dict__

    def circle() -> list[Part]:
        made = [Part() for _ in range(5)]
        for one in made:
            one.parts = list(made)
        return made

    before = fingerprint(circle()[0])
    assert looks < 300
    assert fingerprint(circle()[0].parts[:4]) != before


def test_a_look_into_a_hidden_defaultdict_of_a_library_is_no_change(tmp_path: Path) -> None:
    package = tmp_path / "site-packages"
    package.mkdir()
    (package / "hooked.py").write_text(
        "import collections\nclass Client:\n    def __init__(self):\n"
        "        self._hooks, self.seen = collections.defaultdict(list), collections.defaultdict(list)\n"
    )
    spec = importlib.util.spec_from_file_location("hooked", package / "hooked.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["hooked"] = module
    try:
        client = module.Client()
        before = fingerprint(client)
        assert client._hooks["parse"] == []
        assert fingerprint(client) == before
        client._hooks["parse"].append(1)
        assert fingerprint(client) != before
        client._hooks.clear()
        assert client.seen["parse"] == [] and fingerprint(client) != before  # which people may look at
        mine = collections.defaultdict(list)
        assert fingerprint(mine) != fingerprint(collections.defaultdict(list, {"parse": []}))
    finally:
        del sys.modules["hooked"]


Homeless = type("Homeless", (), {"__module__": None, "sign": 1})  # as sympy makes the class of `Function("f")`


@pytest.mark.parametrize("value", [Homeless, Homeless(), [Homeless()]], ids=["class", "object", "inside"])
def test_a_class_of_no_module_is_refused_by_name(spot: Spot, value: Any) -> None:
    """Nothing tells two of one name apart, and no error of ours reaches the caller."""

    def given(one: Any) -> str:
        return "ran"

    def gives(number: int) -> Any:
        return value

    assert spot.mark(given)(value) == "ran"
    assert not last().stored and "its class `Homeless` is in no module" in last().reason
    assert spot.mark(gives)(1) is value
    assert not last().stored and "is in no module" in last().reason
