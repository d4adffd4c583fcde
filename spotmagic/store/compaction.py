"""Dead journals and small segments become one segment. Killed at any point, it leaves the state before or after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spotmagic import files
from spotmagic.store.journal import Log
from spotmagic.store.layout import SEAL_LOCK, SEGMENTS
from spotmagic.store.segment_writer import SegmentWriter
from spotmagic.store.segments import Source
from spotmagic.store.walk import Listing, Step, path_of, walk

GROWTH = 2  # a segment is merged again when what joins it is at least half as large
SMALL = 256_000  # ... or when it is smaller than this

Take = Callable[[Step, Log], bytes | None]
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


def _merge(folder: Path, started: int, sections: list[tuple[str, Source]], listing: Listing, take: Take) -> None:
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
