"""One walk through all that code can name: functions, classes, modules, and the values they read."""

from __future__ import annotations

import enum
import functools
import os
import sys
import types
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spotmagic.code.arrivals import file_of
from spotmagic.code.function import facts, names_in
from spotmagic.code.origin import is_user, is_user_file, is_user_module
from spotmagic.code.texts import Chain
from spotmagic.code.wrapped import Wrapped, unwrapped
from spotmagic.errors import Uncacheable
from spotmagic.keys import classes, environment, lazy, named
from spotmagic.keys.guards import MISSING, Guards
from spotmagic.keys.owned import full_name, is_made, is_users, kind_of, short_name, stands_for
from spotmagic.keys.state import Cells, State, Writes
from spotmagic.values import plain
from spotmagic.values.callables import named as by_name
from spotmagic.values.encode import SCALARS, Encoder
from spotmagic.values.generated import is_made_up
from spotmagic.values.notes import Mask, Notes, is_secret_name
from spotmagic.values.scheme import Kind, Tree, tree

_WHOLE: frozenset[Chain] = frozenset({()})
_HIDING = ("globals", "eval", "exec")
_EVALUATING = frozenset({"eval", "exec"})
_DESCRIPTORS: tuple[type, ...] = (staticmethod, classmethod, property)
_DESCRIPTORS += (functools.cached_property, functools.partialmethod, functools.singledispatchmethod)
_LRU = type(functools.lru_cache(len))
_FIXED_MODULES = ("datetime", "decimal", "fractions", "uuid", "pathlib", "re")
_FIXED = SCALARS | {bytes, complex, types.EllipsisType, types.NotImplementedType, range}
_FIXED |= {kind for kind in plain.SHAPES if kind.__module__ in _FIXED_MODULES}


@dataclass(slots=True)
class Node:
    """A function, class or module that was reached.

    Attributes:
        label: how the user is told of it: ``helper clean``, ``class Config``, ``module tools``.
        ref: what stands for it where it is named: its name, and a count among those of the same name.
        record: the bytes of what it says itself, without what it reaches.
    """

    obj: Any
    label: str
    ref: tuple[str, int]
    record: bytes = b""


@dataclass(slots=True)
class Read:
    """A value that was reached.

    Attributes:
        label: how the user is told of it: ``global PROMPT``, ``closure n``.
        packed: its canonical bytes, masked if it is a secret.
        own: whether it belongs to the root alone, such as its closure.
    """

    label: str
    packed: bytes
    own: bool


