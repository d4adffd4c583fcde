"""Trees of Arrow's values: schema and content, whatever chunks, offsets and leftovers memory holds."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, buffer, tree


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


def _type(kind: Any) -> list[Any]:
    """A type with all that its text leaves out: metadata of nested fields, parameters of extensions."""
    if isinstance(kind, pa.BaseExtensionType):
        return [str(kind), kind.__arrow_ext_serialize__(), _type(kind.storage_type)]
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
            return tree(Kind.COLUMN, _type(value.type), [_array(chunk) for chunk in whole.chunks])
        value = whole
    return tree(Kind.COLUMN, _type(value.type), _array(value))


def _array(value: Any) -> list[Any]:
    types, kind = pa.types, value.type
    if types.is_dictionary(kind):  # values that no row has can be seen as well
        return [len(value), _array(value.dictionary), _array(value.indices)]
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


add_family(pa.Table, pa.RecordBatch, fingerprint=_table)
add_family(pa.ChunkedArray, pa.Array, fingerprint=chunked)
add_family(pa.Schema, fingerprint=_schema)
add_family(pa.Field, fingerprint=_field)
add_family(pa.Scalar, fingerprint=_scalar)
add_family(pa.DataType, fingerprint=lambda value, _: tree(Kind.ARROW, "type", _type(value)))
add_family(pa.Buffer, fingerprint=lambda value, _: tree(Kind.ARROW, "buffer", buffer(value)))
