"""DuckDB, hardened: the one place that makes an instance of it.

An instance lives in memory and can open the files of one catalog and nothing else: DuckDB takes no new path once
external access is off, so each catalog has an instance of its own and the SQL of one spot cannot name the files of
another.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import errno
import os
import re
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

MEMORY = "256MB"
WHOLE = "4GB"  # for tables that lie in memory altogether: some millions of entries
# A checkpoint of DuckDB 2 writes beside the log. Nothing else may ever be opened.
SUFFIXES = ("", ".wal", ".wal.checkpoint", ".wal.recovery")

Cursor = Any  # duckdb.DuckDBPyConnection, which has no stubs of its own for both major versions

_CONFIG: dict[str, Any] = {
    "threads": 1,
    "checkpoint_threshold": "32MB",  # of the log: each checkpoint packs anew what the last one left half full
    "temp_directory": "",  # otherwise large queries spill into the user's working directory
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,  # otherwise an unknown table name reads a local variable
}


def quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


class Instance:
    """An in-memory DuckDB that may open these files only.

    Args:
        files: databases it may attach, each with the log files DuckDB keeps beside it.
        memory: what it may use of it.
    """

    def __init__(self, *files: Path, memory: str = MEMORY) -> None:
        self._root = _connect({**_CONFIG, "memory_limit": memory})
        allowed = ", ".join(quoted(f"{file}{suffix}") for file in files for suffix in SUFFIXES)
        for setting in (
            "SET TimeZone = 'UTC'",
            f"SET allowed_paths = [{allowed}]",
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            self._root.execute(setting).fetchall()
        _living.add(self)

    def cursor(self) -> Cursor:
        """A connection of the caller's own: threads must not share one."""
        return self._root.cursor()

    def run(self, sql: str) -> None:
        """Execute one statement outside of any transaction."""
        cursor = self._root.cursor()
        try:
            cursor.execute(sql).fetchall()
        finally:
            cursor.close()

    def close(self) -> None:
        """Give the memory back. What is attached is closed."""
        with contextlib.suppress(duckdb.Error):
            self._root.close()

    def abandon(self) -> None:
        """Forget the instance without closing it: after a fork its threads and file locks are the parent's."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._root))


def _connect(config: dict[str, Any]) -> Cursor:
    try:
        return duckdb.connect(":memory:", config={**config, "async_threads": 0})
    except duckdb.Error:  # before 2.0 there are no such threads
        return duckdb.connect(":memory:", config=config)


_living: weakref.WeakSet[Instance] = weakref.WeakSet()


@atexit.register
def _let_go() -> None:
    """Close what is open: a remembered error may hold a catalog, and DuckDB 2 complains of that at exit."""
    for instance in list(_living):
        instance.close()
        del instance._root


def _after_fork() -> None:
    for instance in list(_living):
        instance.abandon()
    _living.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@dataclass(frozen=True, slots=True)
class Opened:
    """An up-to-date catalog to be queried by one caller.

    Attributes:
        cursor: a connection of the caller's own.
        database: under which name its tables are found.
        now: the time of the question, in seconds since 1970.
    """

    cursor: Cursor
    database: str
    now: float

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query of ours: ``{main}`` is the schema of the tables, ``$now`` the time of the question."""
        for name, value in values.items():
            if isinstance(value, str):
                values[name] = whole(value)
        if "$now" in sql:
            values["now"] = self.now
        rows: list[tuple[Any, ...]] = self.cursor.execute(
            sql.replace("{main}", f"{self.database}.main"), values
        ).fetchall()
        return rows


def whole(text: str) -> str:
    """A text without halves of characters, which DuckDB refuses: in the tables as in questions they are "\ufffd".

    Never "?", which in the pattern of a question would stand for any sign: more would be forgotten than was meant.
    """
    return _HALF.sub("\ufffd", text) if not text.isascii() else text


_HALF = re.compile("[\ud800-\udfff]")
_LOCKED = re.compile(
    r"Could not set lock|Conflicting lock|[Uu]nique file handle conflict|different configuration|already attached"
)
_HOLDER = re.compile(r"held in (.+?) \(PID (\d+)\)")
_NUMBERS = ["ENOSPC", "EDQUOT", "EFBIG", "EACCES", "EPERM", "EROFS", "EMFILE", "ENFILE", "ESTALE", "EIO"]
_MACHINE = tuple(os.strerror(getattr(errno, name)) for name in _NUMBERS if hasattr(errno, name))


class CatalogError(Exception):
    """The catalog cannot be used as it is. Answered inside this room, never raised to callers."""


class Busy(CatalogError):
    """Another program or kernel has the catalog. The text says which."""


class Unavailable(CatalogError):
    """The disk, the rights or the memory do not allow a catalog now."""


class Damaged(CatalogError):
    """The file is not a catalog of this version."""


def sorted_out(error: duckdb.Error) -> Busy | Unavailable | Damaged:
    """Which kind of trouble an error of DuckDB with a file of ours is."""
    text = str(error)
    if _LOCKED.search(text):
        holder = _HOLDER.search(text)
        return Busy(
            f"{holder[1]} (PID {holder[2]}) has it open"
            if holder
            else f"this process (PID {os.getpid()}) has it open elsewhere"
        )
    if isinstance(error, duckdb.OutOfMemoryException) or any(reason in text for reason in _MACHINE):
        return Unavailable(text.splitlines()[0])
    return Damaged(text.splitlines()[0])


def is_damage(error: duckdb.Error) -> bool:
    """Whether an error of a query tells of the file, and not of the query."""
    kinds = (duckdb.IOException, duckdb.InternalException, duckdb.FatalException, duckdb.SerializationException)
    return (type(error) is duckdb.Error or isinstance(error, kinds)) and isinstance(sorted_out(error), Damaged)


def is_interrupt(error: BaseException) -> bool:
    """Whether an error is how DuckDB tells of Ctrl-C."""
    return isinstance(error, duckdb.InterruptException) or (type(error) is RuntimeError and "interrupted" in str(error))
