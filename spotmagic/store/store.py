"""The store of a spot: what was paid for, kept in a folder that every kernel shares."""

from __future__ import annotations

import contextlib
import mmap
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from spotmagic import files
from spotmagic.clock import SYSTEM, Clock
from spotmagic.errors import tell
from spotmagic.reads.paths import leave_out
from spotmagic.store import record
from spotmagic.store.blobs import Blobs, FolderBlobs, digest_of, whole
from spotmagic.store.entry import Bad, BlobRef, Entry
from spotmagic.store.folder import Folder, Opening
from spotmagic.store.index import RECENT, Memo
from spotmagic.store.journal import Journal
from spotmagic.store.layout import BLOB_LOCK, BLOBS, NewerFormatError
from spotmagic.store.record import HELD, Record, Run, Tally, blob_body, group_of, run_body, stat_body
from spotmagic.store.seal import blob_pieces, large_parts, seal, unseal
from spotmagic.store.ticker import TICKER
from spotmagic.store.transfer import Transfer
from spotmagic.store.trust import Ring, Trust
from spotmagic.store.upkeep import Upkeep
from spotmagic.store.walk import read_records

COUNT_EVERY = 5.0  # seconds between two records of hits
MERGE_FILES_AT_EXIT = 32
MERGE_EVERY = 30.0


