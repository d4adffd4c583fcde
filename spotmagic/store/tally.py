"""Hits, counted without waiting and written down together."""

from __future__ import annotations

from collections import deque

from spotmagic.store.record import Stat

HELD = 50_000


class Tally:
    """Counts of hits since they were last taken. Any thread may append to ``hits``."""

    def __init__(self) -> None:
        self.hits: deque[tuple[bytes, float, float]] = deque()

    def take(self) -> list[Stat]:
        """The counts so far, by key; they begin anew."""
        sums: dict[bytes, list[float]] = {}
        for _ in range(len(self.hits)):
            try:
                key, seconds, price = self.hits.popleft()
            except IndexError:  # another thread takes them too
                break
            total = sums.setdefault(key, [0, 0.0, 0.0])
            total[0] += 1
            total[1] += seconds
            total[2] += price
        return [Stat(key, int(hits), seconds, price) for key, (hits, seconds, price) in sums.items()]
