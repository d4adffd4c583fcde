"""Which way a value is taken apart: by its exact type, by what was registered, by its family, by its state."""

from __future__ import annotations

import enum
import functools
import threading
import types
from collections.abc import Callable
from typing import Any

from spotmagic.errors import OptionError, Uncacheable
from spotmagic.values import callables, objects, plain
from spotmagic.values.encode import SCALARS, Encoder
from spotmagic.values.scheme import Kind, Tree, Unfit, tree

Shape = Callable[[Any, Encoder], Tree]

_exact: dict[type, Shape] = {**plain.SHAPES, **callables.SHAPES}
_registered: dict[type, Callable[[Any], Any]] = {}
_resolved: dict[type, Shape] = {}
_MOST_RESOLVED = 4096
_lock = threading.Lock()


def register_fingerprint(kind: type, function: Callable[[Any], Any]) -> None:
    """Fingerprint values of a type, and of its subclasses, by what the function returns for them.

    The function returns anything that can be fingerprinted itself: a tuple of what makes two values behave differently.

    Raises:
        OptionError: for what is no class, no function, or a plain type whose fingerprint is fixed.
    """
    if not isinstance(kind, type):
        raise OptionError(f"{kind!r} is not a type", todo="Say register(MyClass, fingerprint=function)")
    if not callable(function):
        raise OptionError(f"fingerprint={function!r} is not a function", todo="Say a function of the value")
    if kind in SCALARS or kind in (bytes, list, dict, object, type):
        raise OptionError(f"the fingerprint of {kind.__name__} is fixed", todo="Register a class of your own")
    with _lock:
        _registered[kind] = function
        _resolved.clear()


def take_apart(value: Any, encoder: Encoder) -> Tree:
    """The tree of a value that msgpack does not know. Raises :class:`Unfit` for what has none."""
    kind = type(value)
    shape = _exact.get(kind) if not _registered else None
    if shape is None:
        shape = _resolved.get(kind)
    if shape is None:
        shape = _resolve(kind)
        with _lock:
            if len(_resolved) >= _MOST_RESOLVED:  # classes that a notebook defines again and again
                _resolved.clear()
            _resolved[kind] = shape
    try:
        return shape(value, encoder)
    except (Unfit, Uncacheable, RecursionError, MemoryError):
        raise
    except Exception as error:
        raise Unfit(f"reading it raised {type(error).__name__}: {error}") from error


def _resolve(kind: Any) -> Shape:
    for base in kind.__mro__:
        if base in _registered:
            return functools.partial(_by_registered, _registered[base])
    if kind in _exact:
        return _exact[kind]
    if issubclass(kind, enum.Enum):
        return _enum
    if issubclass(kind, type | types.ModuleType):
        return _exact[type]
    if issubclass(kind, staticmethod | classmethod | property | functools.partial | functools.cached_property):
        return next(_exact[base] for base in kind.__mro__ if base in _exact)
    family = _family(kind)
    if family is not None:
        return family
    if kind.__name__ == "cython_function_or_method":
        return _exact[types.MethodDescriptorType]
    if kind.__module__ in ("typing", "typing_extensions"):
        return callables.typing_form
    return objects.shape_of(kind)


def _family(kind: type) -> Shape | None:
    """The shape of a value of an array or table library. Its module is there, as a value of it is."""
    for base in kind.__mro__:
        package = base.__module__.partition(".")[0]
        if package == "numpy":
            from spotmagic.values import arrays

            found = arrays.shape_of(base)
        elif package == "pandas":
            from spotmagic.values import frames

            found = frames.shape_of(base)
        elif package in ("polars", "pyarrow"):
            from spotmagic.values import columns

            found = columns.shape_of(base)
        elif package in ("torch", "PIL"):
            from spotmagic.values import tensors

            found = tensors.shape_of(base)
        elif package == "matplotlib":
            from spotmagic.values import figures

            found = figures.shape_of(base)
        else:
            continue
        if found is not None:
            return found if base is kind else functools.partial(_subclass, found)
    return None


def _subclass(shape: Shape, value: Any, encoder: Encoder) -> Tree:
    return tree(Kind.OBJECT, encoder.code(type(value)), shape(value, encoder))


def _by_registered(function: Callable[[Any], Any], value: Any, encoder: Encoder) -> Tree:
    return tree(Kind.REGISTERED, encoder.code(type(value)), function(value))


def _enum(value: enum.Enum, encoder: Encoder) -> Tree:
    return tree(Kind.ENUM, encoder.code(type(value)), value.name, value.value)
