"""Large values stay out of band, come back over the memory they are handed, and what is small stays small."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from spotmagic.codecs import Encoded, decode, encode
from spotmagic.files import map_copy
from spotmagic.testing import same


def mapped(encoded: Encoded, folder: Path) -> list[memoryview]:
    """Buffers in a file, each at a multiple of 64 bytes, mapped private."""
    file = folder / "blob"
    with file.open("wb") as out:
        places = []
        for buffer in encoded.buffers:
            out.write(bytes(-out.tell() % 64))
            places.append((out.tell(), buffer.nbytes))
            out.write(buffer)
    with file.open("rb") as opened:
        view = memoryview(map_copy(opened.fileno(), file.stat().st_size))
    return [view[start : start + size] for start, size in places]


def memory(value: Any) -> Any:
    """Some numpy array that shows the memory of a value."""
    if isinstance(value, pd.DataFrame):
        return value.iloc[:, 0].to_numpy()
    if isinstance(value, pl.DataFrame):
        return value.to_series(0).to_numpy()
    if isinstance(value, pa.Table):
        return value.column(0).chunk(0).to_numpy()
    return value


COLUMN = np.arange(50_000.0)
LARGE = {
    "array": COLUMN,
    "turned array": COLUMN.reshape(500, 100).T,
    "frame of one kind": pd.DataFrame(COLUMN.reshape(5000, 10)),
    "frame of many kinds": pd.DataFrame({"a": COLUMN, "b": COLUMN.astype("i4"), "c": COLUMN > 7}),
    "polars": pl.DataFrame({"a": COLUMN, "s": ["x"] * 50_000}),
    "arrow": pa.table({"a": COLUMN, "s": ["x"] * 50_000}),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_values_come_back_over_the_map_without_a_copy(name: str, tmp_path: Path) -> None:
    encoded = encode(LARGE[name], pickle="never")
    buffers = mapped(encoded, tmp_path)
    assert len(encoded.head) < 1000 and all(buffer.nbytes > 4096 for buffer in encoded.buffers)
    copy = decode(encoded.codecs, encoded.head, buffers, trusted=True)
    assert same(copy, LARGE[name])
    assert any(np.shares_memory(memory(copy), np.frombuffer(buffer, np.uint8)) for buffer in buffers)


@pytest.mark.parametrize("name", ["array", "turned array", "frame of one kind", "frame of many kinds"])
def test_what_comes_back_may_be_written_and_the_file_stays(name: str, tmp_path: Path) -> None:
    encoded = encode(LARGE[name])
    copy = decode(encoded.codecs, encoded.head, mapped(encoded, tmp_path), trusted=True)
    before = (tmp_path / "blob").read_bytes()
    if isinstance(copy, pd.DataFrame):
        copy.iloc[:, 0] *= 2
        copy.iloc[0, 1] = 1
    else:
        copy[...] = 1
    assert (tmp_path / "blob").read_bytes() == before
    assert same(decode(encoded.codecs, encoded.head, mapped(encoded, tmp_path), trusted=True), LARGE[name])


@pytest.mark.parametrize("name", LARGE)
def test_memory_that_may_not_be_written_is_never_handed_out(name: str) -> None:
    """Small entries stay in memory as bytes; two hits must not share them."""
    encoded = encode(LARGE[name])
    buffers = [bytes(buffer) for buffer in encoded.buffers]
    first, second = (decode(encoded.codecs, encoded.head, buffers, trusted=True) for _ in range(2))
    if isinstance(first, np.ndarray):
        first[...] = 0
    if isinstance(first, pd.DataFrame):
        first.iloc[:, 0] = 0
    assert same(second, LARGE[name])


def test_an_array_that_could_not_be_written_still_cannot() -> None:
    fixed = np.arange(9)
    fixed.flags.writeable = False
    encoded = encode([fixed, np.arange(9)])
    copy = decode(encoded.codecs, encoded.head, (), trusted=True)
    assert not copy[0].flags.writeable and copy[1].flags.writeable


def test_memory_at_an_odd_address_is_copied() -> None:
    encoded = encode(COLUMN)
    odd = memoryview(bytearray(1) + bytearray(encoded.buffers[0]))[1:]
    copy = decode(encoded.codecs, encoded.head, [odd], trusted=True)
    assert copy.flags.aligned and same(copy, COLUMN)


def test_encoding_an_array_copies_nothing() -> None:
    encoded = encode({"a": COLUMN})
    assert np.shares_memory(np.frombuffer(encoded.buffers[0], np.uint8), COLUMN)


def test_bytes_are_out_of_band_from_4096_on() -> None:
    assert encode(b"x" * 4096).buffers == ()
    encoded = encode(["a", b"x" * 4097])
    assert [buffer.nbytes for buffer in encoded.buffers] == [4097]
    assert decode(encoded.codecs, encoded.head, encoded.buffers, trusted=True) == ["a", b"x" * 4097]


def test_a_plain_value_is_one_small_head() -> None:
    encoded = encode({"id": "a", "n": [1, 2.5, None]})
    assert encoded.codecs == ("plain",) and len(encoded.head) == 20 and encoded.buffers == ()


def test_codecs_are_named_and_sorted() -> None:
    assert encode([np.arange(3), pd.Series([1]), (1,)]).codecs == ("numpy.array", "pandas.series", "plain")


def test_threads_can_encode_and_decode_at_once() -> None:
    values = [{"n": n, "t": (n, [str(n)] * n), "s": {n, -n}} for n in range(40)]
    wrong: list[object] = []

    def work(part: int) -> None:
        for _ in range(50):
            for value in values[part::4]:
                encoded = encode(value)
                if decode(encoded.codecs, encoded.head, (), trusted=True) != value:
                    wrong.append(value)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []
