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

import mmap
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgpack
from xxhash import xxh3_64

from spotmagic import files
from spotmagic.store.bounds import UNPACK
from spotmagic.store.index import Place

# The name of a segment sorts by the time it was made.
NAME = re.compile(r"[0-9a-f]{16}-[0-9a-f]{12}")
MAGIC = b"\x89spotseg\r\n\x1a\x01"
ROW = struct.Struct("<16sQQI")
RECENT_ROW = struct.Struct("<QQQI")
FOOTER = struct.Struct("<12sIQQQQQQQQQ")
_PAIR = struct.Struct("<II")
PAGE = max(mmap.ALLOCATIONGRANULARITY, 4096)


class Source(NamedTuple):
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
        self.sources = [Source(*source) for source in sources]
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
