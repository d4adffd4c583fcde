"""What a function names in text: in queries, formulas and evaluated code, and the modules that it imports by text."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from spotmagic.code.function import Import, facts
from spotmagic.code.source import nested
from spotmagic.code.texts import Chain, Key, names_in, names_in_queries
from spotmagic.code.wrapped import Wrapped, unwrapped
from spotmagic.keys.guards import MISSING, Guards
from spotmagic.keys.owned import is_users, short_name
from spotmagic.keys.state import Cells

_ASKS = {"environ", "getenv"}
# What leads to a namespace in which nobody sees before what is read.
_HIDING = ("globals", "eval", "exec")
_NAMESPACES = frozenset({"__globals__", "f_globals", "f_locals", "getmodule"})
_WHOLE = frozenset({"items", "values", "copy"})


def unseen(function: types.FunctionType) -> str:
    """Why it cannot be seen what a function reads by way of a namespace, or "" if it can."""
    said = facts(function)
    for name in _HIDING:
        evaluated = name != "globals" and said.texts.evaluated  # which is looked into
        if not evaluated and name in said.names and name not in function.__globals__:
            return f"`{short_name(function)}` calls {name}(), so what it reads cannot be seen"
    named = {name for name in said.names if function.__globals__.get(name) is inspect.getmodule}
    for name in sorted(_NAMESPACES & said.loads | named):
        return f"`{short_name(function)}` looks into a namespace by `{name}`, so what it reads cannot be seen"
    return ""


def loaded(
    function: types.FunctionType,
    names: Iterable[str],
    cells: Cells,
    guards: Guards,
    trouble: Callable[[str], None],
) -> Iterator[types.ModuleType]:
    """The user's modules that a function takes from those which are loaded: ``sys.modules[__name__]``."""
    for (name, *path), keys in facts(function).keys.items():
        held = held_by(function, name, cells) if name in names else None
        if not (held is sys and path[:1] == ["modules"]) and held is not sys.modules:
            continue
        text = {text_of(function, key, cells) for key in keys if key != Key()}  # which is no question
        if None in text or not _WHOLE.isdisjoint(path):
            trouble(f"`{short_name(function)}` uses a loaded module that is chosen while it runs")
        for one in sorted(filter(None, text)):
            module = sys.modules.get(one, MISSING)
            guards.name(sys.modules, one, module)
            if isinstance(module, types.ModuleType) and is_users(module):
                yield module


def in_texts(function: types.FunctionType, cells: Cells, trouble: Callable[[str], None]) -> Iterator[str]:
    """Names from outside that the function's formulas, evaluated texts and texts held under a name may mean."""
    said = facts(function).texts
    yield from (name for name in sorted(said.words) if name in cells or name in function.__globals__)
    for name in sorted(said.holding):
        held = held_by(function, name, cells)
        if isinstance(held, str):
            yield from names_in_queries(held)
    for key in said.evaluated:
        text = text_of(function, key, cells)
        names = None if text is None else names_in(text)
        if names is None:
            trouble(f"`{short_name(function)}` calls eval() on a text that cannot be seen before it runs")
        yield from names or ()


def imports(function: types.FunctionType, cells: Cells, trouble: Callable[[str], None]) -> Iterator[Import]:
    """The modules that the function imports by their name in a text."""
    for key in facts(function).texts.modules:
        text = text_of(function, key, cells)
        if text is not None:
            name = text.lstrip(".")
            yield Import(name, len(text) - len(name), ())
        elif not isinstance(held_by(function, key.name, cells), types.ModuleType):  # else it is reloaded, and named
            trouble(f"`{short_name(function)}` imports a module that is chosen while it runs")


def held_by(function: types.FunctionType, name: str, cells: Cells) -> Any:
    """What a name of a function's stands for before it runs: in its closure, its defaults or its globals."""
    if name in cells:
        try:
            return cells[name].cell_contents
        except ValueError:
            return MISSING
    if name not in function.__code__.co_varnames:
        return function.__globals__.get(name, MISSING)
    return defaults(function).get(name, MISSING)


def attributes_of(function: Any, chains: Iterable[Chain], guards: Guards) -> Iterator[tuple[str, Any]]:
    """The attributes of a function, or of one of ours around it, that are read: those that are no code of others."""
    for name in sorted({chain[0] for chain in chains if chain}):
        one = function
        while name not in vars(one) and isinstance(one, Wrapped):
            guards.name(vars(one), name, MISSING)
            one = one.__wrapped__
        value = vars(one).get(name, MISSING)
        guards.name(vars(one), name, value)
        if value is not MISSING and (not callable(value) or is_users(unwrapped(value))):
            yield name, value


def defaults(function: types.FunctionType) -> dict[str, Any]:
    """The defaults of a function by parameter."""
    code, positional = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[code.co_argcount - len(positional) : code.co_argcount]
    return {**dict(zip(names, positional, strict=True)), **(function.__kwdefaults__ or {})}


def text_of(function: types.FunctionType, key: Key, cells: Cells) -> str | None:
    """The text that a key stands for, if it is sure before the run: a parameter's default is not."""
    if key.text is not None:
        return key.text
    if not key.name or any(key.name in (*one.co_varnames, *one.co_cellvars) for one in nested(function.__code__)):
        return None
    held = held_by(function, key.name, cells)
    return held if isinstance(held, str) else None


def outside(function: Callable[..., Any]) -> frozenset[str]:
    """Globals, closure names and variables of the environment that the function and its helpers read: ``ignore=``."""
    found: set[str] = set()
    line, seen = [unwrapped(function)], set()
    while line:
        one = unwrapped(line.pop())
        one = one.__func__ if type(one) is types.MethodType else one
        if type(one) is not types.FunctionType or one in seen or not is_users(one):  # proxies raise what they like
            continue
        seen.add(one)
        said = facts(one)
        names = {*said.names, *(write.root for write in said.writes)}
        found |= names
        found |= {key.text for chain, keys in said.keys.items() if _ASKS & {*chain} for key in keys if key.text}
        line += [one.__globals__[name] for name in names if name in one.__globals__]
    return frozenset(found)
