"""Recordings of streams: read for ever once written, and hostile or damaged ones give no item at all."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotmagic.codecs import Encoded, Undecodable, decode, encode
from spotmagic.codecs.streams import Recording
from spotmagic.testing import same

ITEMS: list[Any] = ["a", {"b": (1, {2})}, ValueError("c"), b"d" * 5000, None, np.arange(700.0)]
FIRST = (
    "x1Usk6ZzdHJlYW2TpnJldHVybgItxEHEPwAAAAAAAAAAAAMAAAAAAAAAomhpAAAAAAAA8D8ACAAAAAAAAADHBQCSAaJvawAAAAAA"
    "AABAAAEAAAAAAAAABw=="
)


def recorded(items: list[Any], end: Any = "done") -> Recording:
    recording = Recording()
    for number, item in enumerate(items):
        recording.add(item, encode(item), number / 4)
    recording.end("return", encode(end), len(items) / 4)
    return recording


def back(recording: Recording, *, trusted: bool = True) -> Recording:
    encoded = encode(recording)
    return decode(encoded.codecs, encoded.head, list(map(bytearray, encoded.buffers)), trusted=trusted)


def test_items_come_back_with_their_times_and_their_end() -> None:
    recording = recorded(ITEMS)
    for copy in (recording, back(recording), back(back(recording))):
        assert same(list(copy), ITEMS) and same([copy[n] for n in range(-1, len(ITEMS))], [ITEMS[-1], *ITEMS])
        assert [item.at for item in copy.items()] == [0, 0.25, 0.5, 0.75, 1, 1.25]
        assert (copy.result(), copy.ended, len(copy)) == ("done", "return", 6) and same(copy[1:3], ITEMS[1:3])
    assert same(list(back(recorded(ITEMS[:2]), trusted=False)), ITEMS[:2])


def test_one_without_an_end_says_so() -> None:
    recording = Recording()
    recording.add(1, encode(1), 0.0)
    copy = back(recording)
    assert (list(copy), copy.ended, copy.result()) == ([1], "", None)


def test_pickled_items_are_for_their_own_writer_only() -> None:
    recording = recorded([1, complex_thing()])
    assert "pickle" in encode(recording).codecs
    assert len(list(back(recording))) == 2
    with pytest.raises(Undecodable, match="pickled values load for their own writer only"):
        back(recording, trusted=False)


def complex_thing() -> Any:
    import fractions
    import functools

    return functools.partial(fractions.Fraction, 1)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_bytes_give_an_error_of_ours_or_items_that_can_be_read(data: st.DataObject) -> None:
    encoded = encode(recorded(["a", {"b": 1}, b"c" * 10, ("d",)]))
    head = bytearray(encoded.head)
    for _ in range(data.draw(st.integers(1, 4))):
        head[data.draw(st.integers(0, len(head) - 1))] = data.draw(st.integers(0, 255))
    for trusted in (True, False):
        try:
            found = decode(encoded.codecs, bytes(head[: data.draw(st.integers(0, len(head)))]), (), trusted=trusted)
            if isinstance(found, Recording):
                for _ in found:
                    pass
        except Undecodable:
            pass


def test_a_recording_as_it_was_first_written_is_read() -> None:
    found = decode(("plain", "stream"), base64.b64decode(FIRST), (), trusted=True)
    assert list(found) == ["hi", (1, "ok")] and found.result() == 7 and [item.at for item in found.items()] == [0, 1]
    assert isinstance(encode(found), Encoded)
