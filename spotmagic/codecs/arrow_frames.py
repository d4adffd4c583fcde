"""Arrow and polars through the Arrow stream format, uncompressed so that it can be read over the mapped buffer."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import TYPE_CHECKING, Any

from spotmagic.codecs.registry import Codec
from spotmagic.codecs.undecodable import Undecodable

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer


def find(kind: type) -> Codec | None:
    """The codec for a type of polars or pyarrow."""
    pa, pl = sys.modules.get("pyarrow"), sys.modules.get("polars")
    if pa is not None and kind.__module__.startswith("pyarrow"):
        if kind is pa.Table:
            return CODECS["arrow.table"]
        if kind is pa.RecordBatch:
            return CODECS["arrow.batch"]
        if kind is pa.ChunkedArray:
            return CODECS["arrow.chunked"]
        if kind is pa.Schema:
            return CODECS["arrow.schema"]
        if issubclass(kind, pa.Array):
            return CODECS["arrow.array"]
    if pl is not None:
        if kind is pl.DataFrame:
            return CODECS["polars.frame"]
        if kind is pl.Series:
            return CODECS["polars.series"]
    return None


def lower_chunks(chunks: Any, writer: Writer) -> Any:
    """An array or chunked array of Arrow as raw bytes."""
    import pyarrow as pa

    if isinstance(chunks, pa.Array):
        chunks = pa.chunked_array([chunks])
    return _lower(pa.table({"": chunks}), writer)


def make_chunks(rest: Any, reader: Reader) -> Any:
    """The chunked array of :func:`lower_chunks`."""
    table = _table(rest, reader)
    if table.num_columns != 1:
        raise Undecodable("corrupt", "no column of Arrow")
    return table.column(0)


def _lower(table: Any, writer: Writer) -> Any:
    """The stream of a table or batch. Types that a package registered mean something else where it is missing."""
    import pyarrow as pa

    for field in table.schema:
        if "extension<" in str(field.type).replace("extension<arrow.", ""):
            writer.refuse(f"an Arrow column of type {field.type}")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write(table)
    return writer.buffer(memoryview(sink.getvalue()))


def _table(rest: Any, reader: Reader) -> Any:
    import pyarrow as pa

    table = pa.ipc.open_stream(pa.py_buffer(_raw(rest))).read_all()
    table.validate(full=_doubtful(rest, reader))
    return table


def _doubtful(rest: Any, reader: Reader) -> bool:
    """Whether every offset is looked at: Arrow follows wrong ones out of its memory. A sealed buffer is what it was."""
    return not reader.trusted or type(rest) is bytes


def _raw(rest: Any) -> Any:
    if type(rest) not in (bytes, memoryview):
        raise Undecodable("corrupt", "no bytes of Arrow")
    return rest


def _make_table(_spec: Any, rest: Any, reader: Reader) -> Any:
    return _table(rest, reader)


def _make_batch(_spec: Any, rest: Any, reader: Reader) -> Any:
    import pyarrow as pa

    batch = pa.ipc.open_stream(pa.py_buffer(_raw(rest))).read_next_batch()
    batch.validate(full=_doubtful(rest, reader))
    return batch


def _make_array(_spec: Any, rest: Any, reader: Reader) -> Any:
    import pyarrow as pa

    chunks = make_chunks(rest, reader)
    return chunks.chunk(0) if chunks.num_chunks == 1 else pa.array([], chunks.type)


def _lower_schema(schema: Any, writer: Writer) -> tuple[Any, Any]:
    return None, _lower(schema.empty_table(), writer)


def _lower_frame(frame: Any, writer: Writer) -> tuple[Any, Any]:
    import polars as pl

    if any(isinstance(dtype, pl.Object) or "Object" in str(dtype) for dtype in frame.dtypes):
        writer.refuse("a polars column of objects")
    if _maps(frame):
        with contextlib.suppress(ImportError):  # Arrow writes several times faster where it is installed
            return True, _lower(frame.to_arrow(), writer)
    sink = io.BytesIO()
    frame.write_ipc_stream(sink, compression="uncompressed")
    return _maps(frame), writer.buffer(sink.getbuffer())


def _maps(frame: Any) -> bool:
    """Whether Arrow gives the very same frame over the mapped buffer, where polars itself would copy."""
    import polars as pl

    flat = (pl.Boolean, pl.String, pl.Binary, pl.Date, pl.Time, pl.Datetime, pl.Duration, pl.Float32, pl.Float64)
    sizes = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
    return all(isinstance(dtype, (*flat, *sizes)) for dtype in frame.dtypes)


def _make_frame(spec: Any, rest: Any, reader: Reader) -> Any:
    import polars as pl

    if spec is True or not reader.trusted:
        try:
            table = _table(rest, reader)
        except ImportError:
            if not reader.trusted:  # polars believes what the bytes say
                raise
        else:
            if spec is True:
                frame = pl.from_arrow(table, rechunk=False)
                frame.columns = table.column_names  # it gives a column without a name one
                return frame
    return pl.read_ipc_stream(_raw(rest))


def _lower_series(series: Any, writer: Writer) -> tuple[Any, Any]:
    return _lower_frame(series.to_frame(), writer)


def _make_series(spec: Any, rest: Any, reader: Reader) -> Any:
    return _make_frame(spec, rest, reader).to_series()


_FORMS: dict[str, tuple[Any, Any]] = {
    "arrow.table": (lambda table, writer: (None, _lower(table, writer)), _make_table),
    "arrow.batch": (lambda batch, writer: (None, _lower(batch, writer)), _make_batch),
    "arrow.chunked": (
        lambda chunks, writer: (None, lower_chunks(chunks, writer)),
        lambda _spec, rest, reader: make_chunks(rest, reader),
    ),
    "arrow.array": (lambda array, writer: (None, lower_chunks(array, writer)), _make_array),
    "arrow.schema": (_lower_schema, lambda _spec, rest, reader: _table(rest, reader).schema),
    "polars.frame": (_lower_frame, _make_frame),
    "polars.series": (_lower_series, _make_series),
}
CODECS = {name: Codec(name, *form, exact=False) for name, form in _FORMS.items()}
