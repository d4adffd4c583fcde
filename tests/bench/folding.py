"""Bringing the catalog up to date, as the panel does before each answer."""

from __future__ import annotations

import gc
import random
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

import duckdb

from spotmagic.catalog import Catalog
from spotmagic.codecs import encode
from spotmagic.store.entry import Entry, Part
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import ring
from tests.bench.measure import time_text

TURNS = 5
TABLES = ("entries", "inputs", "runs", "usage", "positions")


def put(store: FolderStore, number: int, *, hit: bool = True) -> None:
    """So many new entries, each with the run that made it and hit once."""
    part = (Part("value", ("plain",), encode(bytes(98)).head),)
    for _ in range(number):
        key, now = random.randbytes(16), time.time()
        name = f"pkg.f{key[0] % 20}"
        entry = Entry(key, name, inputs={"x": key}, parts=part, created=now, seconds=1.0, reason="first run")
        store.put(entry, run=True)
        if hit:
            store.hit(key, 1.0, 0.0)


def main() -> None:
    """Print fold times by what is there and what is new."""
    growth()
    backlog(100_000)


def growth() -> None:
    """What an open panel waits for."""
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
                    catalog.stats(), catalog.entries(limit=50), catalog.series(time.time() - 86_400, 3600)
                    taken.append(time.perf_counter() - start)
                cells.append(time_text(sorted(taken)[TURNS // 2]))
            catalog.close()
            store.close()
        print(
            f"  {base:<12,}{cells[0]:>14}{cells[1]:>12}{cells[2]:>12}{cells[3]:>13}{time_text(first):>15}", flush=True
        )


def backlog(number: int) -> None:
    """What the first question waits for after so many results, beside a bare load of the rows that come of them."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        store = FolderStore(folder, ring=ring())
        put(store, number, hit=False)
        store.flush()
        folds, loads = [], []
        for _ in range(TURNS):
            catalog = Catalog(folder, store)
            start = time.perf_counter()
            catalog.rebuild()
            folds.append(time.perf_counter() - start)
            catalog.close()
        with closing(duckdb.connect(str(folder / "spot.duckdb"), read_only=True)) as found:
            rows = {table: found.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
        plain = {table: [tuple(map(_plain, row)) for row in rows[table]] for table in TABLES}
        gc.collect()
        for turn in range(TURNS):
            start = time.perf_counter()
            load(folder / f"{turn}.sqlite", plain)
            loads.append(time.perf_counter() - start)
        store.close()
    fold, bare = min(folds), min(loads)
    print(f"\nfold of {number:,} new results, each an entry, its inputs and a run; best of {TURNS}")
    print(f"  from the journals, seals checked    {time_text(fold):>9}{fold / number * 1e6:>8.1f} µs a result")
    print(f"  sqlite3, the finished rows alone    {time_text(bare):>9}{fold / bare:>8.1f} times as long is the fold")


def load(path: Path, tables: dict[str, list[tuple[object, ...]]]) -> None:
    """The rows in a database of sqlite3, in one transaction."""
    with closing(sqlite3.connect(path)) as database:
        for table, rows in tables.items():
            if rows:
                places = ", ".join(["?"] * len(rows[0]))
                database.execute(f"CREATE TABLE {table} ({', '.join(f'c{place}' for place in range(len(rows[0])))})")
                database.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
        database.commit()


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, int | float | str) else str(value)


if __name__ == "__main__":
    main()
