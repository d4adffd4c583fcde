"""Trees of what Python itself brings: containers, numbers, times, paths, patterns, buffers, open files."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import fractions
import io
import operator
import os
import pathlib
import re
import stat
import struct
import sys
import types
import uuid
import weakref
import zoneinfo
from collections.abc import Callable
from typing import Any, NamedTuple

from spotmagic.values.encode import Encoder, Shape
from spotmagic.values.patience import check
from spotmagic.values.scheme import Kind, Tree, Unfit, buffer, tree
from spotmagic.values.state import held_in_c, plain_dict

_RUN = 65536
_LARGE, _MOST_SORTED = 1024, 16


class _Sorted(NamedTuple):
    """A large set of texts or of whole numbers, what it held in its own order when it was sorted, and that sorted."""

    of: weakref.ref[Any]
    held: list[Any]
    found: list[Any]


_sorted: dict[int, _Sorted] = {}  # by id; none lives longer than its set


def _set(kind: Kind) -> Shape:
    base: Any = frozenset if kind is Kind.FROZENSET else set

    def shape(value: Any, encoder: Encoder) -> Tree:
        known = _sorted.get(id(value))
        if known and not (encoder.made_up and type(known.held[0]) is str) and _holds_still(value, base, known):
            return tree(kind, 0, known.found)
        items = list(base.__iter__(value))
        types_ = set(map(type, items))
        # Of one type that has an order they are sorted as they are, of others by their bytes: sets have no order.
        if (types_ <= {str} and not encoder.made_up) or types_ <= {int}:
            found = _in_order(items)
            if len(items) >= _LARGE:
                _keep_sorted(value, items, found)
            return tree(kind, 0, found)
        return tree(kind, 1, encoder.sorted(items))

    return shape


def _in_order(items: list[Any]) -> list[Any]:
    """The items sorted, by runs: so that those of millions do not take longer than a look may."""
    if len(items) <= _RUN:
        return sorted(items)
    runs: list[Any] = []
    for start in range(0, len(items), _RUN):
        check()
        runs += sorted(items[start : start + _RUN])
    return sorted(runs)


def _holds_still(value: Any, base: Any, known: _Sorted) -> bool:
    """Whether a set holds the very objects in the very order. Texts and whole numbers cannot have become others."""
    same = known.of() is value and len(known.held) == base.__len__(value)
    return same and all(map(operator.is_, known.held, base.__iter__(value)))


def _keep_sorted(value: Any, items: list[Any], found: list[Any]) -> None:
    name = id(value)
    _sorted[name] = _Sorted(weakref.ref(value, lambda gone: _forget(name, gone)), items, found)
    for oldest in list(_sorted)[:-_MOST_SORTED]:
        _sorted.pop(oldest, None)


def _forget(name: int, gone: weakref.ref[Any]) -> None:
    if (known := _sorted.get(name)) is not None and known.of is gone:
        _sorted.pop(name, None)


def _ordered(value: collections.OrderedDict[Any, Any], _: Encoder) -> Tree:
    items = {key: dict.__getitem__(value, key) for key in collections.OrderedDict.__iter__(value)}
    return tree(Kind.ORDERED_DICT, items)


def _exception(value: BaseException, encoder: Encoder) -> Tree:
    """What was said, and what stands behind it. The frames it came through do not count."""
    native: Any = next(base for base in type(value).__mro__ if base.__module__ == "builtins")
    teller, in_c = native, held_in_c(type(value), native)  # type: ignore[arg-type]  # classes can be hashed
    if in_c:
        teller = next((base for base in in_c if "__reduce__" in vars(base)), None)
        if teller is None:
            raise Unfit(f"it is a {in_c[0].__module__}.{in_c[0].__qualname__}, whose state cannot be read")
    _, args, *state = teller.__reduce__(value)
    context = None if encoder.as_copied else value.__context__
    behind = [value.__cause__, context, value.__suppress_context__]
    return tree(Kind.EXCEPTION, native.__name__, list(args), state, behind)


def _moment(value: datetime.datetime, _: Encoder) -> Tree:
    fields = [value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond, value.fold]
    return tree(Kind.DATETIME, fields, value.tzinfo)


def _zone(value: zoneinfo.ZoneInfo, _: Encoder) -> Tree:
    if value.key is None:
        raise Unfit("it is a time zone without a name")
    return tree(Kind.ZONE, value.key)


def _timezone(value: datetime.timezone, _: Encoder) -> Tree:
    offset = value.utcoffset(None)
    return tree(Kind.TIMEZONE, [offset.days, offset.seconds, offset.microseconds], value.tzname(None))


def _reckoning(value: decimal.Context, _: Encoder) -> Tree:
    """How numbers are reckoned. What has happened so far, its flags, is no setting."""
    traps = sorted(one.__name__ for one, on in value.traps.items() if on)
    limits = [value.prec, value.Emin, value.Emax, value.capitals, value.clamp]
    return tree(Kind.CONTEXT, "decimal", value.rounding, limits, traps)


def _path(value: pathlib.PurePath, _: Encoder) -> Tree:
    return tree(Kind.PATH, isinstance(value, pathlib.Path), isinstance(value, pathlib.PureWindowsPath), str(value))


def _bytes_io(value: io.BytesIO, _: Encoder) -> Tree:
    if value.closed:
        raise Unfit("it is a closed buffer")
    return tree(Kind.BYTES_IO, value.tell(), buffer(value.getbuffer()))


def _string_io(value: io.StringIO, _: Encoder) -> Tree:
    if value.closed:
        raise Unfit("it is a closed buffer")
    return tree(Kind.STRING_IO, value.tell(), value.getvalue())


SHAPES: dict[type, Shape] = {
    tuple: lambda value, _: tree(Kind.TUPLE, *value),
    set: _set(Kind.SET),
    frozenset: _set(Kind.FROZENSET),
    complex: lambda value, _: tree(Kind.COMPLEX, value.real, value.imag),
    types.EllipsisType: lambda *_: tree(Kind.ELLIPSIS),
    types.NotImplementedType: lambda *_: tree(Kind.NOT_IMPLEMENTED),
    datetime.datetime: _moment,
    datetime.date: lambda value, _: tree(Kind.DATE, value.year, value.month, value.day),
    datetime.time: lambda value, _: tree(
        Kind.TIME, [value.hour, value.minute, value.second, value.microsecond, value.fold], value.tzinfo
    ),
    datetime.timedelta: lambda value, _: tree(Kind.TIMEDELTA, value.days, value.seconds, value.microseconds),
    datetime.timezone: _timezone,
    zoneinfo.ZoneInfo: _zone,
    decimal.Decimal: lambda value, _: tree(Kind.DECIMAL, str(value)),
    decimal.Context: _reckoning,
    struct.Struct: lambda value, _: tree(Kind.PATTERN, value.format),
    fractions.Fraction: lambda value, _: tree(Kind.FRACTION, value.numerator, value.denominator),
    uuid.UUID: lambda value, _: tree(Kind.UUID, value.bytes),
    range: lambda value, _: tree(Kind.RANGE, value.start, value.stop, value.step),
    slice: lambda value, _: tree(Kind.SLICE, value.start, value.stop, value.step),
    collections.deque: lambda value, _: tree(Kind.DEQUE, *collections.deque.__iter__(value), value.maxlen),
    collections.defaultdict: lambda value, _: tree(Kind.DEFAULTDICT, value.default_factory, plain_dict(value)),
    types.MappingProxyType: lambda value, _: tree(Kind.MAPPING_PROXY, dict(value)),
    type({}.keys()): lambda value, _: tree(Kind.VIEW, "keys", list(value)),
    type({}.values()): lambda value, _: tree(Kind.VIEW, "values", list(value)),
    type({}.items()): lambda value, _: tree(Kind.VIEW, "items", list(value)),
    re.Pattern: lambda value, _: tree(Kind.PATTERN, value.pattern, int(value.flags)),
    re.Match: lambda value, _: tree(
        Kind.PATTERN, "match", value.re, value.string, value.pos, value.endpos, list(value.regs), value.lastindex
    ),
    array.array: lambda value, _: tree(Kind.ARRAY, value.typecode, buffer(value.tobytes())),
    **dict.fromkeys((pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePosixPath, pathlib.PureWindowsPath), _path),
}

# The content of a subclass is read by the methods of its family, never by its own.
FAMILIES: dict[type, Callable[[Any, Encoder], Any]] = {
    **SHAPES,
    list: lambda value, _: list.copy(value),
    dict: lambda value, _: plain_dict(value),
    tuple: lambda value, _: tree(Kind.TUPLE, *tuple.__iter__(value)),
    str: lambda value, _: str.__str__(value),
    int: lambda value, _: int.__int__(value),
    float: lambda value, _: float.__float__(value),
    bytes: lambda value, _: bytes.__getitem__(value, slice(None)),
    bytearray: lambda value, _: bytearray.copy(value),
    collections.OrderedDict: _ordered,
    collections.Counter: lambda value, _: tree(Kind.COUNTER, plain_dict(value)),
    io.BytesIO: _bytes_io,
    io.StringIO: _string_io,
    BaseException: _exception,
}


# -- open files and streams --------------------------------------------------------------------------------------------

STREAM = io.IOBase
_OF_PYTHON = (io.FileIO, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.TextIOWrapper)
_STANDARD = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")


def stream(value: Any, _: Encoder) -> Tree:
    """The tree of a stream. What was written to it is no input; what can be read from it must be told apart."""
    if any(value is getattr(sys, name, None) for name in _STANDARD) or _is_output(type(value)):
        return tree(Kind.STREAM, "standard")
    if type(value) not in _OF_PYTHON:
        raise Unfit("it is an open file or stream")
    if value.closed:
        return tree(Kind.STREAM, "closed")
    try:
        status = os.fstat(value.fileno())
        place = value.tell()
    except OSError:  # there is no file, or a loop over its lines is under way
        raise Unfit("it is an open file or stream") from None
    if not stat.S_ISREG(status.st_mode) or not isinstance(value.name, str):
        raise Unfit("it is an open file or stream")
    where = os.path.realpath(value.name)
    if not value.readable():
        return tree(Kind.STREAM, "written", where, place)
    return tree(Kind.STREAM, "file", where, value.mode, [status.st_size, status.st_mtime_ns, place])


def _is_output(kind: type) -> bool:
    """Whether it is what a kernel shows prints with, in place of the standard stream."""
    return any(f"{base.__module__}.{base.__qualname__}" == "ipykernel.iostream.OutStream" for base in kind.__mro__)
