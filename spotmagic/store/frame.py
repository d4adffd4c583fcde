"""One record of a journal or segment as bytes, and the reading of many.

::

    0   4  magic     b"\\xf5sp\\x01"
    4   4  length    of the body
    8   1  kind      PUT DELETE PIN STAT RUN BLOB ORIGIN MARK
    9   1  flags     1: the entry has blobs, 4: a run made it just then, and counts as one
    10  2  (zero)
    12  8  stamp     nanoseconds since 1970, never twice from one writer; the larger one wins
    20 16  key
    36  8  group     xxh3 of the entry's name, so that the newest entries of a name are found without reading them;
                     of MARK the stamp of the record that it judges
    44  8  xxh3 of the body
    52  4  xxh32 of the 52 bytes before

A header that is whole can be believed about its length, so damage in a body costs one record, and damage in a header
what lies before the next magic.
"""

from __future__ import annotations

import functools
import struct
from typing import NamedTuple

from xxhash import xxh3_64, xxh3_64_intdigest, xxh32_intdigest

from spotmagic.store.bounds import MAX_RECORD
from spotmagic.store.parts import Piece

MAGIC = b"\xf5sp\x01"
FILE_MAGIC = b"\x89spotlog\r\n\x1a\n\x01\0\0\0"  # begins each file: the last four bytes are its format version
NO_KEY = bytes(16)

PUT, DELETE, PIN, STAT, RUN, BLOB, ORIGIN, MARK = range(1, 9)
HAS_BLOBS, PINNED, MADE = 1, 2, 4  # flags of PUT, of PIN, of PUT

_FIRST = struct.Struct("<4sIBBHQ16sQQ")
_HEADER = struct.Struct("<4sIBBHQ16sQQI")
HEADER = _HEADER.size


class Frame(NamedTuple):
    """A record found in a file: where its body lies, and whether the body is the one that was written."""

    kind: int
    flags: int
    stamp: int
    key: bytes
    group: int
    offset: int
    length: int
    good: bool

    @property
    def end(self) -> int:
        return self.offset + self.length


class Scan(NamedTuple):
    """What came of reading a stretch of a file.

    Attributes:
        frames: the whole records, in order.
        used: bytes that need not be read again.
        need: bytes from there on that the next record takes, or 0 when that is not known.
        damaged: bytes that belong to no record.
    """

    frames: list[Frame]
    used: int
    need: int
    damaged: int


@functools.lru_cache(4096)
def group_of(name: str) -> int:
    """The number that stands for an entry's name in its record."""
    return xxh3_64_intdigest(name.encode("utf-8", "surrogatepass"))


def frame(kind: int, flags: int, stamp: int, key: bytes, group: int, body: list[Piece]) -> bytes:
    """The bytes of a record that stand before its body."""
    if len(body) == 1:
        length = len(body[0])
        check = xxh3_64_intdigest(body[0])
    else:
        length = sum(map(len, body))
        hashed = xxh3_64()
        for piece in body:
            hashed.update(piece)
        check = hashed.intdigest()
    first = _FIRST.pack(MAGIC, length, kind, flags, 0, stamp, key, group, check)
    return first + xxh32_intdigest(first).to_bytes(4, "little")


def scan(data: bytes, base: int, *, growing: bool) -> Scan:
    """The records in a stretch of a file.

    Args:
        data: the bytes, which begin where a record begins (or where damage does).
        base: where in the file they begin.
        growing: the writer lives, so that what cannot be read at the very end may still become a record.
    """
    frames: list[Frame] = []
    append = frames.append
    unpack = _HEADER.unpack_from
    view = memoryview(data)
    size = len(data)
    at = damaged = need = 0
    while at + HEADER <= size:
        magic, length, kind, flags, _, stamp, key, group, check, own = unpack(data, at)
        body = at + HEADER
        if magic != MAGIC or xxh32_intdigest(view[at : body - 4]) != own or length > MAX_RECORD:
            found = data.find(MAGIC, at + 1)
            if found < 0 and growing:
                break
            skip = (found if found >= 0 else max(at + 1, size - len(MAGIC) + 1)) - at
            damaged += skip
            at += skip
            continue
        stop = body + length
        if stop > size:
            need = stop - at
            break
        good = xxh3_64_intdigest(view[body:stop]) == check
        if not good and growing and stop == size:
            break
        append(Frame(kind, flags, stamp, key, group, base + body, length, good))
        at = stop
    return Scan(frames, at, need, damaged)
