"""The head of a table or an array as texts."""

from __future__ import annotations

import math
import sys
from datetime import datetime
from typing import Any

from spotmagic.dashboard.wire import Shape
from spotmagic.values.thumbnail import is_row
from spotmagic.words import counted

ROWS = 50
COLUMNS = 40
CELL = 200
DRAWN = 1_024  # numbers of a strip

_SPOKEN = frozenset({"builtins", "datetime", "decimal", "uuid", "fractions", "numpy", "pandas"})


def table(value: Any, *, scale: int = 1) -> Shape | None:
    """The head of a pandas, polars or pyarrow table or a numpy array; ``None`` for any other value.

    Libraries that are not loaded are not asked: a value of theirs cannot be there.
    """
    rows = ROWS * scale
    for library, of in (("pandas", _pandas), ("polars", _polars), ("pyarrow", _pyarrow), ("numpy", _numpy)):
        module = sys.modules.get(library)
        if module is not None and (shape := of(module, value, rows)) is not None:
            return shape
    return None


def strip(value: Any) -> Shape | None:
    """A row of numbers, such as an embedding, to be drawn; ``None`` for any other value."""
    numpy = sys.modules.get("numpy")
    of, numbers = "float", value
    if numpy is not None and isinstance(value, numpy.ndarray) and value.ndim == 1 and value.dtype.kind == "f":
        of, numbers = str(value.dtype), value.tolist()
    if not is_row(numbers) or not all(type(one) is float for one in numbers):
        return None
    known = [one for one in numbers if math.isfinite(one)] or [0.0]
    step = -(-len(numbers) // DRAWN)
    return {
        "view": "strip",
        "type": of,
        "size": len(numbers),
        "values": [float(f"{one:.4g}") for one in numbers[::step]],
        "low": min(known),
        "high": max(known),
        "norm": math.hypot(*known),
        "first": [f"{one:.6g}" for one in numbers[:COLUMNS]],
    }


def _decimals(texts: list[str]) -> list[str]:
    """A column of numbers as pandas has it: six decimals at most, and all as many as one of them needs."""
    while all(text.endswith("0") and not text.endswith(".0") for text in texts):
        texts = [text[:-1] for text in texts]
    return texts


def _column(values: list[Any]) -> list[str]:
    """A column of pandas as pandas has it: numbers of as many decimals, days without their midnight."""
    texts = list(map(_text, values))
    if values and all(isinstance(one, datetime) and (one != one or not one.tzinfo) for one in values):
        days = [text.removesuffix(" 00:00:00") for text in texts]
        return days if all(len(day) <= 10 for day in days) else texts
    numbers = [one for one in values if isinstance(one, float) and math.isfinite(one)]
    if not numbers or max(map(abs, numbers)) >= 1e9 or min((abs(one) for one in numbers if one), default=1.0) < 1e-5:
        return texts
    shown = iter(_decimals([f"{one:.6f}" for one in numbers]))
    return [
        next(shown) if isinstance(one, float) and math.isfinite(one) else text
        for one, text in zip(values, texts, strict=True)
    ]


def _pandas(pandas: Any, value: Any, rows: int) -> Shape | None:
    if isinstance(value, pandas.Series | pandas.Index):
        value = value.to_frame()
    if not isinstance(value, pandas.DataFrame):
        return None
    head = value.iloc[:rows, :COLUMNS]  # before anything is made text: a table may have millions of lines
    columns = [(_text(name), str(dtype)) for name, dtype in zip(head.columns, head.dtypes, strict=True)]
    down = [_column([head.iat[row, column] for row in range(head.shape[0])]) for column in range(head.shape[1])]
    cells = [[column[row] for column in down] for row in range(head.shape[0])]
    return _shape(columns, cells, _column(list(head.index)), *value.shape)


def _polars(polars: Any, value: Any, rows: int) -> Shape | None:
    if isinstance(value, polars.Series):
        value = value.to_frame()
    if not isinstance(value, polars.DataFrame):
        return None
    head = value[:rows, :COLUMNS]
    columns = [(name, str(dtype)) for name, dtype in head.schema.items()]
    cells = [[_text(cell) for cell in row] for row in head.iter_rows()]
    return _shape(columns, cells, None, *value.shape)


def _pyarrow(pyarrow: Any, value: Any, rows: int) -> Shape | None:
    kinds = tuple(kind for name in ("Table", "RecordBatch") if (kind := getattr(pyarrow, name, None)))
    if not kinds or not isinstance(value, kinds):
        return None
    head = value.slice(0, rows)
    fields = list(head.schema)[:COLUMNS]
    cells = [[_text(cell.as_py()) for cell in head.column(index)] for index in range(len(fields))]
    lines = [list(line) for line in zip(*cells, strict=True)]
    columns = [(field.name, str(field.type)) for field in fields]
    return _shape(columns, lines, None, value.num_rows, value.num_columns)


def _numpy(numpy: Any, value: Any, rows: int) -> Shape | None:
    if not isinstance(value, numpy.ndarray) or value.dtype.hasobject or value.ndim not in (1, 2):
        return None
    height, width = len(value), value.shape[1] if value.ndim == 2 else 1
    names = value.dtype.names if value.ndim == 1 else None
    if names:
        columns = [(name, str(value.dtype[name])) for name in names[:COLUMNS]]
        cells = [[_text(line[name]) for name, _ in columns] for line in value[:rows]]
        return _shape(columns, cells, None, height, len(names))
    grid = value[:rows, :COLUMNS] if value.ndim == 2 else value[:rows, None]
    columns = [(str(index) if value.ndim == 2 else "", str(value.dtype)) for index in range(grid.shape[1])]
    cells = [[_text(cell) for cell in line] for line in grid.tolist()]
    return _shape(columns, cells, None, height, width)


def _shape(
    columns: list[tuple[str, str]], rows: list[list[str]], labels: list[str] | None, height: int, width: int
) -> Shape:
    """What to show of a table; its lines are numbered where they have no labels."""
    return {
        "view": "table",
        "columns": [{"name": name, "type": kind} for name, kind in columns],
        "rows": rows,
        "labels": list(map(str, range(len(rows)))) if labels is None else labels,
        "height": height,
        "width": width,
    }


def _text(cell: Any) -> str:
    """A cell in at most 200 letters. Objects of other classes count by type: their text would be their own code."""
    if isinstance(cell, str):
        text = cell
    elif type(cell).__module__.split(".")[0] in _SPOKEN:
        if isinstance(cell, list | tuple | dict | set | frozenset):
            return f"{type(cell).__name__} of {len(cell)}"
        if isinstance(cell, bytes):
            return counted(len(cell), "byte")
        text = ("NaN" if cell != cell else f"{cell:.6g}") if isinstance(cell, float) else str(cell)
    else:
        return type(cell).__name__
    return text if len(text) <= CELL else text[:CELL] + "…"
