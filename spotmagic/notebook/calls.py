"""What the code of a cell can call, and what libraries call back: marked functions, ``random``, watchers of widgets."""

from __future__ import annotations

import functools
import logging
import random
import re
import sys
import types
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Literal

from spotmagic.code.cell import CellCode
from spotmagic.code.function import facts
from spotmagic.code.origin import is_user_module
from spotmagic.code.wrapped import Bound, Wrapped, closed_over
from spotmagic.errors import Uncacheable
from spotmagic.keys.owned import is_users
from spotmagic.notebook.graph import ATOMS, BOXES, is_code, is_leaf
from spotmagic.spot import Spot
from spotmagic.spot.mark import MarkedFunction
from spotmagic.values.state import reduction

Sort = Literal["atom", "reference", "function", "dict", "row", "closed", "copied by rule", "object"]
_FEW = 100  # items of a container that are looked at: functions and threads are kept in short ones
_RUNNERS = frozenset({"Thread", "BaseProcess"})
_MANY = 3000  # objects that are looked at in what is to be kept
_GLOBAL = getattr(random.random, "__self__", None)
_MARKS = re.compile(r"\.(mark|map|amap|submit|cached_run)\b")


def called_back(value: Any, most: int = 300, *, copied: bool = False, known: dict[int, Any] | None = None) -> list[Any]:
    """The user's functions and classes that objects of libraries hold: watchers of widgets, handlers of loggers.

    Copies of such objects leave them out as a rule, and so does what such an object counts as.

    Args:
        most: how many objects are looked at.
        copied: look at what a copy would hold.
        known: objects that hold none, by id; it takes in those that are looked at.
    """
    if type(value) in ATOMS and value is not logging:
        return []
    found: list[Any] = []
    seen = {} if known is None else known  # each lives as long: the id of one that is gone would be the next one's
    if id(value) in seen:
        return []
    seen[id(value)] = value
    most += len(seen)
    users: dict[Any, bool] = {}
    todo = deque([logging.root] if value is logging else _parts(value, copied))
    while todo and len(seen) < most:
        one = todo.popleft()
        kind: Any = type(one)
        if kind in ATOMS:
            continue
        sort = _sort(kind)
        if sort == "reference":
            one = one()
            kind = type(one)
            sort = _sort(kind)
        if sort == "atom" or id(one) in seen:
            continue
        seen[id(one)] = one
        if sort == "function":
            held = one.func if isinstance(one, functools.partial) else one
            if is_user_module(getattr(held, "__module__", None)):
                found.append(one)
            continue
        if kind not in users:
            users[kind] = is_users(kind)
        if users[kind]:
            found.append(kind)
        todo += _parts(one, copied)  # nearest first: what is near is found before the most is reached
    return found


def is_callable(value: Any) -> bool:
    """Whether a value is code, or a method of an object."""
    return isinstance(value, types.MethodType) or is_code(value)


def unlike(objects: Iterable[Any], kinds: set[Any]) -> Iterator[Any]:
    """Those of many objects that may be code, and of those that are none one of each class, which counts for all.

    Whether an object is code hangs on its class alone, but for proxies, which say of themselves what they are.

    Args:
        kinds: the classes of which one came before; it takes in others.
    """
    for one in objects:
        kind: Any = type(one)
        if kind in kinds:
            continue
        is_proxy = any("__class__" in vars(base) for base in kind.__mro__[:-1])
        if not (is_proxy or is_callable(one) or isinstance(one, functools.partial)):
            kinds.add(kind)
        yield one


@functools.lru_cache(maxsize=4096)
def _sort(kind: Any) -> Sort:
    """How :func:`called_back` takes objects of a class."""
    if kind in ATOMS or issubclass(kind, type | Wrapped | Bound):
        return "atom"
    if issubclass(kind, weakref.ReferenceType):
        return "reference"
    if issubclass(kind, types.FunctionType | types.MethodType | functools.partial):
        return "function"
    if issubclass(kind, dict):
        return "dict"
    if issubclass(kind, list | tuple | set):
        return "row"
    closed = issubclass(kind, types.BuiltinFunctionType | types.ModuleType) or kind.__module__.startswith("spotmagic.")
    return "closed" if closed else "copied by rule" if kind.__reduce_ex__ is object.__reduce_ex__ else "object"