class FolderStore:
    """Entries in a folder: journals and segments, and blobs for large parts.

    Args:
        folder: made when missing. While it cannot be, ``get`` finds nothing and ``put`` raises.
        ring: whose seals count.
        blobs: where large parts go; the folder's own ``blobs/`` by default.
        blob_over: a part above this many bytes is large.
        trust: what to make of entries of unknown writers.
    """

    def __init__(
        self, folder: Path, *, ring: Ring, blobs: Blobs | None = None, blob_over: int = 32_000, trust: Trust = "safe",
        clock: Clock = SYSTEM,
    ) -> None:  # fmt: skip
        self.folder = folder
        leave_out(folder)
        self.blobs: Blobs = blobs if blobs is not None else FolderBlobs(folder / BLOBS)
        self._ring = ring
        self._blob_over = blob_over
        self._trust = trust
        self._clock = clock
        self._opening = Opening(folder, clock)
        self._lock = self._opening.lock
        # Read without the lock by get: the epoch's memory, the epoch that was seen, and the entries verified so far.
        self._map: bytes | mmap.mmap = b""
        self._seen: bytes | None = None
        self._memo = Memo()
        self._verified, self._shells = self._memo.verified, self._memo.shells
        self._tally = Tally()
        self._hits = self._tally.hits
        self._counted = self._merged = clock.monotonic()
        self._upkeep = Upkeep(folder, ring, self.blobs, clock, self._opening, self._sound, self.forget)
        self.gc, self.verify, self.compact = self._upkeep.gc, self._upkeep.verify, self._upkeep.compact
        self.transfer = Transfer(folder, ring, trust, self.blobs, self._opening, self._sound)
        self._awake = False
        self._undurable = False
        weakref.finalize(self, self._opening.close).atexit = False  # the ticker closes it then
        TICKER.know(self)

    # --- reading ---

    def get(self, key: bytes) -> Entry | Bad | None:
        """The newest entry of a key, what is wrong with it, or ``None``. Never raises for trouble with files."""
        # Without the lock. Who replaces or removes an entry moves the epoch before they return, so what was verified
        # under the epoch that is there now is the newest that anybody was promised. No entry in memory is changed.
        if self._map[:8] == self._seen:
            entry = self._verified.get(key)
            if entry is not None:
                return entry
        try:
            found = self._look(key)
            if found is None or isinstance(found, Bad):
                return found
            entry, refs = found
            return whole(entry, refs, self.blobs) if refs else entry
        except (OSError, MemoryError) as error:
            once = f"read {self.folder}"
            tell(f"results of {self.folder} cannot be read", str(error), "What they hold is run again", once=once)
            return None

    def _look(self, key: bytes) -> tuple[Entry, tuple[BlobRef, ...]] | Bad | None:
        with self._lock:
            opened = self._opening.folder or self._open()
            if opened is None:
                newer = isinstance(self._opening.trouble, NewerFormatError)
                return Bad("newer format", str(self._opening.trouble)) if newer else None
            if self._map[:8] != self._seen:
                opened.catch_up()
                self._seen = opened.seen
            known = self._verified.get(key)
            if known is not None:
                return known, ()
            shell = self._shells.get(key)
            if shell is not None:
                return shell
            place = opened.find(key)
            self._seen = opened.seen
            if place is None:
                return Bad("corrupt", "its record is damaged") if key in opened.index.damaged else None
            found = unseal(opened.read(place), key, self._ring, trust=self._trust)
            if not isinstance(found, Bad):
                self._memo.keep(*found, place.stamp)
            return found

    def has(self, key: bytes) -> bool:
        """Whether there is an entry of a key, seen as late as now; ``True`` when that cannot be told without a look."""
        try:
            with self._lock:
                opened = self._opening.folder or self._open()
                if opened is None:
                    return False
                if opened.catch_up():
                    self._seen = opened.seen
                return opened.index.holds(key)
        except OSError:
            return True

    def recent(self, name: str, most: int = RECENT) -> list[Entry]:
        """The newest entries of a name, newest first, at most ``most``; large parts are empty."""
        group = group_of(name)
        entries: list[Entry] = []
        with self._lock:
            opened = self._open()
            if opened is None:
                return []
            try:
                opened.catch_up()
                for place in opened.index.recent(group):
                    if len(entries) == min(most, RECENT):
                        break
                    found = unseal(opened.read(place), None, self._ring, trust=self._trust)
                    if isinstance(found, Bad) or found[0].name != name:
                        continue
                    newest = opened.index.find(found[0].key)
                    if newest is not None and newest.stamp == place.stamp:
                        entries.append(found[0])
            except OSError:
                pass
        return entries

    def records(self, positions: Mapping[str, int]) -> Iterator[Record]:
        """Every whole record after the given offset of each file, of every kernel.

        Args:
            positions: ``Record.end`` of the last record read, by ``Record.file``; of what is missing everything comes.
        """
        with self._lock:
            opened = self._open()
        if opened is not None:
            yield from read_records(self.folder, positions, self._ring, self._trust)

    @property
    def epoch(self) -> int:
        """A number that moves when an entry was replaced or removed, or a file came or went."""
        return int.from_bytes(self._map[:8], "little")

    # --- writing ---

    def put(self, entry: Entry, *, save_blob: bool | None = None, durable: bool = False, run: bool = False) -> int:
        """Keep an entry; other kernels find it from now on. Returns the bytes written.

        Args:
            save_blob: write all parts as blobs, or none; by size when ``None``.
            durable: let it outlast a power cut before this returns, not within a second.
            run: a run has just made it, which counts as one.

        Raises:
            OSError: it could not be kept.
            Uncacheable: it is more than the format takes.
        """
        apart = large_parts(entry.parts, save_blob, self._blob_over)
        if not apart:
            written, journal = self._append(entry, {}, durable, run)
        else:
            with self._lock:
                self._sound(surely=True)
            # Order of locks: that of the blobs before that of the folder, here as in gc, which holds it alone.
            with files.locked(self.folder / BLOB_LOCK, shared=True):  # gc waits until the record names the blobs
                digests, saved = self._save(entry, apart)
                written, journal = self._append(entry, digests, durable, run)
                written += saved
        if durable:
            self._sync(journal)
        return written

    def put_soon(
        self, entry: Entry, *, save_blob: bool | None = None, durable: bool = False, run: bool = False
    ) -> Future[Any] | None:
        """As :meth:`put`, for an event loop: what takes long is left to a thread. ``None`` when all is done already.

        Whoever waits for the same journal is served by one sync.
        """
        if large_parts(entry.parts, save_blob, self._blob_over):
            return TICKER.soon(self.put, entry, save_blob=save_blob, durable=durable, run=run)
        _, journal = self._append(entry, {}, durable, run)
        return journal.sync_soon(TICKER.soon, self._sync) if durable else None

    def _append(self, entry: Entry, digests: dict[int, bytes], durable: bool, run: bool) -> tuple[int, Journal]:
        body = seal(entry, self._ring, digests)
        flags = (record.HAS_BLOBS if digests else 0) | (record.MADE if run else 0)
        with self._lock:
            opened = self._sound(durable)
            opened.catch_up()
            known = opened.index.holds(entry.key)
            # What was stopped early takes no place of what was stored whole since it began.
            stamp = int(entry.created * 1e9) - 1 if entry.status == "partial" else 0
            written = opened.append(record.PUT, body, entry.key, group_of(entry.name), flags, stamp=stamp)
            if known:  # after the record: who looks because the epoch moved finds it. A new key is in nobody's memory
                opened.bump()
            self._seen = opened.seen
            journal = opened.journal
            assert journal is not None
        if not self._awake:
            self._wake()
        return written, journal

    def _save(self, entry: Entry, apart: list[int]) -> tuple[dict[int, bytes], int]:
        """Write parts as blobs, after a record that says so: what a crash leaves is known by name."""
        parts = {number: blob_pieces(entry.parts[number]) for number in apart}
        digests = {number: digest_of(pieces) for number, pieces in parts.items()}
        intent = blob_body([(digests[number], sum(map(len, pieces))) for number, pieces in parts.items()])
        with self._lock:
            written = self._sound().append(record.BLOB, [intent])
        for number, pieces in parts.items():
            written += self.blobs.save(digests[number], pieces)
        return digests, written

    def _sync(self, journal: Journal) -> None:
        try:
            journal.sync()
        except OSError:
            self._undurable = True
            with self._lock:
                if self._opening.folder is not None and self._opening.folder.journal is journal:
                    self._opening.folder.leave()
            raise

    def forget(self, keys: Iterable[bytes], judged: Mapping[bytes, int] | None = None) -> int:
        """Remove entries. Returns how many there were; raises ``OSError`` when that could not be written down.

        Args:
            judged: the stamp of the record that is to go, by key: what was stored since then stays. The deletion is
                stamped right after it, so that this holds for records of other kernels which are not known here yet.
        """
        judged = judged or {}
        forgotten = 0
        with self._lock:
            opened = self._sound()
            opened.catch_up()
            try:
                for key in keys:
                    known = opened.index.holds(key)
                    if known or key in opened.index.damaged:
                        opened.append(record.DELETE, [], key, stamp=judged[key] + 1 if key in judged else 0)
                        forgotten += known and not opened.index.holds(key)
            finally:
                if forgotten:
                    opened.bump()
                self._seen = opened.seen
        self._wake()
        return forgotten

    def announce(self) -> None:
        """Let every kernel look anew: something beside the entries has changed."""
        with self._lock:
            self._sound().bump()

    def pin(self, keys: Iterable[bytes], pinned: bool) -> None:
        """Keep entries from every clean-up, or no longer."""
        with self._lock:
            opened = self._sound()
            for key in keys:
                opened.append(record.PIN, [], key, flags=record.PINNED if pinned else 0)
        self._wake()

    def hit(self, key: bytes, seconds: float, price: float) -> None:
        """Count a hit, and what it saved. It reaches the disk within seconds, and at exit."""
        self._hits.append((key, seconds, price))
        if not self._awake:
            self._wake()
        elif len(self._hits) > HELD:
            self._count()

    def ran(self, run: Run) -> None:
        """Write down a run. Raises ``OSError`` when it could not be written."""
        with self._lock:
            self._sound().append(record.RUN, [run_body(run)], run.key, group_of(run.name))
        self._wake()

    def _count(self) -> None:
        """Write the hits so far as one record. Counts are for people: a folder that takes none loses them."""
        if stats := self._tally.take():
            with contextlib.suppress(OSError), self._lock:
                self._sound().append(record.STAT, [stat_body(stats)])

    # --- keeping ---

    def flush(self) -> bool:
        """Write everything out. Returns whether all that was put since the last flush is durable."""
        self._count()
        with self._lock:
            journal = self._opening.folder.journal if self._opening.folder is not None else None
        if journal is not None:
            with contextlib.suppress(OSError):  # which is remembered
                self._sync(journal)
                self._undurable |= journal.lost()
        durable, self._undurable = not self._undurable, False
        return durable

    def close(self) -> None:
        """Flush and let go of every file. A later call opens them again."""
        self.flush()
        if self._opening.folder is not None:
            self._upkeep.merge_dead(files_over=MERGE_FILES_AT_EXIT)
        with self._lock:
            self._drop()

    def tick(self) -> bool:
        """Do what is due once a second: count, sync, merge, look whether the folder still stands."""
        # First of all, or a write that comes while this works would wait for somebody to write again.
        self._awake = False  # whoever writes from here on wakes the store again
        with contextlib.suppress(OSError), self._lock:  # not to be seen now is not gone
            if self._opening.folder is not None and not self._opening.folder.whole():
                self._drop()
        now = self._clock.monotonic()
        if self._hits and now >= self._counted + COUNT_EVERY:
            self._counted = now
            self._count()
        with self._lock:
            journal = self._opening.folder.journal if self._opening.folder is not None else None
        if journal is not None and journal.synced < journal.end:
            try:
                self._sync(journal)
            except OSError as error:
                tell(f"{self.folder} could not be made durable", str(error), once="put")  # one word for one disk
        if now >= self._merged + MERGE_EVERY:
            self._merged = now
            self._upkeep.merge_dead()
        return bool(self._hits) or (journal is not None and journal.synced < journal.end)

    def _wake(self) -> None:
        self._awake = True  # before the thread may see that there is nothing left to do
        if not TICKER.wake(self):
            self._awake = False

    def _sound(self, surely: bool = False) -> Folder:
        """The open folder, ready to be written to. Raises ``OSError`` when there is none."""
        if self._opening.gone(surely):
            self._drop()
        opened = self._opening.folder or self._open(retry=True)
        if opened is None:
            raise self._opening.trouble or OSError(f"{self.folder} cannot be opened")
        return opened

    def _open(self, *, retry: bool = False) -> Folder | None:
        """The open folder, or ``None`` with what stands in the way in ``_opening.trouble``."""
        if self._opening.folder is None and (opened := self._opening.open(self._memo, retry=retry)) is not None:
            self._map = opened.epoch.map
        return self._opening.folder

    def _drop(self) -> None:
        """Forget the open folder, as when somebody removed it."""
        self._map, self._seen = b"", None
        self._memo.clear()
        self._opening.close()

    def before_fork(self) -> None:
        """Come to rest, so that the child gets a whole state."""
        self._lock.acquire()

    def after_fork(self, child: bool) -> None:
        """Go on; a child begins a journal of its own and leaves the parent's hits to the parent."""
        if not child:
            self._lock.release()
            return
        self._lock = self._opening.lock = threading.RLock()
        self._hits.clear()
        self._awake = False
        if self._opening.folder is not None:
            self._opening.folder.fork()
