"""What the code that a cell calls can reach and change: variables of the notebook, and what functions and classes hold.

A helper that fills a table, counts in ``f.calls`` or adds to ``Dog.all`` changes what the cell does not name. Variables
become inputs like those the cell names; what functions, classes and modules hold is compared before and after.
"""

from __future__ import annotations

import ast
import dis
import functools
import sys
import types
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

from spotmagic.code.cell import CellCode
from spotmagic.code.wrapped import unwrapped
from spotmagic.errors import Uncacheable
from spotmagic.keys import Mask, Notes, fingerprint
from spotmagic.keys.owned import is_users, short_name
from spotmagic.notebook.graph import ATOMS, is_code

_GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"})
_MEMBERS = (staticmethod, classmethod, property, functools.cached_property, functools.partialmethod)
_MISSING = object()


class Reached:
    """What the code among some values leads to.

    Args:
        ns: the notebook.
        roots: values by the name of the cell for them.
        code: the cell; names that it surely binds before it uses a root are not those of before.

    Attributes:
        names: variables of the notebook that functions and methods read or bind.
    """

    def __init__(self, ns: dict[str, Any], roots: Mapping[str, Any], code: CellCode, mask: Mask | None) -> None:
        self.names: set[str] = set()
        self._ns, self._mask = ns, mask
        self._spaces: dict[str, dict[str, Any]] = {}
        self._seen: set[int] = set()
        self._held: list[Any] = []
        attributes = _attributes(code.source)
        for name, value in roots.items():
            self._skipped = code.before.get(name, frozenset())
            self._visit(value if is_code(unwrapped(value)) else type(value), attributes)
        self._before = {label: self._all(space) for label, space in self._spaces.items()}
        self.inputs = dict(self._prints())

    def changed(self) -> list[tuple[str, str, Any]]:
        """What the run bound anew there: holder, attribute, and a plain value or, for code, ``["code", name]``.

        Raises:
            Uncacheable: it changed something there that a hit could not change again.
        """
        found = []
        for label, before in self._before.items():
            now = self._all(self._spaces[label])
            for name in sorted(before.keys() | now.keys()):
                told, old, new = f"{label}.{name}", before.get(name, _MISSING), now.get(name, _MISSING)
                same = old is new or (type(old) is type(new) and type(new) in ATOMS and old == new)
                if same and (told not in self.inputs or self._print(told, new) == self.inputs[told]):
                    continue
                kept = None if label.endswith(")") or same else self._plain(new)
                if kept is None:
                    why = "the code that the cell calls changed it"
                    todo = "Keep it in a variable of the notebook, or leave this cell as it is"
                    raise Uncacheable(f"`{told}` cannot be kept", why, todo, path=told)
                found.append((label, name, kept[0]))
        return found

    def _plain(self, value: Any) -> list[Any] | None:
        """A value as :func:`set_again` takes it, in a list; None for one that cannot be bound again."""
        if type(value) in (type(None), bool, int, float, str):
            return [value]
        name = getattr(value, "__name__", "")
        return [["code", name]] if is_code(value) and self._ns.get(name) is value else None

    def _all(self, space: Any) -> dict[str, Any]:
        return {name: value for name, value in list(space.items()) if not name.startswith("__") and name != "_abc_impl"}

    def _prints(self) -> Iterator[tuple[str, bytes]]:
        for label, space in self._before.items():
            for name, value in self._data(space):
                yield f"{label}.{name}", self._print(f"{label}.{name}", value)

    def _print(self, label: str, value: Any) -> bytes:
        try:
            return fingerprint(value, path=label, notes=Notes(), mask=self._mask)
        except Uncacheable:  # the code that holds it is refused where it counts
            return b""

    def _data(self, space: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """What is neither code nor Python's own in the attributes of something."""
        for name, value in list(space.items()):
            if name.startswith("__") or isinstance(value, _MEMBERS) or is_code(unwrapped(value)):
                continue
            if type(value).__name__ in ("_abc_data", "member_descriptor", "getset_descriptor", "_lru_cache_wrapper"):
                continue
            if type(value).__module__.partition(".")[0] in ("spotmagic", "typing", "dataclasses"):
                continue
            yield name, value

    def _visit(self, one: Any, attributes: Collection[str]) -> None:
        one = unwrapped(one)
        if isinstance(one, types.MethodType):
            self._visit(one.__func__, attributes)
            one = type(one.__self__)
        elif isinstance(one, staticmethod | classmethod):
            one = one.__func__
        elif isinstance(one, property):
            for part in (one.fget, one.fset, one.fdel):
                self._visit(part, attributes)
            return
        elif isinstance(one, functools.partial | functools.cached_property):
            one = one.func
        one = getattr(one, "__wrapped__", one) if type(one).__name__ == "_lru_cache_wrapper" else one
        if one is None or id(one) in self._seen or not is_users(one):
            return
        self._seen.add(id(one))
        self._held.append(one)
        if isinstance(one, types.FunctionType):
            self._function(one)
        elif isinstance(one, type):
            self._spaces[one.__qualname__] = vars(one)  # type: ignore[assignment]
            for value in (*vars(one).values(), *one.__bases__):
                self._visit(value, ())
        elif isinstance(one, types.ModuleType) and vars(one) is not self._ns:
            for name in attributes:
                value = vars(one).get(name)
                if value is not None:
                    self._visit(value, attributes)

    def _function(self, function: types.FunctionType) -> None:
        space, label = function.__globals__, short_name(function)
        names, attributes = _named(function.__code__)
        for name in names - self._skipped:
            value = space.get(name, _MISSING)
            if value is not _MISSING and is_code(unwrapped(value)):
                self._visit(value, attributes)
            elif space is self._ns:
                self.names.add(name)
            elif is_users(type(value)):
                self._visit(type(value), attributes)
        if space is not self._ns:
            home = str(space.get("__name__"))
            known = self._spaces.get(home)
            self._spaces[home] = _Part(space, names | (known.names if isinstance(known, _Part) else frozenset()))
        self._spaces[label] = vars(function)
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
        held = {name: cell for name, cell in cells if cell != types.CellType()}
        for cell in held.values():
            self._visit(cell.cell_contents if is_code(unwrapped(cell.cell_contents)) else None, attributes)
        self._spaces[f"{label}(…)"] = _Kept(function, held)
        if "__wrapped__" in vars(function):
            self._visit(vars(function)["__wrapped__"], attributes)


class _Part(dict[str, Any]):
    """Those variables of a module that its functions name."""

    def __init__(self, space: Mapping[str, Any], names: frozenset[str]) -> None:
        super().__init__()
        self.names, self._space = names, space

    def items(self) -> Any:
        return {name: self._space[name] for name in self.names if name in self._space}.items()


class _Kept(dict[str, Any]):
    """The defaults and the closure of a function."""

    def __init__(self, function: types.FunctionType, cells: Mapping[str, types.CellType]) -> None:
        super().__init__()
        self._function, self._cells = function, cells

    def items(self) -> Any:
        function = self._function
        defaults = {f"default {place}": value for place, value in enumerate(function.__defaults__ or ())}
        closed = {name: cell.cell_contents for name, cell in self._cells.items()}
        return (defaults | (function.__kwdefaults__ or {}) | closed).items()


def set_again(ns: Mapping[str, Any], kept: list[list[Any]], undo: ExitStack) -> None:
    """Bind what a run bound in classes, functions and modules. Raises ``LookupError`` where they are not there."""
    for label, name, value in kept:
        holder: Any = sys.modules.get(label)
        if holder is None or label in ns:
            first, *rest = label.split(".")
            holder = ns.get(first, _MISSING)
            for step in rest:
                holder = getattr(holder, step, _MISSING)
        if holder is _MISSING:
            raise LookupError(f"{label} is not there")
        if name in vars(holder):
            undo.callback(setattr, holder, name, vars(holder)[name])
        else:
            undo.callback(delattr, holder, name)
        setattr(holder, name, ns[value[1]] if isinstance(value, list) else value)


@functools.lru_cache(maxsize=2048)
def _named(code: types.CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """The globals that code and the functions in it name, and the attributes."""
    inner = [_named(part) for part in code.co_consts if isinstance(part, types.CodeType)]
    own = {step.argval for step in dis.get_instructions(code) if step.opname in _GLOBALS}
    names = frozenset(own).union(*(found for found, _ in inner)) - {"__name__"}
    return names, frozenset(code.co_names).union(*(found for _, found in inner))


@functools.lru_cache(maxsize=256)
def _attributes(source: str) -> frozenset[str]:
    return frozenset(node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute))
