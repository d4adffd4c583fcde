"""Where functions that read stand, so that those which note can stand in for them while a run is watched."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Collection, Iterable
from operator import itemgetter
from types import BuiltinFunctionType, CellType, FunctionType
from typing import Any

from spotmagic.reads import imports, natives

true_open = io.open  # builtins.open, which another stands in for while a run is watched

# Who looks at source does not read data; the rest is Python's, ours, or the user's cells.
_LEFT_ALONE = frozenset({"tokenize", "linecache", "builtins", "io", "_io", "spotmagic", "__main__"})
_LEFT_ALONE |= {"os", "posix", "nt", "glob", "importlib", "_frozen_importlib_external", "zipimport"}

_FUNCTIONS = frozenset({FunctionType, BuiltinFunctionType})

_Place = tuple[Any, str, Any, Any]  # a namespace or the cell of a closure, a name, the true function and ours
_ours_by_id: dict[int, Any] = {}
_found: dict[int, natives.Swap] = {}  # by namespace
_back: dict[int, natives.Swap] = {}
_given: dict[tuple[int, str], _Place] = {}  # where code of the user's has a true function under a name of its own
_searched: dict[str, int] = {}
_installed = False
_guard = threading.Lock()


def add(places: Iterable[_Place]) -> None:
    """Let functions be put into these places. Those in Python find the noting ones by name, whoever holds them."""
    for space, name, true, ours in places:
        _, known, instead = _found.setdefault(id(space), (space, {}, {}))
        _back.setdefault(id(space), (space, instead, known))
        known[name], instead[name] = true, ours
        if type(true) is not FunctionType:
            _ours_by_id[id(true)] = ours
        if type(ours) is not FunctionType:  # a stream, which is given on as a value
            _ours_by_id[id(ours)] = ours


def ours_for(value: Any) -> Any:
    """What notes in the place of a function that reads files or asks for them, or None for any other."""
    if (ours := _ours_by_id.get(id(value))) is not None:
        return ours
    kind = type(value)  # nothing is asked of a value of the user's, which might answer
    if kind not in _FUNCTIONS and kind.__name__ != "cython_function_or_method":
        return None
    return natives.ours_for(value)


def unseen(value: Any, *, held: bool = False) -> str:
    """Why what a value reads cannot be noted, or "": it is one of those functions, held where nothing can stand in.

    Args:
        held: it was found inside another value: ``open`` is in every namespace that a library keeps.
    """
    if ours_for(value) is None or (held and value is true_open):
        return ""
    name = getattr(value, "__name__", "sys.stdin")
    return f"it is given `{name}` as a value, so what that reads cannot be seen: call it by its name"


def stand_in(place: dict[str, Any] | CellType, name: str, value: Any) -> bool:
    """Whether what reads is noted, where code has a function under a name of its own: ``from os import listdir``.

    Args:
        place: the namespace or the cell of a closure that holds the function.
    """
    ours = ours_for(value)
    if ours is not None and (id(place), name) not in _given:
        with _guard:
            _given[id(place), name] = one = (place, name, value, ours)
            if _installed:
                _put(one, value, ours)
    return ours is not None


def _put(place: _Place, old: Any, new: Any) -> None:
    where, name, _, _ = place
    if isinstance(where, CellType):
        if where != CellType() and where.cell_contents is old:
            where.cell_contents = new
    elif where.get(name) is old:
        where[name] = new


def forked() -> None:
    """In a forked child: another thread may have been in the middle of it."""
    global _guard
    _guard = threading.Lock()


def install() -> None:
    """Put the noting functions in their places."""
    global _installed
    with _guard:
        _installed = True
        natives.swap(_taken())
        for place in _given.values():
            _put(place, place[2], place[3])


def remove() -> None:
    """Put back what was there."""
    global _installed
    with _guard:
        _installed = False
        natives.swap(_back.values())
        for place in _given.values():
            _put(place, place[3], place[2])


_modules: tuple[int, str, int] = 0, "", 0  # how many were loaded at the last search, and which of them last


def _taken() -> Collection[natives.Swap]:
    """Where the true functions are, and where modules keep them, such as ``bz2`` and IPython, cells left out."""
    global _modules
    last = next(reversed(sys.modules))
    now = len(sys.modules), last, id(sys.modules[last])
    if now == _modules:
        return _found.values()
    _modules, known = now, _ours_by_id.keys()
    natives.arrived()
    for module_name, module in sys.modules.copy().items():
        if _searched.get(module_name) == id(module):
            continue
        _searched[module_name] = id(module)
        space = getattr(module, "__dict__", None)
        if type(space) is dict:
            imports.met(module_name, module, space)
        if type(space) is dict and module_name.partition(".")[0] not in _LEFT_ALONE:
            items = list(space.items())
            if known.isdisjoint(map(id, map(itemgetter(1), items))):
                continue
            for name, value in items:
                ours = _ours_by_id.get(id(value))
                if ours is not None:
                    add([(space, name, value, ours)])
    return _found.values()
