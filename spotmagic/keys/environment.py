"""Environment variables that code reads by name: each is an input of its own, ``env MODEL``."""

from __future__ import annotations

import os
import pathlib
import re
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spotmagic.code.function import facts
from spotmagic.code.source import nested
from spotmagic.code.texts import Chain, Key
from spotmagic.code.wrapped import cells_of, unwrapped
from spotmagic.keys.guards import MISSING, Guards
from spotmagic.keys.named import held_by, text_of
from spotmagic.keys.owned import short_name
from spotmagic.keys.state import Cells
from spotmagic.reads.variables import count_at_run

_NAMED = re.compile(r"\$\{?(\w+)")
HERE = "working directory"
_BYTES = tuple(one for one in (getattr(os, "environb", None), getattr(os, "getenvb", None)) if one is not None)
# What answers by the environment without being told a name.
_ANSWERING: dict[Any, str] = {
    **dict.fromkeys((os.getcwd, os.getcwdb, getattr(pathlib.Path.cwd, "__func__", None)), HERE),
    **dict.fromkeys((os.path.expanduser, getattr(pathlib.Path.home, "__func__", None)), "HOME"),
}
MODULES = frozenset({"os", "posixpath", "ntpath"})
"""Modules that lead to the environment, for functions that import them when they run."""
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_ASKING = frozenset({"get", "__getitem__", "__contains__", "setdefault", "pop"})


def variables(
    function: types.FunctionType,
    read: Mapping[str, frozenset[Chain]],
    ignore: frozenset[str],
    cells: Cells,
    trouble: Callable[[str], None],
) -> Iterator[str | None]:
    """The environment variables that a function reads by way of its names; None for what its caller names."""
    for name in sorted(read.keys() - ignore):
        yield from _by_way_of(function, name, read[name], cells, trouble)


def _by_way_of(
    function: types.FunctionType,
    name: str,
    chains: frozenset[Chain],
    cells: Cells,
    trouble: Callable[[str], None],
) -> Iterator[str | None]:
    root = held_by(function, name, cells)
    yield from (one for one in (_answering(root, chain) for chain in chains) if one)
    if root is not os and root is not os.path and not is_environment(root):
        return
    keys = facts(function).keys
    if () in chains and not is_environment(root):
        chosen(function, certain=False)  # getattr(os, name)
    for chain in chains:
        if _expands(root, chain):
            texts = [text_of(function, key, cells) for key in keys.get((name, *chain), ())]
            yield from (one for text in texts for one in _NAMED.findall(text or ""))
            if None in texts or not texts:
                chosen(function)
            continue
        for key in _asked(root, chain, keys.get((name, *chain), frozenset({Key()}))):
            if key == Key():
                trouble(f"`{short_name(function)}` reads the whole environment")
                continue
            text = text_of(function, key, cells)
            if text is not None or key.name == facts(function).passed != "":
                yield text  # None: what the first parameter says
            else:
                chosen(function)


def _answering(root: Any, chain: Chain) -> str:
    """What a use of ``os.getcwd``, ``Path.home`` and their like reads, or ""."""
    value = root
    for step in chain:
        paths = isinstance(value, type) and issubclass(value, pathlib.Path)
        if not paths and not any(value is one for one in (os, os.path, pathlib)):
            return ""
        value = getattr(value, step, None)
    value = getattr(value, "__func__", value)
    known = isinstance(value, types.FunctionType | types.BuiltinFunctionType)
    return _ANSWERING.get(value, "") if known else ""


class WorkingDirectory:
    """Stands for the folder that relative paths begin at: it counts by where it is when it is looked at."""

    def __reduce_ex__(self, _: Any) -> tuple[Any, ...]:
        return WorkingDirectory, (os.getcwd(),)  # noqa: PTH109


