"""Entries verified in this process, kept in memory up to a bound: the second hit of a key touches no file."""

from __future__ import annotations

from spotmagic.store.entry import BlobRef, Entry
from spotmagic.store.index import Index

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

    def __init__(self, bound: int = REMEMBERED) -> None:
        self.verified: dict[bytes, Entry] = {}
        self.shells: dict[bytes, tuple[Entry, tuple[BlobRef, ...]]] = {}
        self._stamps: dict[bytes, int] = {}
        self._bound = bound
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
