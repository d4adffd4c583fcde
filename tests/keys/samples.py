"""Values of every kind whose fingerprints are written down for ever. Each is made anew on every call."""

# ruff: noqa: E501  (tables, a row a line)

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import operator
import pathlib
import re
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any


class Color(enum.Enum):
    RED = 1
    BLUE = "b"


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.5


Pair = collections.namedtuple("Pair", "a b")


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self) -> None:
        self.a = 1


class Text(str):
    pass


def double(x: int) -> int:
    """Twice as much."""
    return x * 2


def _cycle() -> list[Any]:
    value: list[Any] = [1]
    value.append({"me": value})
    return value


def _deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(600):
        value = [value]
    return value


PLAIN: dict[str, Callable[[], Any]] = {
    "none": lambda: None, "true": lambda: True, "false": lambda: False, "one": lambda: 1, "float one": lambda: 1.0,
    "zero": lambda: 0.0, "minus zero": lambda: -0.0, "nan": lambda: float("nan"), "inf": lambda: float("inf"),
    "uint64": lambda: 2**64 - 1, "big": lambda: 2**64, "minus big": lambda: -(2**70), "text": lambda: "añ𝄞",
    "empty": lambda: "", "surrogate": lambda: "\ud800", "bytes": lambda: b"a", "many bytes": lambda: b"a" * 5000,
    "list": lambda: [1, "a", [None]], "tuple": lambda: (1, "a", (None,)), "dict": lambda: {"a": 1, 2: [3]},
    "dict the other way": lambda: {2: [3], "a": 1}, "set": lambda: {3, 1, 2}, "mixed set": lambda: {1, "a", None, (2,)},
    "frozenset": lambda: frozenset("ab"), "bytearray": lambda: bytearray(b"a"), "memoryview": lambda: memoryview(b"a"),
    "in a list": lambda: [bytearray(b"a")], "complex": lambda: 1 + 2j, "ellipsis": lambda: ..., "range": lambda: range(1, 9, 2),
    "slice": lambda: slice(1, None), "deque": lambda: collections.deque([1], 3), "counter": lambda: collections.Counter("aab"),
    "ordered": lambda: collections.OrderedDict(a=1), "default": lambda: collections.defaultdict(list, a=[1]),
    "naive": lambda: datetime.datetime(2024, 1, 2, 3, 4, 5, 6), "utc": lambda: datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
    "zoned": lambda: datetime.datetime(2024, 10, 27, 2, 30, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    "folded": lambda: datetime.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    "date": lambda: datetime.date(2024, 1, 2), "time": lambda: datetime.time(1, 2), "delta": lambda: datetime.timedelta(1, 2, 3),
    "decimal": lambda: decimal.Decimal("1.0"), "longer decimal": lambda: decimal.Decimal("1.00"),
    "fraction": lambda: fractions.Fraction(1, 3), "uuid": lambda: uuid.UUID(int=5), "path": lambda: pathlib.PurePosixPath("a/b"),
    "pattern": lambda: re.compile("a+", re.I), "array": lambda: array.array("d", [1.0]), "error": lambda: ValueError("a", 1),
    "enum": lambda: Color.RED, "dataclass": lambda: Point(1), "namedtuple": lambda: Pair(1, 2), "slotted": lambda: Slotted(),
    "subclass": lambda: Text("a"), "function": lambda: double, "class": lambda: Point, "builtin": lambda: len,
    "partial": lambda: functools.partial(double, 3), "getter": lambda: operator.itemgetter("a"), "cycle": _cycle, "deep": _deep,
    "alias": lambda: list[int], "union": lambda: int | None, "module": lambda: re, "object": lambda: object(),
}  # fmt: skip


def tables() -> dict[str, Callable[[], Any]]:
    """Values of numpy, pandas, polars and Arrow."""
    import numpy as np
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    index = pd.date_range("2024-01-01", periods=3, freq="D", tz="UTC", name="day").as_unit("ns")
    texts = pd.array(["x", None, "z"], dtype=object)
    return {
        "int64": lambda: np.arange(6), "int32": lambda: np.arange(6, dtype="<i4"), "uint32": lambda: np.arange(6, dtype="<u4"),
        "big endian": lambda: np.arange(6, dtype=">i4"), "2 x 3": lambda: np.arange(6).reshape(2, 3),
        "3 x 2": lambda: np.arange(6).reshape(3, 2), "0-d": lambda: np.array(3), "scalar": lambda: np.int64(3),
        "float32": lambda: np.float32(3), "structured": lambda: np.array([(1, "a")], dtype=[("n", "<i4"), ("t", "<U1")]),
        "objects": lambda: np.array([1, "a", None], dtype=object), "times": lambda: np.array(["2024-01-01"], "M8[D]"),
        "long": lambda: np.arange(9999), "masked": lambda: np.ma.array([1, 2], mask=[0, 1]), "dtype": lambda: np.dtype("<i4"),
        "generator": lambda: np.random.default_rng(5), "none of it": lambda: np.zeros((0, 3)),
        "frame": lambda: pd.DataFrame({"a": [1, 2, 3], "b": texts}, index=index),
        "other labels": lambda: pd.DataFrame({"a": [1, 2, 3], "c": texts}, index=index),
        "other index": lambda: pd.DataFrame({"a": [1, 2, 3], "b": texts}),
        "series": lambda: pd.Series([1, 2], name="n"), "unnamed": lambda: pd.Series([1, 2]),
        "category": lambda: pd.Series(pd.Categorical.from_codes([0, 1], pd.Index(["a", "b"], dtype=object))), "nullable": lambda: pd.Series([1, None], dtype="Int64"),
        "index": lambda: index, "no freq": lambda: pd.DatetimeIndex(index, freq=None), "multi": lambda: pd.MultiIndex.from_product([[1], [2, 3]]),
        "timestamp": lambda: pd.Timestamp("2024-01-01", tz="UTC").as_unit("ns"), "nat": lambda: pd.NaT, "na": lambda: pd.NA,
        "polars": lambda: pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [[1], [2]]}),
        "polars series": lambda: pl.Series("s", [1.5, None]), "table": lambda: pa.table({"a": [1, None], "b": ["x", None]}),
        "arrow": lambda: pa.array([1, None]), "schema": lambda: pa.schema([("a", pa.int8())]),
    }  # fmt: skip
