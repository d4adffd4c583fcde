"""Bringing the catalog up to date, as the panel does before each answer."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from spotmagic.catalog import Catalog
from spotmagic.store.entry import Entry, Part
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import ring
from tests.bench.measure import time_text

TURNS = 5


def put(store: FolderStore, number: int) -> None:
    """So many new entries, each hit once."""
    part = (Part("value", ("plain",), bytes(100)),)
    for _ in range(number):
        key = random.randbytes(16)
        store.put(Entry(key, f"pkg.f{key[0] % 20}", inputs={"x": key}, parts=part, created=time.time(), seconds=1.0))
        store.hit(key, 1.0, 0.0)


def main() -> None:
    """Print fold times by what is there and what is new."""
    print("\nfold and three queries of the panel, median of 5    (to reach: far below the panel's 0.3 s)")
    print(f"  {'entries':<12}{'nothing new':>14}{'1 new':>12}{'100 new':>12}{'10,000 new':>13}{'from nothing':>15}")
    for base in (1_000, 10_000, 100_000):
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
            store = FolderStore(Path(folder), ring=ring())
            catalog = Catalog(Path(folder), store)
            put(store, base)
            start = time.perf_counter()
            catalog.fold()
            first = time.perf_counter() - start
            cells = []
            for new in (0, 1, 100, 10_000):
                taken = []
                for _ in range(TURNS):
                    put(store, new)
                    store.flush()
                    start = time.perf_counter()
                    catalog.stats(), catalog.entries(limit=50), catalog.series()
                    taken.append(time.perf_counter() - start)
                cells.append(time_text(sorted(taken)[TURNS // 2]))
            catalog.close()
            store.close()
        print(
            f"  {base:<12,}{cells[0]:>14}{cells[1]:>12}{cells[2]:>12}{cells[3]:>13}{time_text(first):>15}", flush=True
        )


if __name__ == "__main__":
    main()
