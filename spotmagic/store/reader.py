"""Every record of a folder in turn, for whoever keeps a table of them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

from spotmagic.store.entry import Bad
from spotmagic.store.frame import DELETE, MADE, MARK, PIN, PINNED, PUT, RUN, STAT
from spotmagic.store.record import Mark, Record, read_run, read_stats
from spotmagic.store.seal import read_header
from spotmagic.store.trust import Ring, Trust
from spotmagic.store.walk import tour

_record = functools.partial(tuple.__new__, Record)
_DAMAGED = Bad("corrupt", "its bytes are not those that were written")


def read_records(folder: Path, positions: Mapping[str, int], ring: Ring, trust: Trust) -> Iterator[Record]:
    """Every whole record after the given offset of each journal, read with files of its own: nobody has to wait for it.

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
