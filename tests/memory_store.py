"""A store and a place for blobs that last as long as the process: for tests."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from spotmagic.clock import SYSTEM, Clock
from spotmagic.store.blobs import DamagedError, Span, digest_of
from spotmagic.store.entry import Bad, Entry, Piece
from spotmagic.store.index import RECENT
from spotmagic.store.record import Record, Run, Stat
from spotmagic.store.seal import seal, unseal
from spotmagic.store.trust import Ring

FILE = "memory"


class MemoryStore:
    """Entries in memory, sealed all the same, so that what works with it works with a folder.

    Args:
        ring: whose seals count.
    """

    def __init__(self, *, ring: Ring, clock: Clock = SYSTEM) -> None:
        self._ring = ring
        self._clock = clock
        self._sealed: dict[bytes, bytes] = {}
        self._names: dict[str, dict[bytes, None]] = {}
        self._records: list[Record] = []
        self._pinned: set[bytes] = set()
        self._lock = threading.RLock()
        self._stamp = 0
        self.epoch = 0

    def get(self, key: bytes) -> Entry | Bad | None:
        """The newest entry of a key, or ``None``."""
        sealed = self._sealed.get(key)
        if sealed is None:
            return None
        found = unseal(sealed, key, self._ring)
        return found if isinstance(found, Bad) else found[0]

    def put(
        self,
        entry: Entry,
        *,
        save_blob: bool | None = None,  # noqa: ARG002
        durable: bool = False,  # noqa: ARG002
        run: bool = False,
    ) -> int:
        """Keep an entry, and count the run that made it. Returns its bytes."""
        sealed = b"".join(seal(entry, self._ring))
        kept = unseal(sealed, entry.key, self._ring)
        assert not isinstance(kept, Bad)
        with self._lock:
            if entry.key in self._sealed:
                self.epoch += 1
            self._sealed[entry.key] = sealed
            named = self._names.setdefault(entry.name, {})
            named.pop(entry.key, None)
            named[entry.key] = None
            self._write("made" if run else "put", entry.key, kept[0])
        return len(sealed)

    def put_soon(self, entry: Entry, **how: Any) -> None:
        """Keep an entry; nothing remains to be waited for."""
        self.put(entry, **how)

    def has(self, key: bytes) -> bool:
        """Whether there is an entry of a key."""
        return key in self._sealed

    def forget(self, keys: Iterable[bytes]) -> int:
        """Remove entries. Returns how many there were."""
        forgotten = 0
        with self._lock:
            for key in keys:
                if self._sealed.pop(key, None) is not None:
                    forgotten += 1
                    self._write("delete", key, None)
            if forgotten:
                self.epoch += 1
        return forgotten

    def announce(self) -> None:
        """Move the epoch."""
        self.epoch += 1

    def pin(self, keys: Iterable[bytes], pinned: bool) -> None:
        """Keep entries from every clean-up, or no longer."""
        with self._lock:
            for key in keys:
                (self._pinned.add if pinned else self._pinned.discard)(key)
                self._write("pin", key, pinned)

    def hit(self, key: bytes, seconds: float, price: float) -> None:
        """Count a hit, and what it saved."""
        with self._lock:
            self._write("stat", bytes(16), (Stat(key, 1, seconds, price),))

    def ran(self, run: Run) -> None:
        """Write down a run."""
        with self._lock:
            self._write("run", run.key, run)

    def recent(self, name: str, most: int = RECENT) -> list[Entry]:
        """The newest entries of a name, newest first, at most 8."""
        with self._lock:
            keys = [key for key in reversed(self._names.get(name, {})) if key in self._sealed][: min(most, RECENT)]
        found = [self.get(key) for key in keys]
        return [entry for entry in found if isinstance(entry, Entry)]

    def records(self, positions: Mapping[str, int]) -> Iterator[Record]:
        """Every record after the given one."""
        yield from self._records[positions.get(FILE, 0) :]

    def flush(self) -> bool:
        """True: as durable as it gets."""
        return True

    def close(self) -> None:
        """Nothing to let go of."""

    def _write(self, kind: str, key: bytes, what: object) -> None:
        self._stamp = max(int(self._clock.now() * 1e9), self._stamp + 1)
        self._records.append(Record(kind, FILE, len(self._records) + 1, self._stamp, key, what))  # type: ignore[arg-type]


class MemoryBlobs:
    """Blobs in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}

    def save(self, digest: bytes, pieces: Sequence[Piece]) -> int:
        """Keep bytes, whose SHA-256 is given, for good. Returns how many were written (0: they were there already)."""
        data = b"".join(pieces)
        known = self.kept.get(digest) == data
        self.kept[digest] = data
        return 0 if known else len(data)

    def load(self, digest: bytes, size: int) -> memoryview:
        """The bytes, as writable memory of the caller's own."""
        return memoryview(bytearray(self._whole(digest, size)))

    def read(self, digest: bytes, size: int, spans: Sequence[Span]) -> list[bytes]:
        """Stretches of the bytes, each by itself."""
        data = self._whole(digest, size)
        return [data[start:stop] for start, stop in spans]

    def _whole(self, digest: bytes, size: int) -> bytes:
        data = self.kept.get(digest)
        if data is None:
            raise FileNotFoundError(digest.hex())
        if len(data) != size or digest_of([data]) != digest:
            raise DamagedError("its bytes are not those of its name")
        return data

    def size(self, digest: bytes) -> int | None:
        """How large a blob is; ``None`` when it is not there."""
        data = self.kept.get(digest)
        return None if data is None else len(data)

    def remove(self, digest: bytes) -> bool:
        """Remove a blob. Returns whether it was there."""
        return self.kept.pop(digest, None) is not None

    def check(self, digest: bytes, size: int) -> bool:
        """Whether a blob's bytes are the right ones, read anew."""
        try:
            self.load(digest, size)
        except DamagedError:
            return False
        return True
