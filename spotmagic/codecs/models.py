"""Records: dataclasses, enums, named tuples, attrs and pydantic models, by the name of their class and their fields.

They are put together without the constructor, so that they are what they were and no code runs for it: what I sealed,
and what others wrote of the classes of packages. Classes that the user registered for what others wrote go through the
constructor that validates.
"""

from __future__ import annotations

import copyreg
import dataclasses
import enum
import functools
import sys
import types
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from spotmagic.codecs import references, registry
from spotmagic.codecs.bounds import Undecodable
from spotmagic.codecs.registry import Codec
from spotmagic.values.state import slots_between

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer

_HEAP_TYPE = 1 << 9  # a class made by a class statement, not by C
_GENERATED = ("dataclasses", "attr._make", "pydantic.main")  # whose __getstate__ keeps the state as it is


def record_codec(kind: type) -> Codec | None:
    """The codec for a class of records, by what kind of class it is."""
    form = _form(kind)
    return CODECS[form] if form else None


def _form(kind: type) -> str:
    if issubclass(kind, enum.Enum):
        return "enum"
    if kind is types.SimpleNamespace:
        return "namespace"
    if not _is_bare(kind):
        return ""
    if issubclass(kind, tuple):
        return "namedtuple" if isinstance(getattr(kind, "_fields", None), tuple) else ""
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and issubclass(kind, pydantic.BaseModel):
        return "pydantic"
    if hasattr(kind, "__attrs_attrs__"):
        return "attrs"
    return "dataclass" if dataclasses.is_dataclass(kind) else ""


def _is_bare(kind: type) -> bool:
    """Whether an instance is its class, its ``__dict__`` and its slots, and the class does not say how it is copied."""
    bases = {base for base in kind.__mro__ if not base.__flags__ & _HEAP_TYPE}
    if not bases <= {object, tuple} or kind in copyreg.dispatch_table or hasattr(kind, "__del__"):
        return False
    if any(getattr(kind, name) is not getattr(object, name) for name in ("__reduce_ex__", "__reduce__")):
        return False
    if tuple in bases:  # typing and collections give named tuples a ``__getnewargs__`` that returns the items
        return not (hasattr(kind, "__setstate__") or hasattr(kind, "__getnewargs_ex__"))
    names = ("__getstate__", "__setstate__", "__getnewargs_ex__", "__getnewargs__")
    own = [getattr(kind, name) for name in names if hasattr(kind, name)]
    return all(one is object.__getstate__ or getattr(one, "__module__", None) in _GENERATED for one in own)


def _named(kind: type, writer: Writer) -> str:
    name = writer.reference(kind)
    if name is None:
        writer.refuse(f"an instance of {kind.__qualname__}, a class that cannot be found by its name")
    return name


def _class(spec: Any, form: str, reader: Reader) -> type:
    """The class of a record, looked up once per value."""
    name, fields = spec
    known = reader.classes.get((form, name))
    if known is not None and known[1] == fields:
        return known[0]
    kind = references.class_of(name, trusted=reader.trusted, loaded=True)
    if _form(kind) != form:
        raise Undecodable("unknown codec", f"class {name} is no {form} here")
    if list(_fields(kind, form)) != fields:
        raise Undecodable("unknown codec", f"class {name} has other fields now")
    reader.classes[form, name] = kind, fields
    return kind


def _is_constructed(spec: Any, reader: Reader) -> bool:
    """Whether a record goes through the constructor of its class."""
    return not reader.trusted and registry.known_class(spec[0].partition("#")[0]) is not None


def _fields(kind: Any, form: str) -> Iterable[str]:
    match form:
        case "dataclass":
            return kind.__dataclass_fields__  # type: ignore[no-any-return]
        case "attrs":
            return [field.name for field in kind.__attrs_attrs__]
        case "pydantic":
            return kind.model_fields  # type: ignore[no-any-return]
        case "namedtuple":
            return kind._fields  # type: ignore[no-any-return]
    return ()


