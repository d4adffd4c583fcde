"""The files of a folder that count, every record in them with the journal it came from, and their merge into one.

A walk opens files of its own, so nobody has to wait for it. A merge that is killed at any point leaves the state before
or after.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from spotmagic import files
from spotmagic.store import journal, segments
from spotmagic.store.entry import Bad
from spotmagic.store.journal import ENDLESS, Log
from spotmagic.store.layout import JOURNALS, SEAL_LOCK, SEGMENTS, NewerFormatError
from spotmagic.store.record import (
    DELETE,
    FILE_MAGIC,
    HEADER,
    MADE,
    MARK,
    ORIGIN,
    PIN,
    PINNED,
    PUT,
    RUN,
    STAT,
    Behind,
    Frame,
    Mark,
    Record,
    read_origin,
    read_run,
    read_stats,
)
from spotmagic.store.seal import unseal
from spotmagic.store.segments import DamagedSegmentError, Segment, SegmentWriter, Stretch
from spotmagic.store.trust import Ring, Trust


class Met(NamedTuple):
    """A record met on a walk.

    Attributes:
        source: the journal it was written to, and the offset there after it.
        found: where it lies in the file that is walked.
    """

    source: str
    end: int
    found: Frame


_met = functools.partial(tuple.__new__, Met)


def journal_names(folder: Path) -> set[str]:
    """The names of the journals that are there."""
    return _names(folder / JOURNALS, journal.NAME)


def segment_names(folder: Path) -> set[str]:
    """The names of the segments that are there."""
    return _names(folder / SEGMENTS, segments.NAME)


def _names(folder: Path, pattern: re.Pattern[str]) -> set[str]:
    try:
        return {path.stem for path in folder.iterdir() if path.suffix == ".log" and pattern.fullmatch(path.stem)}
    except FileNotFoundError:
        return set()


def path_of(folder: Path, name: str) -> Path:
    """Where a journal or segment of that name lies."""
    return folder / (SEGMENTS if segments.NAME.fullmatch(name) else JOURNALS) / f"{name}.log"


def counting(journals: set[str], open_segments: dict[str, Segment]) -> tuple[set[str], set[str]]:
    """Of journals and segments those that count: what a segment took in is left out while it is still there."""
    replaced = {name for segment in open_segments.values() for name in segment.replaces}
    covered = {source.name for segment in open_segments.values() for source in segment.sources}
    return journals - covered, open_segments.keys() - replaced


def walk_journal(journal: Log, start: int = 0) -> Iterator[Met]:
    """The records of a journal after an offset."""
    journal.read_to = max(start, len(FILE_MAGIC))
    for found in journal.tail():
        yield _met((journal.name, found.offset + found.length, found))


def walk_segment(file: Log, source: Stretch) -> Iterator[Met]:
    """The records of one of the journals in a segment."""
    name, at = source.name, 0
    file.read_to, file.stop, file.live = source.start, source.stop, False
    for found in file.tail():
        if found.kind != ORIGIN:
            at += HEADER + found.length
            yield _met((name, at, found))
        elif found.good:
            try:
                name, at = read_origin(file.read(found.offset, found.length))
            except (ValueError, TypeError):
                name, at = source.name, 0


class Listing:
    """The files of a folder, opened for one walk.

    Raises:
        OSError: a folder cannot be listed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.segments: dict[str, Segment] = {}
        self.unindexed: set[str] = set()  # segments whose index is damaged
        self.complete = True  # every file that was listed could be opened
        journals = journal_names(folder)  # before the segments: a journal goes when its segment is there
        for name in segment_names(folder):
            try:
                self.segments[name] = Segment(path_of(folder, name), 0)
            except DamagedSegmentError:
                self.unindexed.add(name)
            except OSError:
                self.complete = False
        self.journals, self.current = counting(journals, self.segments)
        self.stale = (journals - self.journals) | (self.segments.keys() - self.current)

    def sections(self) -> Iterator[tuple[str, Stretch]]:
        """Every stretch to walk: the name of the file, and the journal it holds there."""
        for name in sorted(self.current):
            for source in self.segments[name].sources:
                yield name, source
        for name in sorted(self.unindexed):
            yield name, Stretch("", ENDLESS, len(FILE_MAGIC), ENDLESS)
        for name in sorted(self.journals):
            yield name, Stretch(name, ENDLESS, 0, ENDLESS)

    def open(self, name: str) -> Log | None:
        """A file to walk, or ``None`` when it is gone or not for us."""
        try:
            return Log(path_of(self.folder, name), 0)
        except (FileNotFoundError, NewerFormatError, PermissionError):
            return None

    def lacks(self, positions: Mapping[str, int]) -> bool:
        """Whether something was surely read that is not there any more: a record of a journal, or all of it."""
        if not self.complete or self.unindexed:
            return False
        ends = {source.name: source.end for name in self.current for source in self.segments[name].sources}
        try:
            for name in self.journals:
                ends[name] = path_of(self.folder, name).stat().st_size
        except OSError:  # merged since it was listed
            return False
        return any(position > ends.get(name, 0) for name, position in positions.items())

    def close(self) -> None:
        """Let go of every file."""
        for segment in self.segments.values():
            segment.close()


