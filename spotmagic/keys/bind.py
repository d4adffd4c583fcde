"""Arguments to the values of parameters, in their order, with defaults: by a generated function, as fast as a call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from inspect import Parameter
from types import FunctionType
from typing import Any

Bind = Callable[..., list[Any]]


class Binder:
    """How a function takes its arguments.

    Attributes:
        names: its parameters in order, ``*args`` and ``**kwargs`` by their names.
        rest: the name of its ``**kwargs``, or "".
        defaults: the default of each parameter that has one.
        bind: called like the function, gives the value of each parameter. Raises TypeError as the function would.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        parameters = _parameters(function)
        self.names = tuple(one.name for one in parameters)
        self.rest = next((one.name for one in parameters if one.kind is Parameter.VAR_KEYWORD), "")
        self.defaults = {one.name: one.default for one in parameters if one.default is not Parameter.empty}
        self.bind = _generated(function, parameters)
        if _takes_anything(function) and self.names != ("args", "kwargs"):
            self.bind = _or_raw(self.bind, len(parameters))


def _parameters(function: Callable[..., Any]) -> list[Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):  # built in, without a signature
        return [Parameter("args", Parameter.VAR_POSITIONAL), Parameter("kwargs", Parameter.VAR_KEYWORD)]


def _generated(function: Callable[..., Any], parameters: list[Parameter]) -> Bind:
    empty = Parameter.empty
    given = [one for one in parameters if one.default is not empty]
    bare = [one.replace(annotation=empty, default=empty if one.default is empty else None) for one in parameters]
    names = ", ".join(one.name for one in parameters)
    space: dict[str, Any] = {}
    # Names alone come from the user, and Python has accepted them as names.
    exec(f"def bind{inspect.Signature(bare)}: return [{names}]", {"__builtins__": {}}, space)
    bind: FunctionType = space["bind"]
    bind.__defaults__ = tuple(one.default for one in given if one.kind is not Parameter.KEYWORD_ONLY) or None
    bind.__kwdefaults__ = {one.name: one.default for one in given if one.kind is Parameter.KEYWORD_ONLY} or None
    bind.__qualname__ = getattr(function, "__qualname__", None) or type(function).__qualname__
    bind.__name__ = getattr(function, "__name__", None) or type(function).__name__
    return bind


def _takes_anything(function: Callable[..., Any]) -> bool:
    """Whether a wrapper takes ``*args, **kwargs`` for a function with a signature of its own, and may change them."""
    return (
        isinstance(function, FunctionType) and bool(function.__code__.co_flags & 4) and hasattr(function, "__wrapped__")
    )


def _or_raw(bind: Bind, count: int) -> Bind:
    """Bind as the wrapped function would; a call that it refuses, which its wrapper may complete, stays as it is."""

    @functools.wraps(bind)
    def either(*args: Any, **kwargs: Any) -> list[Any]:
        try:
            return bind(*args, **kwargs)
        except TypeError:
            return [list(args), kwargs, *[None] * (count - 1)]  # one longer: never taken for a bound call

    return either
