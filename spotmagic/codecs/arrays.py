"""numpy: how its values count, and how they are kept: arrays as raw memory with a described dtype.

How an array lies in memory does not matter to a key. Arrays of objects are kept when every element is an immutable
plain value; otherwise they are pickled. numpy's own file format is not used.
"""

from __future__ import annotations

import gc
import math
import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash

from spotmagic.codecs import bounds, registry
from spotmagic.codecs.bounds import Undecodable
from spotmagic.codecs.plain import LEAVES, dimensions_of
from spotmagic.codecs.registry import Codec, by_names
from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import INLINE, Kind, Tree, Unfit, tree

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer

_CHUNK = 16 << 20
_STRIP = 1 << 20  # of a table whose rows are not in one piece: a copy that stays near


def array(value: Any, _: Encoder) -> Tree:
    """The tree of an array, also of a memory map: the file behind it does not matter."""
    array_ = np.asarray(value)
    # Sums differ in their last digits by the order in memory, and ``.flags`` tells of it.
    by_columns = ["F"] if array_.flags.f_contiguous and not array_.flags.c_contiguous else []
    return tree(Kind.NDARRAY, dtype(array_.dtype), list(array_.shape), _content(array_), *by_columns)


def rows(value: Any) -> list[Tree] | None:
    """The trees of the rows of a table, as :func:`array` gives each; None for a table whose rows it must look at.

    The thousands of columns of a frame have dtype and length in common: numbers and times are written without asking
    each of them.
    """
    kind, (count, length) = value.dtype, value.shape
    size = length * kind.itemsize
    if kind.kind not in "biufcmM" or kind.char in "gG" or kind.metadata or not 0 < size <= _CHUNK:
        return None
    said, found = [dtype(kind), [length]], list[Tree]()
    step = max(1, _STRIP // size)
    for start in range(0, count, step):
        for row in np.ascontiguousarray(value[start : start + step]).view(np.uint8):
            content = row.tobytes() if size <= INLINE else tree(Kind.BUFFER, size, xxhash.xxh3_128_digest(row))
            found.append(tree(Kind.NDARRAY, *said, content))
    return found


def dtype(value: Any) -> Any:
    """What tells a dtype from all others: byte order, fields with their offsets, units."""
    if value.subdtype is not None:
        base, shape = value.subdtype
        return ["sub", dtype(base), list(shape)]
    if value.names is not None:
        fields = [[name, dtype(value.fields[name][0]), *map(str, value.fields[name][1:])] for name in value.names]
        return ["fields", fields, value.itemsize, value.type.__name__, value.isalignedstruct, _metadata(value)]
    if value.kind == "T":  # text of any length; what stands for missing is a choice of the dtype
        return ["text", str(value)]
    return [value.str, _metadata(value)] if value.metadata else value.str


def _metadata(value: Any) -> dict[str, Any] | None:
    return dict(value.metadata) if value.metadata else None


def _content(array_: Any) -> Any:
    kind = array_.dtype
    if kind.hasobject or kind.kind == "T":
        return array_.ravel(order="C").tolist()
    if kind.names is not None and not _is_solid(kind):  # field by field, as what lies between them is left over
        return [_content(array_[name]) for name in kind.names]
    if kind.char in "gG":
        array_ = _significant(array_)
    if array_.nbytes <= INLINE:
        return array_.tobytes(order="C")
    running = xxhash.xxh3_128()
    if array_.flags.c_contiguous:
        running.update(_raw(array_))
    else:
        for piece in _pieces(array_):
            running.update(_raw(np.ascontiguousarray(piece)))
    return tree(Kind.BUFFER, array_.nbytes, running.digest())


def _is_solid(kind: Any) -> bool:
    """Whether every byte of an element belongs to its value."""
    if kind.subdtype is not None:
        return _is_solid(kind.subdtype[0])
    if kind.names is None:
        return kind.char not in "gG"
    fields = [kind.fields[name][0] for name in kind.names]
    return sum(one.itemsize for one in fields) == kind.itemsize and all(map(_is_solid, fields))


def _significant(array_: Any) -> Any:
    """The bytes of long doubles that say something: x86 keeps 10 of 16, and anything in the other six."""
    size = array_.dtype.itemsize // (2 if array_.dtype.char == "G" else 1)
    used = 10 if np.finfo(np.longdouble).nmant == 63 else size
    raw = np.ascontiguousarray(array_).reshape(-1).view(np.uint8).reshape(-1, size)
    return raw[:, :used] if array_.dtype.isnative else raw[:, size - used :]


def _raw(array_: Any) -> Any:
    return array_.reshape(-1).view(np.uint8)


def _pieces(array_: Any) -> Any:
    """Parts of an array in C order, each small enough to copy."""
    if array_.ndim == 0 or array_.nbytes <= _CHUNK:
        yield array_
        return
    row = array_.nbytes // len(array_)
    if row > _CHUNK and array_.ndim > 1:
        for one in array_:
            yield from _pieces(one)
        return
    step = max(1, _CHUNK // row)
    for start in range(0, len(array_), step):
        yield array_[start : start + step]


def _masked_tree(value: Any, encoder: Encoder) -> Tree:
    """Data below the mask counts, as ``.data`` shows it."""
    said = [np.asarray(value.fill_value), value.hardmask, value._optinfo or None]
    return tree(Kind.MASKED, array(value.data, encoder), array(np.ma.getmaskarray(value), encoder), *said)


def _scalar_tree(value: Any, _: Encoder) -> Tree:
    content = value.item() if value.dtype.hasobject else _content(np.asarray(value))
    return tree(Kind.NUMPY_SCALAR, dtype(value.dtype), content)


def _ufunc_tree(value: Any, _: Encoder) -> Tree:
    """A function over arrays: numpy's by its name, one made of a Python function by that function."""
    name = value.__name__
    if getattr(np, name, None) is value:
        return tree(Kind.NAMED, "numpy", name)
    made_of = [one for one in gc.get_referents(value) if callable(one)]
    if made_of:
        return tree(Kind.WRAPPER, "ufunc", value.nin, value.nout, value.identity, *made_of)
    if "(vectorized)" in name:
        raise Unfit("it is a ufunc whose function cannot be found")
    return tree(Kind.NAMED, getattr(value, "__module__", None) or "numpy", name)


# -- how they are kept ------------------------------------------------------------------------------------------------

# Kind and size as numpy writes them, or the letter of a type that shares its size with another (such as long long).
_DTYPE = re.compile(r"[<>|=]?(?:[?bhilqpBHILQPefdgFDG]|[biufcSUV]\d{1,9}|[mM]8(?:\[\d{0,9}[a-zA-Z]{1,2}\])?)")
_ATOMS = frozenset({"numpy.scalar", "pandas.scalar", "enum"})
_KINDS = frozenset("biufcSUmM")  # of numpy's own dtypes; a package may add kinds that nobody here knows


def describe(dtype: Any, writer: Writer, depth: int = 0) -> Any:
    """A dtype in plain values; the writer refuses what is not on the list."""
    if dtype.metadata or depth > bounds.DTYPE_DEPTH:
        writer.refuse(f"an array of dtype {dtype} with metadata" if dtype.metadata else "a dtype this deep")
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return {"base": describe(base, writer, depth + 1), "shape": list(shape)}
    if dtype.names is not None:
        known = [(name, *dtype.fields[name]) for name in dtype.names]
        fields = [[name, describe(one, writer, depth + 1), *where] for name, one, *where in known]
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


def dtype_of(spec: Any, depth: int = 0) -> Any:
    """The dtype of a description."""
    if type(spec) is str:
        if spec != "O" and not _DTYPE.fullmatch(spec):
            raise Undecodable("corrupt", f"no dtype {spec!r:.60}")
        return np.dtype(spec)
    if type(spec) is not dict or depth > bounds.DTYPE_DEPTH:
        raise Undecodable("corrupt", "no dtype")
    if "base" in spec:
        return np.dtype((dtype_of(spec["base"], depth + 1), dimensions_of(spec["shape"])))
    fields = spec["fields"]
    if type(fields) is not list or len(fields) > bounds.FIELDS:
        raise Undecodable("corrupt", "no fields of a dtype")
    formats = [dtype_of(field[1], depth + 1) for field in fields]
    made: Any = {
        "names": [field[0] for field in fields], "formats": formats, "offsets": [field[2] for field in fields],
        "itemsize": spec["size"],
    }  # fmt: skip
    if any(len(field) > 3 for field in fields):
        made["titles"] = [field[3] if len(field) > 3 else None for field in fields]
    dtype = np.dtype(made, align=bool(spec["aligned"]))
    if dtype.hasobject or dtype.itemsize != spec["size"]:
        raise Undecodable("corrupt", "no dtype of a structure")
    return dtype


def lower_array(array: Any, writer: Writer) -> tuple[Any, Any]:
    """What is needed to make an array, and its items."""
    spec = describe(array.dtype, writer)
    order: Any = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
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
    dtype, shape, order, writeable = dtype_of(spec[0]), dimensions_of(spec[1]), spec[2], spec[3]
    if order not in ("C", "F"):
        raise Undecodable("corrupt", f"no order {order!r:.20}")
    if dtype.hasobject:
        if type(rest) is not list or len(rest) != math.prod(shape):
            raise Undecodable("corrupt", "no items of an array")
        array = np.fromiter(rest, dtype=object, count=len(rest)).reshape(shape, order=order)
    else:
        array = np.ndarray(shape, dtype, _memory(rest, math.prod(shape) * dtype.itemsize, dtype.alignment), order=order)
        if array.nbytes <= bounds.OWN and reader.lasting:  # so that it can be resized, which takes memory of its own
            array = array.copy(order="K")
        if not reader.trusted:
            _check(array)
    if not writeable:
        array.flags.writeable = False
    return array


def _memory(rest: Any, size: int, alignment: int) -> Any:
    if type(rest) not in (bytes, memoryview):
        raise Undecodable("corrupt", "no memory of an array")
    view = memoryview(rest)
    if view.nbytes != size:
        raise Undecodable("corrupt", f"{view.nbytes} bytes for an array of {size}")
    if not size:
        return bytearray(1)
    # Not over memory that may not be written, as arrays may be; and not askew, which is slow or ends the process.
    raw = np.frombuffer(view, np.uint8)
    return raw.copy() if view.readonly or raw.ctypes.data % alignment else raw


def _reduce(array: Any) -> Any:
    """What pickle needs of an instance of a subclass that leaves it to numpy, which forgets its attributes."""
    kind: Any = type(array)
    ways = ("__reduce__", "__reduce_ex__", "__setstate__")
    if kind is np.ndarray or any(getattr(kind, name) is not getattr(np.ndarray, name) for name in ways):
        return NotImplemented
    return np.ndarray.view, (array.view(np.ndarray), kind), getattr(array, "__dict__", None), None, None, fill


def fill(array: Any, attributes: dict[str, Any]) -> None:
    """Give an instance of a subclass the attributes of another."""
    vars(array).update(attributes)


def _check(array: Any) -> None:
    """Items that no run of numpy makes: a bool that is neither, a character that is none."""
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
    held = vars(value)
    if held.keys() - {*_MASKED, "_mask", "_baseclass"} or held["_baseclass"] is not np.ndarray:
        writer.refuse("a masked array with more than its items")
    mask = None if value.mask is np.ma.nomask else held["_mask"]
    kept = {name: writer.lower(held[name], f".{name}") for name in _MASKED if name in held}
    return None, [writer.lower(value.view(np.ndarray), ".data"), writer.lower(mask, ".mask"), kept]


def _make_masked(_spec: Any, rest: Any, _reader: Reader) -> Any:
    data, mask, kept = rest
    if type(data) is not np.ndarray or not set(kept) <= set(_MASKED):
        raise Undecodable("corrupt", "no masked array")
    array: Any = data.view(np.ma.MaskedArray)
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
    if spec in ("str_", "bytes_"):
        if type(rest) not in (str, bytes):
            raise Undecodable("corrupt", "no text of a scalar")
        return np.str_(rest) if spec == "str_" else np.bytes_(rest)
    array = make_array([spec, [], "C", True], rest, reader)
    return array[()]


CODECS = by_names(
    Codec("numpy.array", lower_array, make_array),
    Codec("numpy.masked", _lower_masked, _make_masked, exact=False),
    Codec("numpy.scalar", _lower_scalar, _make_scalar, below=True),
    Codec(
        "numpy.dtype",
        lambda value, writer: (describe(value, writer), None),
        lambda spec, *_: dtype_of(spec),
        below=True,
    ),
)
_MASKED_COVERED = frozenset({*_MASKED, "_mask", "_baseclass"})

add_family(np.ndarray, fingerprint=array, codec=CODECS["numpy.array"], reduce=_reduce)
add_family(np.memmap, fingerprint=array)
add_family(np.ma.MaskedArray, fingerprint=_masked_tree, covered=_MASKED_COVERED, codec=CODECS["numpy.masked"])
add_family(type(np.ma.masked), fingerprint=lambda *_: tree(Kind.MASKED), covered=None)
add_family(
    np.dtype, fingerprint=lambda value, _: tree(Kind.DTYPE, dtype(value)), covered=None, codec=CODECS["numpy.dtype"]
)
add_family(np.generic, fingerprint=_scalar_tree, codec=CODECS["numpy.scalar"])
add_family(np.ufunc, fingerprint=_ufunc_tree, covered=None)


_NODE = 9  # words of a node of scipy's trees; two of them are addresses
_ADDRESSES = [5, 6]


def _tree_of_points(value: Any, _: Encoder) -> list[Any]:
    """A tree of points by its state, but for where in memory its nodes lie."""
    nodes, *rest = value.__getstate__()
    words = nodes.view(np.intp) if nodes.nbytes % (_NODE * np.intp().nbytes) == 0 else None
    if words is None:
        raise Unfit("its nodes are made otherwise than in the releases that are known")
    return [np.delete(words.reshape(-1, _NODE), _ADDRESSES, axis=1), *rest]


def load_package(package: str) -> None:
    """Register what belongs to a package that builds on arrays, once its part with them is loaded."""
    home = sys.modules.get("scipy.spatial._ckdtree") if package == "scipy" else None
    if home is not None:
        add_family(home.cKDTree, fingerprint=_tree_of_points, covered=frozenset({"_tree"}))  # made when asked for
