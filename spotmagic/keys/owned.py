"""What is the user's and what is installed, among functions, classes and modules; their names, and notes of them."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass
from typing import Any

from spotmagic.code.origin import MAINS, file_of, is_user, is_user_file, is_user_module
from spotmagic.values.callables import named
from spotmagic.values.scheme import Kind, Tree, tree


@dataclass(slots=True)
class Node:
    """A function, class or module that was reached.

    Attributes:
        label: how the user is told of it: ``helper clean``, ``class Config``, ``module tools``.
        ref: what stands for it where it is named: its name, and a count among those of the same name.
        record: the bytes of what it says itself, without what it reaches.
    """

    obj: Any
    label: str
    ref: tuple[str, int]
    record: bytes = b""


@dataclass(slots=True)
class Read:
    """A value that was reached.

    Attributes:
        label: how the user is told of it: ``global PROMPT``, ``closure n``.
        packed: its canonical bytes, masked if it is a secret.
        own: whether it belongs to the root alone, such as its closure.
    """

    label: str
    packed: bytes
    own: bool


def is_users(obj: Any) -> bool:
    """Whether a function, class or module counts by what it says, not by its name alone.

    An installed function that was made by another (a closure, a lambda) does too: it may hold functions of the user.
    """
    if isinstance(obj, types.FunctionType):
        return is_user_file(file_of(obj.__code__)) or is_made(obj)
    if isinstance(obj, type):
        return is_user_module(obj.__module__) or _is_made_class(obj)
    return isinstance(obj, types.ModuleType) and is_user(obj)


def is_made(function: types.FunctionType) -> bool:
    """Whether a name does not find the function: it was made inside another one."""
    return function.__closure__ is not None or "<" in function.__code__.co_qualname


def _is_made_class(kind: type) -> bool:
    """Whether a package made the class of what the user gave it, such as a model of these fields: no name finds it."""
    if vars(kind).keys().isdisjoint(("__pydantic_fields__", "__dataclass_fields__", "__attrs_attrs__")):
        return False
    found: Any = sys.modules.get(kind.__module__)
    for name in kind.__qualname__.split("."):
        found = None if found is None else vars(found).get(name)
    return found is not kind


def stands_for(obj: Any) -> Tree:
    """What stands for an installed function, class or module."""
    if isinstance(obj, types.ModuleType):
        return tree(Kind.MODULE, obj.__name__)
    return named(obj)


def kind_of(obj: Any) -> str:
    """``class``, ``module`` or ``helper``: what the user calls it."""
    return "class" if isinstance(obj, type) else "module" if isinstance(obj, types.ModuleType) else "helper"


def short_name(obj: Any) -> str:
    """The name as the user wrote it."""
    return str(getattr(obj, "__qualname__", None) or obj.__name__).replace(".<locals>", "")


def full_name(obj: Any) -> str:
    """Module and qualified name; the name alone for what a notebook or script defines."""
    name = getattr(obj, "__qualname__", None)
    if name is None:
        return str(obj.__name__)
    return str(name) if obj.__module__ in MAINS else f"{obj.__module__}.{name}"


def call_name(function: Any) -> str:
    """The name of anything that is called, as of a partial, under which its results are kept."""
    inner: Any = function
    while not hasattr(inner, "__qualname__") and hasattr(inner, "func"):
        inner = inner.func
    return full_name(inner if hasattr(inner, "__qualname__") else type(inner))


def class_of(module: types.ModuleType) -> list[type]:
    """The class that gives names of a module, if the user put one in the place of Python's."""
    return [type(module)] if is_users(type(module)) else []
