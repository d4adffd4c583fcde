"""Arrow: its values count by schema and content, and are kept in its own stream format.

Chunks, offsets and leftovers in memory do not count. The stream is not compressed, so that it can be read over the
mapped buffer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from spotmagic.codecs.bounds import Undecodable
from spotmagic.codecs.registry import Codec, by_names
from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, buffer, tree

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer


def _table_tree(value: Any, encoder: Encoder) -> Tree:
    columns = [chunked(column, encoder) for column in value.columns]
    return tree(Kind.ARROW, type(value).__name__, _schema_tree(value.schema, encoder), value.num_rows, columns)


def _schema_tree(value: Any, encoder: Encoder) -> Tree:
    fields = [_field(value.field(place), encoder) for place in range(len(value.names))]
    return tree(Kind.ARROW, "schema", fields, _metadata(value))


def _field(value: Any, _: Encoder) -> Tree:
    return tree(Kind.ARROW, "field", value.name, _type(value.type), value.nullable, _metadata(value))


def _metadata(value: Any) -> list[list[bytes]]:
    return sorted([key, item] for key, item in (value.metadata or {}).items())


def _type(kind: Any) -> list[Any]:
    """A type with all that its text leaves out: metadata of nested fields, parameters of extensions."""
    if isinstance(kind, pa.BaseExtensionType):
        said = getattr(kind, "__arrow_ext_serialize__", bytes)()  # Arrow's own say all in their text
        return [str(kind), said, _type(kind.storage_type)]
    if pa.types.is_dictionary(kind):
        return [str(kind), _type(kind.index_type), _type(kind.value_type), kind.ordered]
    fields = [kind.field(place) for place in range(kind.num_fields)]
    return [str(kind), [[one.name, _type(one.type), one.nullable, _metadata(one)] for one in fields]]


def _scalar(value: Any, _: Encoder) -> Tree:
    return tree(Kind.ARROW, "scalar", _type(value.type), value.as_py())


def chunked(value: Any, _: Encoder) -> Tree:
    """The tree of an array or chunked array. Chunks do not matter, nor does what lies below a null."""
    if isinstance(value, pa.ChunkedArray):
        whole = value.unify_dictionaries().combine_chunks()
        if isinstance(whole, pa.ChunkedArray):  # too long for one array
            return tree(Kind.COLUMN, _type(value.type), [_content(chunk) for chunk in whole.chunks])
        value = whole
    return tree(Kind.COLUMN, _type(value.type), _content(value))


def _content(value: Any) -> list[Any]:
    types, kind = pa.types, value.type
    if types.is_dictionary(kind):  # values that no row has can be seen as well
        return [len(value), _content(value.dictionary), _content(value.indices)]
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
        return [len(value), _content(value.storage)]
    return [len(value), value.to_pylist()]


def _plain(value: Any) -> Any:
    return value.to_numpy(zero_copy_only=True)


def _text(value: Any) -> list[Any]:
    """Lengths and the text itself: offsets depend on where a slice began."""
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


def lower_chunks(chunks: Any, writer: Writer) -> Any:
    """An array or chunked array of Arrow as raw bytes."""
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
    for field in table.schema:
        if "extension<" in str(field.type).replace("extension<arrow.", ""):
            writer.refuse(f"an Arrow column of type {field.type}")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write(table)
    return writer.buffer(memoryview(sink.getvalue()))


def table_of(rest: Any, reader: Reader, take: str = "read_all") -> Any:
    """The table of a stream, or what another way of reading gives."""
    if type(rest) not in (bytes, memoryview):
        raise Undecodable("corrupt", "no bytes of Arrow")
    found = getattr(pa.ipc.open_stream(pa.py_buffer(rest)), take)()
    # Every offset is looked at: Arrow follows wrong ones out of its memory. A sealed buffer is what it was.
    found.validate(full=not reader.trusted or type(rest) is bytes)
    return found


def _make_array(rest: Any, reader: Reader) -> Any:
    chunks = make_chunks(rest, reader)
    return chunks.chunk(0) if chunks.num_chunks == 1 else pa.array([], chunks.type)


_FORMS: dict[str, tuple[Any, Any]] = {
    "table": (lower, table_of),
    "batch": (lower, lambda rest, reader: table_of(rest, reader, "read_next_batch")),
    "chunked": (lower_chunks, make_chunks),
    "array": (lower_chunks, _make_array),
    "schema": (
        lambda schema, writer: lower(schema.empty_table(), writer),
        lambda rest, reader: table_of(rest, reader).schema,
    ),
}


def _codec(form: str, lower_: Any, make: Any) -> Codec:
    return Codec(
        f"arrow.{form}",
        lambda value, writer: (None, lower_(value, writer)),
        lambda _spec, rest, reader: make(rest, reader),
        exact=False,
        below=form == "array",
    )


CODECS = by_names(*(_codec(form, *ways) for form, ways in _FORMS.items()))

add_family(pa.Table, fingerprint=_table_tree, codec=CODECS["arrow.table"])
add_family(pa.RecordBatch, fingerprint=_table_tree, codec=CODECS["arrow.batch"])
add_family(pa.ChunkedArray, fingerprint=chunked, codec=CODECS["arrow.chunked"])
add_family(pa.Array, fingerprint=chunked, codec=CODECS["arrow.array"])
add_family(pa.Schema, fingerprint=_schema_tree, codec=CODECS["arrow.schema"])
add_family(pa.Field, fingerprint=_field)
add_family(pa.Scalar, fingerprint=_scalar)
add_family(pa.DataType, fingerprint=lambda value, _: tree(Kind.ARROW, "type", _type(value)))
add_family(pa.Buffer, fingerprint=lambda value, _: tree(Kind.ARROW, "buffer", buffer(value)))
