"""What of a spot's folder is no record: ``format.json``, ``.gitignore``, the epoch, and the names of the rest."""

from __future__ import annotations

import errno
import mmap
import os
import secrets
import stat
import struct
from pathlib import Path

from spotmagic import files
from spotmagic.originals import dumps, loads

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
        try:  # from here on: an interrupt that comes right after the lock was taken leaves none behind
            files.lock(self.fd)
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

    def may_be_written(self) -> bool:
        """Whether the file can be opened for writing by now, where it could not when this was made."""
        try:
            os.close(files.open_private(self.path, os.O_RDWR | os.O_CREAT))
        except OSError:
            return False
        return True

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


FORMAT = 1
JOURNALS, SEGMENTS, BLOBS = "journal", "segments", "blobs"
EPOCH = "epoch"
SEAL_LOCK, BLOB_LOCK = "seal.lock", "blobs.lock"


class NewerFormatError(OSError):
    """A folder that a newer spotmagic laid out. Nothing in it is touched."""


def prepare(folder: Path) -> str:
    """Make a spot's folder, or see that it is one. Returns the id it got when it was made.

    A folder that is there and cannot be written is left as it is.

    Raises:
        NewerFormatError: it was laid out by a newer spotmagic.
        OSError: it cannot be made or read.
    """
    files.make_folder(folder)
    try:
        identity = _read(folder / "format.json")
    except FileNotFoundError:
        identity = _write(folder)
    for name in (JOURNALS, SEGMENTS, BLOBS):
        part = folder / name
        try:
            files.make_folder(part)
        except OSError as error:
            if error.errno not in READ_ONLY:
                raise
            continue
        mode = part.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise PermissionError(f"{part} is a symbolic link")
        if not stat.S_ISDIR(mode):
            raise NotADirectoryError(f"{part} is not a folder")
    return identity


def _write(folder: Path) -> str:
    ignore = folder / ".gitignore"
    if not ignore.exists():
        files.write_whole(ignore, b"*\n", durable=False)
    identity = secrets.token_hex(8)
    # Of several kernels that make the folder at once one writes it, and all read what that one wrote.
    files.write_once(folder / "format.json", dumps({"format": FORMAT, "id": identity}).encode() + b"\n")
    return _read(folder / "format.json")


def _read(path: Path) -> str:
    with path.open("rb") as file:
        text = file.read(4096)
    try:
        content = loads(text)
        version, identity = content["format"], content["id"]
    except (ValueError, TypeError, KeyError):
        return ""  # damaged: the records tell their own version
    if isinstance(version, int) and version > FORMAT:
        raise NewerFormatError(
            f"{path.parent} was laid out by a newer spotmagic: format {version}, and this one, which needs an update, "
            f"knows {FORMAT}"
        )
    return identity if isinstance(identity, str) and identity.isalnum() else ""
