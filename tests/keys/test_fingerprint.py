"""Equal values have equal fingerprints, all others do not; what has none is named by the way to it."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import dataclasses
import datetime
import decimal
import functools
import io
import json
import logging
import pathlib
import struct
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spotmagic.errors import OptionError, Uncacheable
from spotmagic.keys import Notes, digest, fingerprint, register_fingerprint
from spotmagic.values import plain
from tests.keys.conftest import mask

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(2**80), 2**80), st.floats(), st.text(max_size=5),
    st.binary(max_size=5), st.complex_numbers(allow_nan=False), st.decimals(allow_nan=False), st.dates(),
    st.timedeltas(), st.datetimes(timezones=st.none() | st.timezones()), st.uuids(), st.fractions(),
    st.binary(max_size=4).map(bytearray), st.sampled_from(["\ud800", "a\udfff", "\U0001d11e"]),
)  # fmt: skip
keys = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.tuples(st.integers(), st.text(max_size=2))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.lists(inner, max_size=4).map(tuple), st.dictionaries(keys, inner, max_size=4),
        st.sets(keys, max_size=4), st.frozensets(keys, max_size=4),
    ),
    max_leaves=12,
)  # fmt: skip


def said(value: Any) -> Any:
    """The value spelled out, by other means than ours: types, order where there is one, every bit of a float."""
    kind = type(value).__name__
    if isinstance(value, float):
        return [kind, struct.pack(">d", value).hex()]
    if isinstance(value, complex):
        return [kind, said(value.real), said(value.imag)]
    if isinstance(value, list | tuple):
        return [kind, [said(item) for item in value]]
    if isinstance(value, dict):
        return [kind, [[said(key), said(item)] for key, item in value.items()]]
    if isinstance(value, set | frozenset):
        return [kind, sorted(json.dumps(said(item)) for item in value)]
    if isinstance(value, datetime.datetime):
        return [kind, repr(value), str(getattr(value.tzinfo, "key", value.tzinfo)), value.fold]
    return [kind, ascii(value)]


@given(values)
def test_a_copy_has_the_same_fingerprint(value: Any) -> None:
    assert fingerprint(copy.deepcopy(value)) == fingerprint(value)


@settings(max_examples=300)
@given(values, values)
def test_two_values_share_one_exactly_when_they_are_the_same(one: Any, other: Any) -> None:
    assert (fingerprint(one) == fingerprint(other)) is (said(one) == said(other))


@given(values, st.data())
def test_a_value_wrapped_or_changed_inside_has_another(value: Any, data: st.DataObject) -> None:
    for around in ([value], (value,), {"a": value}, [[value]], [value, value], {"a": value, "b": value}):
        assert fingerprint(around) != fingerprint(value)
    other = data.draw(scalars)
    assume(said(value) != said(other))
    assert fingerprint([1, {"a": (value, 2)}]) != fingerprint([1, {"a": (other, 2)}])


@given(st.lists(st.one_of(st.text(max_size=6), st.binary(max_size=6)), max_size=4), st.data())
def test_pieces_of_a_digest_are_framed(pieces: list[bytes | str], data: st.DataObject) -> None:
    other = data.draw(st.lists(st.one_of(st.text(max_size=6), st.binary(max_size=6)), max_size=4))
    assert (digest(*pieces) == digest(*other)) is (said(pieces) == said(other))


def test_shared_objects_count_by_content_and_cycles_end() -> None:
    shared = [1]
    assert fingerprint([shared, shared]) == fingerprint([[1], [1]])
    one: list[Any] = [1]
    one.append(one)
    two: list[Any] = [2]
    two.append(two)
    assert fingerprint(one) != fingerprint(two)
    both: list[Any] = []
    both += [both, both, both]
    assert fingerprint(both) == fingerprint(both)

    class Node:
        def __init__(self) -> None:
            self.me, self.peers = self, {self}

    assert fingerprint(Node()) == fingerprint(Node())


def test_a_long_chain_of_objects_does_not_overflow() -> None:
    chain: Any = None
    for number in range(5000):
        chain = {"next": (chain,), "n": number}
    assert fingerprint(chain) != fingerprint(chain["next"][0])


def test_bytes_that_msgpack_takes_without_asking_are_told_apart() -> None:
    import msgpack

    alike = [
        b"ab",
        bytearray(b"ab"),
        memoryview(b"ab"),
        "ab",
        msgpack.ExtType(7, b"\x01"),
        (),
        [msgpack.ExtType(7, b"\x01")],
    ]
    for place in (lambda v: v, lambda v: [v], lambda v: {"a": [v]}, lambda v: (v,), lambda v: ([{"x": v}],)):
        assert len({fingerprint(place(value)) for value in alike}) == len(alike)


def test_large_buffers_count_to_the_last_byte() -> None:
    for make in (bytes, bytearray, memoryview):
        one, other = bytearray(100_000), bytearray(100_000)
        other[-1] = 1
        assert fingerprint([make(bytes(one))]) != fingerprint([make(bytes(other))])
        assert fingerprint(make(bytes(one))) == fingerprint(make(bytes(100_000)))


@dataclasses.dataclass
class Held:
    client: Any = None
    cfg: Any = None


def _generator() -> Any:
    yield 1


async def _coroutine() -> None:
    return None


@pytest.mark.parametrize(
    ("value", "where", "why"),
    [
        (lambda: Held(client=Held(cfg=_generator())), "value.client.cfg", "generator"),
        (lambda: {"a": [1, iter([1])]}, "value['a'][1]", "iterator"),
        (lambda: (1, map(str, [])), "value[1]", "read only once"),
        (lambda: Held(cfg={"log": io.TextIOWrapper(io.BytesIO())}), "value.cfg['log']", "open file"),
        (lambda: [_coroutine], "", ""),
        (lambda: [contextvars.ContextVar("v").set(1)], "value[0]", "whether it was used"),
        (lambda: [asyncio.Event, zip([])], "value[1]", "zip"),
        (lambda: functools.partial(print, file=io.BufferedReader(io.BytesIO())), "value", "open file"),  # type: ignore[arg-type]
    ],
)
def test_what_has_no_fingerprint_is_named(value: Callable[[], Any], where: str, why: str) -> None:
    if not where:
        fingerprint(value())
        return
    with pytest.raises(Uncacheable) as caught:
        fingerprint(value())
    assert caught.value.path.startswith(where)
    assert why in str(caught.value)
    iterates = str(caught.value).find("read only once") > 0
    for way in ("Give it a list",) if iterates else ("ignore=", "register", "key="):
        assert way in str(caught.value)


def test_errors_use_the_name_the_value_has() -> None:
    with pytest.raises(Uncacheable, match=r"`cfg\.client`"):
        fingerprint(Held(client=_generator()), path="cfg")


class Breaking:
    def __reduce_ex__(self, protocol: Any) -> Any:
        raise ZeroDivisionError("not today")


def test_code_of_the_value_that_raises_makes_it_uncacheable_not_an_error() -> None:
    with pytest.raises(Uncacheable, match="ZeroDivisionError: not today"):
        fingerprint([Breaking()])


def test_handles_count_by_type_and_settings_and_are_noted() -> None:
    import httpx

    notes = Notes()
    one = fingerprint(Held(httpx.Client(base_url="https://a.example/")), notes=notes)
    assert one == fingerprint(Held(httpx.Client(base_url="https://a.example/")))
    assert one != fingerprint(Held(httpx.Client(base_url="https://b.example/")))
    assert one != fingerprint(Held(httpx.AsyncClient(base_url="https://a.example/")))
    assert list(notes.handles) == ["httpx.Client (base_url=https://a.example/)"]
    assert fingerprint(threading.Lock()) != fingerprint(threading.RLock())
    assert fingerprint(logging.getLogger("a")) != fingerprint(logging.getLogger("b"))


def test_no_password_of_a_url_is_noted() -> None:
    import httpx

    notes = Notes()
    client = httpx.Client(base_url="https://me:hunter2@host/db")
    assert fingerprint(client, notes=notes) == fingerprint(httpx.Client(base_url="https://host/db"))
    assert list(notes.handles) == ["httpx.Client (base_url=https://host/db/)"]


def test_secrets_enter_masked_and_are_noted() -> None:
    from pydantic import SecretStr

    notes = Notes()
    one = fingerprint([SecretStr("a")], notes=notes, mask=mask)
    assert notes.secret
    assert one == fingerprint([SecretStr("a")], mask=mask)
    assert one != fingerprint([SecretStr("b")], mask=mask)
    assert one != fingerprint([SecretStr("a")], mask=lambda data: digest("another user", data))


def test_a_registered_type_counts_by_what_its_function_gives() -> None:
    class Model:
        def __init__(self, name: str) -> None:
            self.name, self.lock = name, _generator()

    class Sub(Model):
        pass

    with pytest.raises(Uncacheable):
        fingerprint(Model("a"))
    register_fingerprint(Model, lambda model: ("model", model.name))
    assert fingerprint(Model("a")) == fingerprint(Model("a")) != fingerprint(Model("b"))
    assert fingerprint(Sub("a")) != fingerprint(Model("a"))
    for wrong in ((int, repr), (1, repr), (Model, "name")):
        with pytest.raises(OptionError):
            register_fingerprint(*wrong)


def test_objects_count_by_class_and_whole_state() -> None:
    import attrs
    import pydantic

    @attrs.define
    class Attrs:
        x: int = 1

    class Pydantic(pydantic.BaseModel):
        model_config = {"extra": "allow"}
        x: int = 1
        y: str = "a"

    class Custom:
        def __init__(self, x: int) -> None:
            self.x, self.cache = x, object

        def __getstate__(self) -> Any:
            return {"x": self.x}

    class Lazy:
        @functools.cached_property
        def costly(self) -> int:
            return 5

    assert fingerprint(Attrs(1)) == fingerprint(Attrs()) != fingerprint(Attrs(2))
    assert fingerprint(Pydantic(x=1)) == fingerprint(Pydantic(x=1)) != fingerprint(Pydantic(x=2))
    assert fingerprint(Pydantic(x=1)) != fingerprint(Pydantic(x=1, y="a")), "what was set is told by exclude_unset"
    assert fingerprint(Pydantic(x=1, z=3)) != fingerprint(Pydantic(x=1, z=4))
    assert fingerprint(Custom(1)) == fingerprint(Custom(1)) != fingerprint(Custom(2))
    lazy = Lazy()
    before = fingerprint(lazy)
    assert lazy.costly == 5
    assert fingerprint(lazy) == before, "a cached property is derived"


def test_values_that_predecessors_confused() -> None:
    import numpy as np
    import pandas as pd

    different = [
        lambda x: x + 1, lambda x: x + 2, functools.partial(max, 1), functools.partial(max, 2), ValueError("a"),
        ValueError("b"), pd.Timestamp("2020"), pd.Timestamp("2021"), 1, np.int64(1), np.int32(1), True, 1.0,
        np.float64(1), "1", decimal.Decimal(1), pathlib.Path("1"), pathlib.PurePath("1"),
    ]  # fmt: skip
    assert len({fingerprint(value) for value in different}) == len(different)


def test_memory_layout_chunks_and_leftovers_do_not_matter() -> None:
    import numpy as np
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    numbers = np.arange(60_000.0).reshape(300, 200)
    padded = np.zeros((300, 400))
    padded[:, ::2] = numbers
    assert fingerprint(np.asfortranarray(numbers)) != fingerprint(numbers)  # sums differ in their last digits
    for same in (padded[:, ::2], np.array(numbers, order="K"), numbers[::-1][::-1]):
        assert fingerprint(same) == fingerprint(numbers)
    assert fingerprint(numbers.T) != fingerprint(numbers)
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [1.0, 2, 3]})
    assert fingerprint(frame[frame.a > 0]) == fingerprint(frame.iloc[[0, 1, 2]].copy())
    table = pa.table({"a": [1, None, 3], "b": ["x", None, "zz"]})
    assert fingerprint(pa.concat_tables([table.slice(0, 1), table.slice(1)])) == fingerprint(table)
    assert fingerprint(table.slice(1)) == fingerprint(
        pa.table({"a": pa.array([None, 3]), "b": ["" and "x" or None, "zz"]})
    )
    polars = pl.DataFrame({"a": [1, None, 3], "b": ["x", None, "zz"]})
    assert fingerprint(pl.concat([polars[:1], polars[1:]], rechunk=False)) == fingerprint(polars)
    masked = pd.array([1, 5], dtype="Int64")
    masked[1] = None
    assert fingerprint(masked) == fingerprint(pd.array([1, None], dtype="Int64"))


def test_everything_of_a_frame_counts() -> None:
    import pandas as pd

    def frame() -> Any:
        return pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}, index=pd.Index([5, 6], name="i"))

    other = [frame() for _ in range(9)]
    other[0].columns = ["a", "c"]
    other[1].index = [5, 7]
    other[2].index.name = "j"
    other[3].columns.name = "k"
    other[4].attrs["unit"] = "EUR"
    other[5]["a"] = other[5]["a"].astype("int32")
    other[6]["b"] = other[6]["b"].astype("category")
    other[7] = other[7][["b", "a"]]
    other[8].loc[6, "b"] = "z"
    assert len({fingerprint(one) for one in [frame(), *other]}) == 10
    assert fingerprint(frame()) == fingerprint(frame().copy())


def test_every_means_of_waiting_counts_by_type_and_what_reaches_out_is_told() -> None:
    import contextvars
    import sqlite3
    from concurrent.futures import ThreadPoolExecutor

    loop = asyncio.new_event_loop()
    with ThreadPoolExecutor(1) as pool:
        plumbing = [
            threading.Lock(), threading.RLock(), threading.Condition(), threading.Event(), threading.Semaphore(),
            threading.Barrier(1), threading.local(), threading.Thread(), asyncio.Lock(), asyncio.Event(),
            asyncio.Condition(), asyncio.Semaphore(), loop, logging.NullHandler(), contextvars.copy_context(),
        ]  # fmt: skip
        for told, values in ((0, plumbing), (1, [logging.getLogger("a"), pool])):
            for value in values:
                notes = Notes()
                assert fingerprint([value], notes=notes)
                assert len(notes.handles) == told, value
    loop.close()
    with sqlite3.connect(":memory:") as connection, pytest.raises(Uncacheable, match="a database in memory"):
        fingerprint({"db": connection})
    connection.close()


def test_a_figure_has_no_fingerprint_but_a_copy_of_it_can_be_checked_by_its_picture() -> None:
    from matplotlib.figure import Figure

    figures = [Figure(figsize=(1, 1)) for _ in range(3)]
    for figure, height in zip(figures, (1, 1, 2), strict=True):
        figure.subplots().bar([0, 1], [height, 3])
    with pytest.raises(Uncacheable, match="figure"):
        fingerprint({"fig": figures[0]})
    first, same, other = (fingerprint([figure, figure.axes[0]], as_copied=True) for figure in figures)
    assert first == same != other


@pytest.mark.parametrize("kind", [str, int])
def test_a_large_set_counts_by_what_it_holds_now_in_whatever_way_that_came_about(kind: type) -> None:
    """What was sorted once is not sorted again: but for as many other items, in the same set or in its place."""
    held = set(map(kind, range(3000)))
    first = fingerprint(held)
    held.remove(kind(7))
    held.add(kind(-7))
    changed = fingerprint(held)
    assert changed == fingerprint(set(held)) != first
    held.remove(kind(-7))
    held.add(kind(7))
    assert fingerprint(held) == first == fingerprint(set(map(kind, range(3000))))
    held.remove(kind(7))
    held.add(7.5)
    assert fingerprint(held) != first
    told = [fingerprint(set(map(kind, range(start, start + 3000)))) for start in range(20)]
    assert len(set(told)) == 20, "each may have the memory of the one before"


def test_a_large_set_is_sorted_once_as_long_as_it_holds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    sorts: list[int] = []
    sort = plain._in_order
    monkeypatch.setattr(plain, "_in_order", lambda items: sorts.append(len(items)) or sort(items))
    held = set(map(str, range(3000)))
    assert fingerprint(held) == fingerprint(held)
    assert sorts == [3000]
    held.add("more")
    assert fingerprint(held) == fingerprint(held)
    assert sorts == [3000, 3001]
