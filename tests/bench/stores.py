"""Stores alone, without key, run and codec: ours, diskcache's and a table of sqlite3."""

from __future__ import annotations

import importlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.peers import OURS

VALUE = os.urandom(100)


class Opened(NamedTuple):
    """An open store: what it has for a number, and a way to put 100 B under one."""

    get: Callable[[int], Any]
    put: Callable[[int], Any]


def ours(folder: Path) -> Opened:
    from spotmagic.store.entry import Entry, Part
    from spotmagic.store.store import FolderStore
    from spotmagic.store.trust import ring

    store = FolderStore(folder, ring=ring())
    parts = (Part("value", ("plain",), VALUE),)

    def put(number: int) -> None:
        key = number.to_bytes(16, "little")
        store.put(Entry(key, "pkg.f", code=bytes(16), inputs={"number": key}, parts=parts, created=1.8e9, seconds=1.0))

    return Opened(lambda number: store.get(number.to_bytes(16, "little")), put)


def diskcache(folder: Path) -> Opened:
    cache = importlib.import_module("diskcache").Cache(str(folder), size_limit=1 << 40)
    return Opened(cache.get, lambda number: cache.set(number, VALUE))


def plain_sqlite(folder: Path) -> Opened:
    folder.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(folder / "bench.db", isolation_level=None, timeout=30)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("CREATE TABLE IF NOT EXISTS results (key INTEGER PRIMARY KEY, value BLOB)")
    return Opened(
        lambda number: db.execute("SELECT value FROM results WHERE key = ?", (number,)).fetchone(),
        lambda number: db.execute("INSERT OR REPLACE INTO results VALUES (?, ?)", (number, VALUE)),
    )


STORES: dict[str, Callable[[Path], Opened]] = {OURS: ours, "diskcache": diskcache, "plain sqlite3": plain_sqlite}
