"""Trees of Arrow's and polars' values: schema and content, whatever chunks, offsets and leftovers memory holds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, Unfit, buffer, tree

Shape = Callable[[Any, Encoder], Tree]


def shape_of(kind: type) -> Shape | None:
    """How values of this Arrow or polars class are taken apart; None for what has a state of its own."""
    if kind.__module__.partition(".")[0] == "polars":
        return _polars(kind)
    import pyarrow as pa

    shapes: dict[type, Shape] = {
        pa.Table: _table, pa.RecordBatch: _table, pa.ChunkedArray: chunked, pa.Array: chunked, pa.Schema: _schema,
        pa.Field: _field, pa.Scalar: _scalar, pa.DataType: lambda value, _: tree(Kind.ARROW, "type", _type(value)),
        pa.Buffer: lambda value, _: tree(Kind.ARROW, "buffer", buffer(value)),
    }  # fmt: skip
    return next((shape for base, shape in shapes.items() if issubclass(kind, base)), None)


# -- Arrow ---------------------------------------------------------------------


def _table(value: Any, encoder: Encoder) -> Tree:
    columns = [chunked(column, encoder) for column in value.columns]
    return tree(Kind.ARROW, type(value).__name__, _schema(value.schema, encoder), value.num_rows, columns)


def _schema(value: Any, encoder: Encoder) -> Tree:
    fields = [_field(value.field(place), encoder) for place in range(len(value.names))]
    return tree(Kind.ARROW, "schema", fields, _metadata(value))


def _field(value: Any, _: Encoder) -> Tree:
    return tree(Kind.ARROW, "field", value.name, _type(value.type), value.nullable, _metadata(value))


def _metadata(value: Any) -> list[list[bytes]]:
    return sorted([key, item] for key, item in (value.metadata or {}).items())


def _type(kind: Any) -> str:
    return str(kind)


def _scalar(value: Any, _: Encoder) -> Tree:
    return tree(Kind.ARROW, "scalar", _type(value.type), value.as_py())


def chunked(value: Any, _: Encoder) -> Tree:
    """The tree of an array or chunked array. Chunks do not matter, nor does what lies below a null."""
    import pyarrow as pa

    whole = value.combine_chunks() if isinstance(value, pa.ChunkedArray) else value
    if isinstance(whole, pa.ChunkedArray):  # too long for one array
        return tree(Kind.COLUMN, _type(value.type), [_array(chunk) for chunk in whole.chunks])
    return tree(Kind.COLUMN, _type(value.type), _array(whole))


def _array(value: Any) -> list[Any]:
    import pyarrow as pa

    types = pa.types
    kind = value.type
    nulls: Any = buffer(_plain(value.is_valid().cast(pa.uint8()))) if value.null_count else None
    if value.null_count == len(value):
        return [len(value), "null"]
    if types.is_integer(kind) or types.is_floating(kind) or (types.is_temporal(kind) and not types.is_interval(kind)):
        whole = value.view(f"uint{kind.bit_width}") if kind.bit_width in (8, 16, 32, 64) else None
        if whole is not None:
            return [len(value), nulls, buffer(_plain(whole.fill_null(0) if value.null_count else whole))]
    if types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        return [len(value), nulls, *_text(value)]
    if isinstance(value, pa.ExtensionArray):
        return [len(value), _array(value.storage)]
    if types.is_dictionary(kind):
        return [len(value), _array(value.dictionary_decode())]
    return [len(value), value.to_pylist()]


def _plain(value: Any) -> Any:
    return value.to_numpy(zero_copy_only=True)


def _text(value: Any) -> list[Any]:
    """Lengths and the text itself: offsets depend on where a slice began."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if value.null_count:
        value = pc.fill_null(value, "" if "string" in str(value.type) else b"")
    large = str(value.type).startswith("large")
    kind = pa.int64() if large else pa.int32()
    offsets = pa.Array.from_buffers(kind, len(value) + 1, [None, value.buffers()[1]], offset=value.offset)
    plain = _plain(offsets)
    data = value.buffers()[2]
    start, end = int(plain[0]), int(plain[-1])
    text = memoryview(data)[start:end] if data is not None else b""
    return [buffer((plain - start).tobytes()), buffer(text)]


# -- polars --------------------------------------------------------------------


def _polars(kind: type) -> Shape | None:
    import polars as pl

    if issubclass(kind, pl.DataFrame):
        return _polars_frame
    if issubclass(kind, pl.Series):
        return lambda value, _: tree(Kind.POLARS, "series", _polars_series(value))
    if issubclass(kind, pl.DataType) or (isinstance(kind, type) and issubclass(kind, pl.Schema)):
        return lambda value, _: tree(Kind.POLARS, "type", str(value))
    if issubclass(kind, pl.LazyFrame):
        return _lazy
    if issubclass(kind, pl.Expr):
        return lambda value, _: tree(Kind.POLARS, "expression", buffer(value.meta.serialize()))
    return None


def _lazy(*_: Any) -> Tree:
    raise Unfit("it is a LazyFrame: a plan that is not run yet, over data that may change")


def _polars_frame(value: Any, _: Encoder) -> Tree:
    return tree(Kind.POLARS, "frame", [_polars_series(series) for series in value.get_columns()], value.height)


def _polars_series(series: Any) -> list[Any]:
    kind = series.dtype
    said = [series.name, str(kind), len(series)]
    if (kind.is_numeric() and not kind.is_decimal()) or kind.is_temporal():
        nulls = buffer(series.is_null().to_numpy().tobytes()) if series.null_count() else None
        physical = series.to_physical()
        filled = physical.fill_null(0) if series.null_count() else physical
        return [*said, nulls, buffer(_contiguous(filled.to_numpy()))]
    if kind.is_(_string()) and "pyarrow" in sys.modules:
        return [*said, _array(series.rechunk().to_arrow())]
    return [*said, series.to_list()]


def _contiguous(array_: Any) -> Any:
    import numpy as np

    return np.ascontiguousarray(array_).reshape(-1).view(np.uint8)


def _string() -> Any:
    import polars as pl

    return pl.String
