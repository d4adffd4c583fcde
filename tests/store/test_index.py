"""The order in which records are met does not matter, nor where they lie."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from spotmagic.store.index import Index
from spotmagic.store.record import DELETE, HEADER, PUT, Frame, frame, scan
from spotmagic.store.segments import Segment, SegmentWriter

KEYS = [bytes([number]) * 16 for number in range(4)]
FRAMES = st.lists(
    st.tuples(st.sampled_from([PUT, PUT, DELETE]), st.sampled_from(KEYS)), min_size=1, max_size=25
).flatmap(
    lambda made: st.permutations(
        [Frame(kind, 0, stamp, key, 7, 100 * stamp, 50, True) for stamp, (kind, key) in enumerate(made, 1)]
    )
)


@given(FRAMES)
@settings(max_examples=200, deadline=None)
def test_the_newest_record_of_a_key_counts_in_whatever_order_they_come(frames: list[Frame]) -> None:
    """A deletion hides what is older than it and nothing else."""
    index = Index()
    for found in frames:
        index.add(found, found.stamp % 3)
    for key in KEYS:
        newest = max((found for found in frames if found.key == key), key=lambda found: found.stamp, default=None)
        place = index.find(key)
        if newest is None or newest.kind == DELETE:
            assert place is None
        else:
            assert place is not None
            assert (place.stamp, place.file, place.offset, place.length) == (
                newest.stamp, newest.stamp % 3, newest.offset, newest.length
            )  # fmt: skip


@given(frames=FRAMES, cut=st.integers(0, 25), late=st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_segment_and_journals_together_know_the_newest(
    tmp_path_factory: object, frames: list[Frame], cut: int, late: bool
) -> None:
    """Whether the segment is met before the journals or after them."""
    folder: Path = tmp_path_factory.mktemp("segments")  # type: ignore[attr-defined]
    writer = SegmentWriter(folder, 1)
    for found in frames[:cut]:
        writer.add("journal", found.stamp * 1_000, b"".join(record(found)))
    writer.finish([])
    writer.close()
    segment = Segment(writer.path, 9)
    index = Index()
    if not late:
        index.add_table(segment)
    for found in frames[cut:]:
        index.add(found, 1)
    if late:
        index.add_table(segment)
    for key in KEYS:
        newest = max((found for found in frames if found.key == key), key=lambda found: found.stamp, default=None)
        place = index.find(key)
        assert (place.stamp if place else None) == (newest.stamp if newest and newest.kind == PUT else None)
    alive = {key for key in KEYS if index.find(key) is not None}
    assert set(index.keys()) == alive
    segment.close()


def record(found: Frame) -> list[bytes]:
    body = bytes(50)
    return [frame(found.kind, 0, found.stamp, found.key, found.group, [body]), body]


def test_stamps_from_the_end_of_time_are_not_taken_for_the_present() -> None:
    """Else nothing could be written after them."""
    index = Index()
    index.add(Frame(PUT, 0, (1 << 64) - 1, KEYS[0], 7, 0, 50, True), 1)
    assert index.newest == 0
    assert index.find(KEYS[0]) is None


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=6), st.binary(max_size=40), st.integers(0, 6))
@settings(max_examples=200, deadline=None)
def test_whole_records_are_found_around_rubbish(bodies: list[bytes], rubbish: bytes, at: int) -> None:
    """Wherever it stands between them."""
    pieces = [frame(PUT, 0, 5, os.urandom(16), 1, [body]) + body for body in bodies]
    pieces.insert(min(at, len(pieces)), rubbish)
    data = b"".join(pieces)
    result = scan(data, 1_000, growing=False)
    assert [data[found.offset - 1_000 : found.end - 1_000] for found in result.frames] == bodies
    assert result.damaged <= len(rubbish)


@given(st.binary(min_size=1, max_size=100), st.data())
@settings(max_examples=100, deadline=None)
def test_a_record_that_is_still_being_written_is_waited_for(body: bytes, data: st.DataObject) -> None:
    """As long as its writer lives: cut off anywhere, or with bytes that are not there yet."""
    whole = frame(PUT, 0, 5, KEYS[0], 1, [body]) + body
    length = data.draw(st.integers(0, len(whole) - 1))
    assert scan(whole[:length], 0, growing=True).frames == []
    assert scan(whole[:length], 0, growing=True).used == 0
    if any(body):
        result = scan(whole[:HEADER] + bytes(len(body)), 0, growing=True)
        assert (result.frames, result.used) == ([], 0)
    assert len(scan(whole, 0, growing=True).frames) == 1
