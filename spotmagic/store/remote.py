"""Objects in a bucket, and in there the second level of a store that a team shares.

::

    entries/ab/<30 hex digits>        a shared entry (``trust.py``); the name is its key
    blobs/ab/<62 hex digits>          a large part; the name is its SHA-256
    names/<32 hex digits>/<key>       empty: there is an entry of this name, for cells, whose inputs a run tells
    gone/ab/<30 hex digits>           a shared deletion: "gone", key and time, signed

A name is checked before anything is made of it, and what lies under it is checked by signature, seal and hash.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Literal, TypeVar

from spotmagic import threads
from spotmagic.clock import Clock
from spotmagic.errors import OptionError, tell, tell_again

T = TypeVar("T")

PATIENCE = 0.3  # seconds that a bucket may add to a call that is not there
NOT_THERE = 30.0  # seconds for which the bucket is not asked again for what it had not
_TRIES = 3  # failures one after the other before it is left alone
_REST, _LONGEST_REST = 10.0, 300.0
_MOST_KNOWN = 50_000
_MOST_ENTRY = (64 << 20) + 4096
_KEY = re.compile(r"(?:entries|gone)/([0-9a-f]{2})/([0-9a-f]{30})", re.ASCII)
_GONE = struct.Struct("<4s16sd")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://")

# A bucket that cannot be reached costs a miss, not the minutes that obstore would try for.
LIMITS = {"connect_timeout": "5s", "timeout": "60s"}
RETRY = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}


class Bucket:
    """Objects under a URL. Access comes from the cloud's usual variables.

    An upload shows the whole object or none, which every object store promises. Trouble is an ``OSError``; an object
    that is not there is a ``FileNotFoundError``.

    Args:
        url: such as ``s3://bucket/prefix``.
        option: the option of the user that named it, for errors.
        options: what obstore's ``from_url`` takes beside it, such as ``endpoint``.

    Raises:
        OptionError: obstore is not installed, or cannot make anything of the URL.
    """

    def __init__(self, url: str, option: str = "blobs", **options: Any) -> None:
        try:
            import obstore
            from obstore.exceptions import BaseError
        except ImportError as error:
            raise OptionError(f"{option}={url!r} needs obstore", todo="pip install spotmagic[s3]") from error
        self._obstore = obstore
        self._trouble: type[Exception] = BaseError
        self.url = url
        if url.startswith("file:"):
            options = {"mkdir": True, **options}
        elif not url.startswith("memory:"):
            client = {**LIMITS, "allow_http": _named_in_plain(url, os.environ)}
            options = {"client_options": client, "retry_config": RETRY, **options}
        try:
            self._store = obstore.store.from_url(url, **options)
        except (BaseError, ValueError) as error:
            why = str(error).partition("\n")[0]
            raise OptionError(
                f"{option}={url!r} cannot be used", why, 'Say "s3://bucket/prefix", or a folder'
            ) from error

    def put(self, name: str, data: bytes) -> None:
        """Write an object, in the place of what is there."""
        self._asked(self._obstore.put, name, data)

    def get(self, name: str, most: int) -> Any:
        """The bytes of an object, as a buffer. Raises ``ValueError`` when there are more than ``most``."""
        found = self._asked(self._obstore.get, name)
        if found.meta["size"] > most:
            raise ValueError(f"{found.meta['size']} bytes, not {most}")
        return self._asked(lambda _, result: result.bytes(), found)

    def size(self, name: str) -> int | None:
        """How large an object is; ``None`` when it is not there."""
        try:
            return int(self._asked(self._obstore.head, name)["size"])
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        try:
            self._asked(self._obstore.delete, name)
        except FileNotFoundError:
            pass

    def names(self, folder: str) -> Iterator[str]:
        """The names of the objects in a folder, at any depth."""
        pages = iter(self._asked(self._obstore.list, folder))
        while (page := self._asked(lambda _, pages: next(pages, None), pages)) is not None:
            yield from (one["path"] for one in page)

    def _asked(self, call: Any, *args: Any) -> Any:
        """The answer of the object store; its errors as those of a folder."""
        try:
            return call(self._store, *args)
        except FileNotFoundError:
            raise
        except self._trouble as error:
            reason = str(error).partition("\n")[0]  # what follows is obstore's own account of it
            raise OSError(f"{self.url} does not answer as it should: {reason}") from error


def is_url(where: object) -> bool:
    """Whether a text names a bucket and no folder."""
    return isinstance(where, str) and _URL.match(where) is not None


def _named_in_plain(url: str, environ: Mapping[str, str]) -> bool:
    """Whether the user named an endpoint without TLS, as those on the own machine are."""
    endpoints = (value for name, value in environ.items() if re.match(r"(AWS|AZURE|GOOGLE)_\w*ENDPOINT", name))
    return any(endpoint.lower().startswith("http://") for endpoint in (url, *endpoints))


class Remote:
    """Objects of a team in a bucket, asked with little patience: what is slow or down costs a moment, then nothing.

    Args:
        url: such as ``s3://bucket/team``.
        patience: seconds that a look-up may take; one that comes later is kept for the next call.
    """

    def __init__(self, url: str, clock: Clock, patience: float = PATIENCE) -> None:
        from spotmagic.store.blobs import ObjectBlobs

        self.url = url.rstrip("/")
        self.bucket = Bucket(self.url, "remote")
        self.blobs = ObjectBlobs(f"{self.url}/blobs", "remote")
        self._clock, self._patience = clock, patience
        self._lock = threading.Lock()
        self._not_there: dict[bytes | str, float] = {}
        self._failures = 0
        self._rests_until = 0.0

    # --- looking up ---

    def is_asked(self, what: bytes | str) -> bool:
        """Whether it is worth asking for a key or name: it is not left alone, and did not miss it just now."""
        now = self._clock.monotonic()
        return now >= self._rests_until and now >= self._not_there.get(what, 0.0)

    def note_missing(self, what: bytes | str) -> None:
        """Remember for a while that there is no such object."""
        with self._lock:
            if len(self._not_there) >= _MOST_KNOWN:
                self._not_there.clear()
            self._not_there[what] = self._clock.monotonic() + NOT_THERE

    def note_there(self, what: bytes | str) -> None:
        """Ask again for what was not there: somebody has written it."""
        with self._lock:
            self._not_there.pop(what, None)

    def entry(self, key: bytes) -> bytes:
        """A shared entry. Raises ``FileNotFoundError`` when there is none."""
        try:
            return bytes(self.bucket.get(_place("entries", key), _MOST_ENTRY))
        except ValueError as error:
            raise OSError(f"the result {key.hex()} is too large: {error}") from error

    def soon(self, ask: Callable[[threading.Event], T]) -> T | None:
        """What asking gives, or ``None`` if that takes too long; then it goes on in the background.

        Args:
            ask: sets the event as soon as it knows that there is something, which is worth waiting for.
        """
        found, done, late = threading.Event(), threading.Event(), threading.Event()
        answer: list[T] = []

        def run() -> None:
            try:
                answer.append(ask(found))
                if not late.is_set():  # one that is always late would else be waited for each time
                    self.worked()
            except OSError as error:
                self.failed(error)
            except Exception as error:  # nothing of a bucket may end in the user's call
                self.failed(OSError(f"{type(error).__name__}: {error}"))
            finally:
                done.set()
                found.set()

        if threads.spawn("spotmagic-remote", run) is None:
            return None
        if not found.wait(self._patience):
            late.set()
            self.failed(TimeoutError(f"no answer within {self._patience:g} s"))
            return None
        done.wait()
        return answer[0] if answer else None

    def worked(self, took: float = 0.0) -> None:
        """It answered. After seconds that are more than anybody waits for a look-up, that says nothing of the next."""
        if took > self._patience:
            return
        with self._lock:
            self._failures, self._rests_until = 0, 0.0
        tell_again(f"remote {self.url}")

    def failed(self, error: OSError) -> None:
        """It did not answer as it should. After a few times it is left alone for a while, a longer one each time."""
        with self._lock:
            self._failures += 1
            rests = self._failures >= _TRIES
            if rests:
                rest = min(_REST * 2 ** (self._failures - _TRIES), _LONGEST_REST)
                self._rests_until = self._clock.monotonic() + rest
        if rests:
            tell(
                f"{self.url} is not asked for a while",
                str(error),
                "Calls run as without it; what is stored meanwhile is sent when it answers",
                once=f"remote {self.url}",
            )

    # --- writing ---

    def send(self, key: bytes, shared: bytes, name: str) -> None:
        """Write a shared entry, whose blobs are there. Raises ``OSError`` when it could not be written."""
        self.bucket.put(_place("entries", key), shared)
        if name:
            # After the entry: a name that leads to nothing would be asked for in vain.
            self.bucket.put(f"names/{_hashed(name)}/{key.hex()}", b"-")
        self.note_there(key)

    def delete(self, key: bytes, shared_deletion: bytes) -> None:
        """Take an entry away, and say so to those who have it."""
        self.bucket.put(_place("gone", key), shared_deletion)  # first: who finds no entry finds out why
        self.bucket.remove(_place("entries", key))

    # --- listing ---

    def all_keys(self, folder: Literal["entries", "gone"] = "entries") -> Iterator[bytes]:
        """The keys of all shared entries, or of all deletions. Names that are none are passed over."""
        for path in self.bucket.names(folder):
            match = _KEY.fullmatch(path)
            if match is not None:
                yield bytes.fromhex(match[1] + match[2])

    def keys_of(self, name: str, most: int) -> list[bytes]:
        """The keys of some entries of a name."""
        found = []
        for path in self.bucket.names(f"names/{_hashed(name)}"):
            word = path.rpartition("/")[2]
            if re.fullmatch("[0-9a-f]{32}", word, re.ASCII):
                found.append(bytes.fromhex(word))
            if len(found) >= most:
                break
        return found

    def deletion(self, key: bytes) -> bytes:
        """A shared deletion. Raises ``FileNotFoundError`` when there is none."""
        try:
            return bytes(self.bucket.get(_place("gone", key), 4096))
        except ValueError as error:
            raise OSError(str(error)) from error


def deletion_of(key: bytes, time: float) -> bytes:
    """What a deletion says, to be signed."""
    return _GONE.pack(b"gone", key, time)


def deleted_at(said: bytes, key: bytes) -> float | None:
    """When a key was deleted by what a deletion says; ``None`` if it says something else."""
    if len(said) != _GONE.size:
        return None
    word, whose, time = _GONE.unpack(said)
    return float(time) if word == b"gone" and whose == key else None


def _place(folder: str, key: bytes) -> str:
    word = key.hex()
    if len(word) != 32:
        raise ValueError("not a key")
    return f"{folder}/{word[:2]}/{word[2:]}"


def _hashed(name: Any) -> str:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16, person=b"spot name").hexdigest()
