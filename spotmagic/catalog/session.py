"""One look at the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spotmagic.catalog.instance import Cursor


@dataclass(frozen=True, slots=True)
class Session:
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
    """A text without halves of characters, which DuckDB refuses: in the tables as in questions they are "?"."""
    return text.encode("utf-8", "replace").decode()
