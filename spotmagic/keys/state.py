"""State: what the reached code only writes. It is no input, or every call would be a miss; a hit does not repeat it.

Names and containers that are only written are never read, so they need no care. What needs it are attributes of objects
that are inputs for their other attributes: ``tracker.calls += 1`` beside ``tracker.model``.
"""

from __future__ import annotations

import inspect
import types
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Any

from spotmagic.code.function import facts
from spotmagic.code.origin import is_user_module
from spotmagic.code.writes import Write
from spotmagic.keys.guards import MISSING, Guards
from spotmagic.keys.methods import only_written
from spotmagic.values.dispatch import take_apart
from spotmagic.values.encode import Encoder
from spotmagic.values.notes import Notes
from spotmagic.values.scheme import MARKS, Kind, Tree

Cells = Mapping[str, types.CellType]

_CONTAINERS = (list, dict, set, bytearray, deque)


class OnlyWritten:
    """The attributes that are only written, by the object that has them."""

    def __init__(self) -> None:
        self._names: dict[int, frozenset[str]] = {}
        self._held: list[Any] = []  # what the ids stand for must live as long

    def __len__(self) -> int:
        return sum(map(len, self._names.values()))

    def add(self, owner: Any, names: Collection[str]) -> None:
        """Leave these attributes of an object out."""
        if not names:
            return
        self._held.append(owner)
        self._names[id(owner)] = self.of(owner) | frozenset(names)

    def of(self, owner: Any) -> frozenset[str]:
        """The attributes of an object that are left out."""
        return self._names.get(id(owner), frozenset())

    def take_apart(self) -> Callable[[Any, Encoder], Tree]:
        """Taking values apart without the attributes that are left out."""
        return self._apart if self._names else take_apart

    def _apart(self, value: Any, encoder: Encoder) -> Tree:
        names = self.of(value)
        return without(take_apart(value, encoder), names) if names else take_apart(value, encoder)


def without(parts: Tree, names: frozenset[str]) -> Tree:
    """The tree of an object without some of its attributes."""
    first = 3 if parts[0] == MARKS[Kind.MEMBER] else 6  # what stands before is content, not attributes
    made = Tree(parts)
    for place, part in enumerate(parts[first:], first):
        if type(part) is dict:
            made[place] = {name: item for name, item in part.items() if name not in names} or None
    return made


class Writes:
    """What the functions of one walk write, and which objects they read as a whole."""

    def __init__(self, guards: Guards) -> None:
        self._guards = guards
        self._quiet: dict[str, tuple[int, str]] = {}
        self._attributes: list[tuple[Any, str, str]] = []
        self._objects: dict[int, tuple[Any, str]] = {}
        self._whole: set[int] = set()

    def reads(self, value: Any, path: str, *, whole: bool) -> None:
        """Note a value that code reads under a name, by its attributes only or as a whole."""
        if is_user_module(type(value).__module__):
            self._objects[id(value)] = value, path
        if whole:
            self._whole.add(id(value))

    def add(self, function: types.FunctionType, write: Write, cells: Cells) -> bool:
        """Note what a function writes. False where that may read it as well: by code of the user's, or unseen."""
        cell, space, name = cells.get(write.root), function.__globals__, write.root
        try:
            value = cell.cell_contents if cell is not None else space.get(name, MISSING)
        except ValueError:  # an empty cell
            return True
        path = list(write.path)
        while path and isinstance(value, types.ModuleType):
            cell, space, name = None, vars(value), path.pop(0)
            value = space.get(name, MISSING)
        label = ".".join((write.root, *write.path))
        if not path:
            if not _takes_quietly(value, write.method):
                return False
            self._guards.kind(space if cell is None else cell, name, type(value))
            self._quiet[label] = (id(space), name) if cell is None else (id(cell), "")
            return True
        if isinstance(value, types.FunctionType):
            return True  # an attribute of a function counts where it is read
        held = inspect.getattr_static(value, path[0], MISSING)
        if len(path) > 1 or hasattr(type(held), "__set__") or not _takes_quietly(held, write.method):
            return False
        self._attributes.append((value, path[0], write.root))
        return True

    def settle(
        self,
        functions: list[types.FunctionType],
        loads: frozenset[str],
        read: set[tuple[int, str]],
        state: OnlyWritten,
        notes: Notes,
    ) -> None:
        """Add to the state what is only written, now that all is reached.

        Args:
            functions: all that were reached.
            loads: the attributes that those read of anything that may run.
            read: the places that are read.
        """
        for label, place in self._quiet.items():
            if place not in read:
                notes.state[label] = None
        found = [(owner, name, only_written(type(owner), loads)) for owner, name in self._objects.values()]
        everything = loads.union(*(facts(one).loads for one in functions))
        if "*" not in everything:
            found += [(owner, said, frozenset({name}) - everything) for owner, name, said in self._attributes]
        for owner, label, names in found:
            if id(owner) not in self._whole:
                state.add(owner, names)
                for name in sorted(names):
                    notes.state[f"{label}.{name}"] = None


def _takes_quietly(value: Any, method: str) -> bool:
    """Whether writing to a value runs none of the user's code, and no method that means something else there."""
    if method:
        return type(value) in _CONTAINERS
    return value is MISSING or not is_user_module(type(value).__module__)
