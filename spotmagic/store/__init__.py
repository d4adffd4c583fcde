"""Where entries live: journals that every kernel shares, and blobs for large parts.

:class:`Store` is what every store can do: the seam between entries and where they lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, Protocol

from spotmagic.store.entry import Bad, Entry
from spotmagic.store.record import Record, Run


class Store(Protocol):
    """Keeps entries by key. Every method may be called from any thread; ``get`` never raises for trouble with files."""

    def get(self, key: bytes) -> Entry | Bad | None:
        """The newest entry of a key, what is wrong with it, or ``None``."""

    def has(self, key: bytes) -> bool:
        """Whether ``get`` would find something, seen as late as now."""

    def put(self, entry: Entry, *, save_blob: bool | None = None, durable: bool = False, run: bool = False) -> int:
        """Keep an entry; ``run`` counts what made it as a run. Returns the bytes written.

        Raises:
            OSError: it could not be kept. Then the run does not count either.
        """

    def put_soon(
        self, entry: Entry, *, save_blob: bool | None = None, durable: bool = False, run: bool = False
    ) -> Future[Any] | None:
        """As ``put``, without waiting for the disk: what remains to be waited for, or ``None``."""

    def forget(self, keys: Iterable[bytes]) -> int:
        """Remove entries. Returns how many there were."""

    @property
    def epoch(self) -> int:
        """A number that moves when something known may no longer hold."""

    def announce(self) -> None:
        """Move the epoch in every kernel: something beside the entries has changed."""

    def pin(self, keys: Iterable[bytes], pinned: bool) -> None:
        """Keep entries from every clean-up, or no longer."""

    def hit(self, key: bytes, seconds: float, price: float) -> None:
        """Count a hit, and what it saved."""

    def ran(self, run: Run) -> None:
        """Write down a run."""

    def recent(self, name: str, most: int = 8) -> list[Entry]:
        """The newest entries of a name, newest first, at most ``most``; large parts are empty."""

    def records(self, positions: Mapping[str, int]) -> Iterator[Record]:
        """Every whole record after the given offset of each file. Raises :class:`Behind` when one is beyond its end."""

    def flush(self) -> bool:
        """Write everything out. Returns whether all that was put is durable."""

    def close(self) -> None:
        """Flush and let go of every file. A later call opens them again."""
