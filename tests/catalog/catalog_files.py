"""The file of a catalog, seen from outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb


def plain(path: Path) -> duckdb.DuckDBPyConnection:
    """Somebody's own connection to a file, without our precautions."""
    return duckdb.connect(str(path))


def sql(*statements: str) -> Callable[[Path], None]:
    """What changes a file by these statements."""

    def change(path: Path) -> None:
        with plain(path) as connection:
            for statement in statements:
                connection.execute(statement)

    return change


def put_aside(folder: Path) -> list[str]:
    """The names of the damaged files that were kept aside."""
    return sorted(path.name for path in folder.iterdir() if ".bad-" in path.name and not path.name.endswith(".wal"))
