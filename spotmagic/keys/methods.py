"""Methods: what runs when a name is read from an object, and what that reads and writes.

An attribute that is written and never read is no input. So whether anything that may run reads one must be known: a
method counts when its name is read, whatever decorators stand around it; what else is reached counts as it is.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections import Counter
from collections.abc import Iterable
from typing import Any

from spotmagic.code.function import facts
from spotmagic.code.origin import file_of, is_user_file, is_user_module
from spotmagic.code.wrapped import closed_over, unwrapped
from spotmagic.keys.owned import is_users
from spotmagic.values.state import attributes

_CALLED_FOR_NOBODY = frozenset({"__repr__", "__str__", "__format__", "__del__", "__reduce__", "__getstate__"})
_PARTS = ("fget", "fset", "fdel", "__func__", "func", "args", "keywords", "__wrapped__", "dispatcher")
_STANDARD: tuple[type, ...] = (property, staticmethod, classmethod, functools.cached_property, types.MethodType)
_STANDARD += (functools.partial, functools.partialmethod, functools.singledispatchmethod)
_STANDARD += (type(functools.lru_cache(len)),)
_ASKED = ("__get__", "__set__", "__call__")
_HARMLESS: tuple[type, ...] = (
    type, types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType,
    types.MemberDescriptorType, types.GetSetDescriptorType,
)  # fmt: skip
_MOST = 256  # things that a member leads to


class Callers:
    """How functions were met on a walk: as members of classes, which run when their name is read, or otherwise.

    Attributes:
        passed: the ``id`` of each that was met as a value, so that its callers cannot be seen.
    """

    def __init__(self) -> None:
        self.passed: set[int] = set()
        self._times: Counter[int] = Counter()
        self._names: dict[int, list[str]] = {}

    def meet(self, function: Any, *, passed: bool) -> None:
        """Note a function that is met under a name, or passed as a value."""
        self._times[id(function)] += 1
        if passed:
            self.passed.add(id(function))

    def member(self, name: str, item: Any) -> None:
        """Note the functions that run when a member of a class is read. They are met once more by that."""
        direct = isinstance(item, property | staticmethod | classmethod | functools.cached_property)
        for one in {id(one) for one in (_parts(item) if direct else [item])}:
            self._names.setdefault(one, []).append(name)

    def read_by(self, functions: Iterable[types.FunctionType], root: Any) -> frozenset[str]:
        """The attributes that functions read, of anything; ``*`` for any.

        Args:
            root: what is called. None if it is unknown what is, so that any of them may be.
        """
        waiting = []
        for one in functions:
            names = self._names.get(id(one), [])
            gated = root is not None and one is not root and 0 < self._times[id(one)] <= len(names)
            waiting.append((names if gated else ["__call__"], facts(one).loads))
        read: frozenset[str] = frozenset()
        while named := [loads for names, loads in waiting if any(_runs(name, read) for name in names)]:
            waiting = [(names, loads) for names, loads in waiting if not any(_runs(name, read) for name in names)]
            read = read.union(*named)
        return read


def only_written(kind: type, loads: frozenset[str], own: frozenset[str] | None = frozenset()) -> frozenset[str]:
    """Attributes of a class's objects that reached code writes and never reads.

    Where ``ask`` is called, ``def ask(self, x): self.calls += 1; return self.model(x)`` only writes ``calls``.

    Of the methods, those count whose name is read by something that counts; methods with double underscores always do,
    as nothing names them. A method of an installed base may read any attribute and call any method.

    Args:
        loads: attributes that the code beside the class reads.
        own: attributes that it writes itself; None if it uses the object as a whole.
    """
    if own is None or not is_user_module(kind.__module__):
        return frozenset()
    bases = [base for base in kind.__mro__ if base.__module__ != "builtins"]
    installed = {name for base in bases if not is_user_module(base.__module__) for name in vars(base)}
    users = [item for base in bases if is_user_module(base.__module__) for item in vars(base).items()]
    waiting = [(name, item) for name, item in users if callable(item) or not is_special(name)]
    read, written = set(loads), set(own)
    # What is read grows by each method that may run, until no further one may.
    while named := [item for name, item in waiting if _runs(name, read)]:
        waiting = [(name, item) for name, item in waiting if not _runs(name, read)]
        for member, function in ((item, one) for item in named for one in _behind(item)):
            said = facts(function) if function else None
            own = next(iter(said.parameters.values()), frozenset()) if said else None
            if isinstance(member, staticmethod | classmethod) or (
                function and not is_user_file(file_of(function.__code__))
            ):
                own = frozenset()  # it is given no object of the class, or hands it on to one beside it
            if said is None or own is None:
                return frozenset()
            read |= said.loads
            written |= own
    if "*" in read or not read.isdisjoint(name for name in installed if not is_special(name)):
        return frozenset()
    return frozenset(written - read)


def _runs(name: str, read: frozenset[str] | set[str]) -> bool:
    return name in read or "*" in read or (is_special(name) and name not in _CALLED_FOR_NOBODY)


def is_special(name: str) -> bool:
    """Whether it is a name with double underscores around it."""
    return name.startswith("__") and name.endswith("__")


def _behind(item: Any) -> list[types.FunctionType | None]:
    """The user's functions that a member of a class leads to, through what stands around them; None for unseen code."""
    found: list[types.FunctionType | None] = []
    met: dict[int, Any] = {}
    line = [item]
    while line:
        one = unwrapped(line.pop())
        if id(one) in met:
            continue
        met[id(one)] = one
        if len(met) > _MOST:
            return [None]
        if isinstance(one, types.FunctionType):
            found += [one] if is_users(one) else []
            line += [*closed_over(one).values(), *vars(one).values()]
        elif isinstance(one, list | tuple | dict | types.MappingProxyType):
            line += one.values() if isinstance(one, dict | types.MappingProxyType) else one
        elif _is_code(one):
            line += _parts(one) if isinstance(one, _STANDARD) else attributes(one).values()
            line += [vars(base).get(name) for base in type(one).__mro__ if is_users(base) for name in _ASKED]
    return found if found or not _is_code(item) else [None]


def _is_code(item: Any) -> bool:
    bound = inspect.getattr_static(type(item), "__get__", None) is not None
    return not isinstance(item, _HARMLESS) and (callable(item) or bound)


def _parts(item: Any) -> list[Any]:
    return [getattr(item, part, None) for part in _PARTS]
