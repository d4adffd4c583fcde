"""pandas: frames, series, indexes and arrays column by column over raw memory, so that nothing changes on the way.

Kept are the dtypes of :mod:`spotmagic.codecs.columns`; a column of objects only when every element is an
immutable plain value. Everything else is pickled. Arrow is used where pandas itself keeps Arrow memory; a large text
column comes back over the mapped buffers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spotmagic.codecs import arrays
from spotmagic.codecs.columns import (
    freq_of,
    index_classes,
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
from spotmagic.codecs.registry import Codec
from spotmagic.codecs.undecodable import Undecodable

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer


def find(kind: type) -> Codec | None:
    """The codec for a type of pandas. Subclasses have more than we know of, and get none."""
    import pandas as pd

    if kind is pd.DataFrame:
        return CODECS["pandas.frame"]
    if kind is pd.Series:
        return CODECS["pandas.series"]
    if kind in index_classes():
        return CODECS["pandas.index"]
    if kind in (pd.Timestamp, pd.Timedelta, pd.Period, pd.Interval, type(pd.NA), type(pd.NaT)):
        return CODECS["pandas.scalar"]
    if issubclass(kind, pd.api.extensions.ExtensionArray):
        return CODECS["pandas.array"]
    return None


def _lower_about(value: Any, writer: Writer) -> list[Any]:
    return [writer.lower(value.attrs, ".attrs"), bool(value.flags.allows_duplicate_labels)]


def _tell_about(value: Any, about: Any) -> Any:
    attrs, duplicates = about
    if attrs:
        value.attrs = attrs
    return value if duplicates else value.set_flags(allows_duplicate_labels=False)


def _lower_series(series: Any, writer: Writer) -> tuple[Any, Any]:
    name = writer.lower(series.name, ".name")
    return None, [
        lower_column(series.array, writer),
        lower_index(series.index, writer),
        name,
        _lower_about(series, writer),
    ]


def _make_series(_spec: Any, rest: Any, reader: Reader) -> Any:
    import pandas as pd

    column, index, name, about = rest
    array = make_column(column, reader)
    return _tell_about(
        pd.Series(array, index=make_index(index, reader), dtype=array.dtype, name=name, copy=False), about
    )


def _lower_frame(frame: Any, writer: Writer) -> tuple[Any, Any]:
    blocks = [piece for block in frame._mgr.blocks for piece in _lower_block(frame, block, writer)]
    index, columns = lower_index(frame.index, writer), lower_index(frame.columns, writer)
    return None, [index, columns, blocks, _lower_about(frame, writer)]


def _lower_block(frame: Any, block: Any, writer: Writer) -> list[list[Any]]:
    """The columns that pandas holds in one array: as that array, or each on its own."""
    np = arrays.numpy_itself()

    places = block.mgr_locs.as_array.tolist()
    if isinstance(block.dtype, np.dtype) and block.dtype.kind in "biufcmM":
        return [[places, *lower_raw(np.asarray(block.values), writer)]]
    return [writer.at(f"[{ascii(frame.columns[place])[:60]}]", _lower_place, frame, place, writer) for place in places]


def _lower_place(frame: Any, place: int, writer: Writer) -> list[Any]:
    return [place, *lower_column(frame.iloc[:, place].array, writer)]


def _make_frame(_spec: Any, rest: Any, reader: Reader) -> Any:
    np = arrays.numpy_itself()

    index_tree, columns_tree, blocks, about = rest
    index, columns = make_index(index_tree, reader), make_index(columns_tree, reader)
    made: list[tuple[Any, list[int]]] = []
    for places, *tree in blocks:
        array = make_raw(tree, reader) if type(places) is list else make_column(tree, reader)
        made.append((array, places if type(places) is list else [places]))
        lines = array.shape[-1] if isinstance(array, np.ndarray) else len(array)
        if lines != len(index) or (array.ndim == 2 and array.shape[0] != len(places)):
            raise Undecodable("corrupt", "a column of another length")
    if sorted(place for _, places in made for place in places) != list(range(len(columns))):
        raise Undecodable("corrupt", "columns that are missing")
    return _tell_about(_assemble(made, index, columns), about)


def _assemble(blocks: list[tuple[Any, list[int]]], index: Any, columns: Any) -> Any:
    """A frame over the arrays as they are, without a copy and without a guess at their types."""
    np = arrays.numpy_itself()
    import pandas as pd

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
    import pandas as pd

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
    np = arrays.numpy_itself()
    import pandas as pd

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
    np = arrays.numpy_itself()
    import pandas as pd

    array = make_column(rest, reader)
    if isinstance(array, np.ndarray):
        known = {"M": pd.DatetimeIndex, "m": pd.TimedeltaIndex}.get(array.dtype.kind)
        array = pd.arrays.NumpyExtensionArray(array) if known is None else known(array, copy=False).array
    if spec is not None:
        array = {"M": pd.DatetimeIndex, "m": pd.TimedeltaIndex}[array.dtype.kind](array, freq=freq_of(spec)).array
    return array


def _lower_whole_index(index: Any, writer: Writer) -> tuple[Any, Any]:
    return None, lower_index(index, writer)


def _make_whole_index(_spec: Any, rest: Any, reader: Reader) -> Any:
    return make_index(rest, reader)


CODECS = {
    "pandas.frame": Codec(
        "pandas.frame", _lower_frame, _make_frame, children=lambda frame: (frame.attrs,), exact=False
    ),
    "pandas.series": Codec(
        "pandas.series", _lower_series, _make_series, children=lambda series: (series.attrs,), exact=False
    ),
    "pandas.index": Codec("pandas.index", _lower_whole_index, _make_whole_index, exact=False),
    "pandas.array": Codec("pandas.array", _lower_array, _make_array, exact=False),
    "pandas.scalar": Codec("pandas.scalar", _lower_scalar, _make_scalar),
}
