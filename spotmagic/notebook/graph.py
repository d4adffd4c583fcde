"""The objects behind a namespace: what holds what, in an order that is the same wherever the values are the same."""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import functools
import gc
import hashlib
import operator
import pathlib
import types
import uuid
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any

from spotmagic.code.origin import is_user_module
from spotmagic.code.wrapped import Bound, Wrapped, closed_over, unwrapped
from spotmagic.codecs.references import has_own_name
from spotmagic.values.handles import reaches_out
from spotmagic.values.patience import check, uncollected
from spotmagic.values.settings import derived

ATOMS: frozenset[type] = frozenset(
    {
        type(None), bool, int, float, complex, str, bytes, range, slice, type(Ellipsis), type(NotImplemented),
        dt.date, dt.datetime, dt.time, dt.timedelta, dt.timezone, decimal.Decimal, fractions.Fraction, uuid.UUID,
        pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePosixPath, pathlib.PureWindowsPath, types.ModuleType,
        types.CodeType, types.BuiltinFunctionType, property, classmethod, staticmethod, types.MappingProxyType,
        types.GetSetDescriptorType, types.MemberDescriptorType, types.WrapperDescriptorType,
        types.MethodDescriptorType, types.ClassMethodDescriptorType,
    }
)  # fmt: skip
"""Types whose values hold nothing that another name could share and see change."""

BOXES, _FROZEN = frozenset({list, tuple, set, frozenset, dict}), frozenset({tuple, frozenset})
_REBUILT = frozenset({"builtins", "collections", "functools", "types"})
_LEAF_PACKAGES = frozenset({"numpy", "pandas", "polars", "pyarrow", "torch", "PIL"})
_KNOWN_INSIDES = BOXES | {types.SimpleNamespace, object, deque, OrderedDict, defaultdict}
_PYTHON_CLASS = 1 << 9  # Py_TPFLAGS_HEAPTYPE, as in the standard library's copyreg
_SEALING = (set, frozenset, types.FunctionType, types.MethodType)  # sets list their items in any order, figures too


def is_atom(value: object) -> bool:
    """Whether it does not matter which object this is."""
    return type(value) in ATOMS or isinstance(value, type)


def is_code(value: object) -> bool:
    """Whether a value counts in keys by the code it is, not by what it holds."""
    value = unwrapped(value)
    if isinstance(value, types.MethodType):  # a method of an object counts and changes with that object
        return isinstance(value.__self__, type | types.ModuleType)
    return isinstance(value, types.FunctionType | types.BuiltinFunctionType | types.ModuleType | type)


def is_leaf(value: object) -> bool:
    """Whether a library keeps the insides of this value to itself: an array, a frame, a tensor, an image."""
    package, _, rest = type(value).__module__.partition(".")
    if package in ("numpy", "torch") and is_open(value):  # a polynomial, a layer, an optimizer
        return False
    if package == "sympy":
        return any(base.__name__ == "Basic" for base in type(value).__mro__)  # a formula, which notes what it was asked
    if package == "pandas":
        return rest.startswith(("core.frame", "core.series", "core.indexes", "core.arrays", "_libs")) or not rest
    return package in _LEAF_PACKAGES


def is_array(value: Any) -> bool:
    """Whether this is a numpy array, of whichever class."""
    kind: Any = type(value)
    return _is_array_class(kind)


@functools.lru_cache(maxsize=1024)
def _is_array_class(kind: Any) -> bool:
    return any(base.__name__ == "ndarray" and base.__module__ == "numpy" for base in kind.__mro__)


def shows_memory(value: Any) -> bool:
    """Whether this is an array, or a row of one with fields, which shows the memory of that array."""
    return is_array(value) or (type(value).__name__ in ("void", "record") and is_array(getattr(value, "base", None)))


def owner(array: Any) -> Any:
    """The array whose memory an array shows, itself where it has its own."""
    while is_array(array.base):
        array = array.base
    return array


