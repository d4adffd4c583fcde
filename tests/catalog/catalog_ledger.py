"""A store of records in memory: what the catalog sees of a real one, written by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spotmagic.store.entry import Bad, Entry, Part
from spotmagic.store.record import Happened, Record, Run, Stat

NO_KEY = bytes(16)


def key(number: int) -> bytes:
    """A key that begins with its number."""
    return number.to_bytes(4, "big") * 4


class Ledger:
    """Journals by name, each a list of records that only grows."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.files: dict[str, list[Record]] = {}
        self.stamp = int(start * 1e9)

    def records(self, positions: Mapping[str, int]) -> Iterator[Record]:
        for file, records in list(self.files.items()):
            for record in list(records):
                if record.end > positions.get(file, 0):
                    yield record

    def flush(self) -> bool:
        return True

    def write(
        self, kind: Happened, what: Any, of: bytes = NO_KEY, *, file: str = "a.log", stamp: int | None = None
    ) -> Record:
        """Append a record, stamped a microsecond after the last one."""
        self.stamp += 1000
        journal = self.files.setdefault(file, [])
        record = Record(kind, file, 100 * (len(journal) + 1), self.stamp if stamp is None else stamp, of, what)
        journal.append(record)
        return record

    def put(
        self, number: int, name: str = "f", *, file: str = "a.log", stamp: int | None = None, **fields: Any
    ) -> Record:
        given = {
            "created": self.stamp / 1e9,
            "inputs": {"x": number.to_bytes(16, "big")},
            "code": b"c" * 16,
            "parts": (Part("value", ("plain",), b"head"),),
            "writer": b"w" * 8,
            "size": 100,
            "seconds": 2.0,
            "price": 0.25,
        } | fields
        return self.write("put", Entry(key(number), name, **given), key(number), file=file, stamp=stamp)

    def bad(self, number: int, kind: Any) -> Record:
        return self.write("put", Bad(kind, "because"), key(number))

    def forget(self, number: int, **place: Any) -> Record:
        return self.write("delete", None, key(number), **place)

    def pin(self, number: int, pinned: bool = True, **place: Any) -> Record:
        return self.write("pin", pinned, key(number), **place)

    def hits(self, number: int, times: int = 1, seconds: float = 2.0, price: float = 0.25, **place: Any) -> Record:
        return self.write("stat", (Stat(key(number), times, seconds * times, price * times),), **place)

    def ran(self, number: int, name: str = "f", **fields: Any) -> Record:
        given = {"started": self.stamp / 1e9, "seconds": 2.0, "price": 0.25} | fields
        return self.write("run", Run(key(number), name, **given), key(number))
