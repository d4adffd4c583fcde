"""What a stream gave, as bytes: each item as it came and when, and how it ended."""

from __future__ import annotations

import struct
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import msgpack
import xxhash

from spotmagic.codecs import references
from spotmagic.codecs.bounds import Undecodable
from spotmagic.codecs.registry import Codec
from spotmagic.errors import Uncacheable

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer

# The tape is one frame after the other, and bytes in each; nothing in it points to a place outside of its own frame.
_FRAME = struct.Struct("<dBQ")  # of the fields of ``_Header``
_PLAIN, _CODED, _SAME, _FILLED = 0, 1, 2, 4  # sorts; the last goes with one of the first two: into the item before
_ALIGNMENT = 64
_ATOMS = frozenset({str, bytes, int, float, bool, type(None), complex})

End = Literal["", "return", "raise"]


class EncodedItem(Protocol):
    """An item as bytes: what :func:`spotmagic.codecs.encode` gives, or a part of an entry."""

    @property
    def codecs(self) -> tuple[str, ...]: ...
    @property
    def head(self) -> bytes: ...
    @property
    def buffers(self) -> tuple[memoryview, ...]: ...


class TimedItem(NamedTuple):
    """One item: when it came, in seconds of the run so far, and the item."""

    at: float
    value: Any


class _Header(NamedTuple):
    at: float  # when the item came
    sort: int
    size: int  # how many bytes follow


class Recording(Sequence[Any]):
    """The items of a stream, kept as bytes; each look at one makes a fresh copy.

    A recorder adds each item when it comes, so what happens to it afterwards changes nothing, and ends it with what was
    returned or raised. One without an end was stopped early::

        recording = Recording()
        for chunk in chunks:
            recording.add(encode(chunk), at=clock.monotonic() - began)
        recording.end("return", encode(None))

    A stream that gives the same list (or dict, set, deque, bytearray) again and again, filled anew, is replayed like
    that: one object, which holds at each step what it held then.

    Attributes:
        ended: ``"return"``, ``"raise"``, or empty for one that was stopped early.
        codecs: the names of all codecs of its items.
        last: the item that came last where it can change, else ``None``.
    """

    def __init__(self) -> None:
        self.ended: End = ""
        self.codecs: set[str] = set()
        self.trusted, self._edited = True, False
        self._tape: bytearray | memoryview = bytearray()
        self._starts: array[int] | None = array("Q")  # ``None`` until somebody asks for an item by number
        self._count = self._end = 0
        self.last: Any = None
        self._last_print = b""

    def __len__(self) -> int:
        return self._count

    def add(self, value: Any, encoded: EncodedItem, at: float) -> None:
        """Keep an item that came. Raises ``Uncacheable`` for one that a replay could not give."""
        if type(value) in _ATOMS:
            self._append(encoded, at)
            self.last = None
            return
        now = _print(encoded)
        filled = 0
        if value is self.last:
            if now == self._last_print:
                self._append(None, at)
                return
            if type(value) not in _REFILL:
                raise Uncacheable(
                    f"item {self._count + 1} cannot be kept",
                    f"it is the same {type(value).__qualname__} as the one before, changed",
                    "Yield a copy",
                )
            filled = _FILLED
        self._append(encoded, at, filled)
        self.last, self._last_print = value, now

    def end(self, how: End, encoded: EncodedItem, at: float) -> None:
        """Say that it is whole, and what it returned or raised."""
        self._end = len(self._tape)
        self._append(encoded, at)
        self._count -= 1  # what was returned or raised is no item
        self.ended = how
        self.last = None

    def _append(self, encoded: EncodedItem | None, at: float, filled: int = 0) -> None:
        """Write a frame; one without bytes for the same item again."""
        tape = self._tape
        assert isinstance(tape, bytearray) and self._starts is not None
        start = len(tape)
        if encoded is None:
            tape += _FRAME.pack(at, _SAME, 0)
        elif encoded.codecs == ("plain",) and not encoded.buffers:
            tape += _FRAME.pack(at, filled | _PLAIN, len(encoded.head))
            tape += encoded.head
        else:
            self._append_coded(tape, encoded, at, filled)
        self._starts.append(start)
        self._count += 1

    def _append_coded(self, tape: bytearray, encoded: EncodedItem, at: float, filled: int) -> None:
        start = len(tape)
        self.codecs.update(encoded.codecs)
        lengths = [buffer.nbytes for buffer in encoded.buffers]
        packed = msgpack.packb([list(encoded.codecs), bytes(encoded.head), lengths])
        tape += bytes(_FRAME.size)
        tape += len(packed).to_bytes(8, "little")
        tape += packed
        for buffer in encoded.buffers:
            tape += bytes(-len(tape) % _ALIGNMENT)
            tape += buffer if buffer.format == "B" and buffer.ndim == 1 else buffer.cast("B")
        _FRAME.pack_into(tape, start, at, filled | _CODED, len(tape) - start - _FRAME.size)

    def items(self) -> Iterator[TimedItem]:
        """Fresh items, one by one, with when each came. Raises ``Undecodable``."""
        place, value = 0, None
        for _ in range(self._count):
            at, value, place = self._read(place, value)
            yield TimedItem(at, value)

    def result(self) -> Any:
        """What it returned or raised, fresh. Of one without an end nothing."""
        return self._read(self._end, None)[1] if self.ended else None

    def told(self, most: int) -> Any:
        """The first items, for people to look at: one text where they are texts."""
        items = list(islice(self, most))
        return "".join(items) if items and all(type(item) is str for item in items) else items

    def __iter__(self) -> Iterator[Any]:
        for item in self.items():
            yield item.value

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(self._count))]
        number = range(self._count)[number]
        starts = self._index()
        while self._frame(starts[number]).sort == _SAME:
            number -= 1
        return self._read(starts[number], None)[1]

    def _index(self) -> array[int]:
        if self._starts is None:
            starts, place = array("Q"), 0
            for _ in range(self._count):
                starts.append(place)
                place += _FRAME.size + self._frame(place).size
            self._starts = starts
        return self._starts

    def _frame(self, place: int) -> _Header:
        try:
            header = _Header(*_FRAME.unpack_from(self._tape, place))
        except struct.error:
            raise Undecodable("corrupt", "a stream that breaks off") from None
        if header.size > len(self._tape) - place - _FRAME.size:
            raise Undecodable("corrupt", "an item beyond the end of its stream")
        return header

    def _read(self, place: int, before: Any) -> tuple[float, Any, int]:
        """The item at a place of the tape, and the place of the next one."""
        at, sort, size = self._frame(place)
        start = place + _FRAME.size
        if sort == _SAME:
            return at, before, start
        # A copy, so that no array is built over the tape, which others read and which may still grow.
        value = self._decoded(sort & ~_FILLED, start, bytes(self._tape[start : start + size]))
        if sort & _FILLED and before is not None:
            if type(before) not in _REFILL or type(before) is not type(value):
                raise Undecodable("corrupt", "an item that cannot be filled anew")
            _REFILL[type(before)](before, value)
            value = before
        return at, value, start + size

    def _decoded(self, sort: int, start: int, body: bytes) -> Any:
        from spotmagic.codecs.value import PLAIN, decode

        if sort == _PLAIN:
            return decode(PLAIN, body, (), trusted=self.trusted)
        if sort != _CODED:
            raise Undecodable("unknown codec", f"an item of sort {sort}")
        at = 8 + int.from_bytes(body[:8], "little")
        codecs, head, lengths = msgpack.unpackb(body[8:at], max_map_len=0, max_ext_len=0)
        if not set(codecs) <= self.codecs:
            raise Undecodable("corrupt", "an item whose codecs are not declared")
        buffers = []
        for length in lengths:
            at += -(start + at) % _ALIGNMENT
            buffers.append(memoryview(body)[at : at + length])
            at += length
        if at != len(body):
            raise Undecodable("corrupt", "an item of another length than it says")
        return decode(codecs, head, buffers, trusted=self.trusted, edited=self._edited)


