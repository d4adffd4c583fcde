"""numpy: arrays as raw memory with a described dtype, scalars and dtypes alike. numpy's own file format is not used.

Arrays of objects are kept when every element is an immutable plain value; otherwise they are pickled.
"""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING, Any

from spotmagic.codecs import bounds, registry
from spotmagic.codecs.plain import LEAVES
from spotmagic.codecs.registry import Codec
from spotmagic.codecs.undecodable import Undecodable

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer

# Kind and size as numpy writes them, or the letter of a type that shares its size with another (such as long long).
_DTYPE = re.compile(r"[<>|=]?(?:[?bhilqpBHILQPefdgFDG]|[biufcSUV]\d{1,9}|[mM]8(?:\[\d{0,9}[a-zA-Z]{1,2}\])?)")
_ATOMS = frozenset({"numpy.scalar", "pandas.scalar", "enum"})
_KINDS = frozenset("biufcSUmM")


def numpy_itself() -> Any:
    """The package, imported when first needed."""
    import numpy

    return numpy


def find(kind: type) -> Codec | None:
    """The codec for a type of numpy."""
    np = numpy_itself()

    if kind is np.ndarray:
        return CODECS["numpy.array"]
    if kind is np.ma.MaskedArray:
        return CODECS["numpy.masked"]
    if issubclass(kind, np.generic) and kind.__module__ == "numpy" and kind is not np.object_:
        return CODECS["numpy.scalar"]
    if issubclass(kind, np.dtype):
        return CODECS["numpy.dtype"]
    return None


def describe(dtype: Any, writer: Writer, depth: int = 0) -> Any:
    """A dtype in plain values; the writer refuses what is not on the list."""
    np = numpy_itself()

    if dtype.metadata or depth > bounds.DTYPE_DEPTH:
        writer.refuse(f"an array of dtype {dtype} with metadata" if dtype.metadata else "a dtype this deep")
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return {"base": describe(base, writer, depth + 1), "shape": list(shape)}
    if dtype.names is not None:
        fields = [[name, describe(field[0], writer, depth + 1), field[1], *field[2:]] for name, field in _fields(dtype)]
        if len(fields) > bounds.FIELDS or any(type(title) is not str for field in fields for title in field[3:]):
            writer.refuse(f"an array of dtype {dtype}")
        if dtype.type is not np.void:
            writer.refuse(f"an array of records ({dtype.type.__name__})")
        return {"fields": fields, "size": dtype.itemsize, "aligned": dtype.isalignedstruct}
    if dtype.kind == "O":
        return "O"
    if dtype.kind not in _KINDS and dtype.type is not np.void:
        writer.refuse(f"an array of dtype {dtype}")
    code: str = dtype.str
    if np.dtype(code).char != dtype.char:
        code = code[0] + dtype.char
    if not _DTYPE.fullmatch(code):
        writer.refuse(f"an array of dtype {dtype}")
    return code


def _fields(dtype: Any) -> list[tuple[str, Any]]:
    return [(name, dtype.fields[name]) for name in dtype.names]


def dtype_of(spec: Any, depth: int = 0) -> Any:
    """The dtype of a description."""
    np = numpy_itself()

    if type(spec) is str:
        if spec != "O" and not _DTYPE.fullmatch(spec):
            raise Undecodable("corrupt", f"no dtype {spec!r:.60}")
        return np.dtype(spec)
    if type(spec) is not dict or depth > bounds.DTYPE_DEPTH:
        raise Undecodable("corrupt", "no dtype")
    if "base" in spec:
        return np.dtype((dtype_of(spec["base"], depth + 1), _shape(spec["shape"])))
    fields = spec["fields"]
    if type(fields) is not list or len(fields) > bounds.FIELDS:
        raise Undecodable("corrupt", "no fields of a dtype")
    formats = [dtype_of(field[1], depth + 1) for field in fields]
    made: dict[str, Any] = {
        "names": [field[0] for field in fields], "formats": formats, "offsets": [field[2] for field in fields],
        "itemsize": spec["size"],
    }  # fmt: skip
    if any(len(field) > 3 for field in fields):
        made["titles"] = [field[3] if len(field) > 3 else None for field in fields]
    dtype = np.dtype(made, align=bool(spec["aligned"]))
    if dtype.hasobject or dtype.itemsize != spec["size"]:
        raise Undecodable("corrupt", "no dtype of a structure")
    return dtype


def _shape(shape: Any) -> tuple[int, ...]:
    if type(shape) is not list or len(shape) > bounds.DIMENSIONS or any(type(n) is not int or n < 0 for n in shape):
        raise Undecodable("corrupt", "no shape")
    return tuple(shape)


def lower_array(array: Any, writer: Writer) -> tuple[Any, Any]:
    """What is needed to make an array, and its items."""
    np = numpy_itself()

    spec = describe(array.dtype, writer)
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    about = [spec, list(array.shape), order, bool(array.flags.writeable)]
    if array.ndim > bounds.DIMENSIONS:
        writer.refuse(f"an array of {array.ndim} dimensions")
    if array.dtype.hasobject:
        items = array.ravel(order=order).tolist()
        if spec != "O" or not all(map(_is_atom, set(map(type, items)))):
            writer.refuse("an array of objects")
        return about, writer.items(items)
    flat = np.asarray(array, order=order).reshape(-1, order=order)
    return about, writer.buffer(flat.view(np.uint8) if flat.nbytes else b"")


def _is_atom(kind: type) -> bool:
    """Whether values of a type hold nothing that can change, so that it does not matter which object they are."""
    if kind in LEAVES:
        return True
    codec = registry.find(kind)
    return codec is not None and codec.name in _ATOMS


