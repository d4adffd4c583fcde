"""What code reaches: every function, class, module and value of the user that it can name, followed to the end."""

from __future__ import annotations

import enum
import sys
import types
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from spotmagic.code.function import MUTATORS, Chain, Change, Facts, facts, names_in
from spotmagic.code.origin import is_user, is_user_file, is_user_module
from spotmagic.errors import Uncacheable
from spotmagic.keys import classes, plain
from spotmagic.keys.callables import named
from spotmagic.keys.encode import SCALARS, Encoder
from spotmagic.keys.guards import MISSING, Guards
from spotmagic.keys.notes import Mask, Notes, is_secret_name
from spotmagic.keys.scheme import Kind, Tree, digest, tree
from spotmagic.keys.shapes import take_apart

_CONTAINERS = (list, dict, set, bytearray, deque)
_FIXED = SCALARS | {bytes, complex, types.EllipsisType, types.NotImplementedType, range}
_FIXED |= {
    kind for kind in plain.SHAPES if kind.__module__ in ("datetime", "decimal", "fractions", "uuid", "pathlib", "re")
}


class Node:
    """A function, class or module that was reached.

    Attributes:
        label: how the user is told of it: ``helper clean``, ``class Config``, ``module tools``.
        ref: what stands for it where it is named: its name, and a count among those of the same name.
        record: the bytes of what it says itself, without what it reaches.
    """

    __slots__ = ("label", "obj", "record", "ref")

    def __init__(self, obj: Any, label: str, ref: tuple[str, int]) -> None:
        self.obj, self.label, self.ref = obj, label, ref
        self.record = b""


class Reached:
    """The result of a walk from one root.

    Attributes:
        code: digest of all code reached.
        data: what the code reads of outside values, packed, by label.
        pinned: the part of ``data`` that belongs to the root alone (its closure, bound arguments): counts under ``version=``.
        root: the packed root.
    """

    def __init__(self, walk: _Walk, root: bytes) -> None:
        nodes = walk.nodes
        self.root = root
        self.code = digest(root, *(piece for node in nodes for piece in (*_flat(node.ref), node.record)))
        self.data = {label: packed for label, packed, _ in walk.data}
        self.pinned = {label: packed for label, packed, own in walk.data if own}
        self.notes = walk.notes
        self.notes.reached = {node.label: digest(node.record) for node in nodes[1:] if node.label}
        self.notes.reached |= {label: digest(packed) for label, packed in self.data.items()}
        self.identity = digest(self.code, *(piece for item in self.data.items() for piece in item))
        self._guards = walk.guards
        self._index = {id(node.obj): node.ref for node in nodes}
        self._walk_arguments = (walk.mask, walk.skip)
        self._guards.close()

    def holds(self) -> bool:
        """Whether nothing that was reached has changed since."""
        return self._guards.hold(self._pack)

    def _pack(self, value: Any) -> bytes:
        mask, skip = self._walk_arguments
        encoder = Encoder(_skipping(skip), self._known, Notes(), mask)
        try:
            return encoder.pack(value, "value")
        except Uncacheable:
            return b""

    def _known(self, obj: Any) -> Tree:
        ref = self._index.get(id(obj))
        if ref is not None:
            return tree(Kind.REACHED, *ref)
        if is_users(obj):
            return tree(Kind.REACHED, "new")
        return stands_for(obj)


def reach(root: Any, *, mask: Mask | None = None, ignore: frozenset[str] = frozenset()) -> Reached:
    """Follow what the root can name to the end.

    Args:
        root: anything callable, a class or a module.
        ignore: names of globals and closure variables that do not count.

    Raises:
        Uncacheable: for data that cannot be fingerprinted, with its path.
    """
    state: set[tuple[int, str]] = set()
    skip: dict[int, set[str]] = {}
    while True:
        known = len(state), sum(map(len, skip.values()))
        walk = _Walk(mask, ignore, state, skip)
        packed = walk.run(root)
        if known == (len(state), sum(map(len, skip.values()))):
            return Reached(walk, packed)


def is_users(obj: Any) -> bool:
    """Whether a function, class or module counts by what it says, not by name."""
    if isinstance(obj, types.FunctionType):
        if is_user_file(obj.__code__.co_filename):
            return True
        return obj.__closure__ is not None or "<" in obj.__code__.co_qualname
    if isinstance(obj, type):
        return is_user_module(obj.__module__)
    return isinstance(obj, types.ModuleType) and is_user(obj)


def stands_for(obj: Any) -> Tree:
    """What stands for an installed function, class or module."""
    if isinstance(obj, types.ModuleType):
        return tree(Kind.MODULE, obj.__name__)
    return named(obj)


