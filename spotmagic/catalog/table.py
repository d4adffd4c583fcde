"""The answer to a query: a small table that knows how to show itself."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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

    def __repr__(self) -> str:
        cells = [[_text(value) for value in row] for row in self.rows[:SHOWN_ROWS]]
        numeric = [all(_is_number(row[i]) for row in self.rows[:SHOWN_ROWS]) for i in range(len(self.columns))]
        heads = [_cut(name) for name in self.columns]
        widths = [max(len(text) for text in column) for column in zip(heads, *cells, strict=True)]
        lines = [_line(heads, widths, numeric), "  ".join("─" * width for width in widths)]
        lines += [_line(row, widths, numeric) for row in cells]
        return "\n".join([line.rstrip() for line in lines] + ([self._rest()] if self._rest() else []))

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_text(value))}</td>" for value in row) + "</tr>"
            for row in self.rows[:SHOWN_ROWS]
        )
        rest = f"<p>{html.escape(self._rest())}</p>" if self._rest() else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"

    def _rest(self) -> str:
        if not self.rows:
            return "no rows"
        hidden = len(self.rows) - SHOWN_ROWS
        return f"… and {hidden:,} more rows" if hidden > 0 else ""


def _line(texts: list[str], widths: list[int], numeric: list[bool]) -> str:
    return "  ".join(
        text.rjust(width) if right else text.ljust(width)
        for text, width, right in zip(texts, widths, numeric, strict=True)
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: object) -> str:
    if value is None:
        return ""
    return _cut(f"{value:.6g}" if isinstance(value, float) else str(value))


def _cut(text: str) -> str:
    """One short line without what would move a terminal's cursor."""
    text = "".join(char if char.isprintable() else " " for char in text[: _SHOWN_CHARS + 1])
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
