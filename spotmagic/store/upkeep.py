"""What keeps a folder small and whole: merging, clean-up by our own manifest, and checking everything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from spotmagic import files, words
from spotmagic.clock import Clock
from spotmagic.errors import tell
from spotmagic.store.blobs import Blobs, FolderBlobs, whole
from spotmagic.store.checked import BadEntry, Checked, Swept, SweptEntry, Unusable, Verified, note, why_not_here
from spotmagic.store.entry import Bad, BlobRef, Entry
from spotmagic.store.folder import Folder, Opening
from spotmagic.store.index import Place
from spotmagic.store.journal import Log
from spotmagic.store.layout import BLOB_LOCK
from spotmagic.store.record import (
    BLOB,
    HAS_BLOBS,
    HEADER,
    MADE,
    MARK,
    PUT,
    RUN,
    Frame,
    frame,
    read_blobs,
    run_body,
    run_of,
)
from spotmagic.store.seal import unseal
from spotmagic.store.trust import Ring
from spotmagic.store.walk import Met, compact, tour, tour_all

MERGE_FILES, MERGE_BYTES = 8, 8_000_000  # so much of dead kernels is merged


class Upkeep:
    """Keeps the folder of a store small and whole.

    Every judgement in here is about a record, named by its key and stamp. What another kernel stores for the key while
    one judges, waits or asks is another record, and stays.

    Args:
        opening: has the lock that is held while the folder is used.
        opened: the open folder, under the lock; raises ``OSError`` when there is none.
        forget: removes entries, each if its record is still the judged one.
    """

    def __init__(
        self,
        folder: Path,
        ring: Ring,
        blobs: Blobs,
        clock: Clock,
        opening: Opening,
        opened: Callable[[], Folder],
        forget: Callable[[Iterable[bytes], Mapping[bytes, int]], int],
    ) -> None:
        self._folder, self._ring, self._blobs, self._clock = folder, ring, blobs, clock
        self._opening, self._opened, self._forget = opening, opened, forget

    # --- merging ---

    def compact(self, *, everything: bool = False, replaced: bool = False, gone: frozenset[bytes] = frozenset()) -> int:
        """Merge the journals of dead kernels, and small segments, into one. Returns how many files went.

        Forgotten entries are left out. What was put before the newest of a key stays unless ``replaced`` may go, and so
        does the name of every blob but those that are ``gone``.
        """
        with self._opening.lock:
            self._opened().catch_up()
        started = int(self._clock.now() * 1e9)

        def take(step: Met, file: Log) -> bytes | None:
            found = step.found
            record = file.read(found.offset - HEADER, HEADER + found.length)
            if found.kind == PUT and not self._stays(found, replaced):
                return self._run_alone(found, record[HEADER:])
            if found.kind == BLOB and gone and all(digest in gone for digest, _ in read_blobs(record[HEADER:])):
                return None
            return record

        return compact(self._folder, started, take, self._published, everything=everything)

    def merge_dead(self, *, files_over: int = MERGE_FILES) -> None:
        """Merge what dead kernels left, when it has become much and the folder can be written."""
        try:
            with self._opening.lock:
                count, size = self._opened().dead_weight()
            if count >= files_over or size >= MERGE_BYTES:
                self.compact()
        except OSError as error:
            tell(f"journals of {self._folder} could not be merged", str(error), once=f"merge {self._folder}")

    def _published(self) -> None:
        with self._opening.lock:
            opened = self._opened()
            opened.bump()
            opened.seen = b""
            opened.catch_up()

    def _stays(self, found: Frame, replaced: bool) -> bool:
        with self._opening.lock:
            newest = self._opened().index.newest_of(found.key)
        if newest is None or newest.stamp <= found.stamp:
            return True
        return newest.length > 0 and not replaced

    def _run_alone(self, found: Frame, body: bytes) -> bytes | None:
        """The record of the run that made an entry which goes: what was paid stays known, for whoever counts anew."""
        made = unseal(body, found.key, self._ring) if found.flags & MADE else None
        if made is None or isinstance(made, Bad):
            return None
        run = run_body(run_of(made[0]))
        return frame(RUN, 0, found.stamp, found.key, found.group, [run]) + run

    # --- cleaning up ---

    def gc(self, rules: Mapping[str, float] | None = None, *, dry_run: bool = False) -> Swept:
        """Remove what nobody can get any more, expired entries, and those older than a rule allows.

        That is blobs that no entry holds, results that were replaced under their own key (as in mode record), and what
        killed kernels left. Only blobs that this folder's own records name are touched, never a stranger among the
        files. When there is nothing to remove nothing is written.

        Args:
            rules: seconds an entry may be old, by pattern of its name; the first pattern that fits counts. Pinned
                entries stay.

        Raises:
            OSError: it could not be done, or not to the end.
        """
        going: list[SweptEntry] = []
        judged: dict[bytes, int] = {}
        for place, entry in self._entries():
            if why := self._goes(entry, rules or {}):
                going.append(SweptEntry(entry.key, entry.name, entry.size, why))
                judged[entry.key] = place.stamp
        named = _Named(set(), set(), set(), 0)
        positions: dict[str, int] = {}
        # Twice: all that is there while others go on writing, and what came since while nobody writes a blob.
        self._name_blobs(named, positions, judged)
        with files.locked(self._folder / BLOB_LOCK):
            self._name_blobs(named, positions, judged)
            unsure = named.unsure
            kept = "name blobs in a way that is not known here, so all blobs stay"
            kept = f"{words.results(unsure)} {kept}" if unsure else ""
            free = frozenset() if unsure else frozenset(named.named - named.held)
            garbage = self._sizes(free)
            leftovers = 0
            if not dry_run:
                if judged:
                    self._forget(judged, judged)
                for digest in garbage:
                    self._blobs.remove(digest)
                if isinstance(self._blobs, FolderBlobs):  # who writes there holds the lock as well
                    leftovers = self._blobs.sweep()
        if not dry_run and (judged or garbage or named.worth & self._merged()):
            self.compact(everything=True, replaced=True, gone=free)
        blobs = tuple((digest.hex(), size) for digest, size in garbage.items())
        return Swept(tuple(going), blobs, dry_run, kept, leftovers)

    def _goes(self, entry: Entry, rules: Mapping[str, float]) -> str:
        with self._opening.lock:
            if self._opened().index.pinned(entry.key):
                return ""
        now = self._clock.now()
        if entry.expires is not None and entry.expires <= now:
            return "expired"
        for pattern, age in rules.items():
            if fnmatchcase(entry.name, pattern):
                return f"older than {pattern} allows" if now - entry.created > age else ""
        return ""

    def _merged(self) -> set[str]:
        """The files that a merge would write anew."""
        with self._opening.lock:
            opened = self._opened()
            return {name for name, log in opened.logs.items() if not log.live} | opened.segments.keys()

    def _entries(self) -> Iterator[tuple[Place, Entry]]:
        """Every entry that is there and whole, without its blobs, and the record it was read from."""
        with self._opening.lock:
            opened = self._opened()
            opened.catch_up()
            keys = list(opened.index.keys())
        for key in keys:
            found = self._found(key)
            if found is not None and not isinstance(found[1], Bad):
                yield found[0], found[1][0]

    def _found(self, key: bytes) -> tuple[Place, tuple[Entry, tuple[BlobRef, ...]] | Bad] | None:
        with self._opening.lock:
            opened = self._opened()
            place = opened.find(key)
            if place is None:
                return None
            body = opened.read(place)
        return place, unseal(body, key, self._ring)

    def _name_blobs(self, named: _Named, positions: dict[str, int], judged: Mapping[bytes, int]) -> None:
        """Look through the records after the positions for blobs, and for records that a merge would leave out."""
        with self._opening.lock:
            self._opened().catch_up()
        for step, file in tour(self._folder, positions):
            found = step.found
            if found.kind == BLOB and found.good:
                named.named.update(digest for digest, _ in read_blobs(file.read(found.offset, found.length)))
            elif found.kind == PUT and found.good:
                stays = self._stays(found, True)
                if not stays:
                    named.worth.add(file.name)
                if not found.flags & HAS_BLOBS:
                    continue
                entry = unseal(file.read(found.offset, found.length), found.key, self._ring)
                if isinstance(entry, Bad):
                    named.unsure += entry.kind != "corrupt"
                    continue
                digests = {ref.digest for ref in entry[1]}
                named.named |= digests
                if stays and judged.get(found.key, -1) < found.stamp:
                    named.held |= digests

    def _sizes(self, digests: Iterable[bytes]) -> dict[bytes, int]:
        sizes = ((digest, self._blobs.size(digest)) for digest in sorted(digests))
        return {digest: size for digest, size in sizes if size is not None}

    # --- checking ---

    def verify(self, *, repair: bool = False) -> Verified:
        """Read every entry and every blob anew, and write down what was found.

        A damaged entry is marked, so that every list of entries shows it as such, until it is stored anew or found
        whole again. The note of the check is :func:`last_checked`'s.

        Args:
            repair: forget damaged entries, so that they run again, and write damaged files anew without what is lost.

        Raises:
            OSError: it could not be done, or not to the end.
        """
        with self._opening.lock:
            opened = self._opened()
            opened.catch_up()
            lost = dict(opened.index.damaged)
            keys = [*opened.index.keys(), *lost]
        bad: list[BadEntry] = []
        refused: list[BadEntry] = []
        judged: dict[bytes, int] = {}
        sound: dict[bytes, int] = {}
        unusable = Unusable()
        blobs: dict[tuple[bytes, int], Bad | None] = {}  # by digest and size, as entries may disagree about a size
        for key in keys:
            found = self._found(key)
            if found is None:
                bad.append(BadEntry(key, "", Bad("corrupt", "its record is damaged")))
                judged[key] = lost.get(key, 0)
                continue
            place, read = found
            if isinstance(read, Bad):
                name, wrong = "", read
            else:
                name, trouble = read[0].name, self._trouble(read[1], blobs)
                if trouble is None:
                    sound[key] = place.stamp
                    unusable.note(name, self._use(*read))
                    continue
                wrong = trouble
            if wrong.kind == "corrupt":
                bad.append(BadEntry(key, name, wrong))
                judged[key] = place.stamp
            else:
                refused.append(BadEntry(key, name, wrong))
                unusable.note(name, f"{wrong.kind}: {wrong.why}")
        damaged: dict[str, int] = {}
        unindexed = tour_all(self._folder, damaged)
        if repair:
            with files.locked(self._folder / BLOB_LOCK):
                self._forget(judged, judged)
                for (digest, size), trouble in blobs.items():
                    if trouble is not None and self._blob_trouble(digest, size):  # not where it was stored anew
                        self._blobs.remove(digest)
            if damaged or unindexed:
                self.compact(everything=True)
        else:
            self._mark({key: (judged[key], found.why) for key, _, found in bad}, sound)
        left = (0, 0) if repair else (len(bad), sum(damaged.values()))
        note(self._folder, Checked(self._clock.now(), len(keys), left[0], len(refused), left[1]))
        return Verified(len(keys), tuple(bad), tuple(refused), damaged, repair, unusable)

    def _use(self, entry: Entry, refs: tuple[BlobRef, ...]) -> str:
        """Why a sound entry cannot be used here, or empty. Only what others wrote has to be read for it."""
        read = entry if entry.trusted else whole(entry, refs, self._blobs)
        return why_not_here(read) if isinstance(read, Entry) else ""

    def _mark(self, bad: Mapping[bytes, tuple[int, str]], whole: Mapping[bytes, int]) -> None:
        """Write down which records are damaged, and which marked ones are whole; a folder may take no record."""
        with suppress(OSError), self._opening.lock:
            opened = self._opened()
            marks = opened.index.marks
            for key, (stamp, why) in bad.items():
                if marks.get(key) != stamp:
                    opened.append(MARK, [why.encode()], key, stamp)
            for key, stamp in [(key, stamp) for key, stamp in marks.items() if whole.get(key) == stamp]:
                opened.append(MARK, [], key, stamp)

    def _trouble(self, refs: Iterable[BlobRef], known: dict[tuple[bytes, int], Bad | None]) -> Bad | None:
        for ref in refs:
            blob = ref.digest, ref.size
            if blob not in known:
                known[blob] = self._blob_trouble(*blob)
            if (trouble := known[blob]) is not None:
                return trouble
        return None

    def _blob_trouble(self, digest: bytes, size: int) -> Bad | None:
        try:
            good = self._blobs.check(digest, size)
            return None if good else Bad("corrupt", f"its blob {digest.hex()} is damaged")
        except FileNotFoundError:
            return Bad("corrupt", f"its blob {digest.hex()} is missing")


@dataclass(slots=True)
class _Named:
    """What records say of blobs.

    Attributes:
        held: blobs of entries that stay.
        worth: names of files with records that a merge would leave out.
        unsure: how many records could not be read.
    """

    named: set[bytes]
    held: set[bytes]
    worth: set[str]
    unsure: int
