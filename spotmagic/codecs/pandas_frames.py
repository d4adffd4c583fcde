"""pandas: frames, series, indexes and arrays column by column over raw memory, so that nothing changes on the way.

Kept are the dtypes on the list below; a column of objects only when every element is an immutable plain value.
Everything else is pickled. Arrow is used where pandas itself keeps Arrow memory; a large text column comes back over
the mapped buffers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spotmagic.codecs import arrays
from spotmagic.codecs.plain import NotPlain, extension
from spotmagic.codecs.registry import Codec
from spotmagic.codecs.undecodable import Undecodable

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer

_STACK_OVER = 32  # columns of one dtype that become one block


def find(kind: type) -> Codec | None:
    """The codec for a type of pandas. Subclasses have more than we know of, and get none."""
    import pandas as pd

    if kind is pd.DataFrame:
        return CODECS["pandas.frame"]
    if kind is pd.Series:
        return CODECS["pandas.series"]
    if kind in _indexes():
        return CODECS["pandas.index"]
    if kind in (pd.Timestamp, pd.Timedelta, pd.Period, pd.Interval, type(pd.NA), type(pd.NaT)):
        return CODECS["pandas.scalar"]
    if issubclass(kind, pd.api.extensions.ExtensionArray):
        return CODECS["pandas.array"]
    return None


def _indexes() -> tuple[type, ...]:
    import pandas as pd

    return (
        *(pd.Index, pd.RangeIndex, pd.MultiIndex, pd.CategoricalIndex),
        *(pd.DatetimeIndex, pd.TimedeltaIndex, pd.PeriodIndex, pd.IntervalIndex),
    )


def _lower_raw(array: Any, writer: Writer) -> list[Any]:
    about, items = arrays.lower_array(array, writer)
    about[3] = True  # pandas hands out its memory read-only; its own copy may be written
    return [about, items]


def _make_raw(tree: Any, reader: Reader) -> Any:
    about, items = tree
    return arrays.make_array(about, items, reader)


def _lower_zone(zone: Any, writer: Writer) -> Any:
    if zone is None:
        return None
    try:
        return extension(zone)
    except NotPlain:
        return writer.refuse(f"a time zone of {type(zone).__module__}")


def _lower_freq(freq: Any, writer: Writer) -> str | None:
    if freq is None:
        return None
    text: str = freq.freqstr
    if len(text) > 100 or _freq(text) != freq:
        writer.refuse(f"a frequency {freq!r:.80}")
    return text


def _freq(text: Any) -> Any:
    from pandas.tseries.frequencies import to_offset

    if text is not None and (type(text) is not str or len(text) > 100):
        raise Undecodable("corrupt", "no frequency")
    return to_offset(text)


def lower_column(column: Any, writer: Writer) -> list[Any]:
    """An array of pandas or numpy in plain values: ``[form, …]``."""
    import pandas as pd

    kind = type(column)
    known = pd.arrays
    if kind is known.NumpyExtensionArray:
        column = column.to_numpy()
    if not isinstance(column, pd.api.extensions.ExtensionArray):
        return ["numpy", *_lower_raw(column, writer)]
    if kind in (known.DatetimeArray, known.TimedeltaArray):
        zone = getattr(column, "tz", None)
        raw = column.asi8.view(f"{column.dtype.kind}8[{column.unit}]")
        return ["time", _lower_zone(zone, writer), *_lower_raw(raw, writer)]
    if kind is known.PeriodArray:
        return ["period", _lower_freq(column.freq, writer), *_lower_raw(column.asi8, writer)]
    if kind is known.IntervalArray:
        return [
            "interval",
            column.closed,
            lower_column(column.left.array, writer),
            lower_column(column.right.array, writer),
        ]
    if kind is known.Categorical:
        return [
            "categorical",
            bool(column.ordered),
            lower_index(column.categories, writer),
            *_lower_raw(column.codes, writer),
        ]
    if kind in (known.IntegerArray, known.FloatingArray, known.BooleanArray):
        data = column.to_numpy(dtype=column.dtype.numpy_dtype, na_value=column.dtype.numpy_dtype.type(0))
        return ["masked", _lower_raw(data, writer), _lower_raw(column.isna(), writer)]
    if isinstance(column.dtype, pd.StringDtype):
        return _lower_text(column, writer)
    if isinstance(column.dtype, pd.ArrowDtype):
        from spotmagic.codecs import arrow_frames

        return ["arrow", arrow_frames.lower_chunks(column.__arrow_array__(), writer)]
    return writer.refuse(f"a column of dtype {column.dtype}")


def _lower_text(column: Any, writer: Writer) -> list[Any]:
    import pandas as pd

    missing = "NA" if column.dtype.na_value is pd.NA else "nan"
    if column.dtype.storage == "pyarrow":
        from spotmagic.codecs import arrow_frames

        return ["text", "pyarrow", missing, arrow_frames.lower_chunks(column.__arrow_array__(), writer)]
    items = [item if type(item) is str else None for item in column.to_numpy(dtype=object)]
    return ["text", "python", missing, writer.items(items)]


def make_column(tree: Any, reader: Reader) -> Any:
    """The array of :func:`lower_column`; of numpy where pandas has numpy."""
    np = arrays.numpy_itself()
    import pandas as pd

    form, *rest = tree
    match form:
        case "numpy":
            return _make_raw(rest, reader)
        case "time":
            zone, *raw = rest
            array = _make_raw(raw, reader)
            if array.dtype.kind not in "mM":
                raise Undecodable("corrupt", "no times")
            return (
                array if zone is None else pd.DatetimeIndex(array, copy=False).tz_localize("UTC").tz_convert(zone).array
            )
        case "period":
            freq, *raw = rest
            return pd.PeriodIndex.from_ordinals(_make_raw(raw, reader), freq=_freq(freq)).array
        case "interval":
            closed, left, right = rest
            return pd.arrays.IntervalArray.from_arrays(
                make_column(left, reader), make_column(right, reader), closed=closed
            )
        case "categorical":
            ordered, categories, *raw = rest
            dtype = pd.CategoricalDtype(make_index(categories, reader), ordered=ordered)
            return pd.Categorical.from_codes(_make_raw(raw, reader), dtype=dtype)
        case "masked":
            data, mask = (_make_raw(part, reader) for part in rest)
            makers = {"b": pd.arrays.BooleanArray, "f": pd.arrays.FloatingArray}
            return makers.get(data.dtype.kind, pd.arrays.IntegerArray)(data, mask)
        case "text":
            storage, missing, items = rest
            dtype = pd.StringDtype(storage, na_value=pd.NA if missing == "NA" else np.nan)
            if storage == "pyarrow":
                return dtype.__from_arrow__(_chunks(items, reader))
            return pd.array(np.array(items, dtype=object), dtype=dtype)
        case "arrow":
            chunks = _chunks(rest[0], reader)
            return pd.ArrowDtype(chunks.type).__from_arrow__(chunks)
    raise Undecodable("unknown codec", f"a column in the form {form!r:.40}")


def _chunks(rest: Any, reader: Reader) -> Any:
    from spotmagic.codecs import arrow_frames

    return arrow_frames.make_chunks(rest, reader)


def lower_index(index: Any, writer: Writer) -> list[Any]:
    """An index in plain values: ``[class, names, …]``."""
    import pandas as pd

    kind = type(index)
    names = [writer.lower(name, ".name") for name in index.names]
    if kind not in _indexes():
        writer.refuse(f"an index of class {kind.__qualname__}")
    if kind is pd.RangeIndex:
        return ["RangeIndex", names, index.start, index.stop, index.step]
    if kind is pd.MultiIndex:
        levels = [lower_index(level.rename(None), writer) for level in index.levels]
        codes = [_lower_raw(_items(code), writer) for code in index.codes]
        return ["MultiIndex", names, levels, codes, index.sortorder]
    freq = _lower_freq(index.freq, writer) if kind in (pd.DatetimeIndex, pd.TimedeltaIndex) else None
    return [kind.__name__, names, lower_column(index.array, writer), freq]


def _items(array: Any) -> Any:
    np = arrays.numpy_itself()

    return np.asarray(array)


def make_index(tree: Any, reader: Reader) -> Any:
    """The index of :func:`lower_index`."""
    import pandas as pd

    name, names, *rest = tree
    kind = {kind.__name__: kind for kind in _indexes()}.get(name)
    if kind is None:
        raise Undecodable("unknown codec", f"an index of class {name!r:.40}")
    if kind is pd.RangeIndex:
        return pd.RangeIndex(*rest, name=names[0])
    if kind is pd.MultiIndex:
        levels, codes, sortorder = rest
        parts = [_make_raw(code, reader) for code in codes]
        return pd.MultiIndex([make_index(level, reader) for level in levels], parts, sortorder=sortorder, names=names)
    array = make_column(rest[0], reader)
    if kind is pd.Index:
        index = pd.Index(array, dtype=array.dtype, name=names[0], tupleize_cols=False, copy=False)
    elif rest[1] is not None:
        index = kind(array, name=names[0], freq=_freq(rest[1]))
    else:
        index = kind(array, name=names[0])
    if type(index) is not kind:
        raise Undecodable("corrupt", f"an index that is no {name}")
    return index


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
    np = arrays.numpy_itself()

    groups: dict[Any, list[int]] = {}
    for place, dtype in enumerate(frame.dtypes):
        stackable = isinstance(dtype, np.dtype) and dtype.kind in "biufcmM"
        groups.setdefault(dtype if stackable else place, []).append(place)
    blocks: list[Any] = []
    for places in groups.values():
        if len(groups) == 1 and len(places) > 1:
            blocks.append([places, *_lower_raw(frame.to_numpy().T, writer)])
        elif len(places) > _STACK_OVER:
            blocks.append([places, *_lower_raw(frame.iloc[:, places].to_numpy().T, writer)])
        else:
            blocks += [_lower_place(frame, place, writer) for place in places]
    index, columns = lower_index(frame.index, writer), lower_index(frame.columns, writer)
    return None, [index, columns, blocks, _lower_about(frame, writer)]


def _lower_place(frame: Any, place: int, writer: Writer) -> list[Any]:
    from spotmagic.codecs.writer import Unfit

    try:
        return [place, *lower_column(frame.iloc[:, place].array, writer)]
    except Unfit as unfit:
        unfit.steps.append(f"[{ascii(frame.columns[place])[:60]}]")
        raise


def _make_frame(_spec: Any, rest: Any, reader: Reader) -> Any:
    np = arrays.numpy_itself()

    index_tree, columns_tree, blocks, about = rest
    index, columns = make_index(index_tree, reader), make_index(columns_tree, reader)
    made: list[tuple[Any, list[int]]] = []
    for places, *tree in blocks:
        array = _make_raw(tree, reader) if type(places) is list else make_column(tree, reader)
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
        zone = _lower_zone(value.tz, writer)
        return "Timestamp", [int(value.asm8.view("i8")), value.unit, zone, value.fold]
    if isinstance(value, pd.Timedelta):
        return "Timedelta", [int(value.asm8.view("i8")), value.unit]
    if isinstance(value, pd.Period):
        return "Period", [value.ordinal, _lower_freq(value.freq, writer)]
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
            return stamp.replace(fold=fold) if zone is None else stamp.tz_localize("UTC").tz_convert(zone)
        case "Timedelta":
            return pd.Timedelta(np.timedelta64(*rest))
        case "Period":
            return pd.Period(ordinal=rest[0], freq=_freq(rest[1]))
        case "Interval":
            return pd.Interval(*rest)
    raise Undecodable("unknown codec", f"a scalar {spec!r:.40}")


def _lower_array(array: Any, writer: Writer) -> tuple[Any, Any]:
    freq = _lower_freq(getattr(array, "freq", None), writer) if array.dtype.kind in "mM" else None
    return freq, lower_column(array, writer)


def _make_array(spec: Any, rest: Any, reader: Reader) -> Any:
    np = arrays.numpy_itself()
    import pandas as pd

    array = make_column(rest, reader)
    if isinstance(array, np.ndarray):
        known = {"M": pd.DatetimeIndex, "m": pd.TimedeltaIndex}.get(array.dtype.kind)
        array = pd.arrays.NumpyExtensionArray(array) if known is None else known(array, copy=False).array
    if spec is not None:
        array = {"M": pd.DatetimeIndex, "m": pd.TimedeltaIndex}[array.dtype.kind](array, freq=_freq(spec)).array
    return array


def _lower_whole_index(index: Any, writer: Writer) -> tuple[Any, Any]:
    return None, lower_index(index, writer)


def _make_whole_index(_spec: Any, rest: Any, reader: Reader) -> Any:
    return make_index(rest, reader)


CODECS = {
    "pandas.frame": Codec("pandas.frame", _lower_frame, _make_frame, children=lambda frame: (frame.attrs,)),
    "pandas.series": Codec("pandas.series", _lower_series, _make_series, children=lambda series: (series.attrs,)),
    "pandas.index": Codec("pandas.index", _lower_whole_index, _make_whole_index),
    "pandas.array": Codec("pandas.array", _lower_array, _make_array),
    "pandas.scalar": Codec("pandas.scalar", _lower_scalar, _make_scalar),
}
