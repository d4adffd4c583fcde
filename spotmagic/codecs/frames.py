"""pandas: values count and are kept column by column, with labels, names, dtypes, categories, time zones, attrs.

Kept are the dtypes of :mod:`spotmagic.codecs.columns`; a column of objects only when every element is an
immutable plain value. Everything else is pickled. Arrow is used where pandas itself keeps Arrow memory; a large text
column comes back over the mapped buffers.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spotmagic.codecs import arrays
from spotmagic.codecs.bounds import Undecodable
from spotmagic.codecs.columns import (
    INDEXES,
    freq_of,
    lower_column,
    lower_freq,
    lower_index,
    lower_raw,
    lower_zone,
    make_column,
    make_index,
    make_raw,
    zone_of,
)
from spotmagic.codecs.registry import Codec, by_names
from spotmagic.values import objects
from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, Unfit, tree
from spotmagic.values.state import attributes

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer


def _frame(value: Any, encoder: Encoder) -> Tree:
    columns: list[Any] = [None] * value.shape[1]
    for block in value._mgr.blocks:  # asked for by its place, each of thousands of columns would be made a Series
        held = block.values
        rows = arrays.rows(held) if isinstance(held, np.ndarray) and held.ndim == 2 else None
        for row, place in enumerate(block.mgr_locs.as_array.tolist()):
            if rows is not None:
                columns[place] = tree(Kind.COLUMN, _text_of(held.dtype), rows[row])
            else:
                columns[place] = _column(held[row] if held.ndim == 2 else held, encoder)
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
    # The text of the frequency decides what shifting and resampling do.
    return tree(Kind.INDEX, name, value.name, getattr(value, "freqstr", None), _column(value.array, encoder))


def _column(value: Any, encoder: Encoder) -> Tree:
    """One array of values of any pandas dtype."""
    kind = _text_of(value.dtype) if isinstance(value.dtype, np.dtype) else str(value.dtype)
    content: Any
    if isinstance(value, pd.Categorical):
        content = [_index(value.categories, encoder), arrays.array(np.asarray(value.codes), encoder), value.ordered]
    elif isinstance(value, pd.arrays.IntervalArray):
        sides = (getattr(side, "array", side) for side in (value.left, value.right))
        content = [*(_column(side, encoder) for side in sides), value.closed]
    elif isinstance(value, pd.arrays.SparseArray):
        content = [arrays.array(np.asarray(value.to_dense()), encoder), value.fill_value]
    elif hasattr(value, "asi8"):  # times, durations, periods: whole numbers under a dtype that names unit and zone
        content = [arrays.array(np.asarray(value.asi8), encoder), getattr(value, "freqstr", None)]
    elif hasattr(value, "_data") and hasattr(value, "_mask"):  # what is below the mask is left over by chance
        data, mask = np.array(value._data, copy=True), np.asarray(value._mask)
        data[mask] = np.zeros((), data.dtype)
        content = [arrays.array(data, encoder), arrays.array(mask, encoder)]
    elif hasattr(value, "_pa_array"):
        from spotmagic.codecs import arrow

        content = arrow.chunked(value._pa_array, encoder)
    elif isinstance(value.dtype, np.dtype) or hasattr(value, "_ndarray"):
        content = arrays.array(np.asarray(value), encoder)
    elif isinstance(value, pd.api.extensions.ExtensionArray):  # of another library, with a state of its own
        content = objects.by_state(value, encoder)
    else:
        raise Unfit(f"it is a column of {kind}, which is not known")
    return tree(Kind.COLUMN, kind, content)


_text_of = functools.lru_cache(256)(str)  # numpy takes 10 µs for it, times thousands of columns


def _dtype(value: Any, encoder: Encoder) -> Tree:
    if isinstance(value, pd.CategoricalDtype):
        categories = None if value.categories is None else _index(value.categories, encoder)
        return tree(Kind.DTYPE, "category", categories, value.ordered)
    if not type(value).__module__.startswith("pandas."):
        return objects.by_state(value, encoder)
    return tree(Kind.DTYPE, type(value).__name__, repr(value))


def _lower_about(value: Any, writer: Writer) -> list[Any]:
    return [writer.lower(value.attrs, ".attrs"), bool(value.flags.allows_duplicate_labels)]


def _with_about(value: Any, about: Any) -> Any:
    attrs, duplicates = about
    if attrs:
        value.attrs = attrs
    return value if duplicates else value.set_flags(allows_duplicate_labels=False)


def _lower_series(series: Any, writer: Writer) -> tuple[Any, Any]:
    name = writer.lower(series.name, ".name")
    column, index = lower_column(series.array, writer), lower_index(series.index, writer)
    return None, [column, index, name, _lower_about(series, writer)]


def _make_series(_spec: Any, rest: Any, reader: Reader) -> Any:
    column, index, name, about = rest
    array = make_column(column, reader)
    series = pd.Series(array, index=make_index(index, reader), dtype=array.dtype, name=name, copy=False)
    return _with_about(series, about)


def _lower_frame(frame: Any, writer: Writer) -> tuple[Any, Any]:
    blocks = [piece for block in frame._mgr.blocks for piece in _lower_block(frame, block, writer)]
    index, columns = lower_index(frame.index, writer), lower_index(frame.columns, writer)
    return None, [index, columns, blocks, _lower_about(frame, writer)]


def _lower_block(frame: Any, block: Any, writer: Writer) -> list[list[Any]]:
    """The columns that pandas holds in one array: as that array, or each on its own.

    A thousand columns of floats that were made at once are one block: stored, and back, as one array.
    """
    places = block.mgr_locs.as_array.tolist()
    if isinstance(block.dtype, np.dtype) and block.dtype.kind in "biufcmM":
        return [[places, *lower_raw(np.asarray(block.values), writer)]]
    steps = [(place, f"[{ascii(frame.columns[place])[:60]}]") for place in places]
    return [[place, *writer.at(step, lower_column, frame.iloc[:, place].array, writer)] for place, step in steps]


def _make_frame(_spec: Any, rest: Any, reader: Reader) -> Any:
    index_tree, columns_tree, blocks, about = rest
    index, columns = make_index(index_tree, reader), make_index(columns_tree, reader)
    made: list[tuple[Any, list[int]]] = []
    for places, *held in blocks:
        array = make_raw(held, reader) if type(places) is list else make_column(held, reader)
        made.append((array, places if type(places) is list else [places]))
        lines = array.shape[-1] if isinstance(array, np.ndarray) else len(array)
        if lines != len(index) or (array.ndim == 2 and array.shape[0] != len(places)):
            raise Undecodable("corrupt", "a column of another length")
    if sorted(place for _, places in made for place in places) != list(range(len(columns))):
        raise Undecodable("corrupt", "columns that are missing")
    return _with_about(_assemble(made, index, columns), about)


def _assemble(blocks: list[tuple[Any, list[int]]], index: Any, columns: Any) -> Any:
    """A frame over the arrays as they are, without a copy and without a guess at their types."""
    try:
        from pandas.api.internals import create_dataframe_from_blocks
    except ImportError:  # before pandas 3
        columns_by_place: dict[int, Any] = {}
        for array, places in blocks:
            rows = array if array.ndim == 2 else [array]
            for place, row in zip(places, rows, strict=True):
                columns_by_place[place] = pd.Series(row, index=index, dtype=row.dtype, copy=False)
        frame = pd.DataFrame({place: columns_by_place[place] for place in range(len(columns))}, index=index, copy=False)
        frame.columns = columns
        return frame
    shaped = [
        (
            array[np.newaxis] if isinstance(array, np.ndarray) and array.ndim == 1 else array,
            np.array(places, dtype=np.intp),
        )
        for array, places in blocks
    ]
    return create_dataframe_from_blocks(shaped, index=index, columns=columns)


def _lower_scalar(value: Any, writer: Writer) -> tuple[Any, Any]:
    if value is pd.NA or value is pd.NaT:
        return "NA" if value is pd.NA else "NaT", None
    if isinstance(value, pd.Timestamp):
        zone = lower_zone(value.tz, writer)
        return "Timestamp", [int(value.asm8.view("i8")), value.unit, zone, value.fold]
    if isinstance(value, pd.Timedelta):
        return "Timedelta", [int(value.asm8.view("i8")), value.unit]
    if isinstance(value, pd.Period):
        return "Period", [value.ordinal, lower_freq(value.freq, writer)]
    return "Interval", [writer.lower(value.left, ".left"), writer.lower(value.right, ".right"), value.closed]


def _make_scalar(spec: Any, rest: Any, _reader: Reader) -> Any:
    match spec:
        case "NA":
            return pd.NA
        case "NaT":
            return pd.NaT
        case "Timestamp":
            count, unit, zone, fold = rest
            stamp = pd.Timestamp(np.datetime64(count, unit))
            return stamp.replace(fold=fold) if zone is None else stamp.tz_localize("UTC").tz_convert(zone_of(zone))
        case "Timedelta":
            return pd.Timedelta(np.timedelta64(*rest))
        case "Period":
            return pd.Period(ordinal=rest[0], freq=freq_of(rest[1]))
        case "Interval":
            return pd.Interval(*rest)
    raise Undecodable("unknown codec", f"a scalar {spec!r:.40}")


def _lower_array(array: Any, writer: Writer) -> tuple[Any, Any]:
    freq = lower_freq(getattr(array, "freq", None), writer) if array.dtype.kind in "mM" else None
    return freq, lower_column(array, writer)


def _make_array(spec: Any, rest: Any, reader: Reader) -> Any:
    array = make_column(rest, reader)
    index: Any = {"M": pd.DatetimeIndex, "m": pd.TimedeltaIndex}.get(array.dtype.kind)
    if isinstance(array, np.ndarray):
        array = pd.arrays.NumpyExtensionArray(array) if index is None else index(array, copy=False).array
    return array if spec is None else index(array, freq=freq_of(spec)).array


# What pandas keeps in an instance of its own: content that is told of above, and caches.
_COVERED = frozenset({
    "_mgr", "_attrs", "_flags", "_name", "_metadata", "_cache", "_item_cache", "_cacher", "_is_copy", "_subtyp", "_typ",
    "_data", "_range", "_id", "_references", "_engine", "_levels", "_codes", "_names", "_sortorder", "_nlevels",
    "_values", "_freq", "_tz", "_no_setting_name", "_reset_identity", "_comparables",
})  # fmt: skip


def _reduce(value: Any) -> Any:
    """A frame with the attributes that others put on it, which pandas would leave out (patsy's ``design_info``)."""
    own = attributes(value, type(value), _COVERED)
    if not own:
        return NotImplemented
    made = value.__reduce_ex__(5)
    return *made[:2], [made[2], own], None, None, set_state


def set_state(value: Any, state: list[Any]) -> None:
    """Give a read frame its state, and what others had put on it."""
    value.__setstate__(state[0])
    value.__dict__.update(state[1])


def _attrs(value: Any) -> tuple[Any]:
    return (value.attrs,)


CODECS = by_names(
    Codec("pandas.frame", _lower_frame, _make_frame, children=_attrs, exact=False),
    Codec("pandas.series", _lower_series, _make_series, children=_attrs, exact=False),
    Codec(
        "pandas.index",
        lambda index, writer: (None, lower_index(index, writer)),
        lambda _spec, rest, reader: make_index(rest, reader),
        exact=False,
    ),
    Codec("pandas.array", _lower_array, _make_array, exact=False, below=True),
    Codec("pandas.scalar", _lower_scalar, _make_scalar),
)

add_family(pd.DataFrame, fingerprint=_frame, covered=_COVERED, codec=CODECS["pandas.frame"], reduce=_reduce)
add_family(pd.Series, fingerprint=_series, covered=_COVERED, codec=CODECS["pandas.series"], reduce=_reduce)
add_family(*INDEXES, fingerprint=_index, covered=_COVERED, codec=CODECS["pandas.index"])
_SCALARS = {
    pd.Timestamp: "_value unit fold tzinfo", pd.Timedelta: "_value unit", pd.Period: "ordinal freqstr",
    pd.Interval: "left right closed", type(pd.NaT): "", type(pd.NA): "",
}  # fmt: skip


def _scalar(kind: type, value: Any, _: Encoder) -> Tree:
    return tree(Kind.PANDAS_SCALAR, kind.__name__, *(getattr(value, name) for name in _SCALARS[kind].split()))


for _kind in _SCALARS:
    add_family(_kind, fingerprint=functools.partial(_scalar, _kind), codec=CODECS["pandas.scalar"])
add_family(pd.api.extensions.ExtensionArray, fingerprint=_column, covered=None, codec=CODECS["pandas.array"])
add_family(pd.api.extensions.ExtensionDtype, fingerprint=_dtype, covered=None)
