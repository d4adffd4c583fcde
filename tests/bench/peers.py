"""Decorators that keep results on disk: ours, those of others, and a plain one over sqlite3."""

from __future__ import annotations

import functools
import hashlib
import importlib
import pickle
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

Function = Callable[..., Any]
Decorator = Callable[[Function], Function]


def spotmagic(folder: Path) -> Decorator:
    from spotmagic import Spot

    return Spot("bench", root=folder).mark


def diskcache(folder: Path) -> Decorator:
    return importlib.import_module("diskcache").Cache(str(folder), size_limit=1 << 40).memoize()


def beautyspot(folder: Path) -> Decorator:
    module = importlib.import_module("beautyspot")
    folder.mkdir(parents=True, exist_ok=True)
    spot = module.Spot(
        "bench", db=module.SQLiteTaskDB(folder / "bench.db"), storage_backend=module.LocalStorage(folder / "blobs")
    )
    return spot.mark


def joblib(folder: Path) -> Decorator:
    return importlib.import_module("joblib").Memory(folder, verbose=0).cache


def cachier(folder: Path) -> Decorator:
    return importlib.import_module("cachier").cachier(cache_dir=str(folder), separate_files=True)


def plain_sqlite(folder: Path) -> Decorator:
    """What one would write oneself in ten lines: pickle, SHA-256, one table in WAL mode."""
    folder.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(folder / "bench.db", isolation_level=None, timeout=30)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("CREATE TABLE IF NOT EXISTS results (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def call(*args: Any) -> Any:
            key = hashlib.sha256(pickle.dumps((function.__qualname__, args))).digest()
            found = db.execute("SELECT value FROM results WHERE key = ?", (key,)).fetchone()
            if found is not None:
                return pickle.loads(found[0])
            value = function(*args)
            db.execute("INSERT OR REPLACE INTO results VALUES (?, ?)", (key, pickle.dumps(value, protocol=5)))
            return value

        return call

    return decorate


OURS = "spotmagic"
PEERS: dict[str, Callable[[Path], Decorator]] = {
    OURS: spotmagic,
    "diskcache": diskcache,
    "beautyspot": beautyspot,
    "joblib": joblib,
    "cachier": cachier,
    "plain sqlite3": plain_sqlite,
}


def version(name: str) -> str:
    """The version of a peer that is installed."""
    if name == "plain sqlite3":
        return sqlite3.sqlite_version
    return importlib.import_module("importlib.metadata").version(name)
