"""What every store can do: the seam between entries and where they lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from spotmagic.store.entry import Bad, Entry
from spotmagic.store.record import Record, Run


class Store(Protocol):
    """Keeps entries by key. Every method may be called from any thread; ``get`` never raises for trouble with files."""

    def get(self, key: bytes) -> Entry | Bad | None:
        """The newest entry of a key, what is wrong with it, or ``None``."""
        ...

    def put(self, entry: Entry, *, save_blob: bool | None = None, durable: bool = False, run: Run | None = None) -> int:
        """Keep an entry, and write down the run that made it. Returns the bytes written.

        Raises:
            OSError: it could not be kept. Then the run is not written down either.
        """
        ...

    def forget(self, keys: Iterable[bytes]) -> int:
        """Remove entries. Returns how many there were."""
        ...

    @property
    def epoch(self) -> int:
        """A number that moves when something known may no longer hold."""
        ...

    def announce(self) -> None:
        """Move the epoch in every kernel: something beside the entries has changed."""
        ...

    def pin(self, keys: Iterable[bytes], pinned: bool) -> None:
        """Keep entries from every clean-up, or no longer."""
        ...

    def hit(self, key: bytes, seconds: float, price: float) -> None:
        """Count a hit, and what it saved."""
        ...

    def ran(self, run: Run) -> None:
        """Write down a run."""
        ...

    def recent(self, name: str) -> list[Entry]:
        """The newest entries of a name, newest first, at most 8; large parts are empty."""
        ...

    def records(self, positions: Mapping[str, int]) -> Iterator[Record]:
        """Every whole record after the given offset of each file."""
        ...

    def flush(self) -> bool:
        """Write everything out. Returns whether all that was put is durable."""
        ...

    def close(self) -> None:
        """Flush and let go of every file. A later call opens them again."""
        ...
