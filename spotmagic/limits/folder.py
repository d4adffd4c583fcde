"""Where the limits of this user are on this machine: a folder that is local, private, and not the project's."""

from __future__ import annotations

import hashlib
import os
import platform
import stat
import tempfile
from pathlib import Path

import platformdirs

from spotmagic import files


def state_path(name: str) -> Path:
    """The state file of a limit; its folder is made when missing. Raises ``OSError`` when it cannot be.

    The file's name holds the machine's too: homes are shared between machines, limits in files are not.
    """
    folder = Path(platformdirs.user_state_dir("spotmagic", appauthor=False)) / "limits"
    if files.network_file_system(folder) is not None:  # no locks to rely on there
        folder = Path(tempfile.gettempdir()) / f"spotmagic-limits-{os.geteuid()}"
    files.make_folder(folder)
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o022:
        raise PermissionError(f"{folder} is not a folder of this user alone")
    digest = hashlib.blake2b(f"{platform.node()}\n{name}".encode(), digest_size=16)
    return folder / f"{digest.hexdigest()}.state"
