"""Blobs in an object store: any URL that obstore takes (S3, Google Cloud, Azure, HTTP, a folder)."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from spotmagic.errors import OptionError
from spotmagic.store.blobs import Blobs, DamagedError, FolderBlobs, Span
from spotmagic.store.layout import prepare
from spotmagic.store.parts import Piece

# A bucket that cannot be reached costs a miss, not the minutes that obstore would try for.
PATIENCE = {"connect_timeout": "5s", "timeout": "60s"}
RETRY = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}

_NAME = re.compile(r"[0-9a-f]{64}")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://")


class ObjectBlobs:
    """Blobs as objects under a URL: ``prefix/ab/cdef…``. Access comes from the cloud's usual variables.

    An upload shows the whole object or none, which every object store promises. A blob that is there already, with the
    right size, is not sent again unless it was found damaged.

    Args:
        url: such as ``s3://bucket/prefix``.
        options: what obstore's ``from_url`` takes beside it, such as ``endpoint``.

    Raises:
        OptionError: obstore is not installed, or cannot make anything of the URL.
    """

    def __init__(self, url: str, **options: Any) -> None:
        try:
            import obstore
            from obstore.exceptions import BaseError
        except ImportError as error:
            raise OptionError(f"blobs={url!r} needs obstore", todo="pip install spotmagic[s3]") from error
        self._obstore = obstore
        self._trouble: type[Exception] = BaseError
        self.url = url
        if not url.startswith(("memory:", "file:")):
            client = {**PATIENCE, "allow_http": _named_in_plain(url, os.environ)}
            options = {"client_options": client, "retry_config": RETRY, **options}
        try:
            self._store = obstore.store.from_url(url, **options)
        except (BaseError, ValueError) as error:
            raise OptionError(
                f"blobs={url!r} cannot be used", str(error), 'Say a folder, or "s3://bucket/prefix"'
            ) from error
        self._damaged: set[bytes] = set()

    def save(self, digest: bytes, pieces: Sequence[Piece]) -> int:
        """Keep bytes, whose SHA-256 is given, for good. Returns how many were written (0: they were there already)."""
        size = sum(map(len, pieces))
        if digest not in self._damaged and self.size(digest) == size:
            return 0
        self._asked(self._obstore.put, _name(digest), b"".join(pieces))
        self._damaged.discard(digest)
        return size

    def load(self, digest: bytes, size: int) -> memoryview:
        """The bytes, as writable memory of the caller's own."""
        return memoryview(self._whole(digest, size))

    def read(self, digest: bytes, size: int, spans: Sequence[Span]) -> list[bytes]:
        """Stretches of the bytes, each by itself."""
        data = self._whole(digest, size)
        return [bytes(data[start:stop]) for start, stop in spans]

    def _whole(self, digest: bytes, size: int) -> bytearray:
        found = self._asked(self._obstore.get, _name(digest))
        if found.meta["size"] != size:
            self._damaged.add(digest)
            raise DamagedError(f"{found.meta['size']} bytes, not {size}")
        data = bytearray(self._asked(lambda _, result: result.bytes(), found))
        if hashlib.sha256(data).digest() != digest:
            self._damaged.add(digest)
            raise DamagedError("its bytes are not those of its name")
        return data

    def size(self, digest: bytes) -> int | None:
        """How large a blob is; ``None`` when it is not there."""
        try:
            return int(self._asked(self._obstore.head, _name(digest))["size"])
        except FileNotFoundError:
            return None

    def remove(self, digest: bytes) -> bool:
        """Remove a blob. Returns whether it was there."""
        if self.size(digest) is None:
            return False
        self._asked(self._obstore.delete, _name(digest))
        self._damaged.discard(digest)
        return True

    def check(self, digest: bytes, size: int) -> bool:
        """Whether a blob's bytes are the right ones, read anew."""
        try:
            self.load(digest, size)
        except DamagedError:
            return False
        return True

    def _asked(self, call: Any, *args: Any) -> Any:
        """The answer of the object store; its errors as those of a folder."""
        try:
            return call(self._store, *args)
        except FileNotFoundError:
            raise
        except self._trouble as error:
            reason = str(error).partition("\n")[0]  # what follows is obstore's own account of it
            raise OSError(f"{self.url} does not answer as it should: {reason}") from error


def _named_in_plain(url: str, environ: Mapping[str, str]) -> bool:
    """Whether the user named an endpoint without TLS, as those on the own machine are."""
    endpoints = (value for name, value in environ.items() if re.match(r"(AWS|AZURE|GOOGLE)_\w*ENDPOINT", name))
    return any(endpoint.lower().startswith("http://") for endpoint in (url, *endpoints))


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
    try:
        identity = prepare(folder)
    except OSError:
        identity = ""  # nothing can be kept there as long as this is so
    if isinstance(where, str) and _URL.match(where):
        options = {"mkdir": True} if where.startswith("file:") else {}
        return ObjectBlobs(f"{where.rstrip('/')}/{identity}", **options)
    return FolderBlobs(Path(where) / identity)
