"""The counter that every kernel on a folder watches: it moves when something known may no longer hold."""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

from spotmagic import files

SIZE = 8
_NUMBER = struct.Struct("<Q")


class Epoch:
    """An 8-byte counter in shared memory. ``map[:8]`` is the cheap way to see whether it moved.

    Raises:
        OSError: the file cannot be opened, or is a symbolic link.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writable = True
        try:
            fd = files.open_private(path, os.O_RDWR | os.O_CREAT)
        except PermissionError:
            self.writable = False
            fd = files.open_private(path, os.O_RDONLY)
        try:
            if os.fstat(fd).st_size < SIZE and self.writable:
                self._make(fd)
            self.map: mmap.mmap = files.map_shared(fd, SIZE, writable=self.writable)
            self._identity = files.identity(os.fstat(fd))
        except ValueError as error:  # a file too short that may not be written
            os.close(fd)
            raise OSError(str(error)) from error
        except BaseException:
            os.close(fd)
            raise
        self.fd = fd

    @staticmethod
    def _make(fd: int) -> None:
        """Write the counter's first bytes: memory over a hole in the file would end the process on a full disk."""
        files.lock(fd)
        try:
            if os.fstat(fd).st_size < SIZE:  # another kernel may have been here, and have moved it
                files.write_at(fd, bytes(SIZE), 0)
        finally:
            files.unlock(fd)

    def bump(self) -> tuple[bytes, bytes]:
        """Move the counter. Returns it as it was and as it is.

        Raises:
            OSError: the file may not be written.
        """
        if not self.writable:
            raise PermissionError(f"{self.path} may not be written")
        files.lock(self.fd)
        try:
            before = self.map[:SIZE]
            after = _NUMBER.pack((_NUMBER.unpack(before)[0] + 1) & 0xFFFF_FFFF_FFFF_FFFF)
            self.map[:SIZE] = after
        finally:
            files.unlock(self.fd)
        return before, after

    def stands(self) -> bool:
        """Whether the file is still the one under this name: not after somebody removed or moved the folder."""
        try:
            return files.identity(self.path.lstat()) == self._identity
        except (FileNotFoundError, NotADirectoryError):
            return False

    def close(self) -> None:
        """Let go of the file. The memory goes with its last reader, who may be in the middle of a look."""
        os.close(self.fd)
