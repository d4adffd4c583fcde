"""Taking entries that others made, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from spotmagic import words
from spotmagic.errors import Uncacheable
from spotmagic.store import trust
from spotmagic.store.blobs import DamagedError, whole
from spotmagic.store.checked import Unusable, why_not_here
from spotmagic.store.entry import Bad, BlobRef, Entry
from spotmagic.store.store import FolderStore

Loader = Callable[[tuple[BlobRef, ...]], Iterable[tuple[bytes, Any]]]


@dataclass(frozen=True, slots=True)
class Pushed:
    """What came of sending results to the bucket.

    Attributes:
        sent: how many are there now that were not.
        there: how many were there already.
        unusable: those sent that others cannot use, and why.
    """

    sent: int
    there: int
    unusable: Unusable

    def __str__(self) -> str:
        told = f"sent {words.results(self.sent)}, {self.there:,} there already"
        rest = [f"others cannot use {self.unusable.count:,} of them:", *self.unusable.lines()] if self.unusable else []
        return "\n".join([told, *rest])


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of taking results out of an archive or a bucket.

    Attributes:
        taken: how many are in the folder now that were not; ``foreign`` of them are of people you do not trust,
            ``unsigned`` of nobody knows whom, ``reduced`` are cells of theirs, which show text and pictures alone.
        known: how many were left alone, since one at least as new, or one's own, is there.
        gone: results that somebody you trust has deleted.
        refused: name of each that was not taken, and why.
        unusable: those of all taken and known that cannot be used here, and why.
    """

    taken: int
    foreign: int
    known: int
    refused: tuple[tuple[str, str], ...]
    unusable: Unusable = field(default_factory=Unusable)
    gone: int = 0
    unsigned: int = 0
    reduced: int = 0

    @property
    def usable(self) -> int:
        """How many of all taken and known are hits here, when they are asked for."""
        return self.taken + self.known - self.unusable.count

    def __str__(self) -> str:
        whose = f" ({self.foreign:,} of people you do not trust)" if self.foreign else ""
        gone = f", {self.gone:,} deleted" if self.gone else ""
        there = f"{self.known:,} there already{gone}, {len(self.refused):,} refused"
        lines = [f"loaded {words.results(self.taken)}{whose}, {there}"]
        if self.unusable:
            lines += [f"{self.usable:,} can be used here, {self.unusable.count:,} not:", *self.unusable.lines()]
        elif self.foreign:
            lines.append("all can be used here")
        if self.unsigned:
            lines.append(f"{self.unsigned:,} not signed: whose, nobody knows")
        if self.reduced:
            lines.append(
                f"{words.counted(self.reduced, 'cell')} of people you do not trust: their text and pictures alone"
            )
        refused = Counter(why for _, why in self.refused)
        return "\n".join([*lines, *(f"  {count:,} refused: {why}" for why, count in refused.most_common())])


class Loading:
    """Takes shared entries into a store, and counts what came of each."""

    def __init__(self, store: FolderStore) -> None:
        self._store = store
        self._counts: Counter[str] = Counter()
        self.refused: list[tuple[str, str]] = []
        self._unusable = Unusable()

    def take(self, place: str, key: bytes, data: bytes, blobs: Loader) -> None:
        """Take one. Raises ``OSError`` when the store cannot keep it."""
        try:
            found = take(self._store, key, data, blobs)
        except (DamagedError, Uncacheable) as error:
            found = Bad("corrupt", str(error))
        if isinstance(found, Bad):
            self.refused.append((place, f"{found.kind}: {found.why}"))
            return
        authors = trust.authors(data)
        self._counts["known" if found is None else "taken"] += 1
        if found is not None and not found.trusted:
            self._counts.update(foreign=1, unsigned=not authors, reduced=found.kind == "cell")
        kept = FolderStore.get(self._store, key)  # the folder's alone: a shared store would ask the bucket again
        if isinstance(kept, Entry):
            self._unusable.note(kept.name, why_not_here(kept, *authors[:1]))

    def done(self, gone: int = 0) -> Loaded:
        """What came of all; they last when this returns."""
        self._store.flush()
        counts = self._counts
        return Loaded(
            taken=counts["taken"], foreign=counts["foreign"], known=counts["known"], refused=tuple(self.refused),
            unusable=self._unusable, gone=gone, unsigned=counts["unsigned"], reduced=counts["reduced"],
        )  # fmt: skip


def take(store: FolderStore, key: bytes, data: bytes, blobs: Loader) -> Entry | Bad | None:
    """Keep a shared entry, sealed anew under the user's own secret if it is of somebody they trust.

    Returns:
        The entry as it came, what is wrong with it, or ``None`` when one at least as good is there.

    Raises:
        OSError, DamagedError: it could not be kept, or its blobs not be had.
    """
    try:
        sealed, authors = trust.opened(data)
    except ValueError as error:
        return Bad("corrupt", str(error))
    transfer = store.transfer
    trusted = trust.counts(authors, transfer.ring)
    found = transfer.unseal(sealed, key, "safe" if trusted else None)
    if isinstance(found, Bad):
        return found
    entry, refs = found
    if not transfer.wanted(entry):
        return None
    transfer.adopt(sealed, found, blobs(refs))
    if trusted and not entry.trusted:
        mine = whole(entry, refs, store.blobs)
        if isinstance(mine, Bad):
            return mine
        mine = mine._replace(trusted=True)
        FolderStore.put(store, mine)  # the folder's alone: a shared store would send it back to where it came from
        return mine
    return entry