def children(value: Any) -> list[Any]:
    """The objects a value holds, in an order that equal values share (but for sets)."""
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return list(value)
    if kind is dict:
        return [*value, *value.values()]
    if isinstance(value, Wrapped):
        return [value.__wrapped__, *vars(value).values()]
    if kind in ATOMS or isinstance(value, type) or (reaches_out(kind) and kind is not Bound):
        return []
    if is_array(value):
        return [*owners(value), *_items(value)]
    if is_leaf(value):
        return owners(value) if shows_memory(value) else []
    if isinstance(value, types.FunctionType):
        return [*closed_over(value).values(), value.__defaults__, value.__kwdefaults__, *value.__dict__.values()]
    if isinstance(value, types.MethodType | Bound):
        return [value.__self__, value.__func__]
    if kind.__module__.startswith("matplotlib."):  # all that is drawn in a figure leads to all the rest of it
        drawn = getattr(value, "figure", None)
        return [*(value if isinstance(value, tuple) else ()), *([] if drawn in (None, value) else [drawn])]
    found = [part for _, part in attributes(value)]
    if isinstance(value, dict):
        items = OrderedDict.items(value) if isinstance(value, OrderedDict) else dict.items(value)
        found += [part for pair in items for part in pair]
    elif isinstance(value, list | tuple | set | frozenset | deque):
        found += value
    elif not (hasattr(value, "__dict__") and (is_open(value) or isinstance(value, BaseException))):
        own = getattr(value, "__dict__", None)
        found += [part for part in gc.get_referents(value) if part is not kind and part is not own]
    return found


def links(value: Any) -> list[Any]:
    """The objects a value holds, where a hit can make it hold those very objects again.

    What is drawn is kept whole, with copies of what it holds.
    """
    return [] if type(value).__module__.startswith("matplotlib.") else children(value)


def is_visible(value: Any) -> bool:
    """Whether people see what an object holds: their own containers and objects, not what a library keeps in its."""
    kind = type(value)
    return kind in BOXES or is_array(value) or kind.__module__ in _REBUILT or is_user_module(kind.__module__)


def attributes(value: Any) -> list[tuple[str, Any]]:
    """The attributes an object keeps in its ``__dict__`` and slots, by name."""
    found = dict(getattr(value, "__dict__", None) or {})
    for name, slot in slots(type(value)):
        if name not in found:
            try:
                found[name] = slot.__get__(value)
            except AttributeError:
                continue
    return sorted(found.items())


def slots(kind: Any) -> tuple[tuple[str, types.MemberDescriptorType], ...]:
    """The slots of a class and its bases, by name; the nearest first."""
    return _slots(kind)


@functools.lru_cache(maxsize=1024)
def _slots(kind: Any) -> tuple[tuple[str, types.MemberDescriptorType], ...]:
    found = [pair for base in kind.__mro__ for pair in vars(base).items()]
    return tuple((name, slot) for name, slot in found if isinstance(slot, types.MemberDescriptorType))


def is_open(value: Any) -> bool:
    """Whether all that an object holds is seen: attributes, slots, items, and nothing a type in C keeps to itself.

    What a handle holds is its own business.
    """
    return _is_open_class(type(value))  # type: ignore[arg-type]  # classes can be hashed


@functools.lru_cache(maxsize=1024)
def _is_open_class(kind: Any) -> bool:
    if reaches_out(kind):
        return False
    for base in kind.__mro__:
        made_in_c = not base.__flags__ & _PYTHON_CLASS or getattr(vars(base).get("__new__"), "__self__", None) is base
        if made_in_c:
            return base in _KNOWN_INSIDES
    return False


def owners(array: Any) -> list[Any]:
    """The arrays that an array and its mask are views of."""
    mask = getattr(array, "_mask", None)
    found = [owner(one) for one in ((array, mask) if is_array(mask) else (array,))]
    return [one for one in found if one is not array]


def _items(array: Any) -> list[Any]:
    """The objects that an array holds."""
    held = list(array.ravel().tolist()) if array.dtype.kind == "O" else []
    return held if is_leaf(array) else [*held, *(part for _, part in attributes(array))]