def _lower_enum(member: Any, writer: Writer) -> tuple[Any, Any]:
    kind = type(member)
    name = member._name_
    if kind.__members__.get(name) is member:
        return [_named(kind, writer), []], name
    if not isinstance(member, enum.Flag) or type(member._value_) is not int:
        writer.refuse(f"a member of {kind.__qualname__} without a name")
    return [_named(kind, writer), []], member._value_


def _make_enum(spec: Any, rest: Any, reader: Reader) -> Any:
    kind: Any = _class(spec, "enum", reader)
    if type(rest) is int and issubclass(kind, enum.Flag):
        return kind(rest)
    if rest not in kind.__members__:
        raise Undecodable("unknown codec", f"{spec[0]} has no member {rest!r:.60} here")
    return kind.__members__[rest]


def _lower_namedtuple(value: Any, writer: Writer) -> tuple[Any, Any]:
    if getattr(value, "__dict__", None):
        writer.refuse(f"attributes set on a {type(value).__qualname__}")
    items = [writer.lower(item, f".{name}") for name, item in zip(value._fields, value, strict=True)]
    return [_named(type(value), writer), list(value._fields)], items


def _make_namedtuple(spec: Any, rest: Any, reader: Reader) -> Any:
    kind: Any = _class(spec, "namedtuple", reader)
    if type(rest) is not list or len(rest) != len(spec[1]):
        raise Undecodable("corrupt", "a named tuple of another length")
    return kind(*rest) if _is_constructed(spec, reader) else tuple.__new__(kind, rest)


@functools.lru_cache(maxsize=256)
def _slots(kind: Any) -> dict[str, Any]:
    """The slots of a class by name, each with what reads and writes it past any ``__getattr__`` of the class."""
    return dict(reversed(slots_between(kind, object)))


