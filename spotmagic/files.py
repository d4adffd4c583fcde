"""Locks, maps, syncs and private files: everything that the operating system owns.

POSIX so far, with what Linux has and macOS has not told apart here and nowhere else; a port to Windows changes this
module alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import secrets
import stat
import struct
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afpfs", "ceph", "glusterfs", "fuse.glusterfs"}
)

# Open-file-description locks belong to the open file and not to the process, so threads exclude each other too. Where
# there are none (macOS) a lock is one of the process, and any closed descriptor of the file drops all of them: there
# one descriptor per file and process is the rule.
_OFD_SETLK = getattr(fcntl, "F_OFD_SETLK", None)
_OFD_GETLK = getattr(fcntl, "F_OFD_GETLK", None)
if sys.platform == "linux":  # struct flock: type, whence, start, length, pid
    _FLOCK = struct.Struct("hhqqi4x")

    def _flock(kind: int, offset: int) -> bytes:
        return _FLOCK.pack(kind, os.SEEK_SET, offset, 1, 0)
else:  # BSD's: start, length, pid, type, whence
    _FLOCK = struct.Struct("qqihh8x")

    def _flock(kind: int, offset: int) -> bytes:
        return _FLOCK.pack(offset, 1, 0, kind, os.SEEK_SET)


def lock(fd: int, *, wait: bool = True, shared: bool = False) -> bool:
    """Take the lock of an open file; the kernel lets go of it when the process dies. Returns whether it was got."""
    how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    try:
        fcntl.flock(fd, how)
    except BlockingIOError:
        return False
    return True


def unlock(fd: int) -> None:
    """Let go of the lock of an open file, for whoever shares it as well.

    Closing alone is not enough: a child that was forked meanwhile keeps the file open, and with it the lock. Where the
    system refuses, closing is all that is left, and no error may keep anybody from that.
    """
    with contextlib.suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_UN)


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True, shared: bool = False) -> Iterator[bool]:
    """Hold the lock of a lock file, made when missing. Yields whether it was got."""
    fd = open_private(path, os.O_RDWR | os.O_CREAT)
    try:
        got = lock(fd, wait=wait, shared=shared)
        try:
            yield got
        finally:
            if got:
                unlock(fd)
    finally:
        os.close(fd)


def lock_byte(fd: int, offset: int) -> bool:
    """Try to take the lock of one byte of an open file, without waiting. Returns whether it was got."""
    try:
        if _OFD_SETLK is not None:
            fcntl.fcntl(fd, _OFD_SETLK, _flock(fcntl.F_WRLCK, offset))
        else:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
    except BlockingIOError:
        return False
    except PermissionError:  # somebody holds it, where locks are the process's; else none may be taken at all
        if _OFD_SETLK is not None:
            raise
        return False
    return True


def unlock_byte(fd: int, offset: int) -> None:
    """Let go of the lock of one byte."""
    if _OFD_SETLK is not None:
        fcntl.fcntl(fd, _OFD_SETLK, _flock(fcntl.F_UNLCK, offset))
    else:
        fcntl.lockf(fd, fcntl.LOCK_UN, 1, offset)


def byte_is_locked(fd: int, offset: int) -> bool:
    """Whether another open file holds the lock of a byte. Where locks are the process's: another process."""
    free = _flock(fcntl.F_UNLCK, offset)
    answer = fcntl.fcntl(fd, fcntl.F_GETLK if _OFD_GETLK is None else _OFD_GETLK, _flock(fcntl.F_WRLCK, offset))
    place = 0 if sys.platform == "linux" else 20  # where the kind of a lock stands
    return answer[place : place + 2] != free[place : place + 2]


class Reopened(Protocol):
    """What holds files that a forked child must not share with its parent."""

    def forked(self) -> None:
        """Let go of them, in the child."""


_forked: weakref.WeakSet[Reopened] = weakref.WeakSet()


def reopen_after_fork(holder: Reopened) -> None:
    """Tell a holder of files in every child that is forked from now on."""
    _forked.add(holder)


def _after_fork() -> None:
    for holder in list(_forked):
        holder.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


_Lock: Any = type(threading.RLock())


class ForkLock(_Lock):  # type: ignore[misc]
    """A lock of a module, free in a forked child: the thread that held it when the child began is not there.

    ``with`` takes it in one step of Python's. Taken by a method of ours, an interrupt could come when it is taken and
    not yet to be given back, and the next thread would wait for ever.
    """

    def __init__(self) -> None:
        reopen_after_fork(self)

    def forked(self) -> None:
        """Begin as a lock that nobody holds."""
        self._at_fork_reinit()


