"""Rows of entries as people look at them: a list, or a data frame of questions and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from spotmagic.catalog.rows import Row

_TIMES = "created", "expires"


class Rows(list[Row]):
    """Rows of entries.

    Args:
        answer: gives the result behind a row, or ``None`` where it has none to show.
    """

    def __init__(self, rows: Iterable[Row], answer: Callable[[Row], Any]) -> None:
        super().__init__(rows)
        self._answer = answer

    def df(self) -> Any:
        """A data frame of pandas, or of polars where that is installed alone: a row for each entry.

        Its columns: one for each argument (texts without quotes; those of a long one are its beginning), ``answer``,
        the result itself where it is not large, and what else a row tells. Times are UTC.
        """
        asked = list(dict.fromkeys(name for row in self for name in row.arguments))
        columns: dict[str, list[Any]] = {}
        told = [field.name for field in fields(Row) if field.name != "arguments"]
        for name in asked:
            plain = name.rstrip("=")
            label = f"argument {plain}" if plain in (*told, "answer", *columns) else plain
            columns[label] = [_unquoted(row.arguments.get(name)) for row in self]
        columns["answer"] = [self._answer(row) for row in self]
        for name in told:
            values = [getattr(row, name) for row in self]
            columns[name] = [_time(value) for value in values] if name in _TIMES else values
        try:
            import pandas
        except ImportError:
            import polars

            return polars.DataFrame(columns, strict=False)
        return pandas.DataFrame({name: pandas.Series(values, dtype=_type(values)) for name, values in columns.items()})


def _unquoted(text: str | None) -> str | None:
    return text[1:-1] if text and text[0] == text[-1] == '"' and len(text) > 1 else text


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _type(values: list[Any]) -> Any:
    """Containers among the values stay what they are: pandas would take a list of lists for a table."""
    plain = {*map(type, values)} <= {str, int, float, bool, datetime, type(None)}
    return None if plain and values else object
