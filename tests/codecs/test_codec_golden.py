"""Bytes that were written once are read for ever. Running this file adds rows; old ones are never changed."""

from __future__ import annotations

import base64
import collections
import contextlib
import datetime as dt
import decimal
import fractions
import json
import pathlib
import uuid
import zoneinfo
from array import array

import pytest
from codec_samples import samples
from msgpack import ExtType, unpackb

from spotmagic.codecs import decode, encode, plain
from spotmagic.testing import same

FILE = pathlib.Path(__file__).with_name("golden.json")


def values() -> dict[str, object]:
    """A value for every code of the table, and one of every codec that needs no network."""
    moment = dt.datetime(2024, 10, 27, 2, 30, 1, 5, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris"))
    shared = {"a": 1}
    circle: list[object] = [1]
    circle.append(circle)
    return {
        "natives": [None, True, False, 0, -1, 2**64 - 1, 1.5, -0.0, "é", b"\0"],
        "tuple": (1, ("a", ())),
        "int": 2**100,
        "negative int": -(2**100),
        "text": "\ud800",
        "bytearray": bytearray(b"x"),
        "complex": 1 - 2j,
        "set": {1, "a"},
        "frozenset": frozenset({(1, 2)}),
        "deque": collections.deque([1], 3),
        "ordered": collections.OrderedDict(b=1, a=2),
        "default": collections.defaultdict(list, a=[1]),
        "counter": collections.Counter("aab"),
        "datetime": moment,
        "date": moment.date(),
        "time": dt.time(1, 2, 3, 4, fold=1),
        "timedelta": dt.timedelta(-1, 5, 7),
        "timezone": dt.timezone(dt.timedelta(hours=1), "X"),
        "zone": zoneinfo.ZoneInfo("UTC"),
        "decimal": decimal.Decimal("-1.50"),
        "fraction": fractions.Fraction(-1, 3),
        "uuid": uuid.UUID(int=7),
        "path": pathlib.PurePosixPath("a/é"),
        "windows path": pathlib.PureWindowsPath("c:/x"),
        "range": range(1, 9, 2),
        "slice": slice(1, None, "s"),
        "constants": [..., NotImplemented],
        "types": [int, dict, dt.date],
        "machine array": array("d", [1.5]),
        "again": [shared, shared],
        "circle": circle,
        "out of band": [b"x" * 5000, bytearray(b"y" * 5000)],
        "keys": {1: "a", "1": "b", (1, 2): None, 2.5: b"", frozenset(): 0},
        **{f"codec {name}": value for name, value in samples().items() if "response" not in name and name != "image"},
    }


@pytest.mark.parametrize("name", json.loads(FILE.read_text()) if FILE.exists() else [])
def test_bytes_of_every_version_are_read(name: str) -> None:
    row = json.loads(FILE.read_text())[name]
    buffers = [bytearray(base64.b64decode(buffer)) for buffer in row["buffers"]]
    value = decode(tuple(row["codecs"]), base64.b64decode(row["head"]), buffers, trusted=True)
    assert same(value, values()[name])


def test_every_code_of_the_table_has_its_bytes_here() -> None:
    seen: set[int] = set()

    def note(code: int, data: bytes) -> None:
        seen.add(code)
        with contextlib.suppress(ValueError, UnicodeDecodeError):
            inside = unpackb(data, ext_hook=note, strict_map_key=False)
            if code in (plain.FIRST, plain.CODED):
                unpackb(inside[2], ext_hook=note, strict_map_key=False)

    for row in json.loads(FILE.read_text()).values():
        unpackb(base64.b64decode(row["head"]), ext_hook=note, strict_map_key=False)
    missing = {*plain.DECODERS, plain.BUFFER, plain.BYTES, plain.FIRST, plain.AGAIN, plain.CODED} - seen
    assert missing == {plain.PAIRS}  # made only of keys that differ by identity, which cannot be compared


def test_the_table_gives_each_code_once() -> None:
    codes = [value for name, value in vars(plain).items() if name.isupper() and type(value) is int]
    assert len(codes) == len(set(codes))
    assert unpackb(encode((1,)).head) == ExtType(0, b"\x91\x01")


if __name__ == "__main__":
    rows = json.loads(FILE.read_text()) if FILE.exists() else {}
    for name, value in values().items():
        if name not in rows:
            made = encode(value, pickle="never")
            parts = [base64.b64encode(buffer).decode() for buffer in made.buffers]
            rows[name] = {"codecs": made.codecs, "head": base64.b64encode(made.head).decode(), "buffers": parts}
    FILE.write_text(json.dumps(rows, indent=0) + "\n")
