"""A segment: the records of many dead journals in one immutable file, with an index that is mapped and not loaded.

::

    magic                              as a journal's
    records                            frames, each run of neighbours after an ORIGIN that names the journal and offset
    (zeros to a multiple of the page)
    table      36 bytes a key, sorted  key, stamp, offset, length of the newest record; length 0: deleted
    directory  4 bytes a bucket        first row of the keys that begin with these bits; one more at the end
    recent     28 bytes each           group, stamp, offset, length of the 8 newest entries of each name
    meta       msgpack                 sources, replaced files, pins, newest stamp
    footer     88 bytes                magic, where each of these lies, xxh3 of directory to footer
"""

from __future__ import annotations

import heapq
import mmap
import os
import re
import secrets
import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgpack
from xxhash import xxh3_64

from spotmagic import files
from spotmagic.store.entry import UNPACK, Piece
from spotmagic.store.index import RECENT, Place
from spotmagic.store.record import (
    DELETE,
    FILE_MAGIC,
    HEADER,
    NO_KEY,
    ORIGIN,
    PIN,
    PINNED,
    PUT,
    Frame,
    frame,
    origin_body,
    scan,
)

# The name of a segment sorts by the time it was made.
NAME = re.compile(r"[0-9a-f]{16}-[0-9a-f]{12}")
MAGIC = b"\x89spotseg\r\n\x1a\x01"
ROW = struct.Struct("<16sQQI")
RECENT_ROW = struct.Struct("<QQQI")
FOOTER = struct.Struct("<12sIQQQQQQQQQ")
_PAIR = struct.Struct("<II")
PAGE = max(mmap.ALLOCATIONGRANULARITY, 4096)


class Stretch(NamedTuple):
    """A journal that a segment stands for.

    Attributes:
        end: offset up to which it was taken in.
        start, stop: where its records lie in the segment.
    """

    name: str
    end: int
    start: int
    stop: int


class Footer(NamedTuple):
    """Where the parts of a segment's index lie."""

    magic: bytes
    bits: int
    table: int
    rows: int
    directory: int
    recent: int
    recents: int
    meta: int
    meta_size: int
    records_end: int
    check: int


def directory_bits(rows: int) -> int:
    """How many leading bits of a key choose its bucket: about eight rows in each."""
    return max(0, min(24, rows.bit_length() - 3))


class DamagedSegmentError(OSError):
    """A segment whose index cannot be used. Its records can still be read one by one."""