def make_folder(path: Path) -> None:
    """Make a folder that only its owner can enter. Parents that are missing are made alike."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=PRIVATE_FOLDER)
            sync_folder(folder.parent)


def open_private(path: Path | str, flags: int) -> int:
    """Open a file of ours: never through a symbolic link, readable by its owner alone when it is made."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)


def open_private_into(table: dict[str, int], name: str, path: Path, flags: int) -> int:
    """The same, kept in a table under a name, in one step of the interpreter: no interrupt comes between the two."""
    return _open_into(table, name, path, flags | os.O_NOFOLLOW)


def _open_into(table: dict[str, int], name: str, path: Path, flags: int) -> int:
    how = (str(path),), (flags | os.O_CLOEXEC,), (PRIVATE_FILE,)
    table.update(zip((name,), map(os.open, *how), strict=True))
    return table[name]


def is_private(fd: int) -> bool:
    """Whether an open file is a regular one, of this user, that nobody else may read or write."""
    info = os.fstat(fd)
    return stat.S_ISREG(info.st_mode) and info.st_uid == os.geteuid() and not info.st_mode & 0o077


def identity(info: os.stat_result) -> tuple[int, int]:
    """What tells a file from every other one on the machine."""
    return info.st_dev, info.st_ino


def read_at(fd: int, size: int, offset: int) -> bytes:
    """The bytes of an open file from an offset on: fewer than asked for at its end only."""
    data = os.pread(fd, size, offset)
    if len(data) == size or not data:
        return data
    pieces = [data]
    got = len(data)
    while got < size and (data := os.pread(fd, size - got, offset + got)):
        pieces.append(data)
        got += len(data)
    return b"".join(pieces)


def write_at(fd: int, data: bytes | memoryview, offset: int) -> None:
    """Write every byte from an offset on; one ``pwrite`` call where the system allows it."""
    written = os.pwrite(fd, data, offset)
    if written == len(data):
        return
    view = memoryview(data)
    while written < len(view):
        written += os.pwrite(fd, view[written:], offset + written)


def write_whole(path: Path, *pieces: bytes | memoryview, durable: bool = True) -> None:
    """Write a file so that readers see all of it or none of it: temporary file, sync, rename, sync of the folder."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    kept: dict[str, int] = {}
    try:
        try:
            fd = open_private_into(kept, "file", temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            for piece in pieces:
                write_all(fd, piece)
            if durable:
                sync(fd)
        finally:
            if kept:
                os.close(kept["file"])
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def write_once(path: Path, data: bytes) -> None:
    """Write a file unless it is there. Of several processes that do so at once one wins; all see its file whole."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        write_whole(temporary, data)
        path.hardlink_to(temporary)  # fails where the name is taken, which a rename does not
    except FileExistsError:
        pass
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write every byte; one ``write`` call where the system allows it."""
    view = memoryview(data).cast("B")
    while view:
        view = view[os.write(fd, view) :]


def sync(fd: int) -> None:
    """Make what was written to an open file outlast a power cut."""
    if hasattr(os, "fdatasync"):
        os.fdatasync(fd)
        return
    try:  # macOS: its fsync leaves the bytes in the drive's own memory
        fcntl.fcntl(fd, getattr(fcntl, "F_FULLFSYNC", -1))
    except OSError:  # elsewhere, or a drive that does not know the command
        os.fsync(fd)


def sync_folder(path: Path) -> None:
    """Make the names in a folder last over a power cut."""
    kept: dict[str, int] = {}
    try:
        os.fsync(_open_into(kept, "folder", path, os.O_RDONLY | os.O_DIRECTORY))
    finally:
        if kept:
            os.close(kept["folder"])


def map_copy(fd: int, length: int) -> mmap.mmap:
    """A file as memory that may be written without the file changing (copy on write)."""
    return mmap.mmap(fd, length, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)


def map_shared(fd: int, length: int, *, writable: bool = True) -> mmap.mmap:
    """A file as memory that every process sees."""
    prot = mmap.PROT_READ | mmap.PROT_WRITE if writable else mmap.PROT_READ
    return mmap.mmap(fd, length, flags=mmap.MAP_SHARED, prot=prot)


def map_part(fd: int, length: int, offset: int) -> mmap.mmap:
    """A stretch of a file as read-only memory; it begins at a multiple of ``mmap.ALLOCATIONGRANULARITY``."""
    return mmap.mmap(fd, length, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ, offset=offset)


def network_file_system(path: Path) -> str | None:
    """The name of the network file system a path lies on, or ``None``. Knows Linux only."""
    try:
        mounts = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return None
    best, kind = "", ""
    target = f"{path.resolve()}/"
    for line in mounts:
        point, name = line.split()[1:3]
        point = point.replace("\\040", " ").rstrip("/") + "/"
        if target.startswith(point) and len(point) >= len(best):
            best, kind = point, name
    return kind if kind in NETWORK else None
