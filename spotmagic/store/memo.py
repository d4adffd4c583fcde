"""Entries verified in this process, kept in memory up to a bound: the second hit of a key touches no file."""

from __future__ import annotations

from spotmagic.store.entry import BlobRef, Entry

REMEMBERED = 32_000_000  # bytes
LARGEST = 256_000
OBJECTS = 1_500  # what an entry's objects take, beside its bytes


class Memo:
    """A bounded memory, the oldest leave first.

    Attributes:
        verified: entries that are whole in memory; their bytes cannot be changed.
        shells: entries with blobs, which are loaded anew for each hit.
    """

    def __init__(self, bound: int = REMEMBERED) -> None:
        self.verified: dict[bytes, Entry] = {}
        self.shells: dict[bytes, tuple[Entry, tuple[BlobRef, ...]]] = {}
        self._bound = bound
        self._held = 0

    def keep(self, entry: Entry, refs: tuple[BlobRef, ...]) -> None:
        """Remember an entry."""
        key = entry.key
        if key in self.verified or key in self.shells:
            self.drop(key)
        if refs:
            self.shells[key] = (entry, refs)
            if len(self.shells) * OBJECTS > self._bound:
                del self.shells[next(iter(self.shells))]
        elif entry.size <= LARGEST:
            self.verified[key] = entry
            self._held += entry.size + OBJECTS
            while self._held > self._bound:
                self.drop(next(iter(self.verified)))

    def drop(self, key: bytes) -> None:
        """Forget a key."""
        entry = self.verified.pop(key, None)
        if entry is not None:
            self._held -= entry.size + OBJECTS
        self.shells.pop(key, None)

    def clear(self) -> None:
        """Forget all."""
        self.verified.clear()
        self.shells.clear()
        self._held = 0
