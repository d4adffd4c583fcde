"""Whether what was reached is still what it was: checked on every call, so mostly in C, and never by looking at less."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import repeat
from operator import attrgetter, is_
from types import CellType, FunctionType
from typing import Any

MISSING = object()
_code, _defaults, _kwdefaults = attrgetter("__code__"), attrgetter("__defaults__"), attrgetter("__kwdefaults__")
_contents, _bases = attrgetter("cell_contents"), attrgetter("__bases__")


class Guards:
    """What a walk looked at, to be compared again: names, functions, closures, classes by identity; data by its bytes."""

    def __init__(self) -> None:
        self._names: dict[int, tuple[Mapping[str, Any], dict[str, Any]]] = {}
        self._functions: dict[int, FunctionType] = {}
        self._cells: dict[int, tuple[CellType, Any]] = {}
        self._keys: list[tuple[Mapping[str, Any], tuple[str, ...]]] = []
        self._bases: list[tuple[type, tuple[type, ...]]] = []
        self._live: list[tuple[Any, bytes]] = []
        self._checks: list[tuple[Callable[..., Any], Iterable[Any], tuple[Any, ...]]] = []

    def name(self, namespace: Mapping[str, Any], name: str, value: Any) -> None:
        """The name in the namespace is this object (or MISSING)."""
        self._names.setdefault(id(namespace), (namespace, {}))[1][name] = value

    def function(self, function: FunctionType) -> None:
        """The function's code and defaults are these objects."""
        self._functions[id(function)] = function

    def cell(self, cell: CellType, value: Any) -> None:
        """The closure cell holds this object."""
        self._cells[id(cell)] = (cell, value)

    def keys(self, namespace: Mapping[str, Any]) -> None:
        """The namespace has these names and no others."""
        self._keys.append((namespace, tuple(namespace)))

    def bases(self, kind: type) -> None:
        """The class has these bases."""
        self._bases.append((kind, kind.__bases__))

    def live(self, value: Any, packed: bytes) -> None:
        """The value, which may change in place, still packs to these bytes."""
        self._live.append((value, packed))

    def close(self) -> None:
        """Lay the checks out for speed. Call once, when all is noted."""
        functions = tuple(self._functions.values())
        self._checks = [
            (_code, functions, tuple(map(_code, functions))),
            (_defaults, functions, tuple(map(_defaults, functions))),
            (_kwdefaults, functions, tuple(map(_kwdefaults, functions))),
        ] if functions else []  # fmt: skip
        cells = tuple(cell for cell, _ in self._cells.values())
        if cells:
            self._checks.append((_contents, cells, tuple(value for _, value in self._cells.values())))
        if self._bases:
            self._checks.append((_bases, tuple(kind for kind, _ in self._bases), tuple(b for _, b in self._bases)))
        self._spaces = [(space.get, tuple(names), tuple(names.values())) for space, names in self._names.values()]

    def hold(self, pack: Callable[[Any], bytes]) -> bool:
        """Whether all is as it was. ``pack`` gives the bytes of data, and may raise."""
        try:
            for get, names, values in self._spaces:
                if not all(map(is_, map(get, names, repeat(MISSING)), values)):
                    return False
            for read, owners, values in self._checks:
                if not all(map(is_, map(read, owners), values)):
                    return False
            for namespace, keys in self._keys:
                if tuple(namespace) != keys:
                    return False
            return all(pack(value) == packed for value, packed in self._live)
        except (ValueError, AttributeError):  # a closure cell that was emptied, a name that is no more
            return False
