"""The files of a folder that count, and every record in them with the journal it came from.

A walk opens files of its own, so nobody has to wait for it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from spotmagic.store import journal, segments
from spotmagic.store.entry import Bad
from spotmagic.store.frame import DELETE, FILE_MAGIC, HEADER, MADE, MARK, ORIGIN, PIN, PINNED, PUT, RUN, STAT, Frame
from spotmagic.store.journal import ENDLESS, Log
from spotmagic.store.layout import JOURNALS, SEGMENTS, NewerFormatError
from spotmagic.store.record import Behind, Mark, Record, read_origin, read_run, read_stats
from spotmagic.store.seal import read_header
from spotmagic.store.segments import DamagedSegmentError, Segment, Source
from spotmagic.store.trust import Ring, Trust


class Step(NamedTuple):
    """A record met on a walk.

    Attributes:
        source: the journal it was written to, and the offset there after it.
        found: where it lies in the file that is walked.
    """

    source: str
    end: int
    found: Frame


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


def walk_journal(journal: Log, start: int = 0) -> Iterator[Step]:
    """The records of a journal after an offset."""
    journal.read_to = max(start, len(FILE_MAGIC))
    for found in journal.tail():
        yield Step(journal.name, found.end, found)


def walk_segment(file: Log, source: Source) -> Iterator[Step]:
    """The records of one of the journals in a segment."""
    name, at = source.name, 0
    file.read_to, file.stop, file.live = source.start, source.stop, False
    for found in file.tail():
        if found.kind != ORIGIN:
            at += HEADER + found.length
            yield Step(name, at, found)
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

    def sections(self) -> Iterator[tuple[str, Source]]:
        """Every stretch to walk: the name of the file, and the journal it holds there."""
        for name in sorted(self.current):
            for source in self.segments[name].sources:
                yield name, source
        for name in sorted(self.unindexed):
            yield name, Source("", ENDLESS, len(FILE_MAGIC), ENDLESS)
        for name in sorted(self.journals):
            yield name, Source(name, ENDLESS, 0, ENDLESS)

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


def walk(file: Log, source: Source, start: int = 0) -> Iterator[Step]:
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
) -> Iterator[tuple[Step, Log]]:
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
            header = read_header(file.read(offset, length), key, ring, trust)
            yield _record((happened, source, end, stamp, key, header))
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
