"""Where the newest record of each key lies, in memory for journals and in mapped tables for segments."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from spotmagic.store.entry import BlobRef, Entry
from spotmagic.store.record import DELETE, MARK, PIN, PINNED, PUT, Frame

if TYPE_CHECKING:
    from spotmagic.store.segments import Segment

RECENT = 8

# A place is one integer, compared by its stamp: stamp, file number (20 bits), offset (44 bits), length (32 bits).
# A length of zero is a deletion. Integers rather than tuples keep a million of them out of the garbage collector's way.
LENGTH = (1 << 32) - 1
OFFSET = (1 << 44) - 1
FILE = (1 << 20) - 1

LAST_STAMP = 1 << 63  # later ones would leave no room for what comes after them


class Place(NamedTuple):
    """Where the body of a record lies."""

    stamp: int
    file: int
    offset: int
    length: int


def unpack(place: int) -> Place:
    """The place in an integer."""
    return Place(place >> 96, place >> 76 & FILE, place >> 32 & OFFSET, place & LENGTH)


class Index:
    """The newest record of every key of a folder.

    Attributes:
        newest: the largest stamp met.
        damaged: keys of which only a damaged record is known, and its stamp.
        marks: keys whose entry was found damaged by a check, and the stamp of the record that was judged.
    """

    def __init__(self) -> None:
        self.places: dict[bytes, int] = {}
        self.tables: list[Segment] = []
        self.newest = 0
        self.damaged: dict[bytes, int] = {}
        self.marks: dict[bytes, int] = {}
        self._recents: dict[int, list[int]] = {}
        self._pins: dict[bytes, int] = {}
        self._tables_newest = 0

    def add(self, found: Frame, file: int) -> bool:
        """Take a record in. Returns whether what is known of its key changed."""
        return self.take(file, *found)

    def take(
        self, file: int, kind: int, flags: int, stamp: int, key: bytes, group: int, offset: int, length: int, good: bool
    ) -> bool:
        """The same, of a record in its pieces."""
        if stamp > self.newest:
            if stamp > LAST_STAMP:
                return False
            self.newest = stamp
        if not good:
            if kind == PUT and self.find(key) is None:
                self.damaged[key] = stamp
            return False
        if kind == PUT:
            place = stamp << 96 | file << 76 | offset << 32 | length
            recent = self._recents.get(group)
            if recent is None:
                self._recents[group] = [place]
            else:
                recent.append(place)
                if len(recent) > 4 * RECENT:
                    recent[:] = heapq.nlargest(2 * RECENT, recent)
        elif kind == DELETE:
            place = stamp << 96 | file << 76 | offset << 32
        else:
            if kind == PIN:
                self._pin(key, stamp << 1 | bool(flags & PINNED))
            elif kind == MARK and length:
                self.marks[key] = group
            elif kind == MARK:
                self.marks.pop(key, None)
            return False
        if self.places.get(key, 0) >= place:
            return False
        # A record of a dead journal may be read after the segment that has a newer one of its key.
        if stamp <= self._tables_newest:
            for table in self.tables:
                merged = table.find(key)
                if merged is not None and merged.stamp >= stamp:
                    return False
        self.places[key] = place
        if self.damaged:
            self.damaged.pop(key, None)
        return True

    def find(self, key: bytes) -> Place | None:
        """Where the newest entry of a key lies; ``None`` when there is none or it was deleted."""
        place = self.newest_of(key) if self.tables or key in self.places else None
        return place if place is not None and place.length else None

    def holds(self, key: bytes) -> bool:
        """Whether there is an entry of a key, as far as is known."""
        packed = self.places.get(key)
        return bool(packed & LENGTH) if packed is not None else bool(self.tables) and self.find(key) is not None

    def newest_of(self, key: bytes) -> Place | None:
        """The newest record of a key, which has length 0 when it is a deletion."""
        packed = self.places.get(key)
        if packed is not None:
            return unpack(packed)
        best: Place | None = None
        for table in self.tables:
            place = table.find(key)
            if place is not None and (best is None or place.stamp > best.stamp):
                best = place
        return best

    def recent(self, group: int) -> list[Place]:
        """The newest entries of a name, newest first, deleted and replaced ones included: more than are wanted."""
        places = {unpack(packed) for packed in self._recents.get(group, ())}
        for table in self.tables:
            places.update(table.recent(group))
        return heapq.nlargest(2 * RECENT, places)

    def pinned(self, key: bytes) -> bool:
        """Whether the last word on a key was to keep it."""
        return bool(self._pins.get(key, 0) & 1)

    def _pin(self, key: bytes, word: int) -> None:
        if word > self._pins.get(key, 0):
            self._pins[key] = word

    def add_table(self, table: Segment) -> None:
        """Take a segment in. What it knows better than the journals takes their place."""
        self.tables.append(table)
        if table.newest <= LAST_STAMP:
            self.newest = max(self.newest, table.newest)
        self._tables_newest = max(self._tables_newest, table.newest)
        for key, word in table.pins().items():
            self._pin(key, word)
        for key, packed in list(self.places.items()):
            place = table.find(key)
            if place is not None and place.stamp >= packed >> 96:
                del self.places[key]

    def drop_file(self, number: int) -> None:
        """Forget what lies in a file that is gone."""
        self.tables = [table for table in self.tables if table.number != number]
        self.places = {key: place for key, place in self.places.items() if place >> 76 & FILE != number}
        for group, recent in list(self._recents.items()):
            kept = [place for place in recent if place >> 76 & FILE != number]
            if kept:
                self._recents[group] = kept
            else:
                del self._recents[group]

    def keys(self) -> Iterator[bytes]:
        """Every key that has an entry."""
        for key, packed in list(self.places.items()):
            if packed & LENGTH:
                yield key
        # Each once; with one table, which has no key twice, nothing has to be remembered.
        seen: set[bytes] = set()
        for table in list(self.tables):
            for key in table.keys():  # noqa: SIM118 (not a dictionary)
                if key not in self.places and (len(self.tables) == 1 or key not in seen):
                    seen.add(key)
                    if self.find(key) is not None:
                        yield key


REMEMBERED = 32_000_000  # bytes
LARGEST = 256_000
OBJECTS = 1_500  # what an entry's objects take, beside its bytes


class Memo:
    """A bounded memory, the oldest leave first.

    What is remembered of a key holds as long as the index leads to the record it was read from. So every way in which
    an index changes tells the memory: a newer record of a key (:meth:`drop`), a file that came or went
    (:meth:`recheck`).

    Attributes:
        verified: entries that are whole in memory; their bytes cannot be changed.
        shells: entries with blobs, which are loaded anew for each hit.
    """

    def __init__(self) -> None:
        self.verified: dict[bytes, Entry] = {}
        self.shells: dict[bytes, tuple[Entry, tuple[BlobRef, ...]]] = {}
        self._stamps: dict[bytes, int] = {}
        self._bound = REMEMBERED
        self._held = 0

    def keep(self, entry: Entry, refs: tuple[BlobRef, ...], stamp: int) -> None:
        """Remember an entry, which was read from the record with this stamp."""
        key = entry.key
        if key in self._stamps:
            self.drop(key)
        self._stamps[key] = stamp
        if refs:
            self.shells[key] = (entry, refs)
            if len(self.shells) * OBJECTS > self._bound:
                self.drop(next(iter(self.shells)))
        elif entry.size <= LARGEST:
            self.verified[key] = entry
            self._held += entry.size + OBJECTS
            while self._held > self._bound:
                self.drop(next(iter(self.verified)))

    def drop(self, key: bytes) -> None:
        """Forget a key."""
        if self._stamps.pop(key, None) is None:
            return
        entry = self.verified.pop(key, None)
        if entry is not None:
            self._held -= entry.size + OBJECTS
        self.shells.pop(key, None)

    def recheck(self, index: Index) -> None:
        """Forget what the index does not lead to any more."""
        for key, stamp in list(self._stamps.items()):
            place = index.newest_of(key)
            if place is None or place.stamp != stamp:
                self.drop(key)

    def clear(self) -> None:
        """Forget all."""
        self.verified.clear()
        self.shells.clear()
        self._stamps.clear()
        self._held = 0
