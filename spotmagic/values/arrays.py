"""Trees of numpy's values: dtype, shape and content in C order. How an array lies in memory does not matter."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import xxhash

from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import INLINE, Kind, Tree, Unfit, tree

_CHUNK = 16 << 20


def array(value: Any, _: Encoder) -> Tree:
    """The tree of an array, also of a memory map: the file behind it does not matter."""
    array_ = np.asarray(value)
    return tree(Kind.NDARRAY, dtype(array_.dtype), list(array_.shape), _content(array_))


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
    if array_.ndim <= 1 or array_.nbytes <= _CHUNK:
        step = max(1, _CHUNK // max(array_.itemsize, 1)) if array_.ndim == 1 else None
        if step is None:
            yield array_
            return
        for start in range(0, len(array_), step):
            yield array_[start : start + step]
        return
    row = array_.nbytes // len(array_)
    if row > _CHUNK:
        for one in array_:
            yield from _pieces(one)
        return
    step = max(1, _CHUNK // max(row, 1))
    for start in range(0, len(array_), step):
        yield array_[start : start + step]


def _masked(value: Any, encoder: Encoder) -> Tree:
    """Data below the mask counts, as ``.data`` shows it."""
    said = [np.asarray(value.fill_value), value.hardmask, value._optinfo or None]
    return tree(Kind.MASKED, array(value.data, encoder), array(np.ma.getmaskarray(value), encoder), *said)


def _scalar(value: Any, _: Encoder) -> Tree:
    content = value.item() if value.dtype.hasobject else _content(np.asarray(value))
    return tree(Kind.NUMPY_SCALAR, dtype(value.dtype), content)


def _ufunc(value: Any, _: Encoder) -> Tree:
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


add_family(np.ndarray, np.memmap, fingerprint=array)
add_family(
    np.ma.MaskedArray,
    fingerprint=_masked,
    covered=frozenset(
        {"_fill_value", "_hardmask", "_sharedmask", "_isfield", "_baseclass", "_optinfo", "_basedict", "_mask"}
    ),
)
add_family(np.dtype, fingerprint=lambda value, _: tree(Kind.DTYPE, dtype(value)), covered=None)
add_family(np.generic, fingerprint=_scalar)
add_family(np.ufunc, fingerprint=_ufunc, covered=None)
