"""Trees of pandas' values: content column by column, with labels, names, dtypes, categories, time zones, attrs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from spotmagic.values import arrays
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, Unfit, tree

Shape = Callable[[Any, Encoder], Tree]


def shape_of(kind: type) -> Shape | None:
    """How values of this pandas class are taken apart; None for what has a state of its own (offsets, intervals)."""
    for base, shape in _SHAPES.items():
        if issubclass(kind, base):
            return shape
    if kind.__name__ in ("NaTType", "NAType"):
        return lambda value, _: tree(Kind.PANDAS_SCALAR, type(value).__name__)
    return None


def _frame(value: Any, encoder: Encoder) -> Tree:
    columns = [_column(value.iloc[:, place].array, encoder) for place in range(value.shape[1])]
    return tree(
        Kind.FRAME, _index(value.columns, encoder), _index(value.index, encoder), columns, value.attrs,
        value.flags.allows_duplicate_labels,
    )  # fmt: skip


def _series(value: Any, encoder: Encoder) -> Tree:
    return tree(Kind.SERIES, value.name, _index(value.index, encoder), _column(value.array, encoder), value.attrs)


def _index(value: Any, encoder: Encoder) -> Tree:
    name = type(value).__name__
    if isinstance(value, pd.RangeIndex):
        return tree(Kind.INDEX, name, value.name, value.start, value.stop, value.step)
    if isinstance(value, pd.MultiIndex):
        levels = [_column(value.get_level_values(level).array, encoder) for level in range(value.nlevels)]
        return tree(Kind.INDEX, name, list(value.names), levels)
    return tree(Kind.INDEX, name, value.name, _frequency(value), _column(value.array, encoder))


def _frequency(value: Any) -> str | None:
    """The frequency text, which decides what shifting and resampling do."""
    return getattr(value, "freqstr", None)


def _column(value: Any, encoder: Encoder) -> Tree:
    """One array of values of any pandas dtype."""
    kind = str(value.dtype)
    content: Any
    if isinstance(value, pd.Categorical):
        content = [_index(value.categories, encoder), arrays.array(np.asarray(value.codes), encoder), value.ordered]
    elif isinstance(value, pd.arrays.IntervalArray):
        content = [_column(_array(value.left), encoder), _column(_array(value.right), encoder), value.closed]
    elif isinstance(value, pd.arrays.SparseArray):
        content = [arrays.array(np.asarray(value.to_dense()), encoder), value.fill_value]
    elif hasattr(value, "asi8"):  # times, durations, periods: whole numbers under a dtype that names unit and zone
        content = [arrays.array(np.asarray(value.asi8), encoder), _frequency(value)]
    elif hasattr(value, "_data") and hasattr(value, "_mask"):  # what is below the mask is left over by chance
        data, mask = np.array(value._data, copy=True), np.asarray(value._mask)
        data[mask] = np.zeros((), data.dtype)
        content = [arrays.array(data, encoder), arrays.array(mask, encoder)]
    elif hasattr(value, "_pa_array"):
        from spotmagic.values import columns

        content = columns.chunked(value._pa_array, encoder)
    elif isinstance(value.dtype, np.dtype) or hasattr(value, "_ndarray"):
        content = arrays.array(np.asarray(value), encoder)
    elif isinstance(value, pd.api.extensions.ExtensionArray):
        content = [encoder.code(type(value)), list(value)]
    else:
        raise Unfit(f"it is a column of {kind}, which is not known")
    return tree(Kind.COLUMN, kind, content)


def _array(value: Any) -> Any:
    return value.array if hasattr(value, "array") else value


def _timestamp(value: Any, _: Encoder) -> Tree:
    return tree(Kind.PANDAS_SCALAR, "Timestamp", value._value, value.unit, value.fold, value.tzinfo)


def _timedelta(value: Any, _: Encoder) -> Tree:
    return tree(Kind.PANDAS_SCALAR, "Timedelta", value._value, value.unit)


def _period(value: Any, _: Encoder) -> Tree:
    return tree(Kind.PANDAS_SCALAR, "Period", value.ordinal, value.freqstr)


def _interval(value: Any, _: Encoder) -> Tree:
    return tree(Kind.PANDAS_SCALAR, "Interval", value.left, value.right, value.closed)


def _dtype(value: Any, encoder: Encoder) -> Tree:
    if isinstance(value, pd.CategoricalDtype):
        categories = None if value.categories is None else _index(value.categories, encoder)
        return tree(Kind.DTYPE, "category", categories, value.ordered)
    return tree(Kind.DTYPE, type(value).__name__, str(value))


_SHAPES: dict[type, Shape] = {
    pd.DataFrame: _frame,
    pd.Series: _series,
    pd.Index: _index,
    pd.api.extensions.ExtensionArray: _column,
    pd.api.extensions.ExtensionDtype: _dtype,
    pd.Timestamp: _timestamp,
    pd.Timedelta: _timedelta,
    pd.Period: _period,
    pd.Interval: _interval,
}