class Walk:
    """A walk from one root, breadth first, in an order that hangs on the code alone.

    ``state`` grows on the way, so a walk that made it grow is done again with the grown one.
    """

    def __init__(self, mask: Mask | None, ignore: frozenset[str], state: State, *, as_value: bool) -> None:
        self.notes, self.guards, self.state, self.mask = Notes(), Guards(), state, mask
        self.nodes: list[Node] = []
        self.values: list[Read] = []
        self.writes = Writes(self.guards)
        self._as_value = as_value
        self.loads: frozenset[str] = frozenset()
        self._called: Any = None
        self.queries = False
        self._quoting: list[tuple[types.FunctionType, frozenset[str]]] = []
        self._ignore = ignore
        self._by_id: dict[int, Node] = {}
        self._counts: dict[str, int] = {}
        self._labels: set[str] = set()
        self._open: deque[Node] = deque()
        self._unread: deque[tuple[str, str, Any, bool]] = deque()
        self._seen: set[tuple[int, str]] = set()
        self._again = False
        self._encoder = Encoder(state.take_apart(), self.ref, self.notes, mask)

    def run(self, root: Any) -> bytes:
        """Follow the root to the end; gives what stands for it. Raises Uncacheable for data without a fingerprint."""
        self._called = _function_of(root)
        packed = self._encoder.pack(root, "function")
        if not isinstance(root, types.FunctionType | type | types.ModuleType):
            self.guards.live(root, packed)
        self._follow()
        if self.queries:  # any text of what was reached may be given to who makes the query
            for function, names in self._quoting:
                for name in sorted(names & function.__globals__.keys()):
                    self._named(function.__globals__, name, _WHOLE, name)
            self._follow()
        first = self.nodes[0] if self.nodes else None
        if first is not None and self._again and not self._as_value and isinstance(first.obj, types.FunctionType):
            first.record += self._encoder.pack(self._defaults(first.obj), first.label)  # it calls itself with them
            self._follow()
        return packed

    def find_state(self) -> None:
        """Find what only is written. What is left out of objects by that counts in the next walk."""
        functions = [node.obj for node in self.nodes if isinstance(node.obj, types.FunctionType)]
        self.loads = self.writes.settle(functions, self._called, self._seen, self.state, self.notes)

    def _follow(self) -> None:
        while self._open or self._unread:
            if self._open:
                node = self._open.popleft()
                node.record = self._encoder.pack(self._record(node), node.label)
            else:
                self._read(*self._unread.popleft())

    def _record(self, node: Node) -> list[Any]:
        if isinstance(node.obj, types.FunctionType):
            return self._function(node.obj, node is self.nodes[0])
        return self._class(node.obj) if isinstance(node.obj, type) else self._module(node.obj)

    def ref(self, obj: Any) -> Tree:
        """What stands for a function, class or module; the user's is put in line to be opened."""
        obj = unwrapped(obj)
        node = self._by_id.get(id(obj))
        if node is not None:
            self._again = self._again or node is self.nodes[0]
            return tree(Kind.REACHED, *node.ref)
        if not is_users(obj):
            self._trouble(f"code {lazy.RUNS}" if getattr(obj, "__module__", "") == "runpy" else "")
            return stands_for(obj)
        name = full_name(obj)
        count = self._counts[name] = self._counts.get(name, -1) + 1
        node = Node(obj, self._label(f"{kind_of(obj)} {short_name(obj)}"), (name, count))
        self.nodes.append(node)
        self._by_id[id(obj)] = node
        self._open.append(node)
        return tree(Kind.REACHED, *node.ref)

    def _label(self, label: str) -> str:
        count, unique = 1, label
        while unique in self._labels:
            count += 1
            unique = f"{label} ({count})"
        self._labels.add(unique)
        return unique

    def _trouble(self, why: str) -> None:
        self.notes.trouble = self.notes.trouble or why

    # -- functions ------------------------------------------------------------

    def _function(self, function: types.FunctionType, own: bool) -> list[Any]:
        self.guards.function(function)
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        if is_user_file(file_of(function.__code__)):
            parts = self._users(function, cells, own)
        else:
            parts = self._installed(function, cells, own)
        wrapped = vars(function).get("__wrapped__")
        if wrapped is not None:
            self.guards.name(vars(function), "__wrapped__", wrapped)
            parts.append(wrapped)
        if own and self._as_value and vars(function).keys() - {"__wrapped__"}:
            self.guards.live(vars(function), self._encoder.pack(vars(function), short_name(function)))
            parts.append(dict(vars(function)))  # whoever is given it may look at them
        return parts

    def _users(self, function: types.FunctionType, cells: Cells, own: bool) -> list[Any]:
        said = facts(function)
        self._trouble(said.trouble)
        for hiding in _HIDING:
            if hiding in _EVALUATING and said.texts.evaluated:
                continue  # looked into below
            if hiding in said.names and hiding not in function.__globals__:
                self._trouble(f"`{short_name(function)}` calls {hiding}(), so what it reads cannot be seen")
        read = {write.root: _WHOLE for write in said.writes if not self.writes.add(function, write, cells)}
        read |= said.names
        read |= {name: _WHOLE for name in named.in_texts(function, cells, self._trouble) if name not in read}
        self._quoting.append((function, said.texts.quoted))
        self.queries = self.queries or bool(said.texts.holding)
        parts: list[Any] = ["function", said.text]
        parts.append([self._outside(function, name, chains, cells, own) for name, chains in sorted(read.items())])
        parts.append([] if own and not self._as_value else self._defaults(function))
        space = function.__globals__
        for name in sorted(read.keys() - self._ignore):
            self._environment(function, name, read[name], cells)
        imports = [*said.imports, *named.imports(function, cells, self._trouble)]
        return [*parts, *(lazy.imported(one, space, self.guards, self._trouble, self.ref) for one in imports)]

    def _environment(self, function: types.FunctionType, name: str, chains: frozenset[Chain], cells: Cells) -> None:
        """Count the environment variables that are read by way of a name."""
        for variable in environment.variables(function, name, chains, cells, self._trouble):
            label = f"env {variable}"
            if label in self._labels:
                continue
            environment.guard(self.guards, variable)
            packed = self._encoder.pack(os.environ.get(variable), variable)
            if is_secret_name(variable):
                self.notes.secret = True
                packed = self.mask(packed) if self.mask else packed
            self.values.append(Read(self._label(label), packed, False))

    def _installed(self, function: types.FunctionType, cells: Cells, own: bool) -> list[Any]:
        """A function of a package that was made for the user: by a decorator, mostly."""
        parts: list[Any] = ["installed", by_name(function)]
        registry = vars(function).get("registry")
        if isinstance(registry, types.MappingProxyType) and function.__code__.co_qualname.startswith("singledispatch."):
            self.guards.live(registry, self._encoder.pack(registry, short_name(function)))
            return [*parts, registry]  # the rest of its closure is a cache
        if is_made(function):
            parts += [facts(function).text, self._defaults(function)]
        return [*parts, [self._outside(function, name, _WHOLE, cells, own) for name in sorted(cells)]]

    def _outside(
        self, function: types.FunctionType, name: str, chains: frozenset[Chain], cells: Cells, own: bool
    ) -> list[Any]:
        """A name from outside, in the closure or in the globals."""
        if name in self._ignore:
            return [name, "ignored"]
        cell = cells.get(name)
        if cell is None:
            return self._named(function.__globals__, name, chains, name)
        try:
            value = cell.cell_contents
        except ValueError:
            return [name, "empty"]
        self.guards.cell(cell, value)
        if type(value) is dict and name == facts(function).memo:
            return [name, "memo"]
        if is_made_up(function, name, value):
            return [name, "made up"]
        return [name, self._value(f"closure {name}", name, value, chains, (id(cell), ""), own)]

    def _named(self, space: Mapping[str, Any], name: str, chains: frozenset[Chain], path: str) -> list[Any]:
        value = space.get(name, MISSING)
        self.guards.name(space, name, value)
        if value is MISSING:
            return [name, None]
        return [name, self._value(f"global {path}", path, value, chains, (id(space), name))]

    def _value(
        self,
        label: str,
        path: str,
        value: Any,
        chains: frozenset[Chain],
        place: tuple[int, str],
        own: bool = False,
    ) -> Any:
        """What stands for a named value in the record of who names it."""
        if isinstance(value, types.ModuleType):
            return self._through(value, path, chains)
        if environment.is_environment(value):
            return "environment"
        inner = unwrapped(value)
        if isinstance(inner, types.FunctionType):
            self._attributes(value, path, chains)
            return self.ref(inner)
        if isinstance(inner, type):
            return self.ref(inner)
        if type(inner) is _LRU and isinstance(inner.__wrapped__, types.FunctionType):
            return tree(Kind.WRAPPER, "lru_cache", self.ref(inner.__wrapped__))
        if isinstance(inner, types.BuiltinFunctionType) and isinstance(inner.__self__, types.ModuleType | None):
            if is_user_module(inner.__module__):
                self._trouble(f"`{path}` is compiled, so its source cannot be read")
            return by_name(inner)
        self.writes.reads(value, path, whole=() in chains)
        if place not in self._seen:
            self._seen.add(place)
            self._unread.append((label, path, value, own))
        return "value"

    def _through(self, module: types.ModuleType, path: str, chains: frozenset[Chain]) -> Any:
        """A module: only what is taken from it counts, unless it is used as a whole."""
        if not is_user(module):
            self._trouble(f"code {lazy.RUNS}" if module.__name__ == "runpy" else "")
            return stands_for(module)
        if () in chains:
            return self.ref(module)
        heads: dict[str, set[Chain]] = {}
        for chain in chains:
            heads.setdefault(chain[0], set()).add(chain[1:])
        space = vars(module)
        taken = [self._named(space, name, frozenset(rest), f"{path}.{name}") for name, rest in sorted(heads.items())]
        return [module.__name__, taken]

    def _attributes(self, function: Any, path: str, chains: frozenset[Chain]) -> None:
        """Attributes of a function, or of one of ours around it, that are read: ``f.model``."""
        for name in sorted({chain[0] for chain in chains if chain}):
            one = function
            while name not in vars(one) and isinstance(one, Wrapped):
                self.guards.name(vars(one), name, MISSING)
                one = one.__wrapped__
            value = vars(one).get(name, MISSING)
            self.guards.name(vars(one), name, value)
            if value is not MISSING and (not callable(value) or is_users(unwrapped(value))):
                self._unread.append((f"global {path}.{name}", f"{path}.{name}", value, False))

    def _defaults(self, function: types.FunctionType) -> list[Any]:
        """Defaults of a helper. Those of the root come in as arguments."""
        code = function.__code__
        positional = function.__defaults__ or ()
        names = code.co_varnames[code.co_argcount - len(positional) : code.co_argcount]
        given = {**dict(zip(names, positional, strict=True)), **(function.__kwdefaults__ or {})}
        return [
            [name, self._value(f"default {short_name(function)}({name})", name, value, _WHOLE, (id(function), name))]
            for name, value in given.items()
        ]

    # -- classes, modules, values ----------------------------------------------

    def _class(self, kind: type) -> list[Any]:
        space = vars(kind)
        self.guards.keys(space)
        self.guards.bases(kind)
        kept = self.state.of(kind)
        parts: list[Any] = ["class", full_name(kind), list(kind.__bases__), type(kind), classes.doc(kind)]
        for name, value in classes.members(kind):
            if name in kept:
                continue
            self.guards.name(space, name, value)
            if isinstance(value, _DESCRIPTORS):
                parts.append([name, value])
            else:
                path = f"{kind.__qualname__}.{name}"
                parts.append([name, self._value(f"global {path}", path, value, _WHOLE, (id(space), name))])
        parts.append([[name, self._annotation(kind, note)] for name, note in classes.annotated(kind).items()])
        return [*parts, classes.made(kind), classes.fields(kind)]

    def _annotation(self, kind: type, note: Any) -> Any:
        """An annotation; one written as text with the user's classes that it names."""
        if not isinstance(note, str):
            return note
        module = sys.modules.get(kind.__module__)
        found = [vars(module).get(name) for name in names_in(note)] if module else []
        return [note, [one for one in found if isinstance(one, type) and is_users(one)]]

    def _module(self, module: types.ModuleType) -> list[Any]:
        space = vars(module)
        self.guards.keys(space)
        parts: list[Any] = ["module", module.__name__]
        for name in sorted(space):
            value = space[name]
            if name.startswith("__") and name.endswith("__"):
                continue
            if isinstance(value, types.ModuleType) and not value.__name__.startswith(module.__name__ + "."):
                self.guards.name(space, name, value)
                parts.append([name, "module", value.__name__])
            else:
                parts.append(self._named(space, name, _WHOLE, f"{module.__name__}.{name}"))
        return parts

    def _read(self, label: str, path: str, value: Any, own: bool) -> None:
        try:
            packed = self._encoder.pack(value, path)
        except Uncacheable as error:
            raise Uncacheable(error.what, f"{error.why} ({label})", error.todo, path=error.path) from None
        if is_secret_name(path.rpartition(".")[2]) and isinstance(value, str | bytes):
            self.notes.secret = True
            packed = self.mask(packed) if self.mask else packed
        elif not _is_fixed(value):
            self.guards.live(value, packed)
        self.values.append(Read(self._label(label), packed, own))


def _is_fixed(value: Any) -> bool:
    """Whether a value can never change in place, so that being the same object is enough."""
    kind = type(value)
    if kind in _FIXED:
        return True
    if kind is tuple or kind is frozenset:
        return all(map(_is_fixed, value))
    return isinstance(value, enum.Enum) and _is_fixed(value.value)


def _function_of(root: Any) -> Any:
    """The function behind bound methods and partials."""
    while isinstance(root, types.MethodType | functools.partial):
        root = unwrapped(root.__func__ if isinstance(root, types.MethodType) else root.func)
    return root
