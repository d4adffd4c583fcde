"""The catalog in memory, for when its file cannot be had: everything folded once, and then what is new."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable

import duckdb

from spotmagic.catalog import schema
from spotmagic.catalog.instance import WHOLE, Cursor, Instance

DATABASE = "snapshot"


class Snapshot:
    """A catalog in a DuckDB of its own, which may take more memory than one that looks at a file."""

    def __init__(self) -> None:
        self._fresh()

    def _fresh(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._instance: Instance | None = None
        self._users = 0

    def enter(self, fold: Callable[[Cursor, str], None]) -> Cursor:
        """A connection to the tables, with what is new folded in. Each ``enter`` needs its :meth:`leave`."""
        if self._pid != os.getpid():
            self._fresh()
        with self._lock:
            if self._instance is None:
                self._instance = _made()
            cursor = self._instance.cursor()
            try:
                fold(cursor, DATABASE)
            except BaseException:
                cursor.close()
                raise
            self._users += 1
        return cursor

    def leave(self, cursor: Cursor) -> None:
        """The caller has its answer."""
        with contextlib.suppress(duckdb.Error):
            cursor.close()
        with self._lock:
            self._users -= 1

    def drop(self) -> None:
        """Give the memory back, if nobody is looking."""
        if self._instance is None or self._pid != os.getpid():
            return
        with self._lock:
            if self._users or self._instance is None:
                return
            instance, self._instance = self._instance, None
            instance.close()


def _made() -> Instance:
    """A DuckDB with the empty tables of a catalog."""
    instance = Instance(memory=WHOLE)
    instance.run(f"ATTACH ':memory:' AS {DATABASE}")
    cursor = instance.cursor()
    try:
        schema.create(cursor, DATABASE)
    finally:
        cursor.close()
    return instance