def _fill_list(old: Any, new: Any) -> None:
    old[:] = new


def _fill_other(old: Any, new: Any) -> None:
    old.clear()
    (old.extend if isinstance(old, deque) else old.update)(new)


_REFILL: dict[type, Callable[[Any, Any], None]] = {
    list: _fill_list, bytearray: _fill_list, dict: _fill_other, set: _fill_other, deque: _fill_other,
}  # fmt: skip


def _print(encoded: EncodedItem) -> bytes:
    """What an item holds, to tell whether it changed."""
    running = xxhash.xxh3_128(encoded.head)
    for buffer in encoded.buffers:
        running.update(buffer)
    return running.digest()


def same_item(one: EncodedItem, other: EncodedItem) -> bool:
    """Whether two items hold the same."""
    return one.codecs == other.codecs and _print(one) == _print(other)


def _lower(recording: Recording, writer: Writer) -> tuple[Any, Any]:
    writer.names |= recording.codecs
    return [recording.ended, len(recording), recording._end], writer.buffer(recording._tape)


def _make(spec: Any, tape: Any, reader: Reader) -> Recording:
    ended, count, end = spec
    recording = Recording()
    recording._tape, recording._starts = memoryview(tape), None
    if ended not in ("", "return", "raise") or type(count) is not int or type(end) is not int or end < 0:
        raise Undecodable("corrupt", "no stream")
    recording.ended, recording._count, recording._end = ended, count, end
    recording.codecs = set(reader.names)
    recording.trusted, recording._edited = reader.trusted, references.any_code.get()
    # Items of mine that are plain can always be made. Of others it has to be known before the first one is given: a
    # class may have been edited since, or a value not be allowed.
    if not reader.trusted or reader.names - {"plain", "refs", "stream"}:
        for _ in recording.items():
            pass
    if ended:
        recording.result()
    return recording


CODECS = {"stream": Codec("stream", _lower, _make)}
