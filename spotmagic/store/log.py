"""A journal as its readers see it: a file of records that may still grow."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from spotmagic import files
from spotmagic.store.frame import FILE_MAGIC, Frame, scan
from spotmagic.store.layout import NewerFormatError

CHUNK = 1 << 20
ENDLESS = 1 << 62
NAME = re.compile(r"[0-9a-f]{16}-[0-9]{1,10}-[0-9a-f]{12}")


class Log:
    """A journal, open for reading.

    Attributes:
        number: what the index calls the file.
        read_to: offset up to which its records are known.
        live: its writer may still add to it.
        damaged: bytes met that belong to no record.
        stop: offset up to which to read.

    Raises:
        OSError: it is gone, cannot be read or is a symbolic link.
    """

    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        self.name = path.stem
        self.number = number
        self.read_to = len(FILE_MAGIC)
        self.live = True
        self.damaged = 0
        self.stop = ENDLESS
        self._chunk = b""  # what tail has just read, and from where: whoever walks the records reads each file once
        self._chunk_at = 0
        self._fd: int | None = files.open_private(path, os.O_RDONLY)
        begin = files.read_at(self._fd, len(FILE_MAGIC), 0)
        if begin.startswith(FILE_MAGIC[:-4]) and begin != FILE_MAGIC:
            self.rest()
            raise NewerFormatError(f"{path} was written by a newer spotmagic")

    def dead(self) -> bool:
        """Whether the writer is gone: the system let go of its lock."""
        fd = self._opened()
        if os.fstat(fd).st_size < len(FILE_MAGIC):
            return False  # just made, and not locked yet
        if not files.lock(fd, wait=False, shared=True):
            return False
        files.unlock(fd)
        return True

    def grew(self) -> bool:
        """Whether there is more in it than was read, as far as that can be told without opening it."""
        return self._fd is None or os.lseek(self._fd, 0, os.SEEK_END) > self.read_to

    def tail(self) -> Iterator[Frame]:
        """The whole records that were added since the last time. A torn one at the end stays unread.

        A record counts as read when the next one is asked for.
        """
        size = CHUNK
        while data := self.read(self.read_to, min(size, self.stop - self.read_to)):
            at_end = len(data) < size
            result = scan(data, self.read_to, growing=self.live and at_end)
            after = self.read_to + result.used
            self._chunk, self._chunk_at = data, self.read_to
            for found in result.frames:
                yield found
                self.read_to = found.end
            self._chunk = b""
            self.read_to = after
            self.damaged += result.damaged
            if at_end:
                if self.stop < ENDLESS:
                    self.damaged += self.stop - after
                return
            size = max(CHUNK, result.need)
            if size > CHUNK and os.fstat(self._opened()).st_size - after < size:
                return

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the file."""
        begin = offset - self._chunk_at
        if self._chunk and begin >= 0 and begin + length <= len(self._chunk):
            return self._chunk[begin : begin + length]
        if self._fd is not None:
            return files.read_at(self._fd, length, offset)
        fd = files.open_private(self.path, os.O_RDONLY)
        try:
            return files.read_at(fd, length, offset)
        finally:
            os.close(fd)

    def _opened(self) -> int:
        if self._fd is None:
            self._fd = files.open_private(self.path, os.O_RDONLY)
        return self._fd

    def rest(self) -> None:
        """Let go of the file until it is needed: a process may have only so many open."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    close = rest
