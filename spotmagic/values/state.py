"""What an instance itself holds: its attributes and slots, read without running any code of its own."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

from spotmagic.code.origin import is_user_module

_NONE: frozenset[str] = frozenset()
_Slots = tuple[tuple[str, MemberDescriptorType], ...]


def attributes(value: Any, base: type = object, covered: frozenset[str] = _NONE) -> dict[str, Any]:
    """The attributes that an instance holds, by name, in the order they were set.

    Neither properties nor ``__getattr__`` or ``__getattribute__`` of its class are asked: looking must not change a
    value, cost anything or give what is not there.

    Args:
        base: slots of this class and of those above it are left out.
        covered: names that are left out.
    """
    held, slots = _members(type(value), base)  # type: ignore[arg-type]  # classes can be hashed
    # A copy: whoever walks it may be interrupted by another thread that sets an attribute.
    found: dict[str, Any] = {} if held is None else plain_dict(held(value))
    for name, slot in slots:
        try:
            found[name] = slot.__get__(value)
        except AttributeError:
            continue  # not set
    if covered:
        for name in [name for name in found if name in covered]:
            del found[name]
    return found


def reduction(value: Any) -> Any:
    """What an object says of itself for a copy."""
    kind: Any = type(value)
    unmarked = is_unmarked(kind)
    try:
        return kind.__reduce_ex__(value, 4)
    finally:
        if unmarked:
            unmark(kind)


def is_unmarked(kind: Any) -> bool:
    """Whether a class of the user's has not the ``__slotnames__`` that Python leaves where it copies an object."""
    return is_user_module(kind.__module__) and "__slotnames__" not in vars(kind)


def unmark(kind: Any) -> None:
    """Take ``__slotnames__`` away again from a class: the user copied none of its objects."""
    if "__slotnames__" in vars(kind):
        type.__delattr__(kind, "__slotnames__")


def plain_dict(value: dict[Any, Any]) -> dict[Any, Any]:
    """The items of a dict of any class, which ``dict.copy`` asks the class for if it has an iteration of its own."""
    if type(value) is dict or type(value).__iter__ is dict.__iter__:
        return dict.copy(value)
    return dict(dict.items(value))


@functools.lru_cache(4096)
def _held(kind: type) -> GetSetDescriptorType | None:
    """What gives the ``__dict__`` of an instance. A property of that name, which a class may have, is not it."""
    found = (vars(one).get("__dict__") for one in kind.__mro__ if kind.__dictoffset__)
    return next((one for one in found if isinstance(one, GetSetDescriptorType)), None)


@functools.lru_cache(4096)
def _members(kind: type, base: type) -> tuple[Callable[[Any], Any] | None, _Slots]:
    """What gives the ``__dict__`` of an instance, and its slots."""
    held = _held(kind)
    return None if held is None else held.__get__, slots_between(kind, base)


@functools.lru_cache(4096)
def slots_between(kind: type, base: type) -> _Slots:
    """The slots of a class and of those between it and a base, those of the class first."""
    above = base.__mro__
    return tuple(
        (name, item)
        for one in kind.__mro__
        if one not in above
        for name, item in vars(one).items()
        if isinstance(item, MemberDescriptorType)
    )


@functools.lru_cache(4096)
def held_in_c(kind: type, base: type) -> tuple[type, ...]:
    """The classes between one and a base of it whose objects hold more than attributes and slots tell of.

    Only what such a class says of itself for a copy (``__reduce__``) tells of that: pydantic's errors hold in Rust what
    was wrong, and an ordered set of a library holds its order in C.
    """
    above = base.__mro__
    return tuple(one for one in kind.__mro__ if one not in above and _told(one) < _added(one))


def _added(kind: Any) -> int:
    """Bytes that objects of a class have beyond those of its base."""
    return int(kind.__basicsize__ - kind.__base__.__basicsize__)


def _told(kind: Any) -> int:
    """Bytes of them that are attributes, slots and weak references."""
    slots = sum(isinstance(one, MemberDescriptorType) for one in vars(kind).values())
    new: int = sum(
        getattr(kind, name) != 0 == getattr(kind.__base__, name) for name in ("__dictoffset__", "__weakrefoffset__")
    )
    return (slots + new) * struct.calcsize("P")