class Segment:
    """A segment, open for reading. Its index is used where it lies.

    Raises:
        DamagedSegmentError: the index cannot be used.
        OSError: the file is gone, cannot be read or is a symbolic link.
    """

    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        self.name = path.stem
        self.number = number
        self._fd = files.open_private(path, os.O_RDONLY)
        try:
            self._map_index(os.fstat(self._fd).st_size)
        except (struct.error, ValueError, TypeError) as error:
            os.close(self._fd)
            raise DamagedSegmentError(f"{path} has no index that can be used ({error})") from error
        except BaseException:
            os.close(self._fd)
            raise

    def _map_index(self, size: int) -> None:
        foot = Footer(*FOOTER.unpack(files.read_at(self._fd, FOOTER.size, max(0, size - FOOTER.size))))
        ends = (foot.records_end, foot.table, foot.directory, foot.recent, foot.meta, size - FOOTER.size)
        if (
            foot.magic != MAGIC
            or foot.table % PAGE
            or list(ends) != sorted(ends)
            or foot.meta + foot.meta_size != ends[-1]
            or foot.directory - foot.table != foot.rows * ROW.size
            or foot.recent - foot.directory != 4 * ((1 << foot.bits) + 1)
            or foot.meta - foot.recent != foot.recents * RECENT_ROW.size
        ):
            raise ValueError("its footer is damaged")
        view = files.map_part(self._fd, size - foot.table, foot.table)
        checked = xxh3_64(memoryview(view)[foot.directory - foot.table : size - foot.table - 8])
        if checked.intdigest() != foot.check:
            view.close()
            raise ValueError("its checksum is wrong")
        base = foot.table
        meta = msgpack.unpackb(view[foot.meta - base : foot.meta - base + foot.meta_size], **UNPACK)
        sources, self.replaces, pins, self.newest = meta
        self.sources = [Stretch(*source) for source in sources]
        self._pins: dict[bytes, int] = dict(pins)
        self.rows = foot.rows
        self.size = size
        self.records_end = foot.records_end
        self._map = view
        self._shift = 32 - foot.bits
        self._directory = foot.directory - base
        self._recent = (foot.recent - base, foot.meta - base)

    def find(self, key: bytes) -> Place | None:
        """The newest record of a key; of length 0 for a deletion."""
        view = self._map
        first, last = _PAIR.unpack_from(view, self._directory + 4 * (int.from_bytes(key[:4], "big") >> self._shift))
        begin, end = first * ROW.size, last * ROW.size
        # Searched as bytes, in C. What is found askew is no row: other fields may have the same bytes by chance.
        at = view.find(key, begin, end)
        while at >= 0:
            if (at - begin) % ROW.size == 0:
                _, stamp, offset, length = ROW.unpack_from(view, at)
                return Place(stamp, self.number, offset, length)
            at = view.find(key, at + 1, end)
        return None

    def recent(self, group: int) -> list[Place]:
        """The newest entries of a name."""
        begin, end = self._recent
        wanted = struct.pack("<Q", group)
        found = []
        at = self._map.find(wanted, begin, end)
        while at >= 0:
            if (at - begin) % RECENT_ROW.size == 0:
                _, stamp, offset, length = RECENT_ROW.unpack_from(self._map, at)
                found.append(Place(stamp, self.number, offset, length))
            at = self._map.find(wanted, at + 1, end)
        return found

    def pins(self) -> dict[bytes, int]:
        """Pins by key: the stamp, doubled, plus one when pinned."""
        return self._pins

    def keys(self) -> Iterator[bytes]:
        """Every key in it, deleted ones included."""
        for at in range(0, self.rows * ROW.size, ROW.size):
            yield self._map[at : at + 16]

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the file."""
        return files.read_at(self._fd, length, offset)

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()
        os.close(self._fd)


_SORTED = struct.Struct(">16sQQI")  # a row that sorts by key, the newest first: its stamp counts down
_LAST = (1 << 64) - 1
_PUSH = 1 << 20


class SegmentWriter:
    """Makes a segment: records are added in the order of their journals, then :meth:`finish` gives it its name.

    Until then it is a file with a name of its own, which whoever tidies up next removes.
    """

    def __init__(self, folder: Path, started: int) -> None:
        self.path = folder / f"{started:016x}-{secrets.token_hex(6)}.log"
        self._temporary = folder / f".{self.path.name}.tmp"
        self._fd = files.open_private(self._temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        self._waiting: list[Piece] = [FILE_MAGIC]
        self._at = len(FILE_MAGIC)
        self._written = 0
        # By the first byte of the key, so that each is sorted by itself and let go: all at once take twice the memory.
        self._rows: list[bytearray] = [bytearray() for _ in range(256)]
        self._recents: dict[int, list[tuple[int, int, int]]] = {}
        self._pins: dict[bytes, int] = {}
        self._sources: list[Stretch] = []
        self._newest = 0
        self._origin: tuple[str, int] | None = None

    def begin(self, source: str) -> None:
        """What is added from here on came from this journal."""
        self._sources.append(Stretch(source, 0, self._at, self._at))

    def end(self, offset: int) -> None:
        """The journal that was begun was read up to here."""
        source = self._sources[-1]
        self._sources[-1] = Stretch(source.name, max(offset, source.end), source.start, self._at)

    def add(self, source: str, end: int, record: bytes) -> None:
        """Take a whole record in, which ended at an offset of its journal."""
        if not self._sources or self._sources[-1].name != source:
            self.begin(source)
        if self._origin != (source, end - len(record)):
            body = origin_body(source, end - len(record))
            self._write(frame(ORIGIN, 0, self._newest, NO_KEY, 0, [body]) + body)
        self._origin = (source, end)
        offset = self._at + HEADER
        self._write(record)
        for found in scan(record, offset - HEADER, growing=False).frames:
            if found.good:
                self._index(found)
        self.end(end)

    def _index(self, found: Frame) -> None:
        self._newest = max(self._newest, found.stamp)
        if found.kind == PIN:
            word = found.stamp << 1 | bool(found.flags & PINNED)
            self._pins[found.key] = max(word, self._pins.get(found.key, 0))
        if found.kind not in (PUT, DELETE):
            return
        length = found.length if found.kind == PUT else 0
        self._rows[found.key[0]] += _SORTED.pack(found.key, _LAST - found.stamp, found.offset, length)
        if length:
            recent = self._recents.setdefault(found.group, [])
            recent.append((found.stamp, found.offset, length))
            if len(recent) > 4 * RECENT:
                recent[:] = heapq.nlargest(RECENT, recent)

    def _write(self, piece: Piece) -> None:
        self._waiting.append(piece)
        self._at += len(piece)
        if self._at - self._written > _PUSH:
            self._push()

    def _push(self) -> None:
        files.write_at(self._fd, b"".join(self._waiting), self._written)
        self._waiting.clear()
        self._written = self._at

    def finish(self, replaces: list[str]) -> None:
        """Write the index, make all of it durable, and give the file its name.

        Args:
            replaces: names of the segments whose records it took in.
        """
        records_end = self._at
        self._write(bytes(-self._at % PAGE))
        table = self._at
        beginnings = array("I")  # of the keys, in order
        self._write_table(beginnings)
        directory = self._at
        rows = len(beginnings)
        bits = directory_bits(rows)
        checked = xxh3_64()

        def write(piece: bytes) -> None:
            checked.update(piece)
            self._write(piece)

        starts = array("I", (bisect_left(beginnings, bucket << 32 - bits) for bucket in range(1 << bits)))
        starts.append(rows)
        if sys.byteorder == "big":
            starts.byteswap()
        write(starts.tobytes())
        recent = self._at
        recents = 0
        for group, places in sorted(self._recents.items()):
            for place in heapq.nlargest(RECENT, places):
                write(RECENT_ROW.pack(group, *place))
                recents += 1
        meta = self._at
        write(
            msgpack.packb(
                [[list(source) for source in self._sources], replaces, list(self._pins.items()), self._newest]
            )
        )
        foot = Footer(
            MAGIC, bits, table=table, rows=rows, directory=directory, recent=recent, recents=recents, meta=meta,
            meta_size=self._at - meta, records_end=records_end, check=0,
        )  # fmt: skip
        write(FOOTER.pack(*foot)[:-8])  # its last field is the check of all before it
        self._write(struct.pack("<Q", checked.intdigest()))
        self._push()
        files.sync(self._fd)  # before it has its name: whoever sees the name believes the footer
        self._temporary.rename(self.path)
        files.sync_folder(self.path.parent)

    def _write_table(self, beginnings: array[int]) -> None:
        size = _SORTED.size
        for number, found in enumerate(self._rows):
            last = b""
            for row in sorted(found[at : at + size] for at in range(0, len(found), size)):
                key, stamp, offset, length = _SORTED.unpack(row)
                if key == last:
                    continue  # an older record of the same key
                last = key
                beginnings.append(int.from_bytes(key[:4], "big"))
                self._write(ROW.pack(key, _LAST - stamp, offset, length))
            self._rows[number] = bytearray()

    def abandon(self) -> None:
        """Remove what was written."""
        self._temporary.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)
