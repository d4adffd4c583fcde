"""The making of a segment."""

from __future__ import annotations

import heapq
import os
import secrets
import struct
import sys
from array import array
from bisect import bisect_left
from pathlib import Path

import msgpack
from xxhash import xxh3_64

from spotmagic import files
from spotmagic.store.frame import DELETE, FILE_MAGIC, HEADER, NO_KEY, ORIGIN, PIN, PINNED, PUT, Frame, frame, scan
from spotmagic.store.index import RECENT
from spotmagic.store.parts import Piece
from spotmagic.store.record import origin_body
from spotmagic.store.segments import FOOTER, MAGIC, PAGE, RECENT_ROW, ROW, Source, directory_bits

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
        self._waits = self._at = len(FILE_MAGIC)
        self._written = 0
        self._rows: list[bytearray] = [bytearray() for _ in range(256)]
        self._recents: dict[int, list[tuple[int, int, int]]] = {}
        self._pins: dict[bytes, int] = {}
        self._sources: list[Source] = []
        self._newest = 0
        self._origin: tuple[str, int] | None = None

    def begin(self, source: str) -> None:
        """What is added from here on came from this journal."""
        self._sources.append(Source(source, 0, self._at, self._at))

    def end(self, offset: int) -> None:
        """The journal that was begun was read up to here."""
        source = self._sources[-1]
        self._sources[-1] = Source(source.name, max(offset, source.end), source.start, self._at)

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
        fields = (table, rows, directory, recent, recents, meta, self._at - meta, records_end)
        foot = FOOTER.pack(MAGIC, bits, *fields, 0)[:-8]
        write(foot)
        self._write(struct.pack("<Q", checked.intdigest()))
        self._push()
        files.sync(self._fd)
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