class _Walk:
    """One walk. State and skips are found on the way, so a walk that finds new ones is done again."""

    def __init__(
        self, mask: Mask | None, ignore: frozenset[str], state: set[tuple[int, str]], skip: dict[int, set[str]]
    ) -> None:
        self.mask, self.ignore, self.state, self.skip = mask, ignore, state, skip
        self.notes = Notes()
        self.guards = Guards()
        self.nodes: list[Node] = []
        self.data: list[tuple[str, bytes, bool]] = []
        self._by_id: dict[int, Node] = {}
        self._names: dict[str, int] = {}
        self._labels: set[str] = set()
        self._queue: deque[Node] = deque()
        self._values: deque[tuple[str, str, Any, bool]] = deque()
        self._seen: set[tuple[int, str]] = set()
        self._root_again = False
        self._encoder = Encoder(_skipping(skip), self.ref, self.notes, mask)

    def run(self, root: Any) -> bytes:
        packed = self._encoder.pack(root, "function")
        if not isinstance(root, types.FunctionType | type | types.ModuleType):
            self.guards.live(root, packed)
        self._follow()
        first = self.nodes[0] if self.nodes else None
        if first is not None and self._root_again and isinstance(first.obj, types.FunctionType):
            first.record += self._encoder.pack(self._defaults(first.obj), first.label)  # it calls itself with them
            self._follow()
        return packed

    def _follow(self) -> None:
        while self._queue or self._values:
            if self._queue:
                self._open(self._queue.popleft())
            else:
                self._take(*self._values.popleft())

    # -- what is named --------------------------------------------------------

    def ref(self, obj: Any) -> Tree:
        """What stands for a function, class or module, which is put in line to be opened if it is the user's."""
        node = self._by_id.get(id(obj))
        if node is not None:
            self._root_again = self._root_again or node is self.nodes[0]
            return tree(Kind.REACHED, *node.ref)
        if not is_users(obj):
            return stands_for(obj)
        name = _qualified(obj)
        count = self._names[name] = self._names.get(name, -1) + 1
        node = Node(obj, self._label(_KINDS[_kind(obj)] + _short(obj)), (name, count))
        self.nodes.append(node)
        self._by_id[id(obj)] = node
        self._queue.append(node)
        return tree(Kind.REACHED, *node.ref)

    def _label(self, label: str) -> str:
        count, unique = 1, label
        while unique in self._labels:
            count += 1
            unique = f"{label} ({count})"
        self._labels.add(unique)
        return unique

    def _open(self, node: Node) -> None:
        obj = node.obj
        if isinstance(obj, types.FunctionType):
            parts = self._function(obj, node)
        elif isinstance(obj, type):
            parts = self._class(obj)
        else:
            parts = self._module(obj)
        node.record = self._encoder.pack(parts, node.label)

    # -- functions ------------------------------------------------------------

    def _function(self, function: types.FunctionType, node: Node) -> list[Any]:
        self.guards.function(function)
        parts: list[Any] = ["function"]
        free = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        own = node is self.nodes[0]
        if is_user_file(function.__code__.co_filename):
            read = facts(function)
            if read.trouble and not self.notes.trouble:
                self.notes.trouble = read.trouble
            self._states(function, read, free)
            parts += [read.text, [self._name(function, name, chains, free, own) for name, chains in read.names.items()]]
            parts.append([] if own else self._defaults(function))
        else:
            generic = getattr(function, "registry", None)
            parts += [named(function), self._installed_closure(function, free, own)]
            if isinstance(generic, types.MappingProxyType):
                parts.append([[kind, implementation] for kind, implementation in generic.items()])
                self.guards.live(generic, self._encoder.pack(generic, node.label))
        wrapped = vars(function).get("__wrapped__")
        if wrapped is not None:
            self.guards.name(vars(function), "__wrapped__", wrapped)
            parts.append(wrapped)
        return parts

    def _installed_closure(self, function: types.FunctionType, free: dict[str, types.CellType], own: bool) -> list[Any]:
        if function.__code__.co_qualname.startswith("singledispatch."):
            return []  # the registry says it; the rest is a cache
        every = frozenset({()})
        return [self._name(function, name, every, free, own) for name in sorted(free)]

    def _name(
        self,
        function: types.FunctionType,
        name: str,
        chains: frozenset[Chain],
        free: dict[str, types.CellType],
        own: bool,
    ) -> list[Any]:
        if name in self.ignore:
            return [name, "ignored"]
        cell = free.get(name)
        if cell is None:
            space = function.__globals__
            return self._named_value(space, name, space.get(name, MISSING), chains, "global ", name)
        if (id(cell), "") in self.state:
            return [name, "state"]
        try:
            value = cell.cell_contents
        except ValueError:
            return [name, "empty"]
        self.guards.cell(cell, value)
        return [name, self._value(f"closure {name}", name, value, chains, own, (id(cell), ""))]

    def _named_value(
        self, space: Mapping[str, Any], name: str, value: Any, chains: frozenset[Chain], prefix: str, path: str
    ) -> list[Any]:
        if (id(space), name) in self.state:
            return [name, "state"]
        self.guards.name(space, name, value)
        if value is MISSING:
            return [name, None]
        return [name, self._value(prefix + path, path, value, chains, False, (id(space), name))]

    def _value(
        self, label: str, path: str, value: Any, chains: frozenset[Chain], own: bool, place: tuple[int, str]
    ) -> Any:
        """What stands for a named value in the record of who names it."""
        if isinstance(value, types.ModuleType):
            return self._through(value, path, chains)
        unwrapped = _unwrapped(value)
        if isinstance(unwrapped, types.FunctionType | type):
            if isinstance(unwrapped, types.FunctionType):
                self._attributes(unwrapped, path, chains)
            return self.ref(unwrapped)
        if isinstance(value, types.BuiltinFunctionType) and isinstance(value.__self__, types.ModuleType | None):
            return named(value)
        if place not in self._seen:
            self._seen.add(place)
            self._values.append((label, path, value, own))
        return "value"

    def _through(self, module: types.ModuleType, path: str, chains: frozenset[Chain]) -> Any:
        """A module: only what is taken from it counts, unless it is used as a whole."""
        if not is_user(module):
            return stands_for(module)
        if () in chains:
            return self.ref(module)
        heads: dict[str, set[Chain]] = {}
        for chain in chains:
            heads.setdefault(chain[0], set()).add(chain[1:])
        space = vars(module)
        found = [
            self._named_value(space, head, space.get(head, MISSING), frozenset(rest), "global ", f"{path}.{head}")
            for head, rest in sorted(heads.items())
        ]
        return [module.__name__, found]

    def _attributes(self, function: types.FunctionType, path: str, chains: frozenset[Chain]) -> None:
        """Attributes of a function that are read: ``f.model``."""
        for chain in sorted(chains):
            if chain and chain[0] in vars(function) and chain[0] not in self.skip.get(id(function), ()):
                value = vars(function)[chain[0]]
                self.guards.name(vars(function), chain[0], value)
                if not callable(value):
                    self._values.append((f"global {path}.{chain[0]}", f"{path}.{chain[0]}", value, False))

    def _defaults(self, function: types.FunctionType) -> list[Any]:
        """Defaults of a helper. Those of the root come in as arguments."""
        code = function.__code__
        positional = function.__defaults__ or ()
        names = code.co_varnames[code.co_argcount - len(positional) : code.co_argcount]
        given = {**dict(zip(names, positional, strict=True)), **(function.__kwdefaults__ or {})}
        every = frozenset({()})
        place = f"{_short(function)}({{}})"
        return [
            [name, self._value(f"default {place.format(name)}", name, value, every, False, (id(function), name))]
            for name, value in given.items()
        ]

    # -- what the code changes itself ------------------------------------------

    def _states(self, function: types.FunctionType, read: Facts, free: dict[str, types.CellType]) -> None:
        for name in read.rebinds:
            self._mark(free.get(name), function.__globals__, name, name)
        for change in read.changes:
            self._changed(function, change, free)

    def _mark(self, cell: types.CellType | None, space: Mapping[str, Any], name: str, path: str) -> None:
        self.state.add((id(cell), "") if cell is not None else (id(space), name))
        if path not in self.notes.state:
            self.notes.state.append(path)

    def _changed(self, function: types.FunctionType, change: Change, free: dict[str, types.CellType]) -> None:
        cell, space, name = free.get(change.root), function.__globals__, change.root
        try:
            value = cell.cell_contents if cell is not None else space.get(name, MISSING)
        except ValueError:
            return
        path = list(change.path)
        while path and isinstance(value, types.ModuleType):
            cell, space, name = None, vars(value), path.pop(0)
            value = space.get(name, MISSING)
        owner: Any = None
        for attribute in path:
            owner, name = value, attribute
            value = _held(value, attribute)
        if value is MISSING and not owner:
            return
        if change.method and not (change.method in MUTATORS and isinstance(value, _CONTAINERS)):
            return
        said = ".".join((change.root, *change.path))
        if owner is None:
            self._mark(cell, space, name, said)
        else:
            self.skip.setdefault(id(owner), set()).add(name)
            if said not in self.notes.state:
                self.notes.state.append(said)

    # -- classes, modules, data -------------------------------------------------

    def _class(self, kind: type) -> list[Any]:
        space = vars(kind)
        self.guards.keys(space)
        self.guards.bases(kind)
        skipped = self.skip.get(id(kind), ())
        parts: list[Any] = ["class", _qualified(kind), list(kind.__bases__), type(kind), classes.doc(kind)]
        every = frozenset({()})
        for name, value in classes.members(kind):
            if name not in skipped:
                self.guards.name(space, name, value)
                shown = value
                if not isinstance(_unwrapped(value), types.FunctionType | type | staticmethod | classmethod | property):
                    path = f"{kind.__qualname__}.{name}"
                    shown = self._value(f"global {path}", path, value, every, False, (id(space), name))
                parts.append([name, _unwrapped(shown)])
        parts.append([[name, self._annotation(kind, note)] for name, note in classes.annotations(kind).items()])
        parts.append(classes.fields(kind))
        return parts

    def _annotation(self, kind: type, note: Any) -> Any:
        """An annotation; one written as text, with the user's classes it names."""
        if not isinstance(note, str):
            return note
        space = vars(sys.modules.get(kind.__module__, types.SimpleNamespace()))
        found = [space.get(name) for name in names_in(note)]
        return [note, [one for one in found if isinstance(one, type) and is_users(one)]]

    def _module(self, module: types.ModuleType) -> list[Any]:
        space = vars(module)
        self.guards.keys(space)
        every = frozenset({()})
        parts: list[Any] = ["module", module.__name__]
        for name in sorted(space):
            value = space[name]
            if name.startswith("__") and name.endswith("__"):
                continue
            if isinstance(value, types.ModuleType) and not value.__name__.startswith(module.__name__ + "."):
                parts.append([name, "module", value.__name__])
                self.guards.name(space, name, value)
                continue
            path = f"{module.__name__}.{name}"
            parts.append(self._named_value(space, name, value, every, "global ", path))
        return parts

    def _take(self, label: str, path: str, value: Any, own: bool) -> None:
        packed = self._encoder.pack(value, path)
        if is_secret_name(path.rpartition(".")[2]) and isinstance(value, str | bytes):
            self.notes.secret = True
            packed = self.mask(packed) if self.mask else packed
        elif not _is_fixed(value):
            self.guards.live(value, packed)
        self.data.append((self._label(label), packed, own))


