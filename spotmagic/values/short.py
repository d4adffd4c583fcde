"""Values in short texts, so that people find a call by what it was asked: bounded, without secrets or users' code.

``repr`` is never asked: it may be slow, may fail, and may tell a secret. Numbers, texts and containers are written as
in source, data classes by their fields, frames and arrays by their shape, all else by its type.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import inspect
import pathlib
import types
import uuid
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from spotmagic.code.origin import is_user_module
from spotmagic.code.wrapped import unwrapped
from spotmagic.values.credentials import ROWS, Credentials, hides, row_base, tells_secret
from spotmagic.values.secrets import HIDDEN, beginning, is_private, spellings
from spotmagic.values.state import attributes
from spotmagic.words import counted

EACH, ALL = 200, 2_000
_DEEP, _FAR = 6, 30
_AS_TEXT = (
    datetime.date, datetime.datetime, datetime.time, datetime.timedelta, decimal.Decimal, fractions.Fraction, uuid.UUID,
    complex, range,
)  # fmt: skip
_NAMED = (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_TIMES = " \N{MULTIPLICATION SIGN} "
_PLAIN = frozenset({str, int, float, bool, type(None)})
_CONTROL = {code: " " for code in (*range(9), *range(11, 32), *range(127, 160)) if code != 10}
_NEXT, _IS = "\x02", "\x03"  # between two values, and between a name and its text: in neither of them
_NONE: Mapping[str, Any] = {}


def texts(
    named: Mapping[str, Any],
    beside: Mapping[str, Any] = _NONE,
    secret: Iterable[Any] = (),
    without: Collection[str] = (),
) -> dict[str, str]:
    """Each value in a text of at most 200 letters, all together in 2,000; what comes after that is left out.

    Args:
        beside: values that are not shown, but may hold a secret that stands in others.
        secret: values that are nothing but secret.
        without: names of attributes that are left out.
    """
    plain = _PLAIN.issuperset(map(type, named.values())) and not (beside or secret or any(map(is_private, named)))
    short, found, room = _OF_PLAIN if plain else _Short(_forms(named, beside, secret), without), {}, ALL
    for name, value in named.items():
        text = HIDDEN if not plain and is_private(name) and not _is_bare(value) else short.text(value, EACH, 0)
        room -= len(text.encode("utf-8", "replace"))
        if room < 0:
            break
        found[name] = text
    return found


def _forms(named: Mapping[str, Any], beside: Mapping[str, Any], secret: Iterable[Any]) -> set[str]:
    """What no text may hold: the secrets in the values, in every spelling."""
    held = Credentials()
    for value in secret:
        held.look("", value, secret=True)
    for name, value in (*named.items(), *beside.items()):
        held.look(name, value)
    return {form for one in held.all for form in spellings(one)}


def pack(found: Mapping[str, str]) -> str:
    """Texts by name in one text: what :func:`unpack` reads, and a search finds them in."""
    return _NEXT.join([_label(name) + text for name, text in found.items()])


@lru_cache(1024)
def _label(name: str) -> str:
    return f"{name.translate(_CONTROL)}{_IS}"


def unpack(packed: str) -> dict[str, str]:
    """Texts by name. Whoever wrote them may be anybody."""
    pairs = (piece.partition(_IS) for piece in packed.split(_NEXT) if piece)
    return {name: text for name, _, text in pairs}


def _is_bare(value: Any) -> bool:
    """Whether a value can be no secret, whatever it is called."""
    return value is None or type(value) is bool


class _Short:
    """Writes values, each within its room.

    Args:
        hidden: texts that no text may hold.
        without: attributes that are left out.
    """

    def __init__(self, hidden: Collection[str], without: Collection[str]) -> None:
        self._hidden, self._without = hidden, without

    def text(self, value: Any, room: int, depth: int) -> str:
        """A value in at most so many letters."""
        kind = type(value)
        if issubclass(kind, str):
            return HIDDEN if hides(kind) else self._quoted(str.__str__(value), room)
        if kind in _PLAIN:
            return _cut(_number(value), room)
        if room < 4 or depth > _DEEP:
            return HIDDEN
        if issubclass(kind, enum.Enum):
            return _cut(f"{kind.__name__}.{attributes(value).get('_name_', '')}", room)
        if issubclass(kind, int | float):
            return _cut(f"{kind.__name__}({_number(int(value) if issubclass(kind, int) else float(value))})", room)
        if issubclass(kind, bytes | bytearray | memoryview):
            return _cut(f"<{kind.__name__}, {counted(memoryview(value).nbytes, 'byte')}>", room)
        if kind in _AS_TEXT:
            return _cut(_said(value), room)
        if issubclass(kind, pathlib.PurePath):
            return self._quoted(pathlib.PurePath.__str__(value), room)
        return _cut(self._parts(value, kind, room, depth), room)

    def _parts(self, value: Any, kind: type, room: int, depth: int) -> str:
        fields = _fields(kind)
        if fields is not None:
            held = {**dict(zip(fields, tuple.__iter__(value), strict=False))} if issubclass(kind, tuple) else {}
            held = held or attributes(value)
            named = [(name, held[name]) for name in fields if name in held and name not in self._without]
            pairs = [(f"{name}=", is_private(name), item) for name, item in named]
            return self._many(pairs, len(pairs), f"{kind.__name__}(", ")", room, depth)
        if issubclass(kind, dict):
            count, told = dict.__len__(value), bool(tells_secret(value))
            items = islice(dict.items(value), _FAR)
            pairs = [
                (f"{self.text(key, 40, depth + 1)}: ", _hidden_under(key, item, told), item) for key, item in items
            ]
            return self._many(pairs, count, "{", "}", room, depth)
        if issubclass(kind, ROWS):
            return self._row(value, row_base(kind), room, depth)
        value = unwrapped(value)
        if issubclass(type(value), _NAMED):
            return str(getattr(value, "__qualname__", kind.__name__)).replace(".<locals>", "")
        return f"<{shaped(value, kind)}>"

    def _row(self, value: Any, base: Any, room: int, depth: int) -> str:
        count = base.__len__(value)
        items = [*islice(base.__iter__(value), _FAR)]
        opening, closing = "[]" if base is list else "()" if base is tuple else "{}"
        if base in (set, frozenset) and {*map(type, items)} == {str}:
            items.sort()
        if len(items) == 2 and type(items[0]) is str and is_private(items[0]):
            items[1] = _Hidden
        most = 4 if items and type(items[0]) not in _PLAIN else 12
        if count > most and base in (list, tuple):  # of a conversation the last word tells most
            items = [*items[: most - 1], base.__getitem__(value, count - 1)]
        pairs = [("", item is _Hidden, item) for item in items[:most]]
        return self._many(pairs, count, opening, closing, room, depth, last=base in (list, tuple))

    def _many(
        self, pairs: list[tuple[str, bool, Any]], count: int, opening: str, closing: str, room: int, depth: int,
        *, last: bool = False,
    ) -> str:  # fmt: skip
        """Several values between brackets: each gets a fair share of the room that those before it have left."""
        left = room - len(opening) - len(closing) - (8 if count > len(pairs) else 0)
        pieces = []
        for place, (label, private, item) in enumerate(pairs):
            share = left // (len(pairs) - place) - len(label) - 2
            if share < 3:
                break
            text = HIDDEN if private else self.text(item, share, depth + 1)
            pieces.append(label + text)
            left -= len(label) + len(text) + 2
        if len(pieces) < count:
            pieces.insert(len(pieces) - 1 if last and len(pieces) == len(pairs) else len(pieces), HIDDEN)
        return f"{opening}{', '.join(pieces)}{closing}"

    def _quoted(self, text: str, room: int) -> str:
        most = max(room - 2, 1)
        shown = beginning(text, most, self._hidden)
        if len(text) > most or len(shown) > most:
            shown = shown[: most - 1] + HIDDEN
        return f'"{shown if shown.isprintable() else shown.translate(_CONTROL)}"'


_OF_PLAIN = _Short((), ())


class _Hidden:
    """Stands for a value that is not shown."""


def _hidden_under(key: Any, item: Any, told: bool) -> bool:
    if told and not (type(item) is str and is_private(item)):
        return True
    return type(key) is str and is_private(key) and not _is_bare(item)


def _number(value: Any) -> str:
    if type(value) is int and value.bit_length() > 500:
        return f"<int of {value.bit_length():,} bits>"
    return repr(value)


def _said(value: Any) -> str:
    """The text of a type of the standard library. A zone may be of a class of the user."""
    if isinstance(value, datetime.datetime | datetime.time):
        return str(value.replace(tzinfo=None))
    return str(value)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 1, 0)] + HIDDEN


def _fields(kind: type) -> list[str] | None:
    """The fields of data classes, models and named tuples, as far as their ``repr`` would show them."""
    found = _of_class(kind, "__dataclass_fields__") or _of_class(kind, "__pydantic_fields__")
    if isinstance(found, dict):
        return [name for name, field in found.items() if type(name) is str and getattr(field, "repr", True)]
    found = _of_class(kind, "__attrs_attrs__")
    if isinstance(found, tuple):
        return [field.name for field in found if getattr(field, "repr", True)]
    found = _of_class(kind, "_fields") if issubclass(kind, tuple) else None
    return [name for name in found if type(name) is str] if isinstance(found, tuple) else None


def _of_class(kind: type, name: str) -> Any:
    return next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)


def shaped(value: Any, kind: type) -> str:
    """The name of a type, with the shape of an array or frame; an installed class gives it without running much."""
    shape: Any = None
    if kind.__module__.startswith("PIL.") and type(getattr(value, "size", None)) is tuple:
        shape = value.size
    elif not is_user_module(kind.__module__) and inspect.getattr_static(kind, "shape", None) is not None:
        try:
            shape = value.shape
        except Exception:
            shape = None
    if type(shape) is not tuple or not all(type(length) is int for length in shape):
        return kind.__name__
    kind_of_items = getattr(value, "dtype", None)
    of = f" of {_cut(str(kind_of_items), 30)}" if kind_of_items is not None else ""
    return f"{kind.__name__}{of}, {_TIMES.join(f'{length:,}' for length in shape) or 'one'}"
