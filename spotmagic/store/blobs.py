"""Where large parts lie: immutable, named by their own SHA-256, shared by every entry that holds the same bytes."""

from __future__ import annotations

import hashlib
import mmap
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from spotmagic import files
from spotmagic.codecs import copies
from spotmagic.store.entry import Bad, BlobRef, Entry, Piece
from spotmagic.store.layout import prepare
from spotmagic.store.seal import spans

MAP_OVER = 256_000  # smaller blobs are read: a process may hold only so many maps
Span = tuple[int, int]  # from the first byte to the one after the last
Version = tuple[int, ...]


class DamagedError(Exception):
    """A blob whose bytes are not those of its name."""


class Blobs(Protocol):
    """Keeps large parts. All methods may be called from any thread.

    Trouble is an ``OSError``; a blob that is not there is a ``FileNotFoundError``.
    """

    def save(self, digest: bytes, pieces: Sequence[Piece]) -> int:
        """Keep bytes, whose SHA-256 is given, for good. Returns how many were written (0: they were there already)."""

    def load(self, digest: bytes, size: int) -> memoryview:
        """The bytes, as writable memory of the caller's own. Raises :class:`DamagedError` when they are wrong."""

    def read(self, digest: bytes, size: int, spans: Sequence[Span]) -> list[bytes]:
        """Stretches of the bytes, each by itself. Raises :class:`DamagedError` when the bytes are wrong."""

    def size(self, digest: bytes) -> int | None:
        """How large a blob is; ``None`` when it is not there."""

    def remove(self, digest: bytes) -> bool:
        """Remove a blob. Returns whether it was there."""

    def check(self, digest: bytes, size: int) -> bool:
        """Whether a blob's bytes are the right ones, read anew."""


def digest_of(pieces: Iterable[Piece]) -> bytes:
    """The name of a blob. Other threads run while it is made."""
    hashed = hashlib.sha256()
    for piece in pieces:
        hashed.update(piece)
    return hashed.digest()


def sizes_of(refs: Iterable[BlobRef]) -> dict[bytes, int]:
    """The blobs of an entry, each once, and how large they are."""
    return {ref.digest: ref.size for ref in refs}


