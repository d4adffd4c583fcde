"""Parameters of services and notebooks: texts cast by annotation, and constructors given what they ask for.

A constructor asks by its annotations. ``def __init__(self, source: Pages, model: str, limit: int = 10)`` gets the one
object of ``Pages``, which is made in the same way, and the parameters ``model`` and ``limit``. A dataclass stands for
its fields, so several constructors may share one.
"""

from __future__ import annotations

import abc
import dataclasses
import difflib
import enum
import inspect
import json
import types
import typing
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from spotmagic.errors import OptionError
from spotmagic.options import parse_duration

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_NONE = ("none", "null", "")
_PLAIN = (str, int, float, bool, complex, bytes, datetime, date, time, timedelta, Path, type(None))
_MANY = (list, tuple, set, frozenset)
_MISSING = object()


def cast(value: Any, annotation: Any, name: str) -> Any:
    """A value of the annotated type, from its text or from what a configuration holds.

    Lists are texts with commas or JSON, dicts are JSON, durations such as "90s", members of enums names or values.

    Raises:
        OptionError: the text is none of that type.
    """
    try:
        return _cast(value, annotation)
    except (ValueError, TypeError, KeyError) as error:
        why = f"{error}" if isinstance(error, OptionError) else ""
        todo = f"Say {name}={_example(annotation)}"
        raise OptionError(f"{name}={value!r} is not {_say(annotation)}", why, todo) from None


def _cast(value: Any, kind: Any) -> Any:
    kind = _bare(kind)
    origin, args = get_origin(kind), get_args(kind)
    if kind in (Any, inspect.Parameter.empty, object):
        return value
    if origin in (Union, types.UnionType):
        return _one_of(value, args)
    if origin is Literal:
        for known in args:
            if value == known or str(value) == str(known):
                return known
        raise ValueError
    base = origin or kind
    if isinstance(base, type):
        if issubclass(base, enum.Enum):
            return _member(value, base)
        if dataclasses.is_dataclass(base):
            return _record(value, base)
        if base in _MANY or base in (Iterable, typing.Sequence) or base.__module__ == "collections.abc":
            if base.__name__ not in ("Mapping", "MutableMapping"):
                return _several(value, base if base in _MANY else list, args)
            base = dict
        if issubclass(base, dict):
            found = json.loads(value) if isinstance(value, str) else dict(value)
            if not isinstance(found, dict):
                raise ValueError
            key, item = args or (Any, Any)
            return {_cast(one, key): _cast(each, item) for one, each in found.items()}
    return _single(value, base)


def _single(value: Any, kind: Any) -> Any:
    if not isinstance(value, str):
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, kind) and not (kind in (int, float) and isinstance(value, bool)):  # True is an int
            return value
        if kind is Path or not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError
        value = str(value)
    text = value.strip()
    if kind is str:
        return value
    if kind is bool:
        if text.lower() in _TRUE + _FALSE:
            return text.lower() in _TRUE
        raise ValueError
    if kind is type(None):
        if text.lower() in _NONE:
            return None
        raise ValueError
    if kind in (datetime, date, time):
        return kind.fromisoformat(text)
    if kind is timedelta:
        return timedelta(seconds=parse_duration(float(text) if _is_number(text) else text, "it"))
    if kind is bytes:
        return value.encode()
    return kind(text)


def _one_of(value: Any, kinds: tuple[Any, ...]) -> Any:
    """The first kind that takes the value; text, which takes everything, comes last."""
    if value is None and type(None) in kinds:
        return None
    for kind in sorted(kinds, key=lambda one: (one is str, one is type(None))):  # a stable order: as they are written
        try:
            if kind is str and type(None) in kinds and isinstance(value, str) and value.lower() in _NONE:
                return None
            return _cast(value, kind)
        except (ValueError, TypeError, KeyError):
            continue
    raise ValueError


def _several(value: Any, kind: type, args: tuple[Any, ...]) -> Any:
    if isinstance(value, str):
        text = value.strip()
        found = json.loads(text) if text.startswith("[") else [one.strip() for one in text.split(",") if one.strip()]
    else:
        found = list(value)
    if kind is tuple and args and args[-1] is not Ellipsis:
        if len(found) != len(args):
            raise ValueError
        return tuple(_cast(one, each) for one, each in zip(found, args, strict=True))
    return kind(_cast(one, args[0] if args else Any) for one in found)


