"""State: names from outside that the reached code itself changes. They are not input, or every call would be a miss."""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from spotmagic.code.function import Change, Facts
from spotmagic.keys.guards import MISSING
from spotmagic.values.dispatch import take_apart
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Tree

_CONTAINERS = (list, dict, set, bytearray, deque)

Cells = Mapping[str, types.CellType]


class State:
    """The places that code changes: names in namespaces, closure cells, attributes of objects.

    Attributes:
        names: how the user wrote each, in the order found.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._places: set[tuple[int, str]] = set()
        self._attributes: dict[int, set[str]] = {}
        self._held: list[Any] = []  # what the ids stand for must live as long

    def __len__(self) -> int:
        return len(self._places) + sum(map(len, self._attributes.values()))

    def has(self, owner: Any, name: str = "") -> bool:
        """Whether the name in a namespace, or a closure cell, is changed."""
        return (id(owner), name) in self._places

    def attributes(self, owner: Any) -> frozenset[str]:
        """The attributes of an object that are changed."""
        return frozenset(self._attributes.get(id(owner), ()))

    def find(self, function: types.FunctionType, facts: Facts, cells: Cells) -> None:
        """Add what a function changes. A method such as ``append`` counts on containers: others may return anew."""
        for name in sorted(facts.rebinds):
            self._add(cells.get(name), function.__globals__, name, name)
        for change in sorted(facts.changes, key=lambda one: (one.root, one.path, one.method)):
            self._find(function, change, cells)

    def take_apart(self) -> Callable[[Any, Encoder], Tree]:
        """Taking values apart without the attributes that are changed."""
        return self._apart if self._attributes else take_apart

    def _find(self, function: types.FunctionType, change: Change, cells: Cells) -> None:
        cell, space, name = cells.get(change.root), function.__globals__, change.root
        try:
            value = cell.cell_contents if cell is not None else space.get(name, MISSING)
        except ValueError:
            return
        path = list(change.path)
        while path and isinstance(value, types.ModuleType):
            cell, space, name = None, vars(value), path.pop(0)
            value = space.get(name, MISSING)
        owner: Any = MISSING
        for attribute in path:
            owner, name, value = value, attribute, _held(value, attribute)
        if owner is MISSING and value is MISSING:
            return
        if change.method and not isinstance(value, _CONTAINERS):
            return
        said = ".".join((change.root, *change.path))
        if owner is MISSING:
            self._add(cell, space, name, said)
            return
        self._held.append(owner)
        self._attributes.setdefault(id(owner), set()).add(name)
        self._say(said)

    def _add(self, cell: types.CellType | None, space: dict[str, Any], name: str, said: str) -> None:
        self._held.append(space if cell is None else cell)
        self._places.add((id(space), name) if cell is None else (id(cell), ""))
        self._say(said)

    def _say(self, name: str) -> None:
        if name not in self.names:
            self.names.append(name)

    def _apart(self, value: Any, encoder: Encoder) -> Tree:
        parts = take_apart(value, encoder)
        names = self._attributes.get(id(value))
        if not names:
            return parts
        return Tree(
            {name: item for name, item in part.items() if name not in names} if type(part) is dict else part
            for part in parts
        )


def _held(owner: Any, name: str) -> Any:
    """An attribute, without running code of the user."""
    for space in (getattr(owner, "__dict__", {}), *(vars(base) for base in type(owner).__mro__)):
        if name in space:
            return space[name]
    return MISSING