class FolderBlobs:
    """Blobs as files of a folder: ``ab/cdef…``.

    A blob is written beside its place, synced and renamed, so that a name never shows less than the whole. Loads of
    large blobs are maps: copy on write, so they cost microseconds at any size and belong to the caller alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._root = f"{folder}{os.sep}"
        # Verified in this process, and the file it was: hashed once, as a file that nobody touched stays what it is.
        self._good: dict[bytes, Version] = {}

    def path(self, digest: bytes) -> Path:
        """Where a blob lies."""
        return Path(self._place(digest))

    def _place(self, digest: bytes) -> str:
        if len(digest) != 32:
            raise ValueError("not a SHA-256")
        name = digest.hex()
        return f"{self._root}{name[:2]}{os.sep}{name[2:]}"

    def save(self, digest: bytes, pieces: Sequence[Piece]) -> int:
        size = sum(map(len, pieces))
        path = self.path(digest)
        try:
            self.load(digest, size)
        except (DamagedError, OSError):
            pass
        else:
            return 0
        if not path.parent.is_dir():
            files.make_folder(path.parent)
            files.sync_folder(self.folder)
        files.write_whole(path, *pieces)  # in the place of a damaged one too: who has it open keeps what it was
        return size

    def load(self, digest: bytes, size: int) -> memoryview:
        with self._opened(digest, size) as (fd, version):
            view = memoryview(_memory(fd, size))
            if self._good.get(digest) != version:
                self._verify(digest, version, view)
            return view

    def read(self, digest: bytes, size: int, spans: Sequence[Span]) -> list[bytes]:
        """Stretches of the bytes, each by itself: one copy, where a map costs one and the faults of its pages."""
        with self._opened(digest, size) as (fd, version):
            if self._good.get(digest) != version:
                self._verify(digest, version, memoryview(_memory(fd, size)))
            found = [files.read_at(fd, stop - start, start) for start, stop in spans]
        if any(len(data) != stop - start for data, (start, stop) in zip(found, spans, strict=True)):
            raise DamagedError("it became shorter")
        return found

    @contextmanager
    def _opened(self, digest: bytes, size: int) -> Iterator[tuple[int, Version]]:
        """The file of a blob, which has the right size, and what tells it from every other version of it."""
        fd = files.open_private(self._place(digest), os.O_RDONLY)
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode) or info.st_size != size:
                raise DamagedError(f"{info.st_size} bytes, not {size}")
            yield fd, (*files.identity(info), info.st_mtime_ns, info.st_ctime_ns)
        finally:
            os.close(fd)

    def _verify(self, digest: bytes, version: Version, view: memoryview) -> None:
        if hashlib.sha256(view).digest() != digest:
            raise DamagedError("its bytes are not those of its name")
        self._good[digest] = version

    def size(self, digest: bytes) -> int | None:
        try:
            return self.path(digest).lstat().st_size
        except FileNotFoundError:
            return None

    def remove(self, digest: bytes) -> bool:
        self._good.pop(digest, None)
        try:
            self.path(digest).unlink()
        except FileNotFoundError:
            return False
        return True

    def sweep(self) -> int:
        """Remove what killed writers left half written, while nobody writes. Returns how many bytes that was."""
        swept = 0
        for path in self.folder.glob("*/.*.tmp"):
            swept += path.lstat().st_size
            path.unlink(missing_ok=True)
        return swept

    def check(self, digest: bytes, size: int) -> bool:
        self._good.pop(digest, None)
        try:
            self.load(digest, size)
        except DamagedError:
            return False
        return True


def _memory(fd: int, size: int) -> mmap.mmap | bytearray:
    if size >= MAP_OVER:
        try:
            return files.map_copy(fd, size)
        except OSError:  # too many maps
            pass
    data = bytearray(size)
    view = memoryview(data)
    at = 0
    while at < size and (got := os.preadv(fd, [view[at:]], at)):
        at += got
    if at < size:
        raise DamagedError("it became shorter")
    return data


def whole(entry: Entry, refs: tuple[BlobRef, ...], blobs: Blobs) -> Entry | Bad:
    """The entry with what its blobs hold, or what is wrong with one.

    Raises:
        OSError: a blob cannot be read.
    """
    parts = list(entry.parts)
    for ref in refs:
        part, name = parts[ref.part], ref.digest.hex()
        try:
            if copies(part.codecs):
                head, *data = blobs.read(ref.digest, ref.size, spans(ref))
                buffers = tuple(memoryview(piece) for piece in data)
            else:
                blob = blobs.load(ref.digest, ref.size)
                (begin, end), *rest = spans(ref)
                head, buffers = bytes(blob[begin:end]), tuple(blob[start:stop] for start, stop in rest)
        except FileNotFoundError:
            return Bad("corrupt", f"its blob {name} is missing")
        except DamagedError as error:
            return Bad("corrupt", f"its blob {name} is damaged: {error}")
        parts[ref.part] = part._replace(head=head, buffers=buffers)
    return entry._replace(parts=tuple(parts))


_NAME = re.compile(r"[0-9a-f]{64}")


class ObjectBlobs:
    """Blobs as objects under a URL: ``prefix/ab/cdef…``. Access comes from the cloud's usual variables.

    A blob that is there already, with the right size, is not sent again unless it was found damaged.

    Args:
        url: such as ``s3://bucket/prefix``.
        options: what obstore's ``from_url`` takes beside it, such as ``endpoint``.

    Raises:
        OptionError: obstore is not installed, or cannot make anything of the URL.
    """

    def __init__(self, url: str, option: str = "blobs", **options: Any) -> None:
        from spotmagic.store.remote import Bucket

        self._bucket = Bucket(url, option, **options)
        self.url = url
        self._damaged: set[bytes] = set()

    def save(self, digest: bytes, pieces: Sequence[Piece]) -> int:
        size = sum(map(len, pieces))
        if digest not in self._damaged and self.size(digest) == size:
            return 0
        self._bucket.put(_name(digest), b"".join(pieces))
        self._damaged.discard(digest)
        return size

    def load(self, digest: bytes, size: int) -> memoryview:
        return memoryview(self._whole(digest, size))

    def read(self, digest: bytes, size: int, spans: Sequence[Span]) -> list[bytes]:
        data = self._whole(digest, size)
        return [bytes(data[start:stop]) for start, stop in spans]

    def _whole(self, digest: bytes, size: int) -> bytearray:
        try:
            data = bytearray(self._bucket.get(_name(digest), size))
            if len(data) != size:
                raise ValueError(f"{len(data)} bytes, not {size}")
            if hashlib.sha256(data).digest() != digest:
                raise ValueError("its bytes are not those of its name")
        except ValueError as error:
            self._damaged.add(digest)  # so that the next one who has the right bytes sends them
            raise DamagedError(str(error)) from error
        return data

    def size(self, digest: bytes) -> int | None:
        return self._bucket.size(_name(digest))

    def remove(self, digest: bytes) -> bool:
        if self.size(digest) is None:
            return False
        self._bucket.remove(_name(digest))
        self._damaged.discard(digest)
        return True

    def check(self, digest: bytes, size: int) -> bool:
        try:
            self.load(digest, size)
        except DamagedError:
            return False
        return True


def _name(digest: bytes) -> str:
    name = digest.hex()
    if not _NAME.fullmatch(name):
        raise ValueError("not a SHA-256")
    return f"{name[:2]}/{name[2:]}"


def blobs_at(where: str | Path, folder: Path) -> Blobs:
    """The place that ``blobs=`` names: a folder, or a URL.

    A spot has a folder of its own there, named by the id it got when it was made. So spots may share the place, and
    none cleans up what another one holds.

    Args:
        folder: of the spot.

    Raises:
        OptionError: a URL that cannot be used.
    """
    from spotmagic.store.remote import is_url

    try:
        identity = prepare(folder)
    except OSError:
        identity = ""  # nothing can be kept there as long as this is so
    if is_url(where):
        return ObjectBlobs(f"{str(where).rstrip('/')}/{identity}")
    return FolderBlobs(Path(where) / identity)
