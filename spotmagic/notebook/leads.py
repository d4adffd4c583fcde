"""What a cell leads to: marked functions, random numbers. Found from what its inputs are and reach, without a run."""

from __future__ import annotations

import ast
import functools
import random
import re
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

from spotmagic.code.cell import CellCode
from spotmagic.code.function import facts
from spotmagic.code.wrapped import Bound, Wrapped
from spotmagic.keys.owned import is_users
from spotmagic.spot import Spot
from spotmagic.spot.mark import MarkedFunction

_FEW = 100  # items of a container that are looked at: functions are kept in short ones
_GLOBAL = getattr(random.random, "__self__", None)
_MARKS = re.compile(r"\.(mark|map|amap|submit|cached_run)\b")


def leads_to_marked(ns: Mapping[str, Any], code: CellCode) -> bool:
    """Whether the cell can call a marked function that has no limiter of its own.

    A cell that calls them in ways which cannot be seen is taken for one that does not: then it counts as one request,
    and its calls as well.
    """
    marks = _MARKS.search(code.normal) is not None
    if marks and any("spotmagic" in source for source in code.definitions):
        return True
    for one in _reached(ns, code):
        if (isinstance(one, MarkedFunction) and one.marked.gate is None) or (marks and isinstance(one, Spot)):
            return True
    return False


def names_random(ns: Mapping[str, Any], code: CellCode) -> bool:
    """Whether the user's code names the module ``random`` or something from it.

    Libraries draw from it for themselves, for the pauses between attempts as a rule, and that changes no result.
    """
    if re.search(r"\brandom\b", code.normal) or any(map(_holds_random, list(sys.modules.values()))):
        return True
    return any(one is random or getattr(one, "__self__", None) is _GLOBAL for one in _reached(ns, code))


def _holds_random(module: Any) -> bool:
    """Whether a module of the user has imported ``random``: it may have seeded it."""
    if not isinstance(module, types.ModuleType) or module.__name__ == "__main__" or not is_users(module):
        return False
    return any(value is random for value in list(vars(module).values()))


def _reached(ns: Mapping[str, Any], code: CellCode) -> Iterator[Any]:
    """The inputs of a cell and what they hold and name, as far as it could be called."""
    attributes = frozenset(node.attr for node in ast.walk(ast.parse(code.source)) if isinstance(node, ast.Attribute))
    seen: set[int] = set()
    todo = [ns[name] for name in sorted(code.reads) if name in ns]
    while todo:
        one = todo.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            todo += _inside(one, attributes)


def _inside(one: Any, attributes: frozenset[str]) -> Iterator[Any]:
    """What a value holds or names that could be called."""
    if isinstance(one, types.FunctionType):
        yield from _named(one)
    elif isinstance(one, types.MethodType | Bound):
        yield from (one.__func__, one.__self__)
    elif isinstance(one, Wrapped):
        yield one.__wrapped__
    elif isinstance(one, functools.partial):
        yield from (one.func, *one.args, *one.keywords.values())
    elif isinstance(one, staticmethod | classmethod):
        yield one.__func__
    elif isinstance(one, property):
        yield one.fget
    elif isinstance(one, types.ModuleType):
        named = (value for name, value in vars(one).items() if name in attributes)
        yield from named if is_users(one) else filter(_is_wrapped, named)
    elif isinstance(one, type):
        if is_users(one):
            yield from (*vars(one).values(), *one.__bases__)
    elif isinstance(one, list | tuple | set | frozenset) and len(one) <= _FEW:
        yield from one
    elif isinstance(one, dict) and len(one) <= _FEW:
        yield from one.values()
    elif not is_users(type(one)):
        yield from filter(_is_wrapped, (getattr(type(one), name, None) for name in attributes))
    else:
        yield from (type(one), *getattr(one, "__dict__", {}).values())


def _is_wrapped(value: Any) -> bool:
    """Whether `%spot_load_ext` put this function of a library under a spot."""
    return isinstance(value, MarkedFunction)


def _named(function: types.FunctionType) -> Iterator[Any]:
    """What a function of the user can name, and what it wraps."""
    if "__wrapped__" in vars(function):
        yield vars(function)["__wrapped__"]
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            continue
    if not is_users(function):
        return
    said, space = facts(function), function.__globals__
    for name, chains in said.names.items():
        if name not in space:
            continue
        value = space[name]
        if isinstance(value, types.ModuleType):
            yield from _inside(value, frozenset(chain[0] for chain in chains if chain))
        yield value
    for one in said.imports:
        module = sys.modules.get(one.module)
        yield module
        yield from (getattr(module, name, None) for name in one.names)
