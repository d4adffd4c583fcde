"""Trees of what can be called, and of types as annotations write them."""

from __future__ import annotations

import contextvars
import functools
import gc
import sys
import types
import typing
import weakref
from collections.abc import Callable
from typing import Any

from spotmagic.code.origin import is_user_module
from spotmagic.code.wrapped import Bound, Wrapped, sample_of, unwrapped
from spotmagic.reads import stand_ins
from spotmagic.values.encode import Encoder, Shape
from spotmagic.values.scheme import Kind, Tree, Unfit, tree


def named(value: Any) -> Tree:
    """What stands for an installed function or class: where it is found."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    module = getattr(value, "__module__", None)
    if isinstance(value, types.FunctionType):
        module = value.__globals__.get("__name__", module)
        name = value.__code__.co_qualname
    if module is None:
        module = getattr(getattr(value, "__objclass__", None), "__module__", None)
    if not name:
        raise Unfit("it is a callable without a name")
    if isinstance(value, type):
        refuse_homeless(value)
    return tree(Kind.NAMED, module, name)


def refuse_homeless(kind: type) -> None:
    """Refuse a class that says of no module that it is in it, as functions of sympy do: no name leads to it."""
    if not isinstance(kind.__module__, str):
        raise Unfit(f"its class `{kind.__qualname__}` is in no module", "Make it where it is used, or give its text")


def _builtin(value: Any, encoder: Encoder) -> Tree:
    if why := stand_ins.unseen(value, held=True):
        encoder.notes.trouble = encoder.notes.trouble or why
    owner = value.__self__
    if owner is None or isinstance(owner, types.ModuleType):
        return named(value)
    return _of_module(value) or tree(Kind.METHOD, owner, value.__name__)


def _of_module(value: Any) -> Tree | None:
    """The name of what an installed module gives as a function, though it is a method of an object that it hides.

    ``from random import uniform`` is what ``random.uniform`` is: the generator behind it is the module's own.
    """
    name = value.__name__
    for module in dict.fromkeys((getattr(value, "__module__", None), type(value.__self__).__module__)):
        found = sys.modules.get(module or "")
        if found is not None and not is_user_module(module) and vars(found).get(name) == value:
            return tree(Kind.NAMED, module, name)
    return None


def _compared(value: Any, encoder: Encoder) -> Tree:
    """What ``cmp_to_key`` gives, by the function it was made of and the object it wraps, if any: C keeps both."""
    held = [one for one in gc.get_referents(value) if one is not type(value)]
    return tree(Kind.WRAPPER, encoder.code(type(value)), held)


def wrapper(value: Any, encoder: Encoder) -> Tree:
    """The tree of an object that wraps a function: its type, what it wraps and, written in C, what it keeps itself."""
    slots = {name: one for base in type(value).__mro__ for name, one in vars(base).items() if name[:2] != "__"}
    own = {name: one.__get__(value) for name, one in sorted(slots.items()) if isinstance(one, _SLOTS)}
    return tree(Kind.WRAPPER, encoder.code(type(value)), value.__wrapped__, *([own] if own else []))


_SLOTS = types.MemberDescriptorType | types.GetSetDescriptorType


def through(value: Wrapped | Bound, encoder: Encoder) -> Tree:
    """The tree of what a function of ours wraps: it gives nothing else, but for the number of its answer."""
    return numbered(value, encoder.take_apart(unwrapped(value), encoder))


def numbered(value: Any, found: Tree) -> Tree:
    """The tree of a function together with which of its answers a wrapper of ours around it gives."""
    number = sample_of(value)
    return tree(Kind.WRAPPER, f"sample {number}", found) if number else found


def _alias(value: Any, _: Encoder) -> Tree:
    return tree(Kind.ALIAS, typing.get_origin(value), list(typing.get_args(value)))


def _union(value: Any, _: Encoder) -> Tree:
    return tree(Kind.UNION, list(typing.get_args(value)))


def typing_form(value: Any, encoder: Encoder) -> Tree:
    """The tree of what the typing module makes: aliases, unions, type variables, special forms."""
    origin = typing.get_origin(value)
    if origin is typing.Union or origin is types.UnionType:
        return _union(value, encoder)
    if origin is not None:
        return _alias(value, encoder)
    text = getattr(value, "__forward_arg__", None)
    if text is not None:
        return tree(Kind.ALIAS, "text", text)
    name = getattr(value, "__name__", None) or getattr(value, "_name", None)
    if not isinstance(name, str):
        raise Unfit("it is a type form without a name")
    asked = ("__bound__", "__supertype__", "__constraints__", "__covariant__", "__contravariant__", "__value__")
    said = [getattr(value, one, None) or None for one in asked]
    return tree(Kind.ALIAS, "form", name, *said, value.__default__ if getattr(value, "has_default", bool)() else None)


def _proxy(value: Any, _: Encoder) -> Tree:
    """A weak proxy by what it leads to, which answers in its place: the methods that it gives are bound to that."""
    try:
        return tree(Kind.WEAK, value.__init__.__self__)
    except ReferenceError:
        return tree(Kind.WEAK, None)


def _cell(value: types.CellType, _: Encoder) -> Tree:
    """What code keeps a name of its own in, which lies in namespaces of classes, too."""
    try:
        return tree(Kind.WRAPPER, "cell", value.cell_contents)
    except ValueError:
        return tree(Kind.WRAPPER, "cell")


def _compiled(value: types.CodeType, _: Encoder) -> Tree:
    names = [value.co_qualname, value.co_names, value.co_varnames, value.co_freevars, value.co_cellvars]
    return tree(Kind.CODE, value.co_code, value.co_exceptiontable, list(value.co_consts), value.co_flags, *names)


def _context(value: contextvars.ContextVar[Any], _: Encoder) -> Tree:
    try:
        now = value.get()
    except LookupError:
        return tree(Kind.CONTEXT, value.name)
    return tree(Kind.CONTEXT, value.name, now)


def _context_of(value: contextvars.Context, _: Encoder) -> Tree:
    # What lies in a capsule of C is a setting of a library.
    said = [one for one in value.items() if type(one[1]).__name__ != "PyCapsule"]
    return tree(Kind.CONTEXT, [one for one in said if not one[0].name.startswith("spotmagic")])


_code: Shape = lambda value, encoder: encoder.code(value)  # noqa: E731
_named: Shape = lambda value, _: named(value)  # noqa: E731

SHAPES: dict[type, Shape] = {
    **dict.fromkeys((types.FunctionType, type, types.ModuleType), _code),
    types.MethodType: lambda value, _: _of_module(value) or tree(Kind.METHOD, value.__self__, value.__func__),
    types.BuiltinFunctionType: _builtin,
    types.MethodWrapperType: _builtin,
    **dict.fromkeys((types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType), _named),
    **dict.fromkeys((types.GetSetDescriptorType, types.MemberDescriptorType), _named),
    functools.partialmethod: lambda value, encoder: tree(
        Kind.PARTIAL, encoder.code(type(value)), value.func, list(value.args), value.keywords
    ),
    property: lambda value, _: tree(Kind.WRAPPER, "property", value.fget, value.fset, value.fdel),
    staticmethod: lambda value, _: tree(Kind.WRAPPER, "staticmethod", value.__func__),
    classmethod: lambda value, _: tree(Kind.WRAPPER, "classmethod", value.__func__),
    functools.cached_property: lambda value, _: tree(Kind.WRAPPER, "cached_property", value.func),
    functools.singledispatchmethod: lambda value, _: tree(Kind.WRAPPER, "singledispatchmethod", value.dispatcher),
    type(functools.cmp_to_key(max)): _compared,
    types.GenericAlias: _alias,
    types.UnionType: _union,
    weakref.ref: lambda value, _: tree(Kind.WEAK, value()),
    weakref.ProxyType: _proxy,
    weakref.CallableProxyType: _proxy,
    types.CodeType: _compiled,
    types.CellType: _cell,
    contextvars.ContextVar: _context,
    contextvars.Context: _context_of,
    weakref.WeakValueDictionary: lambda value, _: tree(Kind.WEAK, dict(value.items())),
    weakref.WeakKeyDictionary: lambda value, _: tree(Kind.WEAK, dict(value.items())),
    weakref.WeakSet: lambda value, encoder: tree(Kind.WEAK, encoder.sorted(list(value))),
}

FAMILIES: dict[type, Callable[[Any, Encoder], Any]] = {
    functools.partial: lambda value, _: tree(Kind.PARTIAL, value.func, list(value.args), value.keywords),
}
