"""Functions that no name leads back to (lambdas, closures), by value: code, defaults, closure and attributes.

A copy reads the globals of the live module, as the function does; nothing is written there. Compiled code is good for
one version of Python alone.
"""

from __future__ import annotations

import importlib
import importlib.util
import linecache
import marshal
import sys
import types
from typing import Any

from spotmagic.code.source import cell_text, nested
from spotmagic.codecs.bounds import Undecodable

_TOLD = ("__name__", "__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__", "__annotations__")


def reduce(function: types.FunctionType, spaces: dict[Any, Any]) -> tuple[Any, ...]:
    """What pickle needs of a function.

    Args:
        spaces: the namespaces of functions whose module is gone or was replaced, by id, and the cells that functions
            were written in, by file name. Both are shared within one pickle.
    """
    code, space = function.__code__, function.__globals__
    home: Any = space.get("__name__")
    if vars(sys.modules.get(home, object)) is space:
        place, read = home, {}
    else:
        place = spaces.setdefault(id(space), {"__name__": home})
        names = {name for one in nested(code) for name in one.co_names}
        read = {name: value for name, value in space.items() if name in names}
    told = [getattr(function, name) for name in _TOLD]
    # Cells are made empty and filled when the function is there: it may be in its own closure, and share it.
    held = [(cell.cell_contents,) if cell != types.CellType() else () for cell in function.__closure__ or ()]
    state = [told, dict(vars(function)), held, read]
    text = spaces.setdefault(code.co_filename, cell_text(code.co_filename))
    return make, (_MAGIC, marshal.dumps(code), place, function.__closure__, text), state, None, None, fill


_MAGIC = importlib.util.MAGIC_NUMBER


def make(magic: bytes, code: bytes, place: Any, closure: Any, text: str = "") -> types.FunctionType:
    """A function without what :func:`fill` gives it.

    Args:
        text: the notebook cell that it was written in. The function counts by its source, and other kernels have not
            this one's cells.
    """
    if magic != _MAGIC:  # before marshal sees the bytes: what another version compiled may end the process
        raise Undecodable("unknown codec", "a function that another version of Python compiled")
    space = vars(importlib.import_module(place)) if isinstance(place, str) else place
    made = marshal.loads(code)
    if text:
        linecache.cache.setdefault(
            made.co_filename, (len(text), None, text.splitlines(keepends=True), made.co_filename)
        )
    return types.FunctionType(made, space, closure=closure)


def fill(function: types.FunctionType, state: Any) -> None:
    """Give a copy what its original held."""
    told, attributes, held, read = state
    for name, value in zip(_TOLD, told, strict=True):
        setattr(function, name, value)
    vars(function).update(attributes)
    for cell, contents in zip(function.__closure__ or (), held, strict=True):
        if contents:
            cell.cell_contents = contents[0]
    if read:
        function.__globals__.update(read)
