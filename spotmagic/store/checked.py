"""What looking at entries finds: which can be used and why others cannot, what a clean-up or a check made of them."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

from spotmagic import files, words
from spotmagic.codecs import Undecodable, decode, is_safe
from spotmagic.options import is_number
from spotmagic.originals import dumps, loads
from spotmagic.store.entry import MASKED, Bad, Entry

FILE = "checked.json"
VERSION = 1
_MOST = 10_000  # bytes; ours has about a hundred
_CALLED = 3  # names of results that are told of each reason
_RECORDS = frozenset({"enum", "namedtuple", "dataclass", "attrs", "pydantic", "exception", "stand-in", "stream"})
"""Codecs that want a class which must be here."""


class Unusable(dict[str, Counter[str]]):
    """Results that cannot be used: by the reason, how many of each name."""

    def note(self, name: str, why: str) -> None:
        """Count a result, if there is a reason."""
        if why:
            self.setdefault(why, Counter())[name] += 1

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(names.total() for names in self.values())

    def lines(self) -> list[str]:
        """A line for each reason, that of the most first."""
        most = sorted(self.items(), key=lambda one: -one[1].total())
        return [f"  {names.total():,}: {why} ({_called(names)})" for why, names in most]


def _called(names: Counter[str]) -> str:
    more = len(names) - _CALLED
    return ", ".join([*(name for name, _ in names.most_common(_CALLED)), *([f"{more:,} more"] if more > 0 else [])])


def why_not_here(entry: Entry, signed_by: str = "") -> str:
    """Why a result, all of it read, cannot be used by this user in this process; or empty. It runs no code.

    Args:
        signed_by: the public key of a stranger who signed it.
    """
    for part in entry.parts:
        if not is_safe([name for name in part.codecs if name != "pickle"]):
            return f"needs what is not registered here: {', '.join(part.codecs)}"
        if entry.trusted:
            continue
        if "pickle" in part.codecs:
            way = f"who signed them is trusted (`spotmagic trust add NAME {signed_by}`)"
            return f"pickled, which loads where {way if signed_by else f'their writer {entry.writer.hex()} is trusted'}"
        if not _RECORDS.isdisjoint(part.codecs):  # only reading tells whether their class is here, and the same one
            try:
                decode(part.codecs, part.head, part.buffers, trusted=False)
            except Undecodable as error:
                return error.why
    masked = "" if entry.trusted else entry.notes.get(MASKED, "")
    return f"keyed with a secret under its owner's mask ({_listed(masked)}): never found by you" if masked else ""


def why_not_elsewhere(entry: Entry) -> str:
    """Why others cannot use a result that is sent to them, or empty."""
    if not all(is_safe(part.codecs) for part in entry.parts):
        return "pickled, which loads where you are trusted: return plain data, or let others add your key"
    if masked := entry.notes.get(MASKED):
        return f"keyed with a secret under your own mask ({_listed(masked)}): leave it out with ignore="
    return ""


def _listed(note: str) -> str:
    return ", ".join(note.split("\n"))


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of reading every entry.

    Attributes:
        at: when it ended, in seconds since 1970.
        entries: how many there were.
        damaged: how many of them are not as they were written, and were not removed.
        refused: how many are whole but not for this user.
        lost: bytes of the files in which no entry could be found any more, and that were not cleared away.
    """

    at: float
    entries: int
    damaged: int
    refused: int
    lost: int


class SweptEntry(NamedTuple):
    """An entry that a clean-up removes."""

    key: bytes
    name: str
    size: int
    why: str


class BadEntry(NamedTuple):
    """An entry that cannot be used, and what is wrong with it."""

    key: bytes
    name: str
    bad: Bad


@dataclass(frozen=True, slots=True)
class Swept:
    """What a clean-up removed, or would remove.

    Attributes:
        entries: which entries, and why each.
        blobs: name and bytes of each blob that no entry holds any more.
        kept: why no blob was removed, or empty.
        leftovers: bytes of blobs that killed kernels left half written.
    """

    entries: tuple[SweptEntry, ...]
    blobs: tuple[tuple[str, int], ...]
    dry_run: bool
    kept: str = ""
    leftovers: int = 0

    @property
    def size(self) -> int:
        """Bytes of the blobs."""
        return sum(size for _, size in self.blobs)

    def __str__(self) -> str:
        if not self.entries and not self.blobs:
            return f"nothing to remove{f' ({self.kept})' if self.kept else ''}"
        done = "would remove" if self.dry_run else "removed"
        blobs = words.counted(len(self.blobs), "blob")
        text = f"{done} {words.results(len(self.entries))} and {blobs} of {words.size(self.size)}"
        return f"{text} ({self.kept})" if self.kept else text


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found wrong in a folder.

    Attributes:
        checked: entries looked at.
        bad: the entries that are not as they were written.
        refused: those that are whole but not for this kernel: another writer's, a newer format.
        damaged: bytes in journals and segments that belong to no record, by file.
        unusable: those that are whole and that this user cannot use in this process, and why.
    """

    checked: int
    bad: tuple[BadEntry, ...]
    refused: tuple[BadEntry, ...]
    damaged: Mapping[str, int]
    repaired: bool
    unusable: Unusable = field(default_factory=Unusable)

    @property
    def good(self) -> bool:
        """Whether nothing is damaged."""
        return not self.bad and not self.damaged


def note(folder: Path, checked: Checked) -> None:
    """Write down a check in its folder. One that takes no file goes without."""
    with contextlib.suppress(OSError):
        text = dumps({"checked": VERSION, **asdict(checked)})
        files.write_whole(folder / FILE, text.encode() + b"\n", durable=False)


def last_checked(folder: Path) -> Checked | None:
    """The last check of a folder, by any kernel; ``None`` when there was none, or nothing can be read of it."""
    try:
        with (folder / FILE).open("rb") as file:
            known = loads(file.read(_MOST))
        if known["checked"] != VERSION:
            return None
        at, counts = known["at"], [known[name] for name in ("entries", "damaged", "refused", "lost")]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    if not _is_number(at) or not all(_is_number(count) and count == int(count) for count in counts):
        return None
    return Checked(float(at), *map(int, counts))


def _is_number(value: object) -> bool:
    return is_number(value) and 0 <= value < 2**53