def state(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What an object holds: its ``__dict__``, and its slots."""
    kind: Any = type(value)
    slots: dict[str, Any] = {}
    for name, member in _slots(kind).items():
        try:
            slots[name] = member.__get__(value)
        except AttributeError:  # never set
            continue
    return getattr(value, "__dict__", {}), slots


def _children(value: Any) -> Iterable[Any]:
    attributes, slots = state(value)
    return [*attributes.values(), *slots.values()]


def _lower_record(form: str) -> Callable[[Any, Writer], tuple[Any, Any]]:
    def lower(value: Any, writer: Writer) -> tuple[Any, Any]:
        kind = type(value)
        attributes, slots = state(value)
        if "_attrs_cached_hash" in attributes or "_attrs_cached_hash" in slots:
            writer.refuse(f"a {kind.__qualname__} that keeps its hash, which another process counts otherwise")
        spec = [_named(kind, writer), list(_fields(kind, form))]
        return spec, [writer.attributes(attributes), writer.attributes(slots)]

    return lower


def _make_record(form: str) -> Callable[[Any, Any, Reader], Any]:
    def make(spec: Any, rest: Any, reader: Reader) -> Any:
        kind = _class(spec, form, reader)
        if _is_constructed(spec, reader):
            return _construct(kind, form, rest)
        made: Any = object.__new__(kind)
        if not reader.trusted:
            fields = set(_fields(kind, form))
            _refuse_more(kind, rest[0].keys() - fields, rest[1].keys() - (fields & _slots(kind).keys()))
            _fill_record(made, rest, reader)
        return made

    return make


def _refuse_more(kind: type, noted: Iterable[str], others: Iterable[str]) -> None:
    """Refuse what a stranger put into an object beside its fields.

    Args:
        noted: attributes that may stay where they hide nothing of the class: SDKs note ``_request_id`` in an answer.
        others: those that may not.
    """
    hiding = [name for name in noted if name[:1] != "_" or name[:2] == "__" or _has(kind, name)]
    if hiding or tuple(others):
        raise Undecodable("foreign", f"a {kind.__qualname__} with more than its fields")


def _has(kind: Any, name: str) -> bool:
    return any(name in vars(base) for base in (*kind.__mro__, *type(kind).__mro__))


def _fill_record(value: Any, rest: Any, _reader: Reader) -> None:
    attributes, slots = rest
    if attributes:
        value.__dict__.update(attributes)
    kind: Any = type(value)
    members = _slots(kind)
    for name, item in slots.items():
        members[name].__set__(value, item)


def _construct(kind: Any, form: str, rest: Any) -> Any:
    """A record of a foreign writer, through the constructor of its class."""
    values = {**rest[0], **rest[1]}
    if form == "dataclass":
        fields = {field.name: (field.name, field.init) for field in dataclasses.fields(kind)}
    else:
        fields = {field.name: (field.alias, field.init) for field in kind.__attrs_attrs__}
    _refuse_more(kind, (), values.keys() - fields.keys())
    made = kind(**{fields[name][0]: value for name, value in values.items() if fields[name][1]})
    for name, value in values.items():
        if not fields[name][1]:
            object.__setattr__(made, name, value)
    return made


_OF_PYDANTIC = ("__dict__", "__pydantic_extra__", "__pydantic_private__")


def _pydantic_state(value: Any) -> list[Any]:
    return [getattr(value, name) for name in _OF_PYDANTIC]


def _lower_pydantic(value: Any, writer: Writer) -> tuple[Any, Any]:
    kind = type(value)
    spec = [_named(kind, writer), list(kind.model_fields)]
    parts = [part if part is None else writer.attributes(part) for part in _pydantic_state(value)]
    return spec, [*parts, sorted(value.__pydantic_fields_set__)]


def _make_pydantic(spec: Any, rest: Any, reader: Reader) -> Any:
    kind: Any = _class(spec, "pydantic", reader)
    if reader.trusted:
        return object.__new__(kind)
    values, extra, private, given = rest
    if not _is_constructed(spec, reader):
        more: dict[str, Any] = {} if extra is None or kind.model_config.get("extra") == "allow" else extra
        _refuse_more(kind, values.keys() - kind.model_fields.keys(), more.keys() | _not_private(kind, private))
        made = object.__new__(kind)
        _fill_pydantic(made, rest, reader)
        return made
    data = {kind.model_fields[name].alias or name: value for name, value in values.items()}
    made = kind.model_validate({**data, **(extra or {})})
    if made.__dict__ != values or (made.__pydantic_extra__ or {}) != (extra or {}):
        raise Undecodable("foreign", f"a {kind.__qualname__} that its class does not take as it is")
    _refuse_more(kind, (), _not_private(kind, private))
    _fill_pydantic(made, [made.__dict__, made.__pydantic_extra__, private, given], reader)
    return made


def _not_private(kind: Any, private: dict[str, Any] | None) -> set[str]:
    return set(private or ()) - set(kind.__private_attributes__)


def _fill_pydantic(value: Any, rest: Any, _reader: Reader) -> None:
    *parts, given = rest
    for name, part in zip((*_OF_PYDANTIC, "__pydantic_fields_set__"), (*parts, set(given)), strict=True):
        object.__setattr__(value, name, part)


def _pydantic_children(value: Any) -> Iterable[Any]:
    return [item for part in _pydantic_state(value) if part for item in part.values()]


CODECS = {
    "enum": Codec("enum", _lower_enum, _make_enum),
    "namedtuple": Codec("namedtuple", _lower_namedtuple, _make_namedtuple, children=lambda value: value),
    "dataclass": Codec("dataclass", _lower_record("dataclass"), _make_record("dataclass"), _fill_record, _children),
    "attrs": Codec("attrs", _lower_record("attrs"), _make_record("attrs"), _fill_record, _children),
    "pydantic": Codec("pydantic", _lower_pydantic, _make_pydantic, _fill_pydantic, _pydantic_children),
    "namespace": Codec(
        "namespace",
        lambda value, writer: (None, writer.pairs(vars(value))),
        lambda _spec, rest, _reader: types.SimpleNamespace(**(rest or {})),
        lambda value, rest, _reader: vars(value).update(rest),
        lambda value: vars(value).values(),
    ),
}