def walk(file: Log, source: Stretch, start: int = 0) -> Iterator[Met]:
    """The records of one journal, from the file that holds them now; after an offset if that is the journal itself."""
    return walk_segment(file, source) if segments.NAME.fullmatch(file.name) else walk_journal(file, start)


def tour_all(folder: Path, damaged: dict[str, int]) -> bool:
    """Read every record of a folder. Returns whether a segment has no index that can be used.

    Args:
        damaged: gets the bytes that belong to no record, by file.
    """
    listing = Listing(folder)
    for _ in tour(folder, {}, damaged, listing=listing):
        pass
    return bool(listing.unindexed)


def tour(
    folder: Path,
    positions: dict[str, int],
    damaged: dict[str, int] | None = None,
    *,
    listing: Listing | None = None,
    whole: bool = False,
) -> Iterator[tuple[Met, Log]]:
    """Every record of a folder after the positions, once, and the open file it lies in.

    Args:
        positions: the offset to begin after, by journal. They move on with the records.
        damaged: gets the bytes that belong to no record, by file.
        whole: raise :class:`Behind` where a position is beyond what is there.

    Raises:
        OSError: a folder cannot be listed, or a file not be read.
    """
    listing = listing or Listing(folder)
    try:
        if whole and listing.lacks(positions):
            raise Behind
        for name, source in listing.sections():
            start = positions.get(source.name, 0)
            file = listing.open(name) if start < source.end else None
            if file is None:
                continue
            try:
                for step in walk(file, source, start):
                    if step.end > positions.get(step.source, 0):
                        yield step, file
                        positions[step.source] = step.end
                if damaged is not None and file.damaged:
                    damaged[name] = file.damaged
            finally:
                file.close()
    finally:
        listing.close()


# Puts and runs are nearly all there is: they are made past the constructor in Python, which takes longest.
_record = functools.partial(tuple.__new__, Record)
_DAMAGED = Bad("corrupt", "its bytes are not those that were written")


def read_records(folder: Path, positions: Mapping[str, int], ring: Ring, trust: Trust) -> Iterator[Record]:
    """Every whole record after the given offset of each journal, for whoever keeps a table of them.

    Args:
        trust: what to make of entries of unknown writers.
    """
    for (source, end, found), file in tour(folder, dict(positions), whole=True):
        kind, flags, stamp, key, group, offset, length, good = found
        if kind == PUT:
            happened = "made" if flags & MADE else "put"
            read = unseal(file.read(offset, length), key, ring, trust=trust)
            yield _record((happened, source, end, stamp, key, read if isinstance(read, Bad) else read[0]))
        elif kind == RUN:
            run = read_run(key, file.read(offset, length)) if good else _DAMAGED
            yield _record(("run", source, end, stamp, key, run))
        elif kind == STAT:
            stats = read_stats(file.read(offset, length)) if good else _DAMAGED
            yield Record("stat", source, end, stamp, key, stats)
        elif kind == DELETE:
            yield Record("delete", source, end, stamp, key, None)
        elif kind == MARK:
            why = file.read(offset, length).decode("utf-8", "replace")
            yield Record("mark", source, end, stamp, key, Mark(group, why) if good else _DAMAGED)
        elif kind == PIN:
            yield Record("pin", source, end, stamp, key, bool(flags & PINNED))


