"""A store with a second level: the bucket of a team.

What is not in the folder is looked up there, and what is put is sent there in the background. Nothing waits for the
bucket: a look-up may add 0.3 s to a call that would have run anyway. What is still to be sent is a marker in
``outbox/``, so that it outlasts the kernel.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from spotmagic import files, threads
from spotmagic.errors import tell
from spotmagic.store import trust
from spotmagic.store.blobs import DamagedError, sizes_of
from spotmagic.store.checked import Unusable, why_not_elsewhere
from spotmagic.store.entry import Bad, BlobRef, Entry
from spotmagic.store.index import RECENT
from spotmagic.store.loading import Loaded, Loading, Pushed, take
from spotmagic.store.remote import Remote, deleted_at, deletion_of
from spotmagic.store.store import FolderStore

OUTBOX = "outbox"
DRAIN = 10.0  # seconds for which the last of a process waits for the bucket
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_GONE = ".gone"
_AT_ONCE = 8

T = TypeVar("T")


class SharedStore(FolderStore):
    """Entries in a folder and in a bucket."""

    def __init__(self, folder: Path, remote: Remote, **settings: Any) -> None:
        super().__init__(folder, **settings)
        self.remote = remote
        self._outbox = folder / OUTBOX
        self._sending = threading.Lock()
        self._due = threading.Event()
        self._sender: threading.Thread | None = None
        if self._waiting():
            self._send_soon()

    # --- reading ---

    def get(self, key: bytes) -> Entry | Bad | None:
        """The newest entry of a key in the folder, else in the bucket."""
        found = super().get(key)
        if found is None and self.remote.is_asked(key) and self.remote.soon(lambda there: self._fetch(key, there)):
            return super().get(key)
        return found

    def recent(self, name: str, most: int = RECENT) -> list[Entry]:
        """The newest entries of a name; of one that the folder does not know, some of the bucket's."""
        found = super().recent(name, most)
        if not found and self.remote.is_asked(name) and self.remote.soon(lambda there: self._fetch_named(name, there)):
            return super().recent(name, most)
        return found

    def _fetch(self, key: bytes, there: threading.Event) -> bool:
        """Take the entry of a key out of the bucket. Whether there is one to be used."""
        try:
            data = self.remote.entry(key)
        except FileNotFoundError:
            self.remote.note_missing(key)
            return False
        there.set()
        try:
            taken = take(self, key, data, self._blobs_of)
        except DamagedError as error:
            taken = Bad("corrupt", str(error))
        if isinstance(taken, Bad):
            self.remote.note_missing(key)
            _tell_refused(self.remote.url, key, taken)
            return False
        return taken is not None

    def _fetch_named(self, name: str, there: threading.Event) -> bool:
        keys = self.remote.keys_of(name, RECENT)
        if not keys:
            self.remote.note_missing(name)
            return False
        there.set()
        fetched = [self._fetch(key, there) for key in keys]
        return any(fetched)

    def _blobs_of(self, refs: tuple[BlobRef, ...]) -> Iterable[tuple[bytes, Any]]:
        for digest, size in sizes_of(refs).items():
            if self.blobs.size(digest) != size:
                try:
                    yield digest, self.remote.blobs.load(digest, size)
                except FileNotFoundError:
                    raise DamagedError(f"blob {digest.hex()} is missing") from None

    # --- writing ---

    def put(self, entry: Entry, *, save_blob: bool | None = None, durable: bool = False, run: bool = False) -> int:
        """Keep an entry in the folder, and send it when there is time."""
        written = super().put(entry, save_blob=save_blob, durable=durable, run=run)
        self._post(entry.key.hex())
        return written

    def put_soon(
        self, entry: Entry, *, save_blob: bool | None = None, durable: bool = False, run: bool = False
    ) -> Future[Any] | None:
        """As :meth:`put`, for an event loop."""
        soon = super().put_soon(entry, save_blob=save_blob, durable=durable, run=run)
        self._post(entry.key.hex())
        return soon

    def forget(self, keys: Iterable[bytes], judged: Mapping[bytes, int] | None = None) -> int:
        """Remove entries; those that the user names from the bucket too, those that have had their time here alone."""
        keys = list(keys)
        forgotten = super().forget(keys, judged)
        if judged is None:
            for key in keys:
                self._post(key.hex() + _GONE)
        return forgotten

    def _post(self, marker: str) -> None:
        """Leave a note of what is to be sent. Without it the result is kept all the same, for this folder."""
        try:
            files.make_folder(self._outbox)
            os.close(files.open_private(self._outbox / marker, os.O_WRONLY | os.O_CREAT))
        except OSError as error:
            tell(f"{self._outbox} cannot be written", str(error), "push() sends what is not sent", once="outbox")
        self._send_soon()

    def _waiting(self) -> list[str]:
        try:
            return sorted(os.listdir(self._outbox))  # noqa: PTH208
        except OSError:
            return []

    def _send_soon(self) -> None:
        self._due.set()
        if self._sender is None or not self._sender.is_alive():
            self._sender = threads.spawn("spotmagic-sender", self._run)

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            self._due.clear()  # before the look: what is posted meanwhile sets it again
            if self.send():
                pause = _FIRST_PAUSE
                if not self._due.wait(_LONGEST_PAUSE):
                    return  # the next put starts another one
            else:
                self._due.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    def send(self, until: float = float("inf")) -> bool:
        """Send what waits to be sent, and begin with nothing more after a time. Whether all of it is in the bucket."""
        with self._sending:
            for marker in self._waiting():
                began = self._clock.monotonic()
                if began > until:
                    return False
                try:
                    self._send(marker)
                except OSError as error:
                    self.remote.failed(error)
                    return False
                self.remote.worked(self._clock.monotonic() - began)
                # Only now: a marker outlasts whatever ends the process before. What is sent twice is the same.
                with contextlib.suppress(OSError):
                    (self._outbox / marker).unlink(missing_ok=True)
            return True

    def _send(self, marker: str) -> None:
        word = marker.removesuffix(_GONE)
        try:
            key = bytes.fromhex(word)
        except ValueError:
            return
        if len(key) != 16:
            return
        if marker != word:
            said = trust.sign(deletion_of(key, self._clock.now()), self.transfer.ring)
            self.remote.delete(key, said)
        else:
            self._send_entry(key)

    def _send_entry(self, key: bytes) -> Entry | None:
        """Send one's own entry of a key with its blobs; the blobs first, so that a name never shows less than all."""
        known = self.transfer.whole(key)
        if known is None or not known.entry.trusted:
            return None
        entry = known.entry
        for digest, size in sizes_of(known.refs).items():
            if self.remote.blobs.size(digest) != size:
                try:
                    self.remote.blobs.save(digest, [self.blobs.load(digest, size)])
                except (DamagedError, FileNotFoundError):
                    return None  # what is damaged here is not passed on
        self.remote.send(key, trust.sign(known.sealed, self.transfer.ring), entry.name if entry.kind == "cell" else "")
        return entry

    # --- all of it ---

    def push(self, keys: Iterable[bytes]) -> Pushed:
        """Send the entries of keys that the bucket has not. Raises ``OSError`` when it does not answer."""
        known = set(self.remote.all_keys())
        keys = list(keys)
        new = [key for key in keys if key not in known]
        unusable = Unusable()
        sent = [entry for entry in self._at_once(self._send_entry, new) if entry is not None]
        for entry in sent:
            unusable.note(entry.name, why_not_elsewhere(entry))
        self.send()
        return Pushed(len(sent), len(keys) - len(new), unusable)

    def pull(self) -> Loaded:
        """Take everything that the bucket has. Raises ``OSError`` when it does not answer."""
        loading = Loading(self)

        def read(key: bytes) -> tuple[bytes, bytes | None]:
            try:
                return key, self.remote.entry(key)
            except FileNotFoundError:
                return key, None  # deleted meanwhile

        for key, data in self._at_once(read, self.remote.all_keys()):
            if data is not None:
                loading.take(key.hex(), key, data, self._blobs_of)
        return loading.done(self._forget_deleted())

    def _at_once(self, ask: Callable[[bytes], T], keys: Iterable[bytes]) -> Iterator[T]:
        """What asking for each key gives, in their order. A bucket is far away, and answers many at once."""
        from concurrent.futures import ThreadPoolExecutor

        left = iter(keys)
        with ThreadPoolExecutor(_AT_ONCE, "spotmagic-bucket") as pool:
            while some := list(islice(left, 8 * _AT_ONCE)):
                yield from pool.map(ask, some)

    def _forget_deleted(self) -> int:
        """Forget what somebody trusted has deleted since it was made."""
        old = []
        for key in self.remote.all_keys("gone"):
            here = super().get(key)
            if not isinstance(here, Entry):
                continue
            try:
                said, authors = trust.opened(self.remote.deletion(key))
            except (FileNotFoundError, ValueError):
                continue
            time = deleted_at(said, key)
            if trust.counts(authors, self.transfer.ring, own=True) and time is not None and here.created <= time:
                old.append(key)
        return super().forget(old)

    def close(self) -> None:
        """Send what there is time for, and let go of every file. What is left is sent by the next kernel."""
        if self._waiting():
            sender = threads.spawn("spotmagic-drain", self.send)
            if sender is not None:
                sender.join(DRAIN)
            else:  # as the interpreter ends
                self.send(self._clock.monotonic() + DRAIN)
        super().close()

    def after_fork(self, child: bool) -> None:
        """Go on; a child sends by a thread of its own when it has something."""
        super().after_fork(child)
        if child:
            self._sending, self._due, self._sender = threading.Lock(), threading.Event(), None


def _tell_refused(url: str, key: bytes, bad: Bad) -> None:
    tell(
        f"a result of {url} is not used",
        f"{key.hex()}: {bad.why}",
        "It is run again; if you know who wrote it, `spotmagic trust add NAME KEY`"
        if bad.kind == "foreign"
        else "It is run again",
        once=f"remote {bad.kind} {url}",
    )
