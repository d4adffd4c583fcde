"""Environment variables that code reads by name: each is an input of its own, ``env MODEL``."""

from __future__ import annotations

import os
import types
from collections.abc import Callable, Iterator
from typing import Any

from spotmagic.code.function import facts
from spotmagic.code.texts import Chain, Key
from spotmagic.keys.guards import MISSING, Guards
from spotmagic.keys.named import held_by, text_of
from spotmagic.keys.owned import short_name
from spotmagic.keys.state import Cells

_ASKING = frozenset({"get", "__getitem__", "__contains__", "setdefault", "pop"})


def variables(
    function: types.FunctionType,
    name: str,
    chains: frozenset[Chain],
    cells: Cells,
    trouble: Callable[[str], None],
) -> Iterator[str]:
    """The environment variables that a function reads by way of one of its names."""
    root = held_by(function, name, cells)
    if root is not os and not is_environment(root):
        return
    keys = facts(function).keys
    for chain in chains:
        for key in _asked(root, chain, keys.get((name, *chain), frozenset({Key()}))):
            text = text_of(function, key, cells)
            if text is not None:
                yield text
                continue
            what = "a variable of the environment that is chosen while it runs" if key.name else "the whole environment"
            trouble(f"`{short_name(function)}` reads {what}")


def _asked(root: Any, chain: Chain, keys: frozenset[Key]) -> frozenset[Key]:
    """What a use asks of the environment: nothing, by keys, or all of it (an empty key)."""
    value = root
    for step in chain:
        if value is os:
            value = getattr(os, step, None)
        elif value is os.environ:
            return keys if step in _ASKING else frozenset({Key()})
        else:
            return frozenset()
    if isinstance(value, types.MethodType) and value.__self__ is os.environ:  # an alias of os.environ.get
        return keys if value.__name__ in _ASKING else frozenset({Key()})
    return keys if value is os.environ or value is os.getenv else frozenset()


def is_environment(value: Any) -> bool:
    """Whether a value is the environment itself, or what asks it, whose state must not count as a value."""
    bound = isinstance(value, types.MethodType) and value.__self__ is os.environ
    return value is os.environ or value is os.getenv or bound


def guard(guards: Guards, name: str) -> None:
    """Notice when a variable is set otherwise: by identity of what Python holds of it, where it can be seen."""
    held, encode = getattr(os.environ, "_data", None), getattr(os.environ, "encodekey", None)
    if isinstance(held, dict) and encode is not None:
        key = encode(name)
        guards.name(held, key, held.get(key, MISSING))
    else:
        guards.live(os.environ, b"")  # never equal, so the function is looked at each time
