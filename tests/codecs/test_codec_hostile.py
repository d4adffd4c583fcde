"""Bytes of others select from what is here; they cannot import, open, run, fill the memory or end the process."""

from __future__ import annotations

from typing import Any

import pytest
from codec_samples import samples, stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgpack import ExtType, packb

from spotmagic.codecs import (
    Undecodable,
    arrays,
    arrow,
    decode,
    encode,
    frames,
    images,
    models,
    plain,
)

quiet = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))

NAMES = [name for family in (arrays, arrow, frames, images, models) for name in family.CODECS]

ENCODED = {name: (encoded := encode(value, pickle="never"), stored(encoded)) for name, value in samples().items()}


@pytest.mark.parametrize("name", ENCODED)
@given(data=st.data())
@settings(quiet, max_examples=100)
def test_damaged_heads_give_a_value_or_say_so(name: str, data: st.DataObject) -> None:
    encoded, buffers = ENCODED[name]
    head = bytearray(encoded.head)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(head) - 1))
        match data.draw(st.integers(0, 3)):
            case 0:
                head[place] ^= 1 << data.draw(st.integers(0, 7))
            case 1:
                head[place] = data.draw(st.integers(0, 255))
            case 2:
                del head[place:]
            case 3:
                head[place:place] = data.draw(st.binary(max_size=6))
        head = head or bytearray(b"\0")
    for trusted in (True, False):
        try:
            decode(encoded.codecs, bytes(head), [memoryview(bytearray(buffer)) for buffer in buffers], trusted=trusted)
        except Undecodable as error:
            assert error.kind in ("unknown codec", "corrupt", "foreign") and error.why


@given(head=st.binary(max_size=200), names=st.lists(st.sampled_from(["plain", "refs", *NAMES]), max_size=4))
@settings(quiet, max_examples=1500)
def test_any_bytes_give_a_value_or_say_so(head: bytes, names: list[str]) -> None:
    for trusted in (True, False):
        try:
            decode(tuple(names), head, (), trusted=trusted)
        except Undecodable:
            pass


@pytest.mark.parametrize("name", [name for name, (_, buffers) in ENCODED.items() if buffers])
def test_buffers_of_another_size_are_not_read(name: str) -> None:
    encoded, buffers = ENCODED[name]
    for changed in ([], [buffers[0][:-1], *buffers[1:]], [bytes(buffers[0]) + b"x", *buffers[1:]]):
        if "array" in name or not changed:
            with pytest.raises(Undecodable):
                decode(encoded.codecs, encoded.head, changed, trusted=False)


def test_one_buffer_is_not_the_memory_of_two_arrays() -> None:
    item = ExtType(
        plain.CODED, packb(["numpy.array", ["<f8", [1000], "C", True], packb(ExtType(plain.BUFFER, packb(0)))])
    )
    spec = packb([item, item])
    with pytest.raises(Undecodable):
        decode(("numpy.array", "plain"), spec, [bytearray(8000)], trusted=True)


class TestTheWaysOfEndingAProgram:
    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_pass_through(self, error: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(data: bytes, _: Any) -> Any:
            raise error

        monkeypatch.setitem(plain.DECODERS, plain.TUPLE, interrupted)
        with pytest.raises(error):
            decode(("plain",), encode((1,)).head, (), trusted=True)

    def test_a_panic_that_is_no_exception_does_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class PanicException(BaseException):
            """As those of libraries written in Rust."""

        def panic(data: bytes, _: Any) -> Any:
            raise PanicException

        monkeypatch.setitem(plain.DECODERS, plain.TUPLE, panic)
        with pytest.raises(Undecodable, match="PanicException"):
            decode(("plain",), encode((1,)).head, (), trusted=True)
