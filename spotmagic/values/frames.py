"""Trees of pandas' values: content column by column, with labels, names, dtypes, categories, time zones, attrs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from spotmagic.values import arrays, objects
from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, Unfit, tree


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
        from spotmagic.values import arrow

        content = arrow.chunked(value._pa_array, encoder)
    elif isinstance(value.dtype, np.dtype) or hasattr(value, "_ndarray"):
        content = arrays.array(np.asarray(value), encoder)
    elif isinstance(value, pd.api.extensions.ExtensionArray):  # of another library, with a state of its own
        content = objects.by_state(value, encoder)
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
    if not type(value).__module__.startswith("pandas."):
        return objects.by_state(value, encoder)
    return tree(Kind.DTYPE, type(value).__name__, repr(value))


def _missing(value: Any, _: Encoder) -> Tree:
    return tree(Kind.PANDAS_SCALAR, type(value).__name__)


# What pandas keeps in an instance of its own: content that is told of above, and caches.
_COVERED = frozenset(
    {
        "_mgr",
        "_attrs",
        "_flags",
        "_name",
        "_metadata",
        "_cache",
        "_item_cache",
        "_cacher",
        "_is_copy",
        "_subtyp",
        "_typ",
    }
    | {"_data", "_range", "_id", "_references", "_engine", "_levels", "_codes", "_names", "_sortorder", "_nlevels"}
    | {"_values", "_freq", "_tz", "_no_setting_name", "_reset_identity", "_comparables"}
)

add_family(pd.DataFrame, fingerprint=_frame, covered=_COVERED)
add_family(pd.Series, fingerprint=_series, covered=_COVERED)
add_family(pd.Index, fingerprint=_index, covered=_COVERED)
add_family(pd.Timestamp, fingerprint=_timestamp)
add_family(pd.Timedelta, fingerprint=_timedelta)
add_family(pd.Period, fingerprint=_period)
add_family(pd.Interval, fingerprint=_interval)
add_family(type(pd.NaT), type(pd.NA), fingerprint=_missing)
add_family(pd.api.extensions.ExtensionArray, fingerprint=_column, covered=None)
add_family(pd.api.extensions.ExtensionDtype, fingerprint=_dtype, covered=None)
