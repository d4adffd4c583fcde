"""One walk through all that code can name: functions, classes, modules, and the values they read."""

from __future__ import annotations

import functools
import sys
import types
from collections import deque
from collections.abc import Mapping
from typing import Any

from spotmagic.code.function import Import, facts
from spotmagic.code.origin import file_of, is_user, is_user_file, is_user_module
from spotmagic.code.texts import Chain
from spotmagic.code.wrapped import called, cells_of, unwrapped
from spotmagic.keys import classes, credentials, environment, lazy, named, patched, process, registered
from spotmagic.keys.guards import MISSING, Guards
from spotmagic.keys.methods import Callers, is_special
from spotmagic.keys.owned import Node, class_of, full_name, is_made, is_users, kind_of, short_name, stands_for
from spotmagic.keys.state import Cells, OnlyWritten, Writes
from spotmagic.keys.taken import taken
from spotmagic.reads import stand_ins
from spotmagic.values.callables import named as by_name
from spotmagic.values.callables import numbered
from spotmagic.values.encode import Encoder
from spotmagic.values.generated import is_made_up
from spotmagic.values.notes import Mask, Notes
from spotmagic.values.scheme import Kind, Tree, tree

_WHOLE: frozenset[Chain] = frozenset({()})
_DESCRIPTORS: tuple[type, ...] = (staticmethod, classmethod, property)
_DESCRIPTORS += (functools.cached_property, functools.partialmethod, functools.singledispatchmethod)
_DISPATCH = vars(functools.singledispatch(len)).keys()  # its registry tells of all of it, but for its memo
_LRU = type(functools.lru_cache(len))


