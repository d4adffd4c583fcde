"""What the user puts into installed modules and classes: ``pd.DataFrame.total = total``, ``tools.URL = "…"``."""

from __future__ import annotations

import builtins
import functools
import itertools
import sys
import types
from collections.abc import Collection, Iterable, Iterator, Mapping, ValuesView
from operator import is_
from typing import Any, NamedTuple

from spotmagic.code.function import facts
from spotmagic.code.origin import file_of, is_user_file, is_user_module
from spotmagic.code.texts import Chain
from spotmagic.code.wrapped import unwrapped
from spotmagic.keys.guards import MISSING, Guards
from spotmagic.reads import stand_ins, standing
from spotmagic.values.encode import SCALARS
from spotmagic.values.notes import is_secret_name
from spotmagic.values.state import attributes

Member = tuple[type, str, Any]
_FIXED = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE: nothing can be put there


def named(
    module: types.ModuleType, chains: frozenset[Chain], guards: Guards
) -> Iterator[tuple[Mapping[str, Any], Chain, Chain]]:
    """What code takes from an installed module that may be the user's choice: the namespace, the way there and beyond.

    Plain values of packages are settings, as ``openai.base_url``; those of Python itself say nothing of the user, and
    credentials only log in.
    """
    of_python = module.__name__.partition(".")[0] in sys.stdlib_module_names
    for chain in sorted(chains):
        space = vars(module)
        for place, step in enumerate(chain):
            value = unwrapped(space.get(step))
            if isinstance(value, types.ModuleType) and not is_user_module(value.__name__):
                space = vars(value)
                continue
            scalar = type(value) in SCALARS and value is not None and not of_python and not is_secret_name(step)
            if scalar or _by_user(value) or (issubclass(type(value), type) and members(value)):
                yield space, chain[: place + 1], chain[place + 1 :]
            elif step in space and stand_ins.ours_for(value) is None:  # what reads has another in its place in a run
                guards.name(space, step, space[step])
            break


def members(kind: type) -> list[Member]:
    """What the user put into an installed class or one of its bases: methods, and accessors around classes of his.

    It is looked for anew once a member of the class is another than it was: also where one stands in another's place.
    """
    return [found for base in kind.__mro__ if not base.__flags__ & _FIXED for found in own_members(base)]


def classes(packages: frozenset[str], function: Any = None) -> list[type]:
    """The installed classes into which a user of these packages may put something, with their bases.

    Objects of them are made where no name of the code tells: ``pd.read_csv(path).mine()``.

    Args:
        function: one of the user's, in whose namespace names may lead to other classes.
    """
    known = _of_packages(packages, len(sys.modules))
    if not isinstance(function, types.FunctionType) or not is_user_module(function.__module__):
        return known
    return _each([*known, *_in(function.__globals__)])


def among(packages: frozenset[str]) -> list[type]:
    """Those of the classes into which the user did put something."""
    kinds = _of_packages(packages, len(sys.modules))
    known = _among.get(packages)
    if known is None or known.kinds is not kinds or not known.holds():
        if len(_among) >= _MOST:
            _among.clear()
        spaces = [vars(kind).values() for kind in kinds]
        # Before they are looked at: what another thread puts there meanwhile is found to be another the next time.
        held = [*itertools.chain.from_iterable(spaces)]
        known = _among[packages] = _Among(kinds, spaces, held, [kind for kind in kinds if own_members(kind)])
    return known.found


class _Among(NamedTuple):
    """What many classes held when somebody looked, as one list, and those into which the user did put something."""

    kinds: list[type]
    spaces: list[ValuesView[Any]]
    held: list[Any]
    found: list[type]

    def holds(self) -> bool:
        """Whether all is as it was, compared as in :func:`own_members`: each miss asks, of thousands of members."""
        try:
            each = map(is_, itertools.chain.from_iterable(self.spaces), self.held)
            return sum(map(len, self.spaces)) == len(self.held) and all(each)
        except RuntimeError:  # another thread is putting something in
            return False


_among: dict[frozenset[str], _Among] = {}


def put_in(packages: frozenset[str], names: Collection[str]) -> list[Member]:
    """What of these names the user put into classes of packages."""
    spaces = [(base, vars(base)) for base in _of_packages(packages, len(sys.modules))] if packages else ()
    found = [(base, name, standing.behind(space[name])) for base, space in spaces for name in names if name in space]
    return [one for one in found if _holds_users(one[2])]


