"""The files of a spot's folder that are not records: ``format.json``, ``.gitignore``, and the names of the rest."""

from __future__ import annotations

import json
import secrets
import stat
from pathlib import Path

from spotmagic import files
from spotmagic.store.epoch import READ_ONLY

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
    files.write_once(folder / "format.json", json.dumps({"format": FORMAT, "id": identity}).encode() + b"\n")
    return _read(folder / "format.json")


def _read(path: Path) -> str:
    with path.open("rb") as file:
        text = file.read(4096)
    try:
        content = json.loads(text)
        version, identity = content["format"], content["id"]
    except (ValueError, TypeError, KeyError):
        return ""  # damaged: the records tell their own version
    if isinstance(version, int) and version > FORMAT:
        raise NewerFormatError(
            f"{path.parent} was laid out by a newer spotmagic: format {version}, and this one, which needs an update, "
            f"knows {FORMAT}"
        )
    return identity if isinstance(identity, str) and identity.isalnum() else ""
