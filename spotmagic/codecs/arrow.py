"""Arrow in its own stream format, uncompressed so that it can be read over the mapped buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spotmagic.codecs.registry import Codec
from spotmagic.codecs.undecodable import Undecodable

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer


def find(kind: type) -> Codec | None:
    """The codec for a type of pyarrow."""
    import pyarrow as pa

    exact = {pa.Table: "table", pa.RecordBatch: "batch", pa.ChunkedArray: "chunked", pa.Schema: "schema"}
    name = exact.get(kind) or ("array" if issubclass(kind, pa.Array) else "")
    return CODECS.get(f"arrow.{name}")


def lower_chunks(chunks: Any, writer: Writer) -> Any:
    """An array or chunked array of Arrow as raw bytes."""
    import pyarrow as pa

    if isinstance(chunks, pa.Array):
        chunks = pa.chunked_array([chunks])
    return lower(pa.table({"": chunks}), writer)


def make_chunks(rest: Any, reader: Reader) -> Any:
    """The chunked array of :func:`lower_chunks`."""
    table = table_of(rest, reader)
    if table.num_columns != 1:
        raise Undecodable("corrupt", "no column of Arrow")
    return table.column(0)


def lower(table: Any, writer: Writer) -> Any:
    """The stream of a table or batch. Types that a package registered mean something else where it is missing."""
    import pyarrow as pa

    for field in table.schema:
        if "extension<" in str(field.type).replace("extension<arrow.", ""):
            writer.refuse(f"an Arrow column of type {field.type}")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write(table)
    return writer.buffer(memoryview(sink.getvalue()))


def table_of(rest: Any, reader: Reader) -> Any:
    import pyarrow as pa

    table = pa.ipc.open_stream(pa.py_buffer(raw(rest))).read_all()
    table.validate(full=_doubtful(rest, reader))
    return table


def _doubtful(rest: Any, reader: Reader) -> bool:
    """Whether every offset is looked at: Arrow follows wrong ones out of its memory. A sealed buffer is what it was."""
    return not reader.trusted or type(rest) is bytes


def raw(rest: Any) -> Any:
    if type(rest) not in (bytes, memoryview):
        raise Undecodable("corrupt", "no bytes of Arrow")
    return rest


def _make_table(_spec: Any, rest: Any, reader: Reader) -> Any:
    return table_of(rest, reader)


def _make_batch(_spec: Any, rest: Any, reader: Reader) -> Any:
    import pyarrow as pa

    batch = pa.ipc.open_stream(pa.py_buffer(raw(rest))).read_next_batch()
    batch.validate(full=_doubtful(rest, reader))
    return batch


def _make_array(_spec: Any, rest: Any, reader: Reader) -> Any:
    import pyarrow as pa

    chunks = make_chunks(rest, reader)
    return chunks.chunk(0) if chunks.num_chunks == 1 else pa.array([], chunks.type)


def _lower_schema(schema: Any, writer: Writer) -> tuple[Any, Any]:
    return None, lower(schema.empty_table(), writer)


_FORMS: dict[str, tuple[Any, Any]] = {
    "arrow.table": (lambda table, writer: (None, lower(table, writer)), _make_table),
    "arrow.batch": (lambda batch, writer: (None, lower(batch, writer)), _make_batch),
    "arrow.chunked": (
        lambda chunks, writer: (None, lower_chunks(chunks, writer)),
        lambda _spec, rest, reader: make_chunks(rest, reader),
    ),
    "arrow.array": (lambda array, writer: (None, lower_chunks(array, writer)), _make_array),
    "arrow.schema": (_lower_schema, lambda _spec, rest, reader: table_of(rest, reader).schema),
}
CODECS = {name: Codec(name, *form, exact=False) for name, form in _FORMS.items()}
