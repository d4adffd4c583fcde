"""The counter that every kernel on a folder watches: it moves when something known may no longer hold."""

from __future__ import annotations

import errno
import mmap
import os
import struct
from pathlib import Path

from spotmagic import files

SIZE = 8
READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)  # as a folder answers that can be read alone
_NUMBER = struct.Struct("<Q")


class Epoch:
    """An 8-byte counter in shared memory. ``map[:8]`` is the cheap way to see whether it moved.

    Raises:
        OSError: the file cannot be opened, or is a symbolic link.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writable = True
        self.map: mmap.mmap | bytes = bytes(SIZE)
        try:
            fd = files.open_private(path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            if error.errno not in READ_ONLY:
                raise
            self.writable = False
            try:
                fd = files.open_private(path, os.O_RDONLY)
            except FileNotFoundError:  # a folder without one was packed somewhere: in there nothing moves
                self.fd, self._identity = -1, (0, 0)
                return
        try:
            if os.fstat(fd).st_size < SIZE and self.writable:
                self._make(fd)
            self.map = files.map_shared(fd, SIZE, writable=self.writable)
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
        if isinstance(self.map, bytes) or not self.writable:
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
        if self.fd < 0:
            return self.path.parent.is_dir()
        try:
            return files.identity(self.path.lstat()) == self._identity
        except (FileNotFoundError, NotADirectoryError):
            return False

    def forked(self) -> None:
        """In a forked child: open the file anew, or parent and child would hold its lock at the same time."""
        try:
            fd = files.open_private(self.path, os.O_RDWR if self.writable else os.O_RDONLY)
        except OSError:
            return
        shared, self.fd = self.fd, fd
        if shared >= 0:
            os.close(shared)

    def close(self) -> None:
        """Let go of the file. The memory goes with its last reader, who may be in the middle of a look."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