def make_array(spec: Any, rest: Any, reader: Reader) -> Any:
    """The array of a description and its items, right over the buffer where it may be written."""
    np = numpy_itself()

    dtype, shape, order, writeable = dtype_of(spec[0]), _shape(spec[1]), spec[2], spec[3]
    if order not in ("C", "F"):
        raise Undecodable("corrupt", f"no order {order!r:.20}")
    if dtype.hasobject:
        if type(rest) is not list or len(rest) != math.prod(shape):
            raise Undecodable("corrupt", "no items of an array")
        array = np.fromiter(rest, dtype=object, count=len(rest)).reshape(shape, order=order)
    else:
        array = np.ndarray(shape, dtype, _memory(rest, math.prod(shape) * dtype.itemsize, dtype.alignment), order=order)
        if array.nbytes <= bounds.OWN:  # so that it can be resized, which takes memory of its own
            array = array.copy(order="K")
        if not reader.trusted:
            _check(array)
    if not writeable:
        array.flags.writeable = False
    return array


def _memory(rest: Any, size: int, alignment: int) -> Any:
    np = numpy_itself()

    if type(rest) not in (bytes, memoryview):
        raise Undecodable("corrupt", "no memory of an array")
    view = memoryview(rest)
    if view.nbytes != size:
        raise Undecodable("corrupt", f"{view.nbytes} bytes for an array of {size}")
    if not size:
        return bytearray(1)
    raw = np.frombuffer(view, np.uint8)
    return raw.copy() if view.readonly or raw.ctypes.data % alignment else raw


def reduce_subclass(array: Any) -> tuple[Any, ...]:
    """What pickle needs of an instance of a subclass: its items as a plain array, and its attributes."""
    plain = array.view(numpy_itself().ndarray)
    return numpy_itself().ndarray.view, (plain, type(array)), getattr(array, "__dict__", None), None, None, fill


def fill(array: Any, attributes: dict[str, Any]) -> None:
    """Give an instance of a subclass the attributes of another."""
    vars(array).update(attributes)


def is_subclass(kind: Any) -> bool:
    """Whether a subclass of arrays leaves its pickling to numpy, which forgets its attributes."""
    np = sys.modules.get("numpy")
    if np is None or not issubclass(kind, np.ndarray) or kind is np.ndarray:
        return False
    return all(
        getattr(kind, name) is getattr(np.ndarray, name) for name in ("__reduce__", "__reduce_ex__", "__setstate__")
    )


def _check(array: Any) -> None:
    """Items that no run of numpy makes: a bool that is neither, a character that is none."""
    np = numpy_itself()

    for name in array.dtype.names or ():
        _check(array[name])
    if not array.size or not array.itemsize or array.dtype.names:
        return
    flat = array.reshape(-1, order="A")
    if array.dtype.kind == "b" and flat.view(np.uint8).max() > 1:
        raise Undecodable("corrupt", "a bool that is neither true nor false")
    if array.dtype.kind == "U":
        codes = np.ascontiguousarray(flat).view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
        if codes.max() > 0x10FFFF:
            raise Undecodable("corrupt", "a character that is none")


# What a masked array holds beside its items and mask, with what it is made of again.
_MASKED = ("_fill_value", "_hardmask", "_sharedmask", "_isfield", "_optinfo", "_basedict")


def _lower_masked(value: Any, writer: Writer) -> tuple[Any, Any]:
    np = numpy_itself()

    held = vars(value)
    if held.keys() - {*_MASKED, "_mask", "_baseclass"} or held["_baseclass"] is not np.ndarray:
        writer.refuse("a masked array with more than its items")
    mask = None if value.mask is np.ma.nomask else held["_mask"]
    kept = {name: writer.lower(held[name], f".{name}") for name in _MASKED if name in held}
    return None, [writer.lower(value.view(np.ndarray), ".data"), writer.lower(mask, ".mask"), kept]


def _make_masked(_spec: Any, rest: Any, _reader: Reader) -> Any:
    np = numpy_itself()

    data, mask, kept = rest
    if type(data) is not np.ndarray or not set(kept) <= set(_MASKED):
        raise Undecodable("corrupt", "no masked array")
    array = data.view(np.ma.MaskedArray)
    if mask is not None:
        array._mask = mask
    vars(array).update(kept)
    return array


def _lower_scalar(value: Any, writer: Writer) -> tuple[Any, Any]:
    spec = describe(value.dtype, writer)
    if value.dtype.hasobject:
        writer.refuse("a numpy scalar that holds objects")
    if isinstance(value, str):  # an array would drop zeros at the end
        return "str_", writer.lower(str.__str__(value), "")
    if isinstance(value, bytes):
        return "bytes_", writer.lower(bytes.__bytes__(value), "")
    return spec, value.tobytes()


def _make_scalar(spec: Any, rest: Any, reader: Reader) -> Any:
    np = numpy_itself()

    if spec in ("str_", "bytes_"):
        if type(rest) not in (str, bytes):
            raise Undecodable("corrupt", "no text of a scalar")
        return np.str_(rest) if spec == "str_" else np.bytes_(rest)
    array = make_array([spec, [], "C", True], rest, reader)
    return array[()]


def _make_dtype(spec: Any, _rest: Any, _reader: Reader) -> Any:
    return dtype_of(spec)


CODECS = {
    "numpy.array": Codec("numpy.array", lower_array, make_array),
    "numpy.masked": Codec("numpy.masked", _lower_masked, _make_masked, exact=False),
    "numpy.scalar": Codec("numpy.scalar", _lower_scalar, _make_scalar),
    "numpy.dtype": Codec("numpy.dtype", lambda value, writer: (describe(value, writer), None), _make_dtype),
}
