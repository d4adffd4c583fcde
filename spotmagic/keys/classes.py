"""What a class is, read from the class that runs: all that stands in it, but for what is derived from the rest.

Nothing is chosen of a class: whatever the user or a library puts into its namespace counts, with every option of the
fields that dataclasses, attrs and pydantic keep. Left out are caches, what is compiled from the fields, and functions
that a library generates from them, of which the names tell enough.
"""

from __future__ import annotations

import abc
import collections
import contextlib
import enum
import inspect
import sys
import types
from collections.abc import Iterator
from typing import Any

from spotmagic.code.origin import file_of, is_user_file, is_user_module
from spotmagic.code.texts import names_in
from spotmagic.code.wrapped import Wrapped, unwrapped
from spotmagic.keys.guards import Guards
from spotmagic.keys.owned import is_users
from spotmagic.values.encode import Encoder
from spotmagic.values.state import attributes

_METHODS = (types.FunctionType, Wrapped, staticmethod, classmethod, property)
_CALLED = (*_METHODS, types.BuiltinFunctionType)
_SLOTS = types.MemberDescriptorType | types.GetSetDescriptorType
# What Python derives from the rest, or what is read apart (docstring, annotations, fields).
_DERIVED = frozenset({
    "__module__", "__qualname__", "__doc__", "__annotations__", "__annotate_func__", "__annotations_cache__",
    "__firstlineno__", "__static_attributes__", "__slotnames__", "__parameters__", "__type_params__", "__classcell__",
    "__classdictcell__", "__classdict__", "__conditional_annotations__",
    "__abstractmethods__", "__required_keys__", "__optional_keys__", "__readonly_keys__", "__mutable_keys__",
    "_abc_impl", "__signature__", "__schema_cache__", "__class_vars__", "__fields__", "__private_attributes__",
    "__json_encoder__", "__config__",
})  # fmt: skip
_READ_APART = ("__pydantic_", "__dataclass_", "__attrs_", "__callable_proto_")
_SAID_BY_PYTHON = frozenset(dir(object)) | {"__lt__", "__le__", "__gt__", "__ge__", "__setstate__"}
_NOT_OF_EVERY_VERSION = frozenset({"__init_subclass__", "__subclasshook__", "__doc__", "__module__"})
_OF_MEMBERS = frozenset({"_value_", "_name_", "_sort_order_", "__objclass__"})  # told by the class
# Of a field of pydantic 1: what it works out from the annotation and the validators, which count as members.
_WORKED_OUT = frozenset({
    "type_", "outer_type_", "annotation", "sub_fields", "sub_fields_mapping", "key_field", "validators", "shape",
    "pre_validators", "post_validators", "class_validators", "parse_json", "model_config",
})  # fmt: skip


def members(kind: type) -> list[tuple[str, Any]]:
    """What stands in a class: attributes in their order, then methods by name, as their order does not matter."""
    found = list(_members(kind))
    data = [(name, value) for name, value in found if not isinstance(value, _METHODS)]
    return data + sorted((item for item in found if isinstance(item[1], _METHODS)), key=lambda item: item[0])


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    enumerated = kind.__members__ if issubclass(kind, enum.Enum) else None
    named_tuple = issubclass(kind, tuple) and hasattr(kind, "_fields")
    for name, value in list(vars(kind).items()):
        if name in _DERIVED or name.startswith(_READ_APART) or isinstance(value, _SLOTS) or _is_own_slot(kind, value):
            continue
        if enumerated is not None and (name in enumerated or (name[:1] == name[-1:] == "_" and not _is_users(value))):
            continue
        if name.startswith("_") and isinstance(value, _CALLED) and not _is_users(value):
            continue  # generated: see made()
        if value is None and name in _SAID_BY_PYTHON:
            continue
        if type(value).__name__ == "CField":  # ctypes makes them of ``_fields_``
            continue
        if named_tuple and (type(value).__name__ == "_tuplegetter" or name in ("_fields", "_field_defaults", "_make")):
            continue
        yield name, value


def _is_own_slot(kind: type, value: Any) -> bool:
    """Whether C code put it into this class. ``__hash__ = object.__hash__`` is of another one."""
    return isinstance(value, types.WrapperDescriptorType) and value.__objclass__ is kind


class PutThere:
    """Stands for what a metaclass of a package keeps in a class for itself: looking into it may leave empty entries."""

    def __init__(self, table: Any) -> None:
        self._table = table


def as_put_there(kind: type, name: str, value: Any) -> Any:
    """A member of a class, or what stands for one that a package put there for itself."""
    package = type(kind).__module__.partition(".")[0]
    own = name[:1] != "_" or package in sys.stdlib_module_names or is_user_module(type(kind).__module__)
    return value if own or type(value) is not collections.defaultdict else PutThere(value)


def made(kind: type) -> list[str]:
    """Names of the special methods that are in the class but not by the user: ``__eq__`` of a dataclass.

    They tell which of its options were on, whatever the library: ``repr=False``, ``frozen=True``, ``eq=False``.
    """
    if issubclass(kind, enum.Enum):
        return []  # Python's versions put other ones there
    said = vars(kind).items()
    names = _SAID_BY_PYTHON - _NOT_OF_EVERY_VERSION
    return sorted(name for name, value in said if name in names and not _is_users(value))


