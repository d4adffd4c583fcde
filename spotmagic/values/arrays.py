"""Trees of numpy's values: dtype, shape and content in C order. How an array lies in memory does not matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xxhash

from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import INLINE, Kind, Tree, tree

Shape = Callable[[Any, Encoder], Tree]

_CHUNK = 16 << 20


def shape_of(kind: type) -> Shape | None:
    """How values of this numpy class are taken apart; None for what has a state of its own (generators)."""
    if issubclass(kind, np.ma.MaskedArray):
        return _masked
    if issubclass(kind, np.ndarray):
        return array
    if issubclass(kind, np.dtype):
        return lambda value, _: tree(Kind.DTYPE, dtype(value))
    if issubclass(kind, np.generic):
        return _scalar
    if issubclass(kind, np.ufunc):
        return lambda value, _: tree(Kind.NAMED, "numpy", value.__name__)
    return None


def array(value: Any, _: Encoder) -> Tree:
    """The tree of an array, also of a memory map: the file behind it does not matter."""
    array_ = np.asarray(value)
    name = type(value).__name__ if not isinstance(value, np.memmap) and type(value) is not np.ndarray else None
    return tree(Kind.NDARRAY, name, dtype(array_.dtype), list(array_.shape), _content(array_))


def dtype(value: Any) -> Any:
    """What tells a dtype from all others: byte order, fields with their offsets, units."""
    if value.subdtype is not None:
        base, shape = value.subdtype
        return ["sub", dtype(base), list(shape)]
    if value.names is not None:
        fields = [[name, dtype(value.fields[name][0]), *map(str, value.fields[name][1:])] for name in value.names]
        return ["fields", fields, value.itemsize, value.type.__name__]
    if value.kind == "T":  # text of any length; what stands for missing is a choice of the dtype
        return ["text", str(value)]
    return value.str


def _content(array_: Any) -> Any:
    if array_.dtype.hasobject or array_.dtype.kind == "T":
        return array_.ravel(order="C").tolist()
    if array_.nbytes <= INLINE:
        return array_.tobytes(order="C")
    running = xxhash.xxh3_128()
    if array_.flags.c_contiguous:
        running.update(_raw(array_))
    else:
        for piece in _pieces(array_):
            running.update(_raw(np.ascontiguousarray(piece)))
    return tree(Kind.BUFFER, array_.nbytes, running.digest())


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
    mask = np.ma.getmaskarray(value)
    return tree(
        Kind.MASKED, array(value.filled(), encoder), array(mask, encoder), array(np.asarray(value.fill_value), encoder)
    )


def _scalar(value: Any, _: Encoder) -> Tree:
    content = value.item() if value.dtype.hasobject else value.tobytes()
    return tree(Kind.NUMPY_SCALAR, dtype(value.dtype), content)
