"""What a class is, read from the class that runs: its bases, members, annotations, and the fields its library keeps."""

from __future__ import annotations

import enum
import inspect
import sys
import types
from collections.abc import Iterator
from typing import Any

from spotmagic.code.arrivals import file_of
from spotmagic.code.origin import is_user_file
from spotmagic.code.wrapped import Wrapped, unwrapped

_MACHINERY = ("__callable_proto_", "__pydantic_", "__dataclass_", "__attrs_", "_abc_", "__abstract")
_OF_PYTHON = frozenset(
    {"__module__", "__qualname__", "__doc__", "__slots__", "__firstlineno__", "__static_attributes__", "__parameters__"}
    | {"__orig_bases__", "__type_params__", "__slotnames__", "__annotations__"}
)
_METHODS = (types.FunctionType, Wrapped, staticmethod, classmethod, property)
_SLOT_TYPES = types.MemberDescriptorType | types.GetSetDescriptorType | types.WrapperDescriptorType


def members(kind: type) -> list[tuple[str, Any]]:
    """What the user put into a class: attributes in their order, then methods by name, as their order does not matter.

    What Python or a library puts there is left out.
    """
    found = list(_members(kind))
    data = [(name, value) for name, value in found if not isinstance(value, _METHODS)]
    return data + sorted((item for item in found if isinstance(item[1], _METHODS)), key=lambda item: item[0])


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    enumerated = kind.__members__ if issubclass(kind, enum.Enum) else None
    for name, value in list(vars(kind).items()):
        if name.startswith(_MACHINERY) or isinstance(value, _SLOT_TYPES):
            continue
        if enumerated is not None and (name in enumerated or (_is_sunder(name) and not _is_users(value))):
            continue
        if name.startswith("__") and name.endswith("__") and not (_is_said(name, value) or _is_users(value)):
            continue
        if inspect.isfunction(value) and not _is_users(value) and name.startswith("_"):
            continue
        if type(value).__name__ == "_tuplegetter":
            continue
        if _made_for_namedtuple(kind, name):
            continue
        yield name, value


def fields(kind: type) -> list[Any]:
    """Defaults, factories and metadata that dataclasses, pydantic, attrs and enums keep beside the attributes."""
    found: list[Any] = []
    if issubclass(kind, enum.Enum):
        found += [[name, member.value] for name, member in kind.__members__.items()]
    for name, field in vars(kind).get("__dataclass_fields__", {}).items():
        default, factory = (
            None if type(one).__name__ == "_MISSING_TYPE" else one for one in (field.default, field.default_factory)
        )
        found.append([name, default, factory, dict(field.metadata), field.init, field.compare, bool(field.kw_only)])
    parameters = vars(kind).get("__dataclass_params__")
    if parameters is not None:
        found.append([parameters.eq, parameters.order, parameters.frozen, parameters.unsafe_hash])
    for name, field in _pydantic_fields(kind).items():
        found.append([name, _given(field.default), field.default_factory, field.alias, field.title, field.description])
        found.append([list(field.metadata), _given(getattr(field, "json_schema_extra", None))])
    for field in vars(kind).get("__attrs_attrs__", ()):
        found.append([field.name, _given(field.default), field.validator, field.converter, dict(field.metadata)])
    if issubclass(kind, tuple) and hasattr(kind, "_field_defaults"):
        found.append([list(kind._fields), dict(kind._field_defaults)])  # type: ignore[attr-defined]
    return found


def annotated(kind: type) -> dict[str, Any]:
    """The class's own annotations, as objects where they can be had and as text where not."""
    try:
        if sys.version_info >= (3, 14):
            import annotationlib

            return dict(annotationlib.get_annotations(kind, format=annotationlib.Format.FORWARDREF))
        return dict(inspect.get_annotations(kind))
    except Exception:
        return {}


def doc(kind: type) -> str | None:
    """The docstring the user wrote, without indentation (Python 3.13 takes it away), or None."""
    text = vars(kind).get("__doc__")
    if not isinstance(text, str) or text == "An enumeration.":
        return None
    if text.startswith(f"{kind.__name__}(") and text.rstrip().endswith((")", "None")):  # made by dataclass, namedtuple
        return None
    return inspect.cleandoc(text)


def _pydantic_fields(kind: type) -> dict[str, Any]:
    found = vars(kind).get("__pydantic_fields__")
    return found if isinstance(found, dict) else {}


def _given(value: Any) -> Any:
    """The value, or None for a library's own sign of no value."""
    is_sign = type(value).__module__.partition(".")[0] in ("pydantic_core", "attr", "attrs", "_attrs")
    return None if is_sign or getattr(value, "__name__", "") == "NOTHING" else value


def _is_said(name: str, value: Any) -> bool:
    """Whether a name with double underscores is data the user gave, such as ``__tablename__``."""
    return type(value) in (str, int, float, bool, tuple) and name not in _OF_PYTHON


def _is_sunder(name: str) -> bool:
    return name.startswith("_") and name.endswith("_")


def _made_for_namedtuple(kind: type, name: str) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields") and name in ("_fields", "_field_defaults", "_make")


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
