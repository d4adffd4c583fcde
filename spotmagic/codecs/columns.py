"""Columns and indexes of pandas in plain values and raw memory, by a list of the dtypes that come back as they were."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spotmagic.codecs import arrays
from spotmagic.codecs.bounds import Undecodable
from spotmagic.codecs.plain import NotPlain, extension

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer


INDEXES: tuple[type, ...] = (
    pd.Index, pd.RangeIndex, pd.MultiIndex, pd.CategoricalIndex, pd.DatetimeIndex, pd.TimedeltaIndex, pd.PeriodIndex,
    pd.IntervalIndex,
)  # fmt: skip
"""The classes of indexes that are kept."""


def lower_raw(array: Any, writer: Writer) -> list[Any]:
    """An array of numpy in plain values."""
    about, items = arrays.lower_array(array, writer)
    about[3] = True  # pandas hands out its memory read-only; its own copy may be written
    return [about, items]


def make_raw(tree: Any, reader: Reader) -> Any:
    """The array of :func:`lower_raw`."""
    about, items = tree
    return arrays.make_array(about, items, reader)


def lower_zone(zone: Any, writer: Writer) -> Any:
    """A time zone in plain values."""
    if zone is None:
        return None
    pytz = sys.modules.get("pytz")  # the zones of pandas before 3
    if pytz is not None and isinstance(zone, pytz.BaseTzInfo) and pytz.timezone(zone.zone) is zone:
        return {"pytz": zone.zone}
    try:
        return extension(zone)
    except NotPlain:
        return writer.refuse(f"a time zone of {type(zone).__module__}")


def zone_of(tree: Any) -> Any:
    """The time zone of :func:`lower_zone`."""
    if type(tree) is not dict:
        return tree
    pytz = importlib.import_module("pytz")
    if tree["pytz"] not in pytz.all_timezones_set:
        raise Undecodable("unknown codec", f"time zone {tree['pytz']!r:.60}")
    return pytz.timezone(tree["pytz"])


def lower_freq(freq: Any, writer: Writer) -> str | None:
    """A frequency as its text, if that leads back to it."""
    if freq is None:
        return None
    text: str = freq.freqstr
    if len(text) > 100 or freq_of(text) != freq:
        writer.refuse(f"a frequency {freq!r:.80}")
    return text


def freq_of(text: Any) -> Any:
    """The frequency of a text."""
    from pandas.tseries.frequencies import to_offset

    if text is not None and (type(text) is not str or len(text) > 100):
        raise Undecodable("corrupt", "no frequency")
    return to_offset(text)


def _arrow() -> Any:
    """The codec of Arrow, which is loaded where a column is kept in it."""
    return importlib.import_module("spotmagic.codecs.arrow")


def lower_column(column: Any, writer: Writer) -> list[Any]:
    """An array of pandas or numpy in plain values: ``[form, …]``.

    ``pd.Categorical(["b", "a", "b"])`` gives ``["categorical", False, <index of "a" and "b">, <codes 1, 0, 1>]``.
    """
    kind = type(column)
    known = pd.arrays
    if kind is known.NumpyExtensionArray:
        column = column.to_numpy()
    if not isinstance(column, pd.api.extensions.ExtensionArray):
        return ["numpy", *lower_raw(column, writer)]
    if kind in (known.DatetimeArray, known.TimedeltaArray):
        zone = getattr(column, "tz", None)
        raw = column.asi8.view(f"{column.dtype.kind}8[{column.unit}]")
        return ["time", lower_zone(zone, writer), *lower_raw(raw, writer)]
    if kind is known.PeriodArray:
        return ["period", lower_freq(column.freq, writer), *lower_raw(column.asi8, writer)]
    if kind is known.IntervalArray:
        sides = [lower_column(side.array, writer) for side in (column.left, column.right)]
        return ["interval", column.closed, *sides]
    if kind is known.Categorical:
        categories = lower_index(column.categories, writer)
        return ["categorical", bool(column.ordered), categories, *lower_raw(column.codes, writer)]
    if kind in (known.IntegerArray, known.FloatingArray, known.BooleanArray):
        data = column.to_numpy(dtype=column.dtype.numpy_dtype, na_value=column.dtype.numpy_dtype.type(0))
        return ["masked", lower_raw(data, writer), lower_raw(column.isna(), writer)]
    if isinstance(column.dtype, pd.StringDtype):
        return _lower_text(column, writer)
    if isinstance(column.dtype, pd.ArrowDtype):
        return ["arrow", _arrow().lower_chunks(column.__arrow_array__(), writer)]
    return writer.refuse(f"a column of dtype {column.dtype}")


def _lower_text(column: Any, writer: Writer) -> list[Any]:
    missing = "NA" if column.dtype.na_value is pd.NA else "nan"
    if column.dtype.storage == "pyarrow":
        return ["text", "pyarrow", missing, _arrow().lower_chunks(column.__arrow_array__(), writer)]
    items = [item if type(item) is str else None for item in column.to_numpy(dtype=object)]
    return ["text", "python", missing, writer.items(items)]


def make_column(tree: Any, reader: Reader) -> Any:
    """The array of :func:`lower_column`; of numpy where pandas has numpy."""
    form, *rest = tree
    match form:
        case "numpy":
            return make_raw(rest, reader)
        case "time":
            zone, *raw = rest
            array = make_raw(raw, reader)
            if array.dtype.kind not in "mM":
                raise Undecodable("corrupt", "no times")
            if zone is None:
                return array
            return pd.DatetimeIndex(array, copy=False).tz_localize("UTC").tz_convert(zone_of(zone)).array
        case "period":
            freq, *raw = rest
            return pd.PeriodIndex.from_ordinals(make_raw(raw, reader), freq=freq_of(freq)).array
        case "interval":
            closed, left, right = rest
            sides = (make_column(side, reader) for side in (left, right))
            return pd.arrays.IntervalArray.from_arrays(*sides, closed=closed)
        case "categorical":
            ordered, categories, *raw = rest
            dtype = pd.CategoricalDtype(make_index(categories, reader), ordered=ordered)
            return pd.Categorical.from_codes(make_raw(raw, reader), dtype=dtype)
        case "masked":
            data, mask = (make_raw(part, reader) for part in rest)
            makers = {"b": pd.arrays.BooleanArray, "f": pd.arrays.FloatingArray}
            return makers.get(data.dtype.kind, pd.arrays.IntegerArray)(data, mask)
        case "text":
            storage, missing, items = rest
            dtype = pd.StringDtype(storage, na_value=pd.NA if missing == "NA" else np.nan)
            if storage == "pyarrow":
                return dtype.__from_arrow__(_arrow().make_chunks(items, reader))
            return pd.array(np.array(items, dtype=object), dtype=dtype)
        case "arrow":
            chunks = _arrow().make_chunks(rest[0], reader)
            return pd.ArrowDtype(chunks.type).__from_arrow__(chunks)
    raise Undecodable("unknown codec", f"a column in the form {form!r:.40}")


def lower_index(index: Any, writer: Writer) -> list[Any]:
    """An index in plain values: ``[class, names, …]``."""
    kind = type(index)
    names = [writer.lower(name, ".name") for name in index.names]
    if kind not in INDEXES:
        writer.refuse(f"an index of class {kind.__qualname__}")
    if kind is pd.RangeIndex:
        return ["RangeIndex", names, index.start, index.stop, index.step]
    if kind is pd.MultiIndex:
        levels = [lower_index(level.rename(None), writer) for level in index.levels]
        codes = [lower_raw(np.asarray(code), writer) for code in index.codes]
        return ["MultiIndex", names, levels, codes, index.sortorder]
    freq = lower_freq(index.freq, writer) if kind in (pd.DatetimeIndex, pd.TimedeltaIndex) else None
    return [kind.__name__, names, lower_column(index.array, writer), freq]


def make_index(tree: Any, reader: Reader) -> Any:
    """The index of :func:`lower_index`."""
    name, names, *rest = tree
    kind = {kind.__name__: kind for kind in INDEXES}.get(name)
    if kind is None:
        raise Undecodable("unknown codec", f"an index of class {name!r:.40}")
    if kind is pd.RangeIndex:
        return pd.RangeIndex(*rest, name=names[0])
    if kind is pd.MultiIndex:
        levels, codes, sortorder = rest
        parts = [make_raw(code, reader) for code in codes]
        return pd.MultiIndex([make_index(level, reader) for level in levels], parts, sortorder=sortorder, names=names)
    array = make_column(rest[0], reader)
    if kind is pd.Index:
        index = pd.Index(array, dtype=array.dtype, name=names[0], tupleize_cols=False, copy=False)
    elif rest[1] is not None:
        index = kind(array, name=names[0], freq=freq_of(rest[1]))
    else:
        index = kind(array, name=names[0])
    if type(index) is not kind:
        raise Undecodable("corrupt", f"an index that is no {name}")
    return index
