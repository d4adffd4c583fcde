"""What the user gives to be called: what a call of it gives, and what is refused before anything runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

from spotmagic.code.origin import is_user_module
from spotmagic.code.wrapped import Wrapped
from spotmagic.errors import OptionError

_METHODS = 3  # that are named to whoever gave an object for a function


def check_places(blobs: object, remote: object) -> None:
    """Refuse what is no place for large values or for the results of a team."""
    if blobs is not None and not isinstance(blobs, str | Path) and not hasattr(blobs, "load"):
        raise OptionError(f"blobs={blobs!r} is no place", todo='Say a folder, or a URL such as "s3://bucket/blobs"')
    if remote is not None and not isinstance(remote, str):
        raise OptionError(f"remote={remote!r} is no place", todo='Say a URL such as "s3://bucket/team"')


def awaits(function: Callable[..., Any]) -> bool:
    """Whether a call of the function gives something to await."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def streams(function: Callable[..., Any]) -> bool:
    """Whether a call of the function gives items one by one: a generator, or an asynchronous one."""
    made = getattr(function, "__call__", None)  # noqa: B004
    return any(map(inspect.isgeneratorfunction, (function, made))) or is_async_stream(function)


def refuse_streams(function: Callable[..., Any], who: str) -> None:
    """Refuse a generator where one result is asked for."""
    if not streams(function):
        return
    name = getattr(function, "__name__", "f")
    if is_async_stream(function):
        todo = f"async def whole(x): return [item async for item in {name}(x)]"
    else:
        todo = f"lambda x: list({name}(x))"
    todo = f"Give it a function that returns a list of them: {todo}"
    raise OptionError(f"{who} was given the generator {name}", "it gives its items one by one", todo)


def refuse_uncallable(what: Any, who: str, otherwise: str) -> None:
    """Refuse what cannot be called, and name the method that may have been meant.

    Args:
        who: was given it: ``a batch``, ``mark``.
        otherwise: what to do where it has no method of the user's.
    """
    if callable(what):
        return
    kind = type(what)
    users = [one for one in kind.__mro__ if is_user_module(one.__module__)]
    methods = ["process"] if hasattr(kind, "process") else list(dict.fromkeys(
        name for one in users for name, value in vars(one).items()
        if not name.startswith("_") and isinstance(value, FunctionType | Wrapped)
    ))  # fmt: skip
    if methods:
        *most, last = [f".{name}" for name in methods[:_METHODS]]
        otherwise = f"Give a method of it: {', '.join(most)}{' or ' if most else ''}{last}"
    raise OptionError(f"{who} was given {kind.__name__}, which cannot be called", todo=otherwise)


def is_async_stream(function: Callable[..., Any]) -> bool:
    """Whether the items are to be awaited."""
    return any(map(inspect.isasyncgenfunction, (function, getattr(function, "__call__", None))))  # noqa: B004