def holds_thread(value: Any, depth: int = 2) -> bool:
    """Whether a value is a thread or process, or a short container of some. What one runs is not seen from outside."""
    if type(value) in BOXES:
        few = islice(value.values() if isinstance(value, dict) else value, _FEW)
        return depth > 0 and any(holds_thread(one, depth - 1) for one in few)
    return type(value) not in ATOMS and any(base.__name__ in _RUNNERS for base in type(value).__mro__)


def is_shell(value: Any) -> bool:
    """Whether a value is the shell of the notebook, through which code reads and binds what it does not name."""
    return type(value) not in ATOMS and any(base.__name__ == "InteractiveShell" for base in type(value).__mro__)


def refuse_lost_callbacks(values: Mapping[str, Any]) -> None:
    """Raise :class:`Uncacheable` if a copy of a variable would not call back what it was given."""
    known: dict[int, Any] = {}
    for name, value in values.items():
        back = called_back(value, _MANY, known=known)
        if len(back) > len(called_back(value, _MANY, copied=True) if back else ()):
            why = f"a copy of it would not call `{getattr(back[0], '__name__', 'a function')}`, which it was given"
            raise Uncacheable(f"`{name}` cannot be kept", why, path=name)
        if back:
            known = {}


def _parts(value: Any, copied: bool) -> list[Any]:
    """What an object holds in its attributes, or a container as its first items."""
    kind: Any = type(value)
    sort = _sort(kind)
    if sort in ("dict", "row"):
        items = list(islice(dict.values(value) if sort == "dict" else value, _FEW))
        return [] if ATOMS.issuperset(map(type, items)) else items
    if sort in ("atom", "closed") or is_leaf(value) or is_code(value):
        return []
    if copied and sort == "copied by rule":
        try:
            made = reduction(value)
        except Exception:
            return []
        return list(made[1:3]) if isinstance(made, tuple) else []
    return list((getattr(value, "__dict__", None) or {}).values())


def leads_to_marked(ns: Mapping[str, Any], code: CellCode) -> bool:
    """Whether the cell can call a marked function that has no limiter of its own.

    A cell that calls them in ways which cannot be seen is taken for one that does not: then it counts as one request,
    and its calls as well.
    """
    marks = _MARKS.search(code.normal) is not None
    if marks and any("spotmagic" in source for source in code.definitions):
        return True
    for one in _leads_to(ns, code):
        if (isinstance(one, MarkedFunction) and one.marked.gate is None) or (marks and isinstance(one, Spot)):
            return True
    return False


def names_random(ns: Mapping[str, Any], code: CellCode) -> bool:
    """Whether the user's code names the module ``random`` or something from it.

    Libraries draw from it for themselves, for the pauses between attempts as a rule, and that changes no result.
    """
    if re.search(r"(?<![.\w])random\b", code.normal) or any(map(_holds_random, list(sys.modules.values()))):
        return True
    return any(one is random or getattr(one, "__self__", None) is _GLOBAL for one in _leads_to(ns, code))


def _holds_random(module: Any) -> bool:
    """Whether a module of the user has imported ``random``: it may have seeded it."""
    if not isinstance(module, types.ModuleType) or module.__name__ == "__main__" or not is_users(module):
        return False
    return any(value is random for value in list(vars(module).values()))


def _leads_to(ns: Mapping[str, Any], code: CellCode) -> Iterator[Any]:
    """The inputs of a cell and what they hold and name, as far as it could be called."""
    seen: set[int] = set()
    todo = [ns[name] for name in sorted(code.reads) if name in ns]
    while todo:
        one = todo.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            todo += _inside(one, code.attributes)


def _inside(one: Any, attributes: frozenset[str]) -> Iterator[Any]:
    """What a value holds or names that could be called."""
    if isinstance(one, types.FunctionType):
        yield from _names_in(one)
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


def _names_in(function: types.FunctionType) -> Iterator[Any]:
    """What a function of the user can name, and what it wraps."""
    if "__wrapped__" in vars(function):
        yield vars(function)["__wrapped__"]
    yield from closed_over(function).values()
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