_KINDS = {"function": "helper ", "class": "class ", "module": "module "}


def _kind(obj: Any) -> str:
    return "class" if isinstance(obj, type) else "module" if isinstance(obj, types.ModuleType) else "function"


def _short(obj: Any) -> str:
    return str(getattr(obj, "__qualname__", None) or obj.__name__).replace(".<locals>", "")


def _qualified(obj: Any) -> str:
    name = getattr(obj, "__qualname__", None)
    module = obj.__name__ if name is None else obj.__module__
    return str(module if name is None else name if module == "__main__" else f"{module}.{name}")


def _flat(ref: tuple[str, int]) -> tuple[str, str]:
    return ref[0], str(ref[1])


def _unwrapped(value: Any) -> Any:
    """The function under our own wrappers, which change nothing that it gives."""
    while type(value).__module__.partition(".")[0] == "spotmagic" and hasattr(value, "__wrapped__"):
        value = value.__wrapped__
    return value


def _held(owner: Any, name: str) -> Any:
    """An attribute without running code of the user."""
    for space in (getattr(owner, "__dict__", {}), *(vars(base) for base in type(owner).__mro__)):
        if name in space:
            return space[name]
    return MISSING


def _is_fixed(value: Any) -> bool:
    """Whether a value can never change in place, so that being the same object is enough."""
    kind = type(value)
    if kind in _FIXED:
        return True
    if kind is tuple or kind is frozenset:
        return all(map(_is_fixed, value))
    return isinstance(value, enum.Enum) and _is_fixed(value.value)


def _skipping(skip: dict[int, set[str]]) -> Callable[[Any, Encoder], Tree]:
    """Taking apart, but for attributes that the code changes itself."""
    if not skip:
        return take_apart

    def apart(value: Any, encoder: Encoder) -> Tree:
        parts = take_apart(value, encoder)
        names = skip.get(id(value))
        if not names:
            return parts
        return Tree(
            {name: item for name, item in part.items() if name not in names} if type(part) is dict else part
            for part in parts
        )

    return apart