def _member(value: Any, kind: type[enum.Enum]) -> enum.Enum:
    if isinstance(value, kind):
        return value
    for member in kind:
        if str(value).lower() == member.name.lower() or value == member.value or str(value) == str(member.value):
            return member
    raise ValueError


def _record(value: Any, kind: Any) -> Any:
    if isinstance(value, kind):
        return value
    given = json.loads(value) if isinstance(value, str) else dict(value)
    hints = typing.get_type_hints(kind)
    return kind(**{name: _cast(one, hints[name]) for name, one in given.items()})


def _bare(kind: Any) -> Any:
    """An annotation without what only says something about it."""
    while True:
        if get_origin(kind) is typing.Annotated:
            kind = get_args(kind)[0]
        elif hasattr(kind, "__supertype__"):
            kind = kind.__supertype__
        elif hasattr(kind, "__value__"):  # type X = ...
            kind = kind.__value__
        else:
            return kind


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def _say(kind: Any) -> str:
    """An annotation in words."""
    kind = _bare(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return "one of " + ", ".join(member.name for member in kind)
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join("None" if one is type(None) else _say(one) for one in get_args(kind))
    if isinstance(kind, type) and not get_args(kind):
        return kind.__name__
    return str(kind).replace("typing.", "")


def _example(kind: Any) -> str:
    kind = _bare(kind)
    base = get_origin(kind) or kind
    if base in (Union, types.UnionType):
        return _example(next(one for one in get_args(kind) if one is not type(None)))
    if base is Literal:
        return str(get_args(kind)[0])
    if isinstance(base, type) and issubclass(base, enum.Enum):
        return next(iter(base)).name
    said = {
        bool: "true", int: "3", float: "0.5", datetime: "2026-01-31T12:00", date: "2026-01-31", timedelta: "90s",
        Path: "data/in.txt", dict: "'{\"a\": 1}'", list: "a,b", tuple: "a,b", set: "a,b",
    }  # fmt: skip
    return said.get(base, "…")


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """A parameter that something asks for."""

    name: str
    kind: Any
    default: Any = _MISSING

    def __str__(self) -> str:
        said = f"{self.name}: {_say(self.kind)}"
        return said if self.default is _MISSING else f"{said} = {_short(self.default)}"


def _short(value: Any) -> str:
    text = str(value.name) if isinstance(value, enum.Enum) else repr(value)
    return text if len(text) < 40 else f"{text[:37]}..."


class Injector:
    """Makes objects of classes, with what their constructors ask for.

    Args:
        classes: those of the program: one that is asked for by its base is looked for among them.
        ready: objects that are there, by class.
    """

    def __init__(self, classes: Iterable[type] = (), ready: Mapping[type, Any] | None = None) -> None:
        self._classes, self._made = list(classes), dict(ready or {})
        self._names = {one.__name__: one for one in self._classes}
        self.wanted: dict[str, Wanted] = {}

    def ask(self, kind: type, _above: tuple[type, ...] = ()) -> None:
        """Find out what an object of a class needs, down to the last dependency."""
        if kind in self._made:
            return
        if kind in _above:
            circle = " asks for ".join(one.__name__ for one in (*_above, kind))
            raise OptionError(f"{circle}, which has no end", todo="Let one of them make what it needs itself")
        for parameter in _parameters(kind, self._names):
            if is_parameter(parameter.kind):
                known = self.wanted.get(parameter.name)
                if known is None or known.default is _MISSING:
                    self.wanted[parameter.name] = parameter
            elif parameter.default is _MISSING or self._concrete(parameter.kind) is not None:
                self.ask(self._found(parameter.kind, kind), (*_above, kind))

    def fill(self, given: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
        """The values of all parameters that were asked for and said.

        Raises:
            OptionError: one is missing, wrong or unknown. It lists what is expected.
        """
        config = {**_spread(config), **config}
        problems = [unknown_parameter(name, self.wanted) for name in given if name not in self.wanted]
        for name in config:
            near = difflib.get_close_matches(name, self.wanted, 1, 0.85)
            if name not in self.wanted and near and near[0] not in config:
                problems.append(unknown_parameter(name, self.wanted, " in the configuration"))
        values = {}
        for name, wanted in self.wanted.items():
            value = given.get(name, config.get(name, _MISSING))
            if value is _MISSING:
                if wanted.default is _MISSING:
                    problems.append(f"parameter {name} is missing")
                continue
            try:
                values[name] = cast(value, wanted.kind, name)
            except OptionError as error:
                problems.append(error.what)
        if problems:
            raise OptionError("; ".join(problems), todo=expected(self.wanted.values()))
        return values

    def make(self, kind: type, values: Mapping[str, Any]) -> Any:
        """The object of a class: one for everybody who asks."""
        kind = self._found(kind, kind)
        if kind in self._made:
            return self._made[kind]
        arguments = {}
        for parameter in _parameters(kind, self._names):
            if is_parameter(parameter.kind):
                if parameter.name in values:
                    arguments[parameter.name] = cast(values[parameter.name], parameter.kind, parameter.name)
            elif parameter.default is _MISSING or self._concrete(parameter.kind) is not None:
                arguments[parameter.name] = self.make(parameter.kind, values)
        made = self._made[kind] = kind(**arguments)
        return made

    def _found(self, kind: type, asker: type) -> type:
        """The class that stands for one that was asked for."""
        found = self._concrete(kind)
        if found is not None:
            return found
        raise OptionError(
            f"{asker.__name__} asks for a {getattr(kind, '__name__', kind)}, and what to give it is not clear",
            todo="Annotate it with one class of the program, a plain type, or a dataclass of parameters",
        )

    def _concrete(self, kind: Any) -> type | None:
        if kind in self._made:
            return typing.cast("type", kind)
        if not isinstance(kind, type) or kind.__module__ == "builtins":
            return None
        if not inspect.isabstract(kind) and abc.ABC not in kind.__bases__ and not getattr(kind, "_is_base", False):
            return kind
        below = [one for one in self._classes if issubclass(one, kind) and not inspect.isabstract(one)]
        return below[0] if len(below) == 1 else None


def is_parameter(kind: Any) -> bool:
    """Whether an annotation is of something that is said, and not of something that is made."""
    kind = _bare(kind)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return all(map(is_parameter, get_args(kind)))
    base = origin or kind
    if not isinstance(base, type):
        return True
    return base in _PLAIN or base in _MANY or issubclass(base, enum.Enum | dict) or base.__module__ == "collections.abc"


def _parameters(kind: type, names: Mapping[str, type]) -> list[Wanted]:
    """What the constructor of a class takes. Annotations that are texts may name the classes of the program."""
    asker: Any = kind if dataclasses.is_dataclass(kind) else kind.__init__  # type: ignore[misc]
    try:
        hints = typing.get_type_hints(asker, localns=dict(names), include_extras=True)
    except NameError as error:
        todo = "Import it at the top of the module"
        raise OptionError(f"an annotation of {kind.__name__} names nothing", str(error), todo) from None
    found = []
    for name, parameter in inspect.signature(kind).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        default = _MISSING if parameter.default is parameter.empty else parameter.default
        if dataclasses.is_dataclass(kind):
            default = _field_default(kind, name, default)
        kind_of = hints.get(name, str if default is _MISSING or default is None else type(default))
        found.append(Wanted(name, kind_of, default))
    return found


def _field_default(kind: Any, name: str, default: Any) -> Any:
    field = next((one for one in dataclasses.fields(kind) if one.name == name), None)
    if field is not None and field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return default


def _spread(config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the dataclasses that a configuration holds."""
    spread: dict[str, Any] = {}
    for value in config.values():
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            spread |= {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return spread


def expected(wanted: Iterable[Wanted]) -> str:
    """What parameters there are, in a line."""
    said = ", ".join(map(str, wanted))
    return f"Expected are {said}" if said else "It takes no parameters"


def unknown_parameter(name: str, known: Iterable[str], where: str = "") -> str:
    """That there is no parameter of a name, with the nearest there is."""
    near = difflib.get_close_matches(name, list(known), 1, 0.5)
    return f"unknown parameter {name!r}{where}" + (f" (did you mean {near[0]}?)" if near else "")
