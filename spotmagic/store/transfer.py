"""Sealed entries as they lie: out of a folder, and into one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from spotmagic import files
from spotmagic.store.blobs import Blobs
from spotmagic.store.entry import Bad, BlobRef, Entry, Piece
from spotmagic.store.folder import Folder, Opening
from spotmagic.store.layout import BLOB_LOCK, JOURNALS
from spotmagic.store.record import BLOB, HAS_BLOBS, PUT, blob_body, group_of
from spotmagic.store.seal import unseal
from spotmagic.store.trust import Ring, Trust

Unsealed = tuple[Entry, tuple[BlobRef, ...]]


class SealedEntry(NamedTuple):
    """An entry as it lies, and what is in it."""

    sealed: bytes
    entry: Entry
    refs: tuple[BlobRef, ...]


class Transfer:
    """Where sealed entries leave a store and come in. Nothing is sealed here: each keeps the seal of its writer.

    Args:
        trust: what to make of entries of unknown writers.
        opening, sound: has the store's lock; the store's way to an open folder.
    """

    def __init__(
        self, folder: Path, ring: Ring, trust: Trust, blobs: Blobs, opening: Opening, sound: Callable[[], Folder]
    ) -> None:
        self.folder = folder
        self.ring = ring
        self._trust: Trust = trust
        self._sound = sound
        self.blobs = blobs
        self._opening = opening

    def sealed(self, key: bytes) -> bytes | None:
        """The bytes of the newest entry of a key, or ``None``. Raises ``OSError`` when they cannot be read."""
        with self._opening.lock:
            opened = self._sound()
            place = opened.find(key)
            return None if place is None else opened.read(place)

    def damaged(self) -> int:
        """Of how many keys only a damaged record is known. Raises ``OSError`` when the folder cannot be opened."""
        with self._opening.lock:
            return len(self._sound().index.damaged)

    def try_writing(self) -> None:
        """Write a little where entries go, and leave nothing behind. Raises ``OSError`` when that cannot be done."""
        journals = self.folder / JOURNALS
        with tempfile.TemporaryFile(dir=journals if journals.is_dir() else self.folder, buffering=0) as file:
            files.write_all(file.fileno(), b"\0" * 4096)

    def written_since(self, time: float, read: Mapping[str, int]) -> int:
        """Bytes of the journals that were written to after a time, at most.

        Args:
            read: how far journals had been read by then, by name. Of others all counts.
        """
        written = [(path.stem, path.stat()) for path in (self.folder / JOURNALS).iterdir()]
        return sum(max(0, one.st_size - read.get(name, 0)) for name, one in written if one.st_mtime > time)

    def unseal(self, sealed: bytes, key: bytes, trust: Trust | None = None) -> Unsealed | Bad:
        """The entry in sealed bytes, and where its large parts lie."""
        return unseal(sealed, key, self.ring, trust=trust or self._trust)

    def whole(self, key: bytes) -> SealedEntry | None:
        """The newest entry of a key, unless it is damaged or refused. Raises ``OSError`` when it cannot be read."""
        sealed = self.sealed(key)
        found = None if sealed is None else self.unseal(sealed, key)
        return None if sealed is None or found is None or isinstance(found, Bad) else SealedEntry(sealed, *found)

    def wanted(self, entry: Entry) -> bool:
        """Whether an entry is better than what is there: it is newer, and does not take the place of one's own.

        One that is damaged, or whose blobs are gone, is no better than none.
        """
        known = self.whole(entry.key)
        if known is None or any(self.blobs.size(ref.digest) != ref.size for ref in known.refs):
            return True
        return known.entry.created < entry.created and known.entry.trusted <= entry.trusted

    def adopt(self, sealed: bytes, found: Unsealed, blobs: Iterable[tuple[bytes, Piece]]) -> None:
        """Keep sealed bytes as they are. Other kernels find the entry from now on.

        Args:
            found: what :meth:`unseal` made of them.
            blobs: digest and bytes of its large parts; those that are not among them are in the store. Each is saved
                as it comes: what is there when an error ends them is known by name, and collected.

        Raises:
            OSError: it could not be kept.
        """
        entry, refs = found
        with files.locked(self.folder / BLOB_LOCK, shared=True):  # gc waits until the record names the blobs
            if refs:
                with self._opening.lock:  # before they are there, so that what a crash leaves is known by name
                    self._sound().append(BLOB, [blob_body([(ref.digest, ref.size) for ref in refs])])
                for digest, blob in blobs:
                    self.blobs.save(digest, [blob])
            with self._opening.lock:
                opened = self._sound()
                opened.catch_up()
                known = opened.index.holds(entry.key)
                opened.append(PUT, [sealed], entry.key, group_of(entry.name), HAS_BLOBS if refs else 0)
                if known:
                    opened.bump()
