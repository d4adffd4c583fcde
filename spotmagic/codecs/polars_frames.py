"""polars: its values count by name, dtype and content, column by column, and are kept in Arrow's stream format."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from spotmagic.codecs.registry import Codec, by_names
from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, Unfit, buffer, tree

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer


def _frame(value: Any, _: Encoder) -> Tree:
    return tree(Kind.POLARS, "frame", _columns(value.get_columns()), value.height)


def _series(value: Any, _: Encoder) -> Tree:
    return tree(Kind.POLARS, "series", *_columns([value]))


def _columns(columns: list[Any]) -> list[list[Any]]:
    """Each column by itself, of texts by one question for all of them: polars takes 0.2 ms to answer one."""
    texts = pl.DataFrame({str(place): one for place, one in enumerate(columns) if one.dtype == pl.String})
    if texts.width:
        lengths = texts.select(pl.all().str.len_bytes().fill_null(0))
        texts = texts.select(pl.all().str.join("", ignore_nulls=True)) if texts.height else texts
    found = []
    for place, one in enumerate(columns):
        name = str(place)
        if one.dtype == pl.String:
            text = (texts[name][0] or "") if len(one) else ""
            about = [buffer(lengths[name].to_numpy().tobytes()), buffer(text.encode())]
            found.append([one.name, str(one.dtype), None, len(one), _nulls(one), *about])
        else:
            found.append(_column(one))
    return found


def _column(series: Any) -> list[Any]:
    kind = series.dtype
    said = [series.name, str(kind), list(kind.categories) if isinstance(kind, pl.Enum) else None, len(series)]
    if kind.is_numeric() and (kind.is_decimal() or str(kind).endswith("Int128")):  # numpy has none of these
        return [*said, series.to_list()]
    if kind.is_numeric() or kind.is_temporal():
        physical = series if kind.is_numeric() else series.to_physical()
        filled = physical.fill_null(0) if series.null_count() else physical
        return [*said, _nulls(series), buffer(np.ascontiguousarray(filled.to_numpy()).reshape(-1).view(np.uint8))]
    return [*said, series.to_list()]


def _nulls(series: Any) -> Any:
    return buffer(series.is_null().to_numpy().tobytes()) if series.null_count() else None


def _plan(*_: Any) -> Tree:
    raise Unfit("it is a LazyFrame, a plan that is not run yet, over data that may change", "Give its collect()")


_PYTHON = b"PLPYFN"  # begins a Python function in what polars writes


def _expression(value: Any, _: Encoder) -> Tree:
    """The tree of an expression. Of a Python function in it polars writes a pickle, which only names what a module has:
    an edit of it, or of what it reaches, would not be seen.
    """
    data = value.meta.serialize()
    if _PYTHON in data:
        raise Unfit("it holds a Python function, which polars shows to nobody", "Make it where it is used")
    return tree(Kind.POLARS, "expression", buffer(data))


def _lower_frame(frame: Any, writer: Writer) -> tuple[Any, Any]:
    if any(isinstance(dtype, pl.Object) or "Object" in str(dtype) for dtype in frame.dtypes):
        writer.refuse("a polars column of objects")
    if _maps(frame):
        with contextlib.suppress(ImportError):  # Arrow writes several times faster where it is installed
            from spotmagic.codecs import arrow

            return True, arrow.lower(frame.to_arrow(), writer)
    sink = io.BytesIO()
    frame.write_ipc_stream(sink, compression="uncompressed")
    return _maps(frame), writer.buffer(sink.getbuffer())


def _maps(frame: Any) -> bool:
    """Whether Arrow gives the very same frame over the mapped buffer, where polars itself would copy."""
    flat = (pl.Boolean, pl.String, pl.Binary, pl.Date, pl.Time, pl.Datetime, pl.Duration, pl.Float32, pl.Float64)
    sizes = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
    return all(isinstance(dtype, (*flat, *sizes)) for dtype in frame.dtypes)


def _make_frame(spec: Any, rest: Any, reader: Reader) -> Any:
    if spec is True or not reader.trusted:
        try:
            from spotmagic.codecs import arrow

            table = arrow.table_of(rest, reader)
        except ImportError:
            if not reader.trusted:  # polars believes what the bytes say
                raise
        else:
            if spec is True:
                frame = pl.from_arrow(table, rechunk=False)
                frame.columns = table.column_names  # it gives a column without a name one
                return frame
    return pl.read_ipc_stream(rest)


def _lower_series(series: Any, writer: Writer) -> tuple[Any, Any]:
    return _lower_frame(series.to_frame(), writer)


def _make_series(spec: Any, rest: Any, reader: Reader) -> Any:
    return _make_frame(spec, rest, reader).to_series()


CODECS = by_names(
    Codec("polars.frame", _lower_frame, _make_frame, exact=False),
    Codec("polars.series", _lower_series, _make_series, exact=False),
)

add_family(pl.DataFrame, fingerprint=_frame, covered=frozenset({"_df"}), codec=CODECS["polars.frame"])
add_family(pl.Series, fingerprint=_series, covered=frozenset({"_s"}), codec=CODECS["polars.series"])
add_family(pl.DataType, pl.Schema, fingerprint=lambda value, _: tree(Kind.POLARS, "type", str(value)))
add_family(pl.LazyFrame, fingerprint=_plan)
add_family(pl.Expr, fingerprint=_expression, covered=frozenset({"_pyexpr"}))