GROWTH = 2  # a segment is merged again when what joins it is at least half as large
SMALL = 256_000  # ... or when it is smaller than this

Take = Callable[[Met, Log], bytes | None]
"""What to take over of a record, given the file it lies in: a whole record, or nothing."""


def compact(
    folder: Path, started: int, take: Take, published: Callable[[], object], *, everything: bool = False
) -> int:
    """Merge the journals of kernels that are gone, and the segments that are small beside them, into one segment.

    Args:
        started: nanoseconds since 1970, for the name.
        published: called when the segment is there and before the files it replaces go.
        everything: merge all segments.

    Returns:
        How many files were replaced; 0 when there was nothing to do, or another kernel is at it.

    Raises:
        OSError: it could not be done; nothing is lost.
    """
    with files.locked(folder / SEAL_LOCK, wait=False) as got:
        if not got:
            return 0
        for leftover in (folder / SEGMENTS).glob(".*.tmp"):
            leftover.unlink(missing_ok=True)
        listing = Listing(folder)
        try:
            for name in listing.stale:  # of a merge that was killed after it had published
                path_of(folder, name).unlink(missing_ok=True)
            journals = {name for name in listing.journals if _dead(listing, name)}
            merged = journals | _joining(listing, journals, everything=everything)
            if not journals and len(merged) < 2 and not (everything and merged):
                return 0
            sections = [(name, source) for name, source in listing.sections() if name in merged]
            # The segment is there, then everybody is told, then the files go: killed anywhere, the next merge sees by
            # the names in the segment what is left over.
            _merge(folder, started, sections, listing, take)
            published()
            for name in merged:
                path_of(folder, name).unlink(missing_ok=True)
            return len(merged)
        finally:
            listing.close()


def _dead(listing: Listing, name: str) -> bool:
    file = listing.open(name)
    if file is None:
        return False
    try:
        return file.dead()
    finally:
        file.close()


def _joining(listing: Listing, journals: set[str], *, everything: bool) -> set[str]:
    """The segments to merge: all, or the smaller ones as long as what was gathered is not small beside the next."""
    if everything:
        return listing.current | listing.unindexed
    size = sum(path_of(listing.folder, name).stat().st_size for name in journals)
    joining = set(listing.unindexed)
    for segment in sorted((listing.segments[name] for name in listing.current), key=lambda segment: segment.size):
        if segment.size > max(SMALL, GROWTH * size):
            break
        joining.add(segment.name)
        size += segment.size
    return joining


def _merge(folder: Path, started: int, sections: list[tuple[str, Stretch]], listing: Listing, take: Take) -> None:
    writer = SegmentWriter(folder / SEGMENTS, started)
    try:
        for name, source in sections:
            file = listing.open(name)
            if file is None:
                raise FileNotFoundError(f"{name} cannot be read")
            try:
                file.live = False
                if source.name:
                    writer.begin(source.name)
                for step in walk(file, source):
                    record = take(step, file)
                    if record is not None:
                        writer.add(step.source, step.end, record)
                if source.name:
                    writer.end(file.read_to if name in listing.journals else source.end)
            finally:
                file.close()
        writer.finish([name for name, _ in sections if name not in listing.journals])
    except BaseException:
        writer.abandon()
        raise
    finally:
        writer.close()
