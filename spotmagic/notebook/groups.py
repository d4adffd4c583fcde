"""Which variables of a cell share objects and so belong together, and which of them cannot come back as values."""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from spotmagic.code.wrapped import Wrapped
from spotmagic.errors import Uncacheable
from spotmagic.notebook.graph import ATOMS, BOXES, children, is_array, is_atom, links

_FROZEN = frozenset({tuple, frozenset})


def groups(values: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The names in groups, so that no object that can change is reachable from two groups."""
    owner: dict[int, str] = {}
    leader = {name: name for name in values}

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for name, value in values.items():
        for level in levels(value):
            for one in level:
                if type(one) in _FROZEN or is_atom(one) or isinstance(one, types.FunctionType | Wrapped):
                    continue
                first = owner.setdefault(id(one), name)
                if first is not name:
                    leader[find(name)] = find(first)
    found: dict[str, list[str]] = {}
    for name in values:
        found.setdefault(find(name), []).append(name)
    return [tuple(names) for names in found.values()]


def share_memory(values: Iterable[Any]) -> bool:
    """Whether two arrays among these values are views of one array, or one of the other."""
    owners: dict[int, set[int]] = {}
    for value in values:
        for level in levels(value, lambda one: [] if is_array(one) else links(one)):
            for one in level:
                if is_array(one):
                    owners.setdefault(id(one if one.base is None else one.base), set()).add(id(one))
    return any(len(views) > 1 for views in owners.values())


def levels(value: Any, inside: Callable[[Any], list[Any]] = children) -> Iterator[list[Any]]:
    """What a value reaches, nearest first; an object may come more than once. Plain containers open fast.

    Args:
        inside: what an object holds that is no plain container.
    """
    level = [value]
    seen: set[int] = set()
    while level:
        level = [one for one in level if type(one) not in ATOMS and id(one) not in seen]
        if not level:
            return
        seen.update(map(id, level))
        yield level
        boxes = [one for one in level if type(one) in BOXES]
        following = gc.get_referents(*boxes) if boxes else []
        if len(boxes) < len(level):
            for one in level:
                if type(one) not in BOXES:
                    following += inside(one)
        level = following


def refuse_what_only_code_makes(
    name: str, value: Any, ns: Mapping[str, Any], comes_back: Callable[[str], bool]
) -> None:
    """Raise :class:`Uncacheable` if a variable holds a function or class that no definition makes again.

    Args:
        comes_back: whether a top-level name of the notebook is there on a hit.
    """
    for level in levels(value):
        for one in level:
            if isinstance(one, types.FunctionType | Wrapped | type) and one.__module__ == "__main__":
                _refuse(name, one, ns, comes_back)


def _refuse(name: str, one: Any, ns: Mapping[str, Any], comes_back: Callable[[str], bool]) -> None:
    top, *rest = one.__qualname__.split(".")
    place = ns.get(top)
    for step in rest:
        place = getattr(place, step, None)
    if place is one and comes_back(top):
        return
    kind = "class" if isinstance(one, type) else "function"
    if kind == "function":
        used = sorted(_named_globals(one.__code__) & ns.keys() - vars(sys.modules["builtins"]).keys())
        if not used:  # it carries all it needs
            return
        why = f"it is or holds a function that was made while the cell ran and that uses `{used[0]}` of the notebook"
    else:
        why = f"it is or holds the class {one.__qualname__}, which was made while the cell ran"
    raise Uncacheable(f"`{name}` cannot be kept", why, f"Define the {kind} at the top level of a cell", path=name)


def _named_globals(code: types.CodeType) -> set[str]:
    inner = [part for part in code.co_consts if isinstance(part, types.CodeType)]
    return {*code.co_names, *(name for part in inner for name in _named_globals(part))}
