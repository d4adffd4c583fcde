"""Pickle comes last, only for myself, and only when what is read back is what was saved."""

from __future__ import annotations

import asyncio
import functools
import gc
import io
import queue
import random
import re
import socket
import sqlite3
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from msgpack import packb

from spotmagic.codecs import Undecodable, decode, encode, is_safe
from spotmagic.errors import Uncacheable
from spotmagic.keys import fingerprint
from spotmagic.testing import same

matplotlib.use("agg")


class Config:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class Forgetful(Config):
    """Leaves out what it holds when it is pickled."""

    def __getstate__(self) -> Any:
        return {name: value for name, value in vars(self).items() if name != "rows"}


class Mixer(Config):
    """Comes back with something else."""

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state, rows=[0])


class Proxy(Config):
    """Comes back as another class."""

    def __reduce__(self) -> Any:
        return Config, ()


def back(value: object) -> Any:
    encoded = encode(value)
    assert encoded.codecs == ("pickle",)
    return decode(encoded.codecs, encoded.head, [bytearray(buffer) for buffer in encoded.buffers], trusted=True)


def test_an_object_comes_back() -> None:
    copy = back({"cfg": Config(a=1, rows=[1, (2,)])})
    assert type(copy["cfg"]) is Config and same(vars(copy["cfg"]), {"a": 1, "rows": [1, (2,)]})


def test_what_is_shared_with_plain_values_stays_shared() -> None:
    rows = [1]
    copy = back({"cfg": Config(rows=rows), "rows": rows})
    assert copy["cfg"].rows is copy["rows"]


def test_a_cycle_that_no_codec_keeps_is_pickled() -> None:
    inner: list[Any] = []
    value = (inner,)
    inner.append(value)
    copy = back(value)
    assert copy[0][0] is copy


@pytest.mark.parametrize("kind", [Forgetful, Mixer, Proxy])
def test_a_pickle_that_lies_is_refused(kind: type) -> None:
    with pytest.raises(Uncacheable, match="back"):
        encode([kind(a=1, rows=[1, 2, 3])])


def test_what_a_pickle_changes_in_objects_that_lead_to_each_other_is_told_at_once() -> None:
    """As in a parsed page, where each part leads to all others: looked at one by one they would have no end."""
    page = Mixer(rows=[1])
    page.head = Config(page=page)
    page.body = Config(page=page, before=page.head)
    with pytest.raises(Uncacheable, match="comes back with another body, head, rows"):
        encode(page)


def test_large_arrays_inside_are_out_of_band_and_may_be_written() -> None:
    value = Config(data=np.arange(10_000.0))
    encoded = encode(value)
    assert len(encoded.head) < 4096 and max(len(buffer) for buffer in encoded.buffers) == 80_000
    frozen = [bytes(buffer) for buffer in encoded.buffers]
    for _ in range(2):
        copy = decode(encoded.codecs, encoded.head, frozen, trusted=True)
        assert copy.data[0] == 0
        copy.data[0] = 7


def test_large_objects_do_not_fill_the_head() -> None:
    encoded = encode(Config(text="x" * 100_000))
    assert len(encoded.head) < 100 and len(encoded.buffers) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: pd.DataFrame({"a": [[1], {"b": 2}]}),
        lambda: pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}),
        lambda: np.array([[1, [2]], [3, None]], dtype=object),
        lambda: np.rec.array([(1, 2.0)], names="a,b"),
        lambda: re.compile("a+"),
        lambda: functools.partial(int, base=2),
        lambda: io.BytesIO(b"x"),
        lambda: np.random.default_rng(3),
        lambda: types.MappingProxyType({"a": 1}),
    ],
)
def test_what_has_no_codec_is_pickled_and_comes_back(make: Any) -> None:
    value = make()
    copy = back(value)
    assert type(copy) is type(value)
    if isinstance(value, pd.DataFrame):
        pd.testing.assert_frame_equal(copy, value)


@pytest.mark.parametrize(
    "found",
    [
        re.search(r"(\w+)@(?P<host>\w+)?", "to joe@home now"),
        re.compile(r"(?<=a)b|c").search("aab c", 2),
        re.fullmatch(rb"a(b)?", b"a"),
        re.compile("a*?").fullmatch("xaa", 1, 3),
        re.match("", ""),
    ],
)
def test_a_match_comes_back_as_it_was_found(found: re.Match[Any]) -> None:
    copy = back(found)
    told = [(m.re, m.string, m.regs, m.pos, m.endpos, m.lastgroup, m.groups(), m.groupdict()) for m in (found, copy)]
    assert told[0] == told[1]
    assert fingerprint(copy) == fingerprint(found)


def test_a_match_that_a_search_would_not_find_is_refused() -> None:
    *_, last = re.finditer("a", "aaa")
    with pytest.raises(Uncacheable, match="finditer"):
        encode(last)


def test_the_generator_that_all_share_stays_the_one() -> None:
    own = np.random.RandomState(1)
    copy = back([np.random.mtrand._rand, random._inst, own])
    assert copy[0] is np.random.mtrand._rand and copy[1] is random._inst
    assert copy[2] is not own and copy[2].rand() == own.rand()


def test_a_frame_comes_back_with_what_was_put_on_it() -> None:
    frame = pd.DataFrame({"a": [[1], [2]]})
    object.__setattr__(frame, "design", {"formula": "y ~ x"})
    copy = back({"inside": frame})["inside"]
    pd.testing.assert_frame_equal(copy, frame)
    assert copy.design == {"formula": "y ~ x"} and fingerprint(copy) == fingerprint(frame)


