"""What a function takes of the modules that it imports when it runs, as it is now.

What was set in a module since its file was read stands in no text: ``config.MODEL = "b"``, what decorators of other
modules put into its tables, what its own code read from a file. So of a module that was loaded before any run, what is
used counts as that of an import at the top of a module does, unless it can hold nothing but what its text says. One
that a run loads is as its text says, which is what the first call of the next process is keyed by; what it reads while
it is loaded counts as read by each run since.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from spotmagic.code.function import Import
from spotmagic.code.texts import Chain
from spotmagic.keys.guards import MISSING, Guards
from spotmagic.keys.lazy import FUNCTION, absolute, texts_of
from spotmagic.keys.methods import is_special
from spotmagic.reads import imports as asked


def taken(one: Import, namespace: dict[str, Any], guards: Guards) -> Iterator[tuple[ModuleType, frozenset[Chain]]]:
    """The modules that an import leads to which were loaded before any run, each with what is used of it."""
    yield from _loaded(one, namespace, guards)
    name, seen = absolute(one, namespace), set[Path]()
    for target in (name, *(f"{name}.{inner}" for inner in one.names)):
        for module, text in texts_of(target, seen):
            if _before(sys.modules.get(module)) is None:
                for other in text.taken:
                    yield from _loaded(other, {"__package__": text.package}, guards)


def _loaded(one: Import, namespace: dict[str, Any], guards: Guards) -> Iterator[tuple[ModuleType, frozenset[Chain]]]:
    name = absolute(one, namespace)
    name = name.partition(".")[0] if one.first else name
    held = sys.modules.get(name, MISSING)
    guards.name(sys.modules, name, held)
    module = _before(held)
    if module is None or _is_said(module, one.chains, guards):
        return
    there = frozenset(chain for chain in one.chains if _is_there(module, chain))
    if there != one.chains and "__getattr__" in vars(module):
        there |= {("__getattr__",)}
    if there:
        yield module, there


def _is_said(used: ModuleType, chains: frozenset[Chain], guards: Guards) -> bool:
    """Whether a module of the user's, and all that is used by way of it, holds what its text says and no more."""
    if () in chains and hasattr(used, "__path__"):
        return False  # any module of the package may be taken
    ways = [chain[:end] for chain in chains for end in range(1, len(chain) + 1)]
    inner = [name for way in ways if (name := ".".join((used.__name__, *way))) in sys.modules]
    seen = set[Path]()
    read = [one for name in (used.__name__, *sorted(inner)) for one in texts_of(name, seen)]
    for module, text in read:
        loaded = _before(sys.modules.get(module))
        if loaded is None:
            continue
        space, imports = vars(loaded), text.plain
        guards.sizes([space])
        said = dict(text.said)
        if imports is None or not all(_as_said(space, one, said, imports, text.package) for one in list(space)):
            return False
    return bool(read)


def _as_said(
    space: dict[str, Any], name: str, said: dict[str, Any], imports: dict[str, tuple[str, int, str]], package: str
) -> bool:
    """Whether a name of a module is as its text says."""
    value = space[name]
    if name in said:
        return _is_so(value, said[name])
    if name not in imports:
        return is_special(name) or (isinstance(value, ModuleType) and value.__name__ == f"{package}.{name}")
    module, level, inner = imports[name]
    held = sys.modules.get(absolute(Import(module, level, ()), {"__package__": package}))
    if inner and f"{getattr(held, '__name__', '')}.{inner}" in sys.modules:
        return True
    return value is (getattr(held, "__dict__", {}).get(inner) if inner else held)


def _is_so(value: Any, said: Any) -> bool:
    """Whether a value is what a text says: functions that are others count by themselves."""
    if not isinstance(said, list):
        return said is FUNCTION or (type(value), value) == (type(said), said)
    if not isinstance(value, type):
        return False
    inner = dict(said)
    return all(is_special(one) or (one in inner and _is_so(held, inner[one])) for one, held in vars(value).items())


def _before(module: Any) -> ModuleType | None:
    """A module that was loaded before any run."""
    return module if isinstance(module, ModuleType) and not asked.has_arrived(module) else None


def _is_there(module: ModuleType, chain: Chain) -> bool:
    """Whether a module has what is used of it, over no module that a run has loaded."""
    value: Any = module
    for place, step in enumerate(chain):
        value = vars(value).get(step, MISSING) if isinstance(value, ModuleType) else None
        if (value is MISSING and place == 0) or (isinstance(value, ModuleType) and asked.has_arrived(value)):
            return False
    return True
