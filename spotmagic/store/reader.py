"""Every record of a folder in turn, for whoever keeps a table of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from spotmagic.store.entry import Bad
from spotmagic.store.frame import DELETE, PIN, PINNED, PUT, RUN, STAT
from spotmagic.store.record import Record, read_run, read_stats
from spotmagic.store.seal import unseal
from spotmagic.store.trust import Ring, Trust
from spotmagic.store.walk import Hall, Step, walk


class Reader:
    """Reads the records of a folder with files of its own, so that nobody has to wait for it.

    Args:
        trust: what to make of entries of unknown writers.
    """

    def __init__(self, folder: Path, ring: Ring, *, trust: Trust = "safe") -> None:
        self._folder = folder
        self._ring = ring
        self._trust = trust

    def records(self, positions: Mapping[str, int]) -> Iterator[Record]:
        """Every whole record after the given offset of each journal."""
        hall = Hall(self._folder)
        try:
            for name, source in hall.sections():
                start = positions.get(source.name, 0)
                file = hall.open(name) if start < source.end else None
                if file is None:
                    continue
                try:
                    for step in walk(file, source, start):
                        if step.end <= positions.get(step.source, 0):
                            continue  # of a segment whose index is damaged
                        record = self._record(step, file.read(step.found.offset, step.found.length))
                        if record is not None:
                            yield record
                finally:
                    file.close()
        finally:
            hall.close()

    def _record(self, step: Step, body: bytes) -> Record | None:
        file, end, found = step
        kind, stamp, key = found.kind, found.stamp, found.key
        if kind == PUT:
            result = unseal(body, key, self._ring, trust=self._trust)
            return Record("put", file, end, stamp, key, result if isinstance(result, Bad) else result[0])
        if kind == DELETE:
            return Record("delete", file, end, stamp, key, None)
        if kind == PIN:
            return Record("pin", file, end, stamp, key, bool(found.flags & PINNED))
        if kind == STAT:
            return Record("stat", file, end, stamp, key, read_stats(body))
        if kind == RUN:
            return Record("run", file, end, stamp, key, read_run(key, body))
        return None