def shape(value: Any) -> list[Any]:
    """What tells whether an object itself was changed: its children, by identity, and its attributes' names."""
    kind = type(value)
    if kind in BOXES:
        return children(value)
    if kind is bytearray:
        return [bytes(value)]
    return [tuple(name for name, _ in attributes(value)), *children(value)]


def same_shape(before: list[Any], now: list[Any]) -> bool:
    """Whether two shapes of one object show no change in itself."""
    return len(before) == len(now) and (
        all(map(operator.is_, before, now))
        or all(
            a is b or (type(a) is type(b) and type(a) in (bytes, tuple) and a == b)
            for a, b in zip(before, now, strict=True)
        )
    )


class Live:
    """The objects that a cell's inputs hold, each known by the input's name and its place there.

    Wherever the inputs are the same, :meth:`at` gives the corresponding objects: so a result can refer to them.

    Args:
        strangers: inputs that are known to hold other values than those referred to: nothing inside them corresponds.

    Attributes:
        shapes: of each plain container, by id, what :func:`shape` said of it.
        sealed: inputs in which objects are held by sets or functions, where they have no place.
    """

    def __init__(self, inputs: Mapping[str, Any], strangers: Container[str] = ()) -> None:
        self._strangers = strangers
        self._objects: dict[str, list[Any]] = {}
        self._forms: dict[str, str] = {}
        self._sure: dict[str, int] = {}
        self._over: dict[int, list[Any]] = {}
        self._held: list[Any] = []  # memories that nobody else may hold: their ids are asked for
        self.sealed: set[str] = set()
        self.shapes: dict[int, list[Any]] = {}
        self.include(inputs)

    def include(self, more: Mapping[str, Any]) -> None:
        """Know what these hold as well, where nothing that is known already holds it."""
        self.__dict__.pop("_places", None)
        with uncollected():
            for name in sorted(more):
                found = self._objects[name] = []
                self._walk(name, more[name], found)

    def _walk(self, name: str, value: Any, found: list[Any]) -> None:
        seen: set[int] = set()
        todo, late = [value], list[Any]()
        while todo or late:
            if not todo:  # what objects made of the rest when they were asked is there in one kernel and not in another
                self._sure.setdefault(name, len(found))
                todo, late = late, []
            one = todo.pop()
            here, kind = id(one), type(one)
            if here in seen or kind in ATOMS or isinstance(one, type):
                continue
            seen.add(here)
            found.append(one)
            if not len(found) & 1023:
                check()
            if kind in BOXES:
                inside = self.shapes[here] = [*one, *one.values()] if kind is dict else [*one]
                if ATOMS.issuperset(map(type, inside)):
                    continue
                if kind is set or kind is frozenset:
                    self.sealed.add(name)
                else:
                    todo += reversed(inside)
                continue
            inside = _items(one) if is_array(one) else [] if shows_memory(one) else children(one)
            for memory in owners(one) if is_array(one) else ():
                self._held.append(memory)
                self._over.setdefault(id(memory), []).append(one)
            if ATOMS.issuperset(map(type, inside)):
                continue
            if isinstance(one, _SEALING) or kind.__module__.startswith("matplotlib."):
                self.sealed.add(name)
                continue
            filled: frozenset[str] = derived(kind)  # type: ignore[arg-type]  # classes can be hashed
            own = getattr(one, "__dict__", None) if filled else None
            made = {id(own[attribute]) for attribute in filled & own.keys()} if isinstance(own, dict) else ()
            todo += reversed([part for part in inside if id(part) not in made] if made else inside)
            late += [part for part in inside if id(part) in made] if made else ()

    @functools.cached_property
    def _places(self) -> dict[int, tuple[str, int]]:
        """The first place of each object, by id. Most cells never ask, and the walk is before each run."""
        found: dict[int, tuple[str, int]] = {}
        for name, objects in reversed(self._objects.items()):
            found.update((id(one), (name, place)) for place, one in enumerate(objects))
        return found

    def place(self, value: object) -> tuple[str, int] | None:
        """Where the inputs hold this very object."""
        return self._places.get(id(value))

    def lasts(self, name: str, place: int) -> bool:
        """Whether an object is there in any kernel: not one that another made of itself when it was asked."""
        return place < self._sure.get(name, place + 1)

    def over(self, memory: object) -> list[Any]:
        """The arrays in the inputs that are views of this one, which itself nobody may hold."""
        return self._over.get(id(memory), [])

    def at(self, name: str, place: int, form: str) -> Any:
        """The object at a place of an input that had this form; ``LookupError`` if it holds others now."""
        found = self._objects[name]
        if place and (name in self._strangers or self.form(name) != form):
            raise LookupError(f"{name} is made otherwise now")
        return found[place]

    def form(self, name: str) -> str:
        """A short text that tells how many objects of which types an input holds in any kernel, in order."""
        if name not in self._forms:
            kinds = "\n".join(type(one).__qualname__ for one in self._objects[name][: self._sure.get(name)])
            self._forms[name] = hashlib.blake2b(kinds.encode(), digest_size=6).hexdigest()
        return self._forms[name]

    def objects(self, name: str) -> list[Any]:
        """What an input holds, itself first; nothing for an atom."""
        return self._objects.get(name, [])

    def knows_any(self, level: Iterable[Any]) -> bool:
        """Whether one of these objects is held by the inputs."""
        known = self._places.keys() | self._over.keys() if self._over else self._places.keys()
        return bool(known) and not known.isdisjoint(map(id, level))


