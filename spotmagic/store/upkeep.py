"""What keeps a folder small and whole: merging, clean-up by our own manifest, and checking everything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from threading import RLock

from spotmagic import files
from spotmagic.clock import Clock
from spotmagic.errors import tell
from spotmagic.store.blobs import Blobs
from spotmagic.store.checked import Checked, note
from spotmagic.store.compaction import compact
from spotmagic.store.entry import Bad, BlobRef, Entry, Header
from spotmagic.store.frame import BLOB, HAS_BLOBS, HEADER, MADE, PUT, RUN, Frame, frame
from spotmagic.store.layout import BLOB_LOCK
from spotmagic.store.log import Log
from spotmagic.store.record import read_blobs, run_body, run_of
from spotmagic.store.seal import read_header, unseal
from spotmagic.store.shelf import Shelf
from spotmagic.store.trust import Ring
from spotmagic.store.walk import Hall, Step, tour

MERGE_FILES, MERGE_BYTES = 8, 8_000_000  # so much of dead kernels is merged


@dataclass(frozen=True, slots=True)
class Swept:
    """What a clean-up removed, or would remove.

    Attributes:
        entries: key, name, bytes and reason of each entry.
        blobs: name and bytes of each blob that no entry holds any more.
        kept: why no blob was removed, or empty.
    """

    entries: tuple[tuple[bytes, str, int, str], ...]
    blobs: tuple[tuple[str, int], ...]
    dry_run: bool
    kept: str = ""

    @property
    def size(self) -> int:
        """Bytes of the blobs."""
        return sum(size for _, size in self.blobs)

    def __str__(self) -> str:
        done = "would remove" if self.dry_run else "removed"
        text = f"{done} {len(self.entries)} entries and {len(self.blobs)} blobs of {self.size:,} bytes"
        return f"{text} ({self.kept})" if self.kept else text


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found wrong in a folder.

    Attributes:
        checked: entries looked at.
        bad: key, name and what is wrong with each entry that is not as it was written.
        refused: the same for entries that are whole but not for this kernel: another writer's, a newer format.
        damaged: bytes in journals and segments that belong to no record, by file.
    """

    checked: int
    bad: tuple[tuple[bytes, str, Bad], ...]
    refused: tuple[tuple[bytes, str, Bad], ...]
    damaged: Mapping[str, int]
    repaired: bool

    @property
    def good(self) -> bool:
        """Whether nothing is damaged."""
        return not self.bad and not self.damaged


