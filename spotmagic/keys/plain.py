"""Trees of what Python itself brings: containers, numbers, times, paths, patterns, buffers."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import fractions
import io
import pathlib
import re
import types
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any

from spotmagic.keys.encode import Encoder
from spotmagic.keys.scheme import Kind, Tree, Unfit, buffer, tree

Shape = Callable[[Any, Encoder], Tree]


def _set(kind: Kind) -> Shape:
    def shape(value: Any, encoder: Encoder) -> Tree:
        types_ = set(map(type, value))
        if types_ <= {str} or types_ <= {int}:
            return tree(kind, 0, sorted(value))
        return tree(kind, 1, encoder.sorted(value))

    return shape


def _moment(value: datetime.datetime, encoder: Encoder) -> Tree:
    fields = [value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond, value.fold]
    return tree(Kind.DATETIME, fields, value.tzinfo)


def _time(value: datetime.time, encoder: Encoder) -> Tree:
    return tree(Kind.TIME, [value.hour, value.minute, value.second, value.microsecond, value.fold], value.tzinfo)


def _zone(value: zoneinfo.ZoneInfo, encoder: Encoder) -> Tree:
    if value.key is None:
        raise Unfit("it is a time zone without a name")
    return tree(Kind.ZONE, value.key)


def _timezone(value: datetime.timezone, encoder: Encoder) -> Tree:
    offset = value.utcoffset(None)
    return tree(Kind.TIMEZONE, [offset.days, offset.seconds, offset.microseconds], value.tzname(None))


def _path(value: pathlib.PurePath, encoder: Encoder) -> Tree:
    return tree(Kind.PATH, isinstance(value, pathlib.Path), isinstance(value, pathlib.PureWindowsPath), str(value))


def _pattern(value: re.Pattern[Any], encoder: Encoder) -> Tree:
    return tree(Kind.PATTERN, value.pattern, int(value.flags))


def _bytes_io(value: io.BytesIO, encoder: Encoder) -> Tree:
    if value.closed:
        raise Unfit("it is a closed buffer")
    return tree(Kind.BYTES_IO, value.tell(), buffer(value.getbuffer()))


def _string_io(value: io.StringIO, encoder: Encoder) -> Tree:
    if value.closed:
        raise Unfit("it is a closed buffer")
    return tree(Kind.STRING_IO, value.tell(), value.getvalue())


SHAPES: dict[type, Shape] = {
    tuple: lambda value, encoder: tree(Kind.TUPLE, *value),
    set: _set(Kind.SET),
    frozenset: _set(Kind.FROZENSET),
    complex: lambda value, encoder: tree(Kind.COMPLEX, value.real, value.imag),
    types.EllipsisType: lambda value, encoder: tree(Kind.ELLIPSIS),
    types.NotImplementedType: lambda value, encoder: tree(Kind.NOT_IMPLEMENTED),
    datetime.datetime: _moment,
    datetime.date: lambda value, encoder: tree(Kind.DATE, value.year, value.month, value.day),
    datetime.time: _time,
    datetime.timedelta: lambda value, encoder: tree(Kind.TIMEDELTA, value.days, value.seconds, value.microseconds),
    datetime.timezone: _timezone,
    zoneinfo.ZoneInfo: _zone,
    decimal.Decimal: lambda value, encoder: tree(Kind.DECIMAL, str(value)),
    fractions.Fraction: lambda value, encoder: tree(Kind.FRACTION, value.numerator, value.denominator),
    uuid.UUID: lambda value, encoder: tree(Kind.UUID, value.bytes),
    range: lambda value, encoder: tree(Kind.RANGE, value.start, value.stop, value.step),
    slice: lambda value, encoder: tree(Kind.SLICE, value.start, value.stop, value.step),
    collections.deque: lambda value, encoder: tree(Kind.DEQUE, *value, value.maxlen),
    collections.defaultdict: lambda value, encoder: tree(Kind.DEFAULTDICT, value.default_factory, dict(value)),
    collections.OrderedDict: lambda value, encoder: tree(Kind.ORDERED_DICT, dict(value)),
    collections.Counter: lambda value, encoder: tree(Kind.COUNTER, dict(value)),
    types.MappingProxyType: lambda value, encoder: tree(Kind.MAPPING_PROXY, dict(value)),
    type({}.keys()): lambda value, encoder: tree(Kind.VIEW, "keys", list(value)),
    type({}.values()): lambda value, encoder: tree(Kind.VIEW, "values", list(value)),
    type({}.items()): lambda value, encoder: tree(Kind.VIEW, "items", list(value)),
    re.Pattern: _pattern,
    io.BytesIO: _bytes_io,
    io.StringIO: _string_io,
    array.array: lambda value, encoder: tree(Kind.ARRAY, value.typecode, buffer(value.tobytes())),
    **dict.fromkeys((pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePosixPath, pathlib.PureWindowsPath), _path),
}