def fields(kind: type) -> list[Any]:
    """Every option of every field that dataclasses, attrs, pydantic and enums keep of a class."""
    space = vars(kind)
    found: list[Any] = []
    if issubclass(kind, enum.Enum):
        for name, member in kind.__members__.items():
            own = attributes(member, covered=_OF_MEMBERS)
            found.append([name, member.value, own] if own else [name, member.value])
        found.append(space.get("_boundary_"))
    if isinstance(kind, abc.ABCMeta):
        registered = [one for one in (ref() for ref in abc._get_dump(kind)[0]) if one is not None]  # type: ignore[attr-defined]
        found += [["registered", sorted(registered, key=lambda one: one.__qualname__)]] if registered else []
    held = _kept_by_metaclass(kind)
    found += [held] if held else []
    if issubclass(kind, tuple) and hasattr(kind, "_field_defaults"):
        found.append([list(kind._fields), dict(kind._field_defaults)])  # type: ignore[attr-defined]
    found += [options(field) for field in space.get("__dataclass_fields__", {}).values()]
    parameters = space.get("__dataclass_params__")
    if parameters is not None:  # later versions of Python keep more of them, which show in the class itself
        found.append([parameters.init, parameters.repr, parameters.eq, parameters.order, parameters.frozen])
        found.append(parameters.unsafe_hash)
    found += [options(field) for field in space.get("__attrs_attrs__", ())]
    found.append(options(space.get("__attrs_props__")))
    for table in ("__pydantic_fields__", "__pydantic_computed_fields__", "__private_attributes__"):
        if isinstance(space.get(table), dict):
            found.append([[name, options(field)] for name, field in space[table].items()])
    for name, field in _dict(space.get("__fields__")).items():  # pydantic 1
        found.append([name, options(field, _WORKED_OUT), options(getattr(field, "field_info", None))])
    for sort, table in options(space.get("__pydantic_decorators__")).items():
        found += [[sort, name, options(getattr(one, "info", None))] for name, one in _dict(table).items()]
    return found


def watch(kind: type, guards: Guards, encoder: Encoder) -> None:
    """Notice what changes in :func:`fields` later: attributes that are set on members, classes that are registered."""
    if isinstance(kind, abc.ABCMeta):
        guards.state(abc.get_cache_token, abc.get_cache_token())
    held = [vars(member) for member in kind.__members__.values()] if issubclass(kind, enum.Enum) else []
    if held:
        guards.sizes(held)
    for space in held:
        for name in space.keys() - _OF_MEMBERS:
            guards.name(space, name, space[name])
            guards.live(space[name], encoder.pack(space[name], name))


def _kept_by_metaclass(kind: type) -> dict[str, Any]:
    """What a metaclass written in C keeps of a class beside its namespace: the options of msgspec's structures."""
    found: dict[str, Any] = {}
    for meta in inspect.getmro(type(kind)):
        if meta is type:
            break
        for name, slot in vars(meta).items():
            if isinstance(slot, _SLOTS) and name not in _DERIVED:
                with contextlib.suppress(Exception):  # not set, or a view of what is
                    value = slot.__get__(kind)
                    if type(value) not in (str, bool, int, tuple, type(None)):
                        slots = sorted(each for each, one in vars(type(value)).items() if isinstance(one, _SLOTS))
                        value = {each: getattr(value, each) for each in slots}
                    found[name] = value
    return found


def options(field: Any, left_out: frozenset[str] = frozenset({"annotation"})) -> dict[str, Any]:
    """All public options of a field object that are set. Its annotation is read from the class, which keeps it."""
    held = attributes(field) if field is not None else {}
    return {
        name: dict(value) if isinstance(value, types.MappingProxyType) else value
        for name, value in sorted(held.items())
        if value is not None and not name.startswith("_") and name not in left_out
    }


def annotated(kind: type) -> dict[str, Any]:
    """The class's own annotations, as objects where they can be had and as text where not."""
    try:
        if sys.version_info >= (3, 14):
            import annotationlib

            return dict(annotationlib.get_annotations(kind, format=annotationlib.Format.FORWARDREF))
        return dict(inspect.get_annotations(kind))
    except Exception:
        return {}


def annotation(kind: type, note: Any) -> Any:
    """An annotation; one written as text with the user's classes that it names."""
    if not isinstance(note, str):
        return note
    module = sys.modules.get(kind.__module__)
    found = [vars(module).get(name) for name in names_in(note) or ()] if module else []
    return [note, [one for one in found if isinstance(one, type) and is_users(one)]]


def doc(kind: type) -> str | None:
    """The docstring the user wrote, without indentation (Python 3.13 takes it away), or None."""
    text = vars(kind).get("__doc__")
    if not isinstance(text, str) or text == "An enumeration.":
        return None
    if text.startswith(f"{kind.__name__}(") and text.rstrip().endswith((")", "None")):  # made by dataclass, namedtuple
        return None
    return inspect.cleandoc(text)


def _dict(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _is_users(value: Any) -> bool:
    """Whether this is a function, or wraps one, that the user wrote."""
    for _ in range(64):
        value = unwrapped(value)
        if isinstance(value, staticmethod | classmethod | types.MethodType):
            value = value.__func__
        elif isinstance(value, property):
            value = value.fget
        elif isinstance(value, types.FunctionType):
            file = file_of(value.__code__)
            if is_user_file(file) and file != "<string>":
                return True
            if "__wrapped__" not in vars(value):
                return False
            value = vars(value)["__wrapped__"]
        else:
            return hasattr(type(value), "__wrapped__") or hasattr(value, "func")
    return False