class Upkeep:
    """Keeps the folder of a store small and whole.

    Args:
        lock: held while the shelf is used.
        shelf: the open folder, under the lock; raises ``OSError`` when there is none.
        forget: removes entries.
    """

    def __init__(
        self,
        folder: Path,
        ring: Ring,
        blobs: Blobs,
        clock: Clock,
        lock: RLock,
        shelf: Callable[[], Shelf],
        forget: Callable[[Iterable[bytes]], int],
    ) -> None:
        self._folder, self._ring, self._blobs, self._clock = folder, ring, blobs, clock
        self.lock, self._shelf, self._forget = lock, shelf, forget

    # --- merging ---

    def compact(
        self, *, everything: bool = False, superseded: bool = False, gone: frozenset[bytes] = frozenset()
    ) -> int:
        """Merge the journals of dead kernels, and small segments, into one. Returns how many files went.

        Forgotten entries are left out. What was put before the newest of a key stays unless ``superseded``, and so does
        the name of every blob but those that are ``gone``.
        """
        with self.lock:
            self._shelf().catch_up()
        started = int(self._clock.now() * 1e9)

        def take(step: Step, file: Log) -> bytes | None:
            found = step.found
            record = file.read(found.offset - HEADER, HEADER + found.length)
            if found.kind == PUT and not self._stays(step, superseded):
                return self._run_alone(found, record[HEADER:])
            if found.kind == BLOB and gone and all(digest in gone for digest, _ in read_blobs(record[HEADER:])):
                return None
            return record

        return compact(self._folder, started, take, self._published, everything=everything)

    def _run_alone(self, found: Frame, body: bytes) -> bytes | None:
        """The record of the run that made an entry which goes: what was paid stays known, for whoever counts anew."""
        made = read_header(body, found.key, self._ring, "safe") if found.flags & MADE else None
        if not isinstance(made, Header):
            return None
        run = run_body(run_of(found.key, made))
        return frame(RUN, 0, found.stamp, found.key, found.group, [run]) + run

    def merge_dead(self, *, files_over: int = MERGE_FILES) -> None:
        """Merge what dead kernels left, when it has become much and the folder can be written."""
        try:
            with self.lock:
                count, size = self._shelf().dead_weight()
            if count >= files_over or size >= MERGE_BYTES:
                self.compact()
        except OSError as error:
            tell(f"journals of {self._folder} could not be merged", str(error), once=f"merge {self._folder}")

    def _published(self) -> None:
        with self.lock:
            shelf = self._shelf()
            shelf.bump()
            shelf.seen = b""
            shelf.catch_up()

    def _stays(self, step: Step, superseded: bool) -> bool:
        with self.lock:
            newest = self._shelf().index.newest_of(step.found.key)
        if newest is None or newest.stamp <= step.found.stamp:
            return True
        return newest.length > 0 and not superseded

    # --- cleaning up ---

    def gc(self, rules: Mapping[str, float] | None = None, *, dry_run: bool = False, superseded: bool = False) -> Swept:
        """Remove expired entries, those older than a rule allows, and blobs that no entry holds any more.

        Only blobs that this folder's own records name are touched, never a stranger among the files.

        Args:
            rules: seconds an entry may be old, by pattern of its name; the first pattern that fits counts. Pinned
                entries stay.
            superseded: remove what was replaced by a newer result of the same key, too.

        Raises:
            OSError: it could not be done, or not to the end.
        """
        going = [
            (entry.key, entry.name, entry.size, why)
            for entry in self._entries()
            if (why := self._goes(entry, rules or {}))
        ]
        keys = {key for key, *_ in going}
        positions: dict[str, int] = {}
        named, held, unsure = self._blobs_named(positions, keys, superseded)
        with files.locked(self._folder / BLOB_LOCK):
            more = self._blobs_named(positions, keys, superseded)
            named, held, unsure = named | more[0], held | more[1], unsure + more[2]
            kept = f"{unsure} entries name blobs in a way that is not known here, so all blobs stay" if unsure else ""
            garbage = {} if unsure else self._sizes(named - held)
            if not dry_run:
                self._forget(keys)
                for digest in garbage:
                    self._blobs.remove(digest)
        if not dry_run:
            self.compact(
                everything=True, superseded=superseded, gone=frozenset(named - held) if not unsure else frozenset()
            )
        blobs = tuple((digest.hex(), size) for digest, size in garbage.items())
        return Swept(tuple(going), blobs, dry_run, kept)

    def _goes(self, entry: Entry, rules: Mapping[str, float]) -> str:
        with self.lock:
            if self._shelf().index.pinned(entry.key):
                return ""
        now = self._clock.now()
        if entry.expires is not None and entry.expires <= now:
            return "expired"
        for pattern, age in rules.items():
            if fnmatchcase(entry.name, pattern):
                return f"older than {pattern} allows" if now - entry.created > age else ""
        return ""

    def _entries(self) -> Iterator[Entry]:
        """Every entry that is there and whole, without its blobs."""
        with self.lock:
            shelf = self._shelf()
            shelf.catch_up()
            keys = list(shelf.index.keys())
        for key in keys:
            found = self._found(key)
            if found is not None and not isinstance(found, Bad):
                yield found[0]

    def _found(self, key: bytes) -> tuple[Entry, tuple[BlobRef, ...]] | Bad | None:
        with self.lock:
            shelf = self._shelf()
            place = shelf.find(key)
            body = shelf.read(place) if place is not None else None
        return None if body is None else unseal(body, key, self._ring)

    def _blobs_named(
        self, positions: dict[str, int], going: set[bytes], superseded: bool
    ) -> tuple[set[bytes], set[bytes], int]:
        """The blobs that records after the positions name, those that entries hold, and how many could not be read."""
        with self.lock:
            self._shelf().catch_up()
        named: set[bytes] = set()
        held: set[bytes] = set()
        unsure = 0
        for step, file in tour(self._folder, positions):
            found = step.found
            if found.kind == BLOB and found.good:
                named.update(digest for digest, _ in read_blobs(file.read(found.offset, found.length)))
            elif found.kind == PUT and found.flags & HAS_BLOBS and found.good:
                entry = unseal(file.read(found.offset, found.length), found.key, self._ring)
                if isinstance(entry, Bad):
                    unsure += entry.kind != "corrupt"
                    continue
                digests = {ref.digest for ref in entry[1]}
                named |= digests
                if found.key not in going and self._stays(step, superseded):
                    held |= digests
        return named, held, unsure

    def _sizes(self, digests: set[bytes]) -> dict[bytes, int]:
        sizes = ((digest, self._blobs.size(digest)) for digest in sorted(digests))
        return {digest: size for digest, size in sizes if size is not None}

    # --- checking ---

    def verify(self, *, repair: bool = False) -> Verified:
        """Read every entry and every blob anew, and write down that it was done (:func:`last_checked`).

        Args:
            repair: forget damaged entries, so that they run again, and write damaged files anew without what is lost.

        Raises:
            OSError: it could not be done, or not to the end.
        """
        with self.lock:
            shelf = self._shelf()
            shelf.catch_up()
            keys = [*shelf.index.keys(), *shelf.index.damaged]
            unindexed = any(name in shelf.logs for name in Hall(self._folder).unindexed)
        bad: list[tuple[bytes, str, Bad]] = []
        refused: list[tuple[bytes, str, Bad]] = []
        blobs: dict[bytes, Bad | None] = {}
        for key in keys:
            found = self._found(key)
            if found is None:
                bad.append((key, "", Bad("corrupt", "its record is damaged")))
            elif isinstance(found, Bad):
                (bad if found.kind == "corrupt" else refused).append((key, "", found))
            else:
                entry, refs = found
                for ref in refs:
                    if ref.digest not in blobs:
                        blobs[ref.digest] = self._blob_trouble(ref)
                    if (trouble := blobs[ref.digest]) is not None:
                        bad.append((key, entry.name, trouble))
                        break
        damaged: dict[str, int] = {}
        for _ in tour(self._folder, {}, damaged):
            pass
        if repair:
            with files.locked(self._folder / BLOB_LOCK):
                self._forget({key for key, _, _ in bad})
                for digest, trouble in blobs.items():
                    if trouble is not None:
                        self._blobs.remove(digest)
            if damaged or unindexed:
                self.compact(everything=True)
        left = (0, 0) if repair else (len(bad), sum(damaged.values()))
        note(self._folder, Checked(self._clock.now(), len(keys), left[0], len(refused), left[1]))
        return Verified(len(keys), tuple(bad), tuple(refused), damaged, repair)

    def _blob_trouble(self, ref: BlobRef) -> Bad | None:
        try:
            good = self._blobs.check(ref.digest, ref.size)
        except FileNotFoundError:
            return Bad("corrupt", f"its blob {ref.digest.hex()} is missing")
        return None if good else Bad("corrupt", f"its blob {ref.digest.hex()} is damaged")