@functools.lru_cache(maxsize=256)
def _of_packages(packages: frozenset[str], _: int) -> list[type]:
    known = [sys.modules[name] for name in sorted(packages) if name in sys.modules and not is_user_module(name)]
    return _each(base for module in known for base in _in(vars(module)))


def _in(space: Mapping[str, Any]) -> Iterator[type]:
    kinds = [one for one in list(space.values()) if issubclass(type(one), type)]
    for base in _each(base for kind in kinds for base in type.__dict__["__mro__"].__get__(kind)):
        if not base.__flags__ & _FIXED and not _by_user(base):
            yield base


def _each(kinds: Iterable[type]) -> list[type]:
    """Each class once. It is told by what it is: a metaclass may have an ``__eq__`` that warns, raises or lies."""
    return list({id(kind): kind for kind in kinds}.values())


class _Looked(NamedTuple):
    """What a class held when somebody looked, and what of it the user put there."""

    base: type
    held: list[Any]
    members: list[Member]


_known: dict[int, _Looked] = {}  # by the identity of the class, which is held
_MOST = 4096


def own_members(base: type) -> list[Member]:
    """What the user put into an installed class itself."""
    # Compared by identity, value by value: it costs no hash of theirs, and sees a method put in another's place.
    space, looked = vars(base), _known.get(id(base))
    if looked is None or len(looked.held) != len(space) or not all(map(is_, space.values(), looked.held)):
        if _by_user(base):
            return []
        if len(_known) >= _MOST:
            _known.clear()
        held = [(name, standing.behind(value)) for name, value in list(space.items())]
        found = [(base, name, value) for name, value in held if _holds_users(value)]
        looked = _known[id(base)] = _Looked(base, [*space.values()], found)
    return looked.members


def _holds_users(value: Any) -> bool:
    if type(value) is types.FunctionType and not is_user_module(value.__globals__.get("__name__")):
        return False
    if isinstance(value, staticmethod | classmethod | property):
        value = value.fget if isinstance(value, property) else value.__func__
    return _by_user(unwrapped(value)) or (
        not isinstance(value, type | types.FunctionType)
        and not is_user_module(type(value).__module__)
        and any(_by_user(one) for one in attributes(value).values())
    )


def _by_user(value: Any) -> bool:
    """Whether it is a function or class that the user wrote, an object of such a class, or a mock."""
    if type(value) is types.FunctionType:
        home = value.__globals__.get("__name__")  # a library that makes functions of text names their files as it likes
        return is_user_module(home) and is_user_file(file_of(value.__code__))
    kind = value if issubclass(type(value), type) else type(value)
    return is_user_module(kind.__module__) or kind.__module__ == "unittest.mock"


def where(space: dict[str, Any], name: str, guards: Guards) -> dict[str, Any]:
    """The namespace in which code of this one finds a name: its own, or Python's where the user put it there.

    Python's own names, and what a package put beside them to be called, count by name alone.
    """
    if name in space:
        return space
    value = vars(builtins).get(name, MISSING)
    if value is MISSING or name.startswith("__") or value is Ellipsis or value is NotImplemented:
        return space
    if not (_by_user(unwrapped(value)) or _is_ones_own(value)):
        return space
    guards.name(space, name, MISSING)
    return vars(builtins)


def _is_ones_own(value: Any) -> bool:
    """Whether somebody put it among Python's names who is no package: data and bound methods, but no function."""
    if isinstance(value, types.BuiltinFunctionType | types.MethodType):
        value = value.__self__
        if isinstance(value, types.ModuleType):
            return False
    home = type(value).__module__.partition(".")[0]
    return not isinstance(value, types.FunctionType | type) and home in sys.stdlib_module_names - {"_sitebuiltins"}


def touched(
    packages: frozenset[str], root: Any, functions: Iterable[types.FunctionType], guards: Guards
) -> Iterator[type]:
    """The classes into which the user put something, of which objects may be made. What functions read is watched."""
    read = frozenset().union(*(facts(one).loads for one in functions))
    for kind in classes(packages, root):
        if own_members(kind):
            yield kind
        for name in read & vars(kind).keys():
            guards.member(kind, name)