def of_settings(kind: type) -> list[str]:
    """The variables that a class of pydantic's settings reads: its prefix and the names of its fields, in any case."""
    fields = vars(kind).get("__pydantic_fields__")
    config = getattr(kind, "model_config", None)
    if not isinstance(fields, dict) or not isinstance(config, dict) or not hasattr(kind, "settings_customise_sources"):
        return []
    names = {f"{config.get('env_prefix') or ''}{name}".lower(): name for name in fields}
    for field in fields.values():
        alias = field.validation_alias or field.alias
        for one in getattr(alias, "choices", [alias]):
            names |= {one.lower(): one} if isinstance(one, str) else {}
    inner = config.get("env_nested_delimiter")
    found = {
        variable
        for variable in os.environ
        for name in names
        if variable.lower() == name or (inner and variable.lower().startswith(f"{name}{inner}".lower()))
    }
    return sorted(found | (names.keys() - {one.lower() for one in found}))


def chosen(function: types.FunctionType, *, certain: bool = True) -> None:
    """Let the variables that a function reads count when it runs, as their names are made then.

    Args:
        certain: it does ask for such. Else it may, by way of what is held where nobody follows it.
    """
    for code in nested(function.__code__):  # functions inside it ask as well, and are made when it runs
        count_at_run(code, certain=certain)


def answers(value: Any) -> str:
    """What a function reads that answers by the environment without being told a name, or ""."""
    return _answering(value, ()) if issubclass(type(value), _FUNCTIONS) else ""


def asked_unseen(value: Any) -> str:
    """Why what an argument reads cannot be noted, or "": it asks the environment, wherever it is called."""
    if not issubclass(type(value), _FUNCTIONS) or not (is_environment(value) or answers(value)):
        return ""
    return f"it is given `{value.__name__}` as a value, so what that reads cannot be seen: call it by its name"


def _expands(root: Any, chain: Chain) -> bool:
    """Whether a use is ``os.path.expandvars``. What a text names that is made while it runs is noted then."""
    path = root.path if root is os and chain[:1] == ("path",) else root
    return (path is os.path and chain[-1:] == ("expandvars",)) or root is os.path.expandvars


def _asked(root: Any, chain: Chain, keys: frozenset[Key]) -> frozenset[Key]:
    """What a use asks of the environment: nothing, by keys, or all of it (an empty key)."""
    value = root
    for step in chain:
        if value is os:
            value = getattr(os, step, None)
        elif _is_bytes(value):
            break
        elif value is os.environ:
            return keys if step in _ASKING else frozenset({Key()})
        else:
            return frozenset()
    if isinstance(value, types.MethodType) and value.__self__ is os.environ:  # an alias of os.environ.get
        return keys if value.__name__ in _ASKING else frozenset({Key()})
    if _is_bytes(value):  # its names are none that could be told
        return frozenset({Key()})
    return keys if value is os.environ or value is os.getenv else frozenset()


def _is_bytes(value: Any) -> bool:
    return any(value is one for one in _BYTES)


def said_to(function: types.FunctionType, reached: list[Any]) -> Iterator[str]:
    """The variables that callers name to a function which reads the one it is told: ``env("MODEL")``.

    Args:
        reached: what may call it, all of it.
    """
    said = [key for one in reached if isinstance(one, types.FunctionType) for key in _said_by(one, function)]
    if not said or None in said:
        chosen(function)
    yield from filter(None, said)


def _said_by(caller: types.FunctionType, function: types.FunctionType) -> Iterator[str | None]:
    """The texts with which a caller calls a function of its globals or closure; None for any other use of it."""
    cells = cells_of(caller)
    for (name, *path), keys in facts(caller).keys.items():
        value = held_by(caller, name, cells)
        for step in path:
            value = vars(value).get(step) if isinstance(value, types.ModuleType) else None
        if unwrapped(value) is function:
            yield from (text_of(caller, key, cells) for key in keys)


def is_environment(value: Any) -> bool:
    """Whether a value is the environment itself, or what asks it, whose state must not count as a value."""
    bound = isinstance(value, types.MethodType) and value.__self__ is os.environ
    return bound or any(value is one for one in (os.environ, os.getenv, os.path.expandvars, *_BYTES))


def guard(guards: Guards, name: str) -> None:
    """Notice when a variable is set otherwise: by identity of what Python holds of it, where it can be seen."""
    held, encode = getattr(os.environ, "_data", None), getattr(os.environ, "encodekey", None)
    if isinstance(held, dict) and encode is not None:
        key = encode(name)
        guards.name(held, key, held.get(key, MISSING))
    else:
        guards.live(os.environ, b"")  # never equal, so the function is looked at each time