def groups(values: Mapping[str, Any], bound: Container[str] = ()) -> list[tuple[str, ...]]:
    """The names in groups, so that no object that can change is reachable from two groups.

    Of ``x = []``, ``{"a": x, "b": [x], "c": 1}`` gives ``[("a", "b"), ("c",)]``: ``a`` and ``b`` come back together.
    Two functions of one call share its variables, which each of them may bind anew.

    Args:
        bound: names that the cell binds: functions of all other names are kept as these.
    """
    first_of: dict[int, str] = {}
    leader = {name: name for name in values}

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]  # halves the way for whoever asks next
            name = leader[name]
        return name

    for name, value in values.items():
        for level in levels(value):
            for one in level:
                if type(one) in _FROZEN or is_atom(one) or isinstance(one, Wrapped):
                    continue
                is_function = isinstance(one, types.FunctionType)
                if is_function and has_own_name(one, bound):
                    continue
                for part in (one, *(one.__closure__ or ())) if is_function else (one,):
                    first = first_of.setdefault(id(part), name)
                    if first is not name:
                        leader[find(name)] = find(first)
    found: dict[str, list[str]] = {}
    for name in values:
        found.setdefault(find(name), []).append(name)
    return [tuple(names) for names in found.values()]


def share_memory(values: Iterable[Any]) -> bool:
    """Whether two arrays among these values are views of one array, or one of the other."""
    shown: dict[int, set[int]] = {}
    for value in values:
        for level in levels(value, lambda one: links(one) if is_visible(one) and not is_array(one) else []):
            for one in level:
                for memory in (owners(one) or [one]) if shows_memory(one) else ():
                    shown.setdefault(id(memory), set()).add(id(one))
    return any(len(views) > 1 for views in shown.values())


def levels(value: Any, inside: Callable[[Any], list[Any]] = children) -> Iterator[list[Any]]:
    """What a value reaches, nearest first; an object may come more than once. Plain containers open fast.

    Args:
        inside: what an object holds that is no plain container.
    """
    level = [value]
    seen: set[int] = set()
    while not ATOMS.issuperset(map(type, level)):
        check()
        level = [one for one in level if type(one) not in ATOMS and id(one) not in seen]
        seen.update(map(id, level))
        yield level
        boxes = [one for one in level if type(one) in BOXES]
        following = gc.get_referents(*boxes) if boxes else []  # their items in one step in C
        if len(boxes) < len(level):
            for one in level:
                if type(one) not in BOXES:
                    following += inside(one)
        level = following
