"""What is encoded comes back: equal in type and value all through, a fresh copy each time, or it is refused by name."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import fractions
import math
import pathlib
import tracemalloc
import types
import uuid
import zoneinfo
from array import array

import numpy as np
import pandas as pd
import pytest
from codec_samples import back
from codec_values import arrays, frames, leaves, plain_values
from hypothesis import HealthCheck, given, settings

from spotmagic.codecs import decode, encode, register
from spotmagic.errors import Uncacheable
from spotmagic.testing import same

quiet = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@given(plain_values())
@quiet
def test_plain_values_come_back_the_same(value: object) -> None:
    assert same(value, back(value))
    assert same(value, back(value, trusted=False))


@given(plain_values())
@quiet
def test_the_short_way_and_the_long_way_agree(value: object) -> None:
    """A bytearray beside a value sends it through the writer instead of the C packer."""
    assert same([value, bytearray(b"x")], back([value, bytearray(b"x")]))


@given(arrays())
@quiet
def test_arrays_come_back_the_same(value: object) -> None:
    assert same(value, back(value))
    assert same(value, back(value, trusted=False))


@given(frames())
@settings(quiet, max_examples=80)
def test_frames_come_back_the_same(value: object) -> None:
    assert same(value, back(value))
    assert same(value, back(value, trusted=False))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        1,
        -1,
        2**63,
        2**64 - 1,
        2**64,
        -(2**63),
        -(2**63) - 1,
        10**400,
        0.0,
        -0.0,
        math.inf,
        -math.inf,
        math.nan,
        1e-320,
        1j,
        complex(-0.0, math.nan),
        "",
        "a",
        "é",
        "\ud800",
        "a\0b",
        "x" * 5000,
        b"",
        b"x" * 5000,
        bytearray(b"x" * 5000),
        (),
        [],
        {},
        set(),
        frozenset(),
        (1,),
        [(1,), [1]],
        {1: "a", "1": "b", None: 0, (1, 2): 3, 2.5: 4, b"k": 5},
        {frozenset({1}): {2}},
        {"\ud800": "a", "b": ["\udfff"]},
        collections.deque([1, 2], maxlen=3),
        collections.deque(),
        collections.OrderedDict(b=1, a=2),
        collections.Counter("abca"),
        collections.Counter(a=-1, b=0),
        collections.defaultdict(list, a=[1]),
        collections.defaultdict(None, a=1),
        dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")),
        dt.datetime.max,
        dt.datetime.min,
        dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1), "CET")),
        dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        dt.date.max,
        dt.time(1, 2, 3, 4, fold=1),
        dt.time(1, tzinfo=dt.UTC),
        dt.timedelta.min,
        dt.timedelta.max,
        dt.UTC,
        zoneinfo.ZoneInfo("UTC"),
        decimal.Decimal("1.50"),
        decimal.Decimal("-0"),
        decimal.Decimal("sNaN123"),
        decimal.Decimal("1E+999"),
        fractions.Fraction(-1, 3),
        uuid.uuid1(),
        uuid.UUID(int=0),
        pathlib.PurePosixPath("//a/b"),
        pathlib.PureWindowsPath("c:/x"),
        pathlib.Path(),
        pathlib.Path("/a b/é"),
        range(0),
        range(5, -3, -2),
        range(10**30),
        slice(None),
        slice("a", (1,), [2]),
        ...,
        NotImplemented,
        int,
        dict,
        type(None),
        array("d", [1.5]),
        array("q"),
        array("b", b"x" * 9000),
        types.SimpleNamespace(a=[1], b={"c": (2,)}),
        [[[[[[1]]]]]],
        {"a": {"b": {"c": ({"d": [None]},)}}},
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain_kinds_come_back_the_same(value: object) -> None:
    for trusted in (True, False):
        assert same(value, back(value, trusted=trusted))
        assert same([value, "x", (value,)], back([value, "x", (value,)]))


@given(leaves())
@settings(quiet, max_examples=60)
def test_each_copy_is_fresh(leaf: object) -> None:
    value = {"rows": [[leaf]], "buffer": bytearray(b"x" * 5000)}
    encoded = encode(value)
    buffers = [bytes(buffer) for buffer in encoded.buffers]
    first = decode(encoded.codecs, encoded.head, buffers, trusted=True)
    first["rows"][0].append("changed")
    first["buffer"][0] = 0
    assert same(decode(encoded.codecs, encoded.head, buffers, trusted=True), value)


class TestWhatIsShared:
    def test_two_names_for_one_list_come_back_as_one_list(self) -> None:
        rows: list[int] = [1]
        copy = back({"a": rows, "b": [rows]})
        copy["a"].append(2)
        assert copy["b"][0] is copy["a"] and copy["b"] == [[1, 2]]

    def test_equal_lists_that_are_two_stay_two(self) -> None:
        copy = back({"a": [1], "b": [1]})
        assert copy["a"] is not copy["b"]

    def test_empty_lists_too(self) -> None:
        rows: list[int] = []
        copy = back([rows, rows, []])
        assert copy[0] is copy[1] and copy[0] is not copy[2]

    @pytest.mark.parametrize("kind", [list, dict])
    def test_a_container_that_holds_itself_comes_back(self, kind: type) -> None:
        value = kind()
        value.append(value) if kind is list else value.update(me=value)
        copy = back(value)
        assert (copy[0] if kind is list else copy["me"]) is copy

    def test_a_long_text_in_many_places_is_stored_once(self) -> None:
        prompt = "You are. " * 10_000
        chats = [{"role": "system", "content": prompt, "n": n} for n in range(200)]
        encoded = encode(chats)
        assert len(encoded.head) < 2 * len(prompt)
        assert back(chats) == chats

    def test_a_tuple_of_tuples_of_tuples_takes_no_room(self) -> None:
        value: tuple[object, ...] = (1,)
        for _ in range(60):
            value = (value, value)
        encoded = encode(value)
        assert len(encoded.head) < 5_000

    def test_a_cycle_through_a_tuple_is_refused_with_its_path(self) -> None:
        inner: list[object] = []
        value = {"cfg": (inner,)}
        inner.append(value["cfg"])
        with pytest.raises(Uncacheable) as caught:
            encode([value["cfg"]], pickle="never")
        assert caught.value.path == "value[0][0][0]"


class TestWhatNoCodecKeeps:
    class Text(str):
        pass

    class Number(int):
        pass

    class Rows(list):  # noqa: FURB189
        pass

    @pytest.mark.parametrize(
        ("value", "path"),
        [
            ({"cfg": [1, Text("a")]}, "value['cfg'][1]"),
            ((1, {"n": Number(3)}), "value[1]['n']"),
            ([Rows([1])], "value[0]"),
            ({Text("key"): 1}, "value key 'key'"),
            ({"a": {"b": object()}}, "value['a']['b']"),
            ([memoryview(b"x")], "value[0]"),
        ],
        ids=["in a list", "in a dict", "a list", "a key", "an object", "a view"],
    )
    def test_is_refused_with_its_path_when_pickle_is_off(self, value: object, path: str) -> None:
        with pytest.raises(Uncacheable) as caught:
            encode(value, pickle="never")
        assert caught.value.path == path

    def test_the_path_starts_with_the_name_it_is_given(self) -> None:
        with pytest.raises(Uncacheable, match=r"^rows\[2\] cannot be kept"):
            encode([1, 2, object()], pickle="never", path="rows")

    def test_a_value_deeper_than_the_limit_is_refused(self) -> None:
        value: list[object] = []
        for _ in range(150):
            value = [value]
        with pytest.raises(Uncacheable):
            encode(value, pickle="never")

    def test_a_value_at_the_limit_comes_back(self) -> None:
        value: list[object] = [bytearray(b"x")]
        for _ in range(98):
            value = [value]
        assert same(value, back(value))
        assert same(value, back(value, trusted=False))

    def test_tuples_at_the_limit_come_back(self) -> None:
        value: tuple[object, ...] = ()
        for _ in range(99):
            value = (value, 1)
        assert same(value, back(value))
        assert same([bytearray(), value[0]], back([bytearray(), value[0]]))

    @pytest.mark.parametrize("kind", [collections.OrderedDict, collections.Counter])
    def test_attributes_set_on_a_dict_are_not_lost(self, kind: type) -> None:
        value = kind(a=1)
        value.note = "mine"
        with pytest.raises(Uncacheable, match="attributes"):
            encode(value, pickle="never")


class Token:
    """Equal to nothing but itself, and kept by a codec that says the same of each."""


def test_keys_that_differ_by_identity_alone_stay_apart() -> None:
    register(Token, encode=lambda token: "token", decode=lambda text: Token())
    copy = back({Token(): 1, Token(): 2})
    assert list(copy.values()) == [1, 2]
    assert len(back({float("nan"): 1, float("nan"): 2})) == 2


def test_the_check_of_a_table_shares_the_memory_of_its_many_columns() -> None:
    columns = [pd.DataFrame({f"c{number}": np.arange(7500.0)}) for number in range(100)]
    table = pd.concat(columns, axis=1)  # each column in memory of its own, 6 MB in all
    encode(table)
    tracemalloc.start()
    encoded = encode(table)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
    copy = decode(*encoded, trusted=True)
    copy.loc[0, "c1"] = 5.0
    assert table.loc[0, "c1"] == 0.0, "what is worked with has memory of its own"
