"""Where the limits of this user are on this machine: a folder that is local, private, and not the project's.

A state file is named by a digest. The limit's name stands in a file beside it, for those who look at all limits.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import stat
import tempfile
from pathlib import Path

import platformdirs

from spotmagic import files

LONGEST = 200
"""Bytes of the longest name that is written down; limits of longer ones work, but are not listed elsewhere."""


def state_path(name: str) -> Path:
    """The state file of a limit; its folder is made when missing. Raises ``OSError`` when it cannot be.

    The file's name holds the machine's too: homes are shared between machines, limits in files are not.
    """
    folder = _folder()
    files.make_folder(folder)
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o022:
        raise PermissionError(f"{folder} is not a folder of this user alone")
    return folder / f"{_digest(name.encode('utf-8', 'surrogatepass'))}.state"


def open_own(path: Path, flags: int) -> int:
    """Open a file of a limit. Raises ``PermissionError`` for one that others may read or write."""
    fd = files.open_private(path, flags)
    if not files.is_private(fd):
        os.close(fd)
        raise PermissionError(f"{path} is not a private file of this user")
    return fd


def write_name(path: Path, name: str) -> None:
    """Write the name of a limit beside its state, unless it is there. Never raises: only those who look miss it."""
    told, beside = name.encode("utf-8", "replace"), path.with_suffix(".name")
    if not told or len(told) > LONGEST or _read_name(beside) == told:
        return
    with contextlib.suppress(OSError):
        files.write_whole(beside, told, durable=False)


def state_files() -> dict[str, Path]:
    """The state files of this machine by the names of their limits. A name that is not that of its file is none."""
    found = {}
    for beside in _folder().glob("*.name"):
        told = _read_name(beside)
        if _digest(told) == beside.stem:
            with contextlib.suppress(UnicodeDecodeError):
                found[told.decode()] = beside.with_suffix(".state")
    return dict(sorted(found.items()))


def _folder() -> Path:
    folder = Path(platformdirs.user_state_dir("spotmagic", appauthor=False)) / "limits"
    if files.network_file_system(folder) is not None:  # no locks to rely on there
        return Path(tempfile.gettempdir()) / f"spotmagic-limits-{os.geteuid()}"
    return folder


def _digest(name: bytes) -> str:
    return hashlib.blake2b(platform.node().encode() + b"\n" + name, digest_size=16).hexdigest()


def _read_name(path: Path) -> bytes:
    """What a file of a name holds; nothing where there is none, or it is not a private file of this user."""
    try:
        fd = open_own(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            return os.read(fd, LONGEST + 1)
        finally:
            os.close(fd)
    except OSError:
        return b""