class Walk:
    """A walk from one root, breadth first, in an order that hangs on the code alone.

    ``state`` grows on the way, so a walk that made it grow is done again with the grown one.
    """

    def __init__(self, mask: Mask | None, ignore: frozenset[str], state: OnlyWritten, *, as_value: bool) -> None:
        self.notes, self.guards, self.state, self.mask = Notes(), Guards(), state, mask
        self.nodes: list[Node] = []
        self.writes = Writes(self.guards)
        self._as_value = as_value
        self.loads: frozenset[str] = frozenset()
        self._called: Any = None
        self.patched, self.registered = list[type](), registered.NOTHING
        self._held = self._families = self.queries = self._again = False  # the second: are subclasses asked for?
        self._quoting: list[tuple[types.FunctionType, frozenset[str]]] = []
        self._ignore = ignore
        self.lazily: dict[str, bytes] = {}
        self._by_id: dict[int, Node] = {}
        self._counts: dict[str, int] = {}
        self._open: deque[Node] = deque()
        self._unread: deque[tuple[str, str, Any, bool]] = deque()
        self._seen: set[tuple[int, str]] = set()
        self._asking: list[types.FunctionType] = []  # whose callers name a variable of the environment
        self._callers = Callers()
        self._encoder = Encoder(self._apart, self._ref_of_value, self.notes, mask)
        self._take_apart = state.take_apart()
        self.inputs = process.WalkInputs(self._encoder, self.guards, self.notes, mask)

    def run(self, root: Any) -> bytes:
        """Follow the root to the end; gives what stands for it. Raises Uncacheable for data without a fingerprint."""
        self._called = called(root)
        packed = self._encoder.pack(root, "function")
        if not isinstance(root, types.FunctionType | type | types.ModuleType):
            self.guards.live(root, packed)
        self._follow()
        if self.queries:  # any text of what was reached may be given to who makes the query
            for function, names in self._quoting:
                for name in sorted(names & function.__globals__.keys()):
                    self._named(function.__globals__, name, _WHOLE, name)
            self._follow()
        for node in self.nodes:  # which may grow meanwhile
            if self._families and isinstance(node.obj, type):
                self.guards.subclasses(node.obj)
                below: list[type] = type.__subclasses__(node.obj)
                for kind in below:
                    self.ref(kind)
                self._follow()
        first = self.nodes[0] if self.nodes else None
        if first is not None and self._again and not self._as_value and isinstance(first.obj, types.FunctionType):
            first.record += self._encoder.pack(self._defaults(first.obj), first.label)  # it calls itself with them
            self._follow()
        if not self._as_value:
            self.registered = registered.count(self.notes, self.guards, self.ref, self.inputs, self._follow)
        self.inputs.settings()
        packages = frozenset(self.notes.packages)
        self.patched = patched.among(packages)
        for kind in patched.touched(packages, root, self._functions(), self.guards):
            self.ref(kind)
        self._follow()
        for function in self._asking:
            callers = [] if id(function) in self._callers.passed else self.nodes
            for variable in environment.said_to(function, [node.obj for node in callers]):
                self._variable(variable)
        for function in self._functions() if self._held else ():
            environment.chosen(function, certain=False)
        return packed

    def _functions(self) -> list[types.FunctionType]:
        return [node.obj for node in self.nodes if isinstance(node.obj, types.FunctionType)]

    def _uses(self, module: Any) -> None:
        if isinstance(module, str):
            self.notes.packages.add(module.partition(".")[0])

    def _asks(self, value: Any) -> bool:
        """Whether a value that is held somewhere asks the environment: for what is seen at the run alone."""
        if answered := environment.answers(value):
            self._variable(answered)
        self._held = (asks := environment.is_environment(value)) or self._held
        return asks

    def _apart(self, value: Any, encoder: Encoder) -> Tree:
        if self._asks(value):
            return tree(Kind.NAMED, "os", "environ")
        self._uses(type(value).__module__)
        return self._take_apart(value, encoder)

    def find_state(self) -> None:
        """Find what only is written. What is left out of objects by that counts in the next walk."""
        functions = self._functions()
        self.loads = self._callers.read_by(functions, None if self._as_value else self._called)
        self.writes.settle(functions, self.loads, self._seen, self.state, self.notes)

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
        if not isinstance(node.obj, type):
            return self._module(node.obj)
        return self._class(node.obj) if is_users(node.obj) else self._patched(node.obj)

    def _ref_of_value(self, obj: Any) -> Tree:
        obj = unwrapped(obj)
        self._asks(obj)
        self._callers.meet(obj, passed=True)
        self._trouble(stand_ins.unseen(obj, held=True))
        return self.ref(obj)

    def ref(self, obj: Any) -> Tree:
        """What stands for a function, class or module; the user's is put in line to be opened."""
        obj = unwrapped(obj)
        node = self._by_id.get(id(obj))
        if node is not None:
            self._again = self._again or node is self.nodes[0]
            return tree(Kind.REACHED, *node.ref)
        self._uses(obj.__name__ if isinstance(obj, types.ModuleType) else obj.__module__)
        if not is_users(obj) and not (issubclass(type(obj), type) and patched.members(obj)):
            self._trouble(f"code {lazy.RUNS}" if "runpy" in (getattr(obj, "__module__", ""), short_name(obj)) else "")
            return stands_for(obj)
        name = full_name(obj)
        count = self._counts[name] = self._counts.get(name, -1) + 1
        node = Node(obj, self.inputs.label(f"{kind_of(obj)} {short_name(obj)}"), (name, count))
        self.nodes.append(node)
        self._by_id[id(obj)] = node
        self._open.append(node)
        return tree(Kind.REACHED, *node.ref)

    def _trouble(self, why: str) -> None:
        self.notes.trouble = self.notes.trouble or why

    # -- functions ------------------------------------------------------------

    def _function(self, function: types.FunctionType, own: bool) -> list[Any]:
        self.guards.function(function)
        cells = cells_of(function)
        if is_user_file(file_of(function.__code__)):
            parts = self._users(function, cells, own)
        else:
            parts = self._installed(function, cells, own)
        wrapped = vars(function).get("__wrapped__")
        if wrapped is not None:
            self.guards.name(vars(function), "__wrapped__", wrapped)
            parts.append(wrapped)
        told = _DISPATCH if "_clear_cache" in vars(function) else {"__wrapped__"}
        if own and self._as_value and vars(function).keys() - told:
            self.guards.live(vars(function), self._encoder.pack(vars(function), short_name(function)))
            parts.append(dict(vars(function)))  # whoever is given it may look at them
        return parts

    def _users(self, function: types.FunctionType, cells: Cells, own: bool) -> list[Any]:
        said = facts(function)
        self._trouble(said.trouble)
        self._trouble(named.unseen(function))
        read = {write.root: _WHOLE for write in said.writes if not self.writes.add(function, write, cells)}
        read |= said.names
        read |= {name: _WHOLE for name in named.in_texts(function, cells, self._trouble) if name not in read}
        self._quoting.append((function, said.texts.quoted))
        self.inputs.paths |= said.paths
        self.notes.packages.update(process.words_used(said.loads | read.keys(), said.text))
        self.queries = self.queries or bool(said.texts.holding)
        parts: list[Any] = ["function", said.text]
        parts.append([self._outside(function, name, chains, cells, own) for name, chains in sorted(read.items())])
        parts.append([] if own and not self._as_value else self._defaults(function))
        if "expanduser" in said.loads:
            self._variable("HOME")
        self._families = self._families or "__subclasses__" in said.loads
        if said.texts.parses:
            parts.append(self._named(vars(sys), "argv", _WHOLE, "sys.argv"))
        for variable in environment.variables(function, read, self._ignore, cells, self._trouble):
            if variable is None:
                self._asking.append(function)
            elif credentials.is_given_only(function, f"env {variable}", cells):
                self.notes.leave_credential(variable)
            else:
                self._variable(variable)
        parts += map(self.ref, named.loaded(function, read, cells, self.guards, self._trouble))
        imports = [*said.imports, *named.imports(function, cells, self._trouble)]
        return parts + [self._imported(function, one) for one in imports]

    def _imported(self, function: types.FunctionType, one: Import) -> list[Any]:
        """What stands for an import inside a function, and for what that takes of the module as it is now."""
        if one.module.partition(".")[0] in environment.MODULES:
            environment.chosen(function, certain=False)
        space = function.__globals__
        parts = lazy.imported(one, space, lazy.LoadedModules(self.guards, self._trouble, self.ref), self._uses)
        self.lazily |= {f"module {name}": self._encoder.pack(part, name) for name, *part in parts[4:]}
        for module, chains in taken(one, space, self.guards):
            found = self._through(module, module.__name__, chains)
            parts += [["taken", found]] if is_user(module) or isinstance(found, list) else []
        return parts

    def _variable(self, variable: str) -> None:
        if variable == environment.HERE:
            self.inputs.once(variable, environment.WorkingDirectory)
        elif variable not in self._ignore:
            self.inputs.variable(variable)

    def _installed(self, function: types.FunctionType, cells: Cells, own: bool) -> list[Any]:
        """A function of a package that was made for the user: by a decorator, mostly."""
        parts: list[Any] = ["installed", by_name(function)]
        dispatches = function.__code__.co_qualname.startswith("singledispatch.")
        registry = vars(function).get("registry")
        if dispatches and "registry" in cells:
            registry = cells["registry"].cell_contents
        if dispatches and isinstance(registry, dict | types.MappingProxyType):
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
        if opening := credentials.counting(function, name, cells, self.guards, self._encoder):
            return opening
        cell = cells.get(name)
        if cell is None:
            return self._named(patched.where(function.__globals__, name, self.guards), name, chains, name)
        try:
            value = cell.cell_contents
        except ValueError:
            return [name, "empty"]
        self.guards.cell(cell, value)
        stand_ins.stand_in(cell, name, value)
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
        if type(space) is dict:
            stand_ins.stand_in(space, name, value)
        return [name, self._value(f"global {path}", path, value, chains, (id(space), name))]

    def _value(
        self, label: str, path: str, value: Any, chains: frozenset[Chain], place: tuple[int, str], own: bool = False
    ) -> Any:
        """What stands for a named value in the record of who names it."""
        if isinstance(value, types.ModuleType):
            return self._through(value, path, chains)
        if value is sys.modules or environment.is_environment(value):
            self._asks(value if "." in path or label.startswith("default") else None)
            return "environment"
        inner = unwrapped(value)
        kind = type(inner)  # a proxy says that it is what it stands for
        if kind is types.FunctionType:
            for name, one in named.attributes_of(value, chains, self.guards):
                self._unread.append((f"global {path}.{name}", f"{path}.{name}", one, False))
            self._callers.meet(inner, passed=False)
            return numbered(value, self.ref(inner))
        if issubclass(kind, type):
            return self.ref(inner)
        if kind is _LRU and isinstance(inner.__wrapped__, types.FunctionType):
            return tree(Kind.WRAPPER, "lru_cache", self.ref(inner.__wrapped__))
        if isinstance(inner, types.BuiltinFunctionType) and isinstance(inner.__self__, types.ModuleType | None):
            self._uses(inner.__module__)
            self._asks(inner)
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
        if module is sys and ("argv",) in {chain[:1] for chain in chains}:
            return self._named(vars(sys), "argv", _WHOLE, "sys.argv")
        if not is_user(module):
            taken = [
                self._named(space, way[-1], frozenset({rest}), ".".join((path, *way)))
                for space, way, rest in patched.named(module, chains, self.guards)
            ]
            return [self.ref(module), taken] if taken else self.ref(module)
        if () in chains or ("__dict__",) in {chain[:1] for chain in chains}:
            return self.ref(module)
        heads: dict[str, set[Chain]] = {}
        for chain in chains:
            heads.setdefault(chain[0], set()).add(chain[1:])
        space = vars(module)
        if not heads.keys() <= space.keys() and "__getattr__" in space:
            heads["__getattr__"] = {()}
        taken = [self._named(space, name, frozenset(rest), f"{path}.{name}") for name, rest in sorted(heads.items())]
        return [module.__name__, taken, *map(self.ref, class_of(module))]

    def _defaults(self, function: types.FunctionType) -> list[Any]:
        """Defaults of a helper. Those of the root come in as arguments."""
        given = named.defaults(function)
        for value in given.values():
            self._trouble(stand_ins.unseen(value))
        return [
            [name, self._value(f"default {short_name(function)}({name})", name, value, _WHOLE, (id(function), name))]
            for name, value in given.items()
        ]

    # -- classes, modules, values ----------------------------------------------

    def _class(self, kind: type) -> list[Any]:
        space = vars(kind)
        self.guards.keys(space)
        self.guards.bases(kind)
        classes.watch(kind, self.guards, self._encoder)
        kept = self.state.of(kind)
        parts: list[Any] = ["class", full_name(kind), list(kind.__bases__), type(kind), classes.doc(kind)]
        for name, value in ((name, value) for name, value in classes.members(kind) if name not in kept):
            self.guards.name(space, name, value)
            self._trouble(stand_ins.unseen(value))
            self._callers.member(name, value)
            if isinstance(value, _DESCRIPTORS):
                parts.append([name, value])
            else:
                path, held = f"{kind.__qualname__}.{name}", classes.as_put_there(kind, name, value)
                parts.append([name, self._value(f"global {path}", path, held, _WHOLE, (id(space), name))])
        parts.append([[name, classes.annotation(kind, note)] for name, note in classes.annotated(kind).items()])
        for variable in environment.of_settings(kind):
            self._variable(variable)
        return [*parts, classes.made(kind), classes.fields(kind)]

    def _patched(self, kind: type) -> list[Any]:
        """An installed class, with what the user put into it."""
        parts: list[Any] = ["patched", by_name(kind)]
        for base, name, value in patched.members(kind):
            self.guards.name(vars(base), name, vars(base)[name])
            parts.append([name, value])
        return parts

    def _module(self, module: types.ModuleType) -> list[Any]:
        space = vars(module)
        self.guards.keys(space)
        parts: list[Any] = ["module", module.__name__, *map(self.ref, class_of(module))]
        for name in sorted(name for name in space if not is_special(name)):
            value = space[name]
            if isinstance(value, types.ModuleType) and not value.__name__.startswith(module.__name__ + "."):
                self.guards.name(space, name, value)
                parts.append([name, "module", value.__name__])
            else:
                parts.append(self._named(space, name, _WHOLE, f"{module.__name__}.{name}"))
        return parts

    def _read(self, label: str, path: str, value: Any, own: bool) -> None:
        if patched.members(type(value)):
            self.ref(type(value))
        self.inputs.value(label, path, value, own)
