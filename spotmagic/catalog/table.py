"""The answer to a query: a small table that knows how to show itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from spotmagic.options import is_number
from spotmagic.terminal import plain
from spotmagic.view import Number, View
from spotmagic.words import counted

SHOWN_ROWS = 40
_SHOWN_CHARS = 60
_ARROW_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "int64",
    "INTEGER": "int32",
    "DOUBLE": "float64",
    "BOOLEAN": "bool_",
    "BLOB": "binary",
}


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Table:
    """Columns and rows, as text, as HTML, as a data frame or as an Arrow table.

    Attributes:
        columns: names, which may repeat.
        rows: tuples of Python values; times are UTC without a zone.
        types: DuckDB's name of each column's type.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    types: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def df(self) -> Any:
        """A pandas data frame. Needs pandas."""
        import pandas

        return pandas.DataFrame.from_records(self.rows, columns=list(self.columns))

    def arrow(self) -> Any:
        """A ``pyarrow.Table``. Needs pyarrow (extra ``data``)."""
        import pyarrow

        arrays = []
        for position, kind in enumerate(self.types or [""] * len(self.columns)):
            values = [row[position] for row in self.rows]
            made = getattr(pyarrow, _ARROW_TYPES[kind])() if kind in _ARROW_TYPES else None
            arrays.append(pyarrow.array(values, type=made))
        return pyarrow.Table.from_arrays(arrays, names=list(self.columns))

    def view(self) -> View:
        """The first rows as people look at them."""
        shown = self.rows[:SHOWN_ROWS]
        numeric = [all(is_number(row[place]) for row in shown) for place in range(len(self.columns))]
        heads = [Number(name) if number else name for name, number in zip(self.columns, numeric, strict=True)]
        hidden = len(self.rows) - SHOWN_ROWS
        rest = f"… and {counted(hidden, 'more row')}" if hidden > 0 else "" if shown else "no rows"
        data = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        cells = [[_text(value) for value in row] for row in shown]
        return View("", (), heads, cells, parts=[View(lines=[rest])] if rest else (), data=data)

    def __repr__(self) -> str:
        return repr(self.view())

    def _repr_html_(self) -> str:
        return self.view()._repr_html_()


def _text(value: object) -> str:
    if value is None:
        return ""
    text = plain(f"{value:.6g}" if isinstance(value, float) else str(value)[: _SHOWN_CHARS + 1])
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
