"""Entries in one file, to be carried elsewhere: a zip archive whose members are as they lie in the store.

::

    entries/<32 hex digits of the key>        a sealed entry, signed by who wrote the archive (``trust.py``)
    blobs/<64 hex digits of the SHA-256>      a large part

An archive may come from anybody. So nothing of it becomes a path; members count by their exact name alone, links,
devices and what is there twice do not; every size is held against its limit before a byte is read, and against what
came while it is. Blobs are read only where a readable entry names them.
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import re
import secrets
import stat
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from spotmagic import files, words
from spotmagic.errors import OptionError, tell
from spotmagic.store.blobs import DamagedError, sizes_of
from spotmagic.store.checked import Unusable, why_not_elsewhere
from spotmagic.store.entry import MAX_PART, MAX_RATIO, MAX_RECORD, BlobRef
from spotmagic.store.loading import Loaded, Loading
from spotmagic.store.store import FolderStore
from spotmagic.store.transfer import SealedEntry, Transfer
from spotmagic.store.trust import sign

STEP = 1 << 20
_NAME = re.compile(r"entries/[0-9a-f]{32}|blobs/[0-9a-f]{64}", re.ASCII)
_ENCRYPTED = 0x2061  # or patched
_TROUBLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OverflowError)


class Exported(int):
    """How many results are in an archive, as a number.

    Attributes:
        unusable: those of them that others cannot use, and why.
    """

    unusable: Unusable


def write_archive(path: Path, transfer: Transfer, keys: Iterable[bytes]) -> Exported:
    """Write the entries of keys, with their blobs, to an archive that only its owner reads: all of it or nothing.

    Returns:
        How many entries are in it. What is damaged or gone is left out, with a warning.

    Raises:
        OSError: it could not be written.
    """
    if not path.parent.exists():  # told of it, and not of a file with a name that nobody gave
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(path.parent))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    written = left_out = 0
    unusable = Unusable()
    names: set[str] = set()
    fd = files.open_private(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        with os.fdopen(fd, "w+b") as file:
            with zipfile.ZipFile(file, "w") as archive:
                for key in keys:
                    known = transfer.whole(key)
                    blobs = None if known is None else _blobs_of(transfer, known)
                    if known is None or blobs is None:
                        left_out += 1
                        continue
                    unusable.note(known.entry.name, why_not_elsewhere(known.entry))
                    for digest, blob in blobs.items():
                        _add(archive, f"blobs/{digest.hex()}", blob, names)
                    _add(archive, f"entries/{key.hex()}", memoryview(sign(known.sealed, transfer.ring)), names)
                    written += 1
            file.flush()
            files.sync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    files.sync_folder(path.parent)
    if left_out:
        tell(f"{words.results(left_out)} left out of {path}", "they, or their blobs, are damaged, gone or refused")
    exported = Exported(written)
    exported.unusable = unusable
    return exported


def _blobs_of(transfer: Transfer, known: SealedEntry) -> dict[bytes, memoryview] | None:
    """All blobs of an entry, before anything of it is written; ``None`` if one of them is not whole."""
    try:
        return {ref.digest: transfer.blobs.load(ref.digest, ref.size) for ref in known.refs}
    except (FileNotFoundError, DamagedError):
        return None


def _add(archive: zipfile.ZipFile, name: str, data: memoryview, names: set[str]) -> None:
    if name in names:
        return
    names.add(name)
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFREG | files.PRIVATE_FILE) << 16
    info.file_size = data.nbytes  # said beforehand, so that a large one is written with the long form of its sizes
    with archive.open(info, "w") as member:
        for at in range(0, data.nbytes, STEP):
            member.write(data[at : at + STEP])


def load_archive(path: Path, store: FolderStore) -> Loaded:
    """Take the entries of an archive into a store; they last when this returns.

    Those of people the user trusts are sealed anew as the user's own, others keep the seal they have.

    Raises:
        OptionError: the file is no zip archive, or a part of one.
        OSError: it cannot be read, or the store cannot keep what is in it.
    """
    loading = Loading(store)
    with path.open("rb") as file:
        try:
            archive = zipfile.ZipFile(file)
        except _TROUBLE as error:
            raise OptionError(f"{path} is no archive of results", str(error), "Make one with spot.export") from error
        with archive:
            members = _members(archive, os.fstat(file.fileno()).st_size, loading.refused)
            for name, info in members.items():
                if not name.startswith("entries/"):
                    continue
                try:
                    data, key = b"".join(_read(archive, info)), bytes.fromhex(name.partition("/")[2])
                except _TROUBLE as error:
                    loading.refused.append((name, f"corrupt: {error}"))
                    continue
                loading.take(name, key, data, lambda refs: _blobs(archive, members, refs, store.transfer))
    return loading.done()


def _members(archive: zipfile.ZipFile, size: int, refused: list[tuple[str, str]]) -> dict[str, zipfile.ZipInfo]:
    """The members that may be read, by name."""
    members = {}
    times = Counter(info.orig_filename for info in archive.infolist())
    left = size
    for info in archive.infolist():
        name = info.orig_filename
        left -= info.compress_size  # members that lie over one another would together be more than the file
        why = _fault(info)
        if not _NAME.fullmatch(name):
            why = "its name is none of an archive of results"
        elif times[name] > 1:
            why = "it is there more than once"
        elif left < 0 or not 0 <= info.header_offset < size:
            why = "it does not fit into the archive"
        if why:
            refused.append((name, why))
        else:
            members[name] = info
    return members


def _fault(info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "it is not a plain file"
    if info.flag_bits & _ENCRYPTED or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "it is packed in a way that is not read here"
    if info.file_size > (MAX_RECORD if info.orig_filename.startswith("entries/") else MAX_PART):
        return f"{info.file_size} bytes are more than the format takes"
    if info.file_size > MAX_RATIO * info.compress_size + STEP:
        return f"{info.compress_size} bytes that unpack to {info.file_size} are no result"
    return ""


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a member, at most as many as it said. Raises ``ValueError`` when there are fewer."""
    left = info.file_size
    with archive.open(info) as member:
        while left and (data := member.read(min(left, STEP))):
            left -= len(data)
            yield data
    if left:
        raise ValueError("it is cut off")


def _blobs(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], refs: tuple[BlobRef, ...], transfer: Transfer
) -> Iterator[tuple[bytes, memoryview]]:
    """The blobs of an entry that are in the archive, each checked, as memory that lasts until the next one.

    Raises:
        DamagedError: one is neither here nor in the store, or is not what its name says.
    """
    for digest, size in sizes_of(refs).items():
        info = members.get(f"blobs/{digest.hex()}")
        if info is None:
            if transfer.blobs.size(digest) != size:
                raise DamagedError(f"blob {digest.hex()} is missing")
            continue
        if info.file_size != size:
            raise DamagedError(f"blob {digest.hex()} has {info.file_size} bytes, not {size}")
        hashed = hashlib.sha256()
        with tempfile.TemporaryFile(dir=transfer.folder) as file:
            try:
                for data in _read(archive, info):
                    hashed.update(data)
                    file.write(data)
            except _TROUBLE as error:
                raise DamagedError(str(error)) from error
            if hashed.digest() != digest:
                raise DamagedError(f"the bytes of blob {digest.hex()} are not those of its name")
            file.flush()
            if not size:  # an empty file cannot be mapped
                yield digest, memoryview(b"")
                continue
            with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
                yield digest, view
