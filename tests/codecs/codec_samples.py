"""One value of every codec, and how a store hands their bytes back."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import types
import typing
import zoneinfo

import attrs
import httpx
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import requests
from PIL import Image

from spotmagic.codecs import Encoded, decode, encode


@dataclasses.dataclass
class Point:
    x: int
    tags: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    x: int
    y: object = None


class Color(enum.Enum):
    RED = 1
    BLUE = "b"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Row(typing.NamedTuple):
    a: int
    b: str = "x"


@attrs.define
class Slotted:
    x: int
    _hidden: list[int] = attrs.field(factory=list)


@attrs.frozen(slots=False)
class Unslotted:
    x: int


class Answer(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    text: str
    tokens: int = 0
    inner: typing.Any = None
    kind: str = pydantic.Field("plain", alias="type")
    _request: str = pydantic.PrivateAttr("")


class Refusal(Exception):
    """Asks for other arguments than the ones it keeps."""

    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


RECORDS = (Point, Frozen, Color, Rights, Row, Slotted, Unslotted, Answer, Refusal)


def response() -> httpx.Response:
    request = httpx.Request("POST", "https://example.org/v1?q=1", headers={"Accept": "text/plain"})
    return httpx.Response(200, headers=[("X-A", "1"), ("X-A", "2")], json={"a": [1]}, request=request)


def old_response() -> requests.Response:
    made = requests.Response()
    made.status_code, made._content, made._content_consumed, made.url = 200, b'{"a": 1}', True, "https://example.org/"
    made.headers["X-A"] = "1"
    return made


def samples() -> dict[str, object]:
    """Values by name."""
    shared = [1, 2]
    moment = dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris"))
    frame = pd.DataFrame(
        {"n": [1, 2], "s": pd.array(["a", None], dtype=pd.StringDtype("python")), "c": pd.Categorical(["x", "y"])},
        index=pd.date_range("2024", periods=2, freq="D", name="day"),
    )
    error = ValueError("a", 1)
    error.add_note("note")
    return {
        "plain": {"a": [1, (2, {3}), moment, b"x", 2.5, None, 2**80], (1, 2): frozenset({"k"})},
        "shared": {"a": shared, "b": [shared], "c": collections.deque([shared], 3)},
        "bytes": [b"x" * 5000, bytearray(b"y" * 5000), "long " * 2000],
        "array": np.arange(12, dtype=">f4").reshape(3, 4).T,
        "large array": np.arange(4000.0),
        "structure": np.zeros(3, dtype=[("a", "<i4"), ("b", "<U3", (2,))]),
        "texts": np.array(["a", None, 1.5], dtype=object),
        "scalar": [np.float64(1.5), np.datetime64("2024", "s"), np.str_("x"), np.bool_(True)],
        "frame": frame,
        "series": pd.Series([1.5, None], name=("a", 1)),
        "index": pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", None]),
        "stamp": [pd.Timestamp("2024", tz="UTC"), pd.NaT, pd.NA, pd.Period("2024Q1"), pd.Interval(0, 1)],
        "polars": pl.DataFrame({"a": [1, None], "l": [[1], []], "s": ["x", "y"]}),
        "arrow": pa.table({"a": [1, None], "s": ["x", "y"]}),
        "point": [Point(1, ["t"]), Frozen(1, (2,)), Row(1), Slotted(1, [2]), Unslotted(2)],
        "enum": [Color.RED, Rights.READ | Rights.WRITE],
        "model": Answer(text="hi", inner=Point(1), more=[1]),
        "namespace": types.SimpleNamespace(a=1, b=[2]),
        "error": [error, OSError(2, "No", "f"), Refusal(code=3), ExceptionGroup("g", [KeyError("k")])],
        "image": Image.new("RGB", (5, 4), (1, 2, 3)),
        "response": response(),
        "old response": old_response(),
    }


def stored(encoded: Encoded) -> list[memoryview]:
    """Buffers as a store hands them in: private and writable."""
    return [memoryview(bytearray(buffer)) for buffer in encoded.buffers]


def back(value: object, *, trusted: bool = True) -> typing.Any:
    """A value through the codecs and back, with pickle off."""
    encoded = encode(value, pickle="never")
    return decode(encoded.codecs, encoded.head, stored(encoded), trusted=trusted)