def test_a_figure_comes_back_without_joining_those_that_are_shown() -> None:
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    before = plt.get_fignums()
    copy = back(figure)
    assert plt.get_fignums() == before and [list(line.get_ydata()) for line in copy.axes[0].lines] == [[1, 2, 3]]
    plt.close("all")


class TestFunctionsAndClassesOfTheNotebook:
    @pytest.fixture
    def cell(self, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
        cell = types.ModuleType("__main__")
        monkeypatch.setitem(sys.modules, "__main__", cell)
        exec("class Doc:\n    def __init__(self, text): self.text = text\ndef clean(x): return x", cell.__dict__)
        return cell

    def test_are_found_by_name_in_the_running_namespace(self, cell: types.ModuleType) -> None:
        encoded = encode([cell.Doc("a"), {"f": 1, "g": cell.Doc}])
        exec("class Doc:\n    def __init__(self, text): self.text = text", cell.__dict__)
        copy = decode(encoded.codecs, encoded.head, encoded.buffers, trusted=True)
        assert type(copy[0]) is cell.Doc and copy[1]["g"] is cell.Doc

    def test_that_are_not_defined_yet_make_it_a_miss(self, cell: types.ModuleType) -> None:
        encoded = encode(cell.Doc("a"))
        del cell.Doc
        with pytest.raises(Undecodable) as caught:
            decode(encoded.codecs, encoded.head, encoded.buffers, trusted=True)
        assert caught.value.kind == "unknown codec"


def test_pickles_are_for_their_own_writer() -> None:
    encoded = encode(Config(a=1))
    assert not is_safe(encoded.codecs)
    with pytest.raises(Undecodable) as caught:
        decode(encoded.codecs, encoded.head, encoded.buffers, trusted=False)
    assert caught.value.kind == "foreign"


def test_pickle_can_be_turned_off() -> None:
    with pytest.raises(Uncacheable, match="off") as caught:
        encode({"a": [1, Config()]}, pickle="never")
    assert caught.value.path == "value['a'][1]"


async def _coroutine() -> None:
    pass


_REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "lock": (threading.Lock, "a lock"),
    "reentrant lock": (threading.RLock, "a lock"),
    "event": (threading.Event, "a lock"),
    "generator": (lambda: (n for n in range(3)), "generator"),
    "iterator": (lambda: iter([1, 2]), "iterator"),
    "map": (lambda: map(str, [1]), "iterator"),
    "file": (Path(__file__).open, "open file"),
    "socket": (socket.socket, "socket"),
    "connection": (lambda: sqlite3.connect(":memory:"), "database"),
    "queue": (queue.Queue, "queue"),
    "lock of asyncio": (asyncio.Lock, "asyncio"),
    "frame": (sys._getframe, "running code"),
    "view": (lambda: memoryview(b"x"), "view of memory"),
    "thread local": (threading.local, "thread"),
}


@pytest.mark.parametrize("name", _REFUSED)
def test_what_lives_in_this_process_only_is_refused_with_its_path(name: str) -> None:
    make, why = _REFUSED[name]
    held = make()
    try:
        with pytest.raises(Uncacheable, match=why) as caught:
            encode({"cfg": Config(client=Config(_held=held))})
        assert caught.value.path == "value['cfg'].client._held"
    finally:
        if name in ("file", "socket", "connection"):
            held.close()


def test_a_coroutine_is_refused() -> None:
    waiting = _coroutine()
    with pytest.raises(Uncacheable, match="coroutine"):
        encode([waiting])
    waiting.close()


def test_the_way_to_what_is_in_the_way_goes_through_closures_and_slots() -> None:
    class Slotted:
        __slots__ = ("lock",)

    held = Slotted()
    held.lock = threading.Lock()

    def f() -> Any:
        return held

    with pytest.raises(Uncacheable) as caught:
        encode({"f": f})
    assert caught.value.path == "value['f'].held.lock"


def test_a_damaged_pickle_says_so() -> None:
    encoded = encode(Config(a=1, b="text"))
    for place in range(2, len(encoded.head)):
        try:
            decode(encoded.codecs, encoded.head[:place], (), trusted=True)
        except Undecodable:
            continue
        pytest.fail(f"a pickle cut at {place} was loaded")


class Watcher(Config):
    """Notes whether garbage is collected while it is read."""

    seen: list[bool] = []

    def __setstate__(self, state: Any) -> None:
        self.seen.append(gc.isenabled())
        self.__dict__.update(state)


@pytest.mark.parametrize("collects", [True, False])
def test_what_is_read_is_not_looked_through_for_garbage_while_it_is_made(collects: bool) -> None:
    Watcher.seen.clear()  # an attribute of the class, so a part of what it is
    kept = encode(Watcher(a=1))
    assert kept.codecs == ("pickle",)
    Watcher.seen.clear()
    (gc.enable if collects else gc.disable)()
    try:
        assert decode(kept.codecs, kept.head, kept.buffers, trusted=True).a == 1
        with pytest.raises(Undecodable):
            decode(kept.codecs, packb(b"no pickle"), trusted=True)
        assert Watcher.seen == [False] and gc.isenabled() == collects
    finally:
        gc.enable()
