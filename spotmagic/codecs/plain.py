"""Plain values as msgpack, with the exact type of everything.

What msgpack has itself (``None``, ``bool``, ``int`` up to 64 bits, ``float``, ``str``, ``bytes``, ``list``, ``dict``)
is stored as such, and everything else as an extension whose code selects from the table below. A code is a number for
ever: it may fall out of use, it never gets another meaning.

====  ===================  ==========================================================================================
code  value                payload
====  ===================  ==========================================================================================
0     tuple                packed list
1     int above 64 bits    signed, little endian
2     str                  UTF-8 with lone surrogates
3     bytearray            packed bytes, or a packed code 40
4     complex              two doubles
5     set                  packed list
6     frozenset            packed list
7     deque                packed ``[maxlen, list]``
8     OrderedDict          packed dict
9     defaultdict          packed ``[number of the factory, dict]``
10    Counter              packed dict
11    datetime             ``HBBBBBIB`` (year to microsecond, fold), then the packed time zone if there is one
12    date                 ordinal
13    time                 ``BBBIB`` (hour to microsecond, fold), then the packed time zone if there is one
14    timedelta            days, seconds, microseconds
15    timezone             packed ``[timedelta]`` or ``[timedelta, name]``
16    ZoneInfo             its key
17    Decimal              its text
18    Fraction             packed ``[numerator, denominator]``
19    UUID                 16 bytes, then 0 unknown, 1 safe, 2 unsafe
20    paths                number of the class, then the text
21    range                packed ``[start, stop, step]``
22    slice                packed ``[start, stop, step]``
23    constants            number of ``...`` and ``NotImplemented``
24    built-in types       the name
25    array.array          packed ``[type code, size of an item, byte order, items]``
26    dict, keys alike     packed list of key, value, key, value, …: keys that differ by identity alone
40    buffer out of band   packed number; the raw bytes that a codec asked for
41    bytes out of band    packed number
42    first of many        packed ``[number, shell, packed value]``: a value that comes again (shell 1 list,
                           2 dict, 3 by a codec: made before what is in them is read)
43    again                packed number of a first one
44    by a codec           packed ``[name, what is needed to make it, packed rest]``
====  ===================  ==========================================================================================
"""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import fractions
import pathlib
import struct
import sys
import uuid
import zoneinfo
from array import array
from collections.abc import Callable
from types import EllipsisType, NotImplementedType
from typing import Any

from msgpack import ExtType, Packer

from spotmagic.codecs import bounds
from spotmagic.codecs.bounds import Undecodable

TUPLE, INTEGER, TEXT, BYTEARRAY, COMPLEX, SET, FROZENSET, DEQUE, ORDERED, DEFAULT, COUNTER = range(11)
DATETIME, DATE, TIME, TIMEDELTA, TIMEZONE, ZONE, DECIMAL, FRACTION, UUID, PATH, RANGE, SLICE = range(11, 23)
CONSTANT, TYPE, ARRAY, PAIRS = range(23, 27)
BUFFER, BYTES, FIRST, AGAIN, CODED = range(40, 45)


class Early:
    """What of a value that comes again is made before what is in it is read: plain numbers, for the packer."""

    NONE, LIST, DICT, BY_CODEC = range(4)


# Their order is part of the format: stored bytes hold the places. New ones go to the end.
FACTORIES: tuple[Any, ...] = (
    None, list, dict, set, int, float, str, tuple, bool, frozenset, bytes, bytearray, complex,
    collections.deque, collections.OrderedDict, collections.Counter,
)  # fmt: skip
PATHS = (pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath, pathlib.WindowsPath)
CONSTANTS = (Ellipsis, NotImplemented)
TYPES: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        object, type, bool, int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset, range, slice,
        type(None), dt.datetime, dt.date, dt.time, dt.timedelta, decimal.Decimal, fractions.Fraction, uuid.UUID,
    )
}  # fmt: skip
_SAFE_UUID = (uuid.SafeUUID.unknown, uuid.SafeUUID.safe, uuid.SafeUUID.unsafe)
_DATETIME, _TIME, _TIMEDELTA = struct.Struct("<HBBBBBIB"), struct.Struct("<BBBIB"), struct.Struct("<iii")
_COMPLEX, _DATE = struct.Struct("<dd"), struct.Struct("<I")

NATIVE = frozenset({type(None), bool, int, float, str, bytes})
LEAVES = NATIVE | {
    complex, dt.datetime, dt.date, dt.time, dt.timedelta, dt.timezone, zoneinfo.ZoneInfo, decimal.Decimal,
    fractions.Fraction, uuid.UUID, range, EllipsisType, NotImplementedType, *PATHS,
}  # fmt: skip

Open = Callable[[bytes], Any]


class NotPlain(Exception):
    """A value that the C packer alone cannot store."""


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    if len(data) > bounds.TEXT:
        raise NotPlain
    return data


def _zoned(value: dt.datetime | dt.time) -> bytes:
    return b"" if value.tzinfo is None else pack_plain(value.tzinfo)


def _zone(value: zoneinfo.ZoneInfo) -> bytes:
    if value.key is None:  # made from a file: nothing to find it by
        raise NotPlain
    return _text(value.key)


def _integer(value: int) -> bytes:
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    if len(data) > bounds.INTEGER:
        raise NotPlain
    return data


def _fraction(value: fractions.Fraction) -> bytes:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > bounds.FRACTION * 8:
        raise NotPlain
    return pack_plain([value.numerator, value.denominator])


# What the C packer hands to us, by exact type. Containers that hold more than plain values never get here.
ENCODERS: dict[type, tuple[int, Callable[[Any], bytes]]] = {
    tuple: (TUPLE, lambda v: pack_plain(list(v))),
    int: (INTEGER, _integer),
    complex: (COMPLEX, lambda v: _COMPLEX.pack(v.real, v.imag)),
    set: (SET, lambda v: pack_plain(list(v))),
    frozenset: (FROZENSET, lambda v: pack_plain(list(v))),
    dt.datetime: (
        DATETIME,
        lambda v: _DATETIME.pack(v.year, v.month, v.day, v.hour, v.minute, v.second, v.microsecond, v.fold) + _zoned(v),
    ),
    dt.date: (DATE, lambda v: _DATE.pack(v.toordinal())),
    dt.time: (TIME, lambda v: _TIME.pack(v.hour, v.minute, v.second, v.microsecond, v.fold) + _zoned(v)),
    dt.timedelta: (TIMEDELTA, lambda v: _TIMEDELTA.pack(v.days, v.seconds, v.microseconds)),
    dt.timezone: (TIMEZONE, lambda v: pack_plain(list(v.__getinitargs__()))),
    zoneinfo.ZoneInfo: (ZONE, _zone),
    decimal.Decimal: (DECIMAL, lambda v: _text(str(v))),
    fractions.Fraction: (FRACTION, _fraction),
    uuid.UUID: (UUID, lambda v: v.bytes + bytes([_SAFE_UUID.index(v.is_safe)])),
    range: (RANGE, lambda v: pack_plain([v.start, v.stop, v.step])),
    EllipsisType: (CONSTANT, lambda _: b"\0"),
    NotImplementedType: (CONSTANT, lambda _: b"\1"),
    **dict.fromkeys(PATHS, (PATH, lambda v: bytes([PATHS.index(type(v))]) + _text(str(v)))),
}


def extension(value: Any) -> ExtType:
    """The extension for a value that msgpack has no form of; :class:`NotPlain` if the table has none either."""
    encoder = ENCODERS.get(type(value))
    if encoder is None:
        raise NotPlain
    return ExtType(encoder[0], encoder[1](value))


_KEEP_UNDER = 1 << 20
_packers: list[Packer] = []  # one packer cannot pack inside itself, nor for two threads


def pack_plain(value: Any) -> bytes:
    """Plain values as bytes. Takes what :func:`spotmagic.codecs.writer.plain_levels` let through, and extensions."""
    try:
        packer = _packers.pop()
    except IndexError:
        packer = Packer(strict_types=True, default=extension)
    head: bytes = packer.pack(value)
    if len(head) < _KEEP_UNDER:  # it keeps the memory of the largest value it packed
        _packers.append(packer)
    return head


def _known(table: Any, number: int) -> Any:
    if not 0 <= number < len(table):
        raise Undecodable("unknown codec", f"number {number} of a table with {len(table)}")
    return table[number]


def _short(data: bytes, limit: int = bounds.TEXT) -> bytes:
    if len(data) > limit:
        raise Undecodable("corrupt", f"{len(data)} bytes where {limit} may be")
    return data


def _zone_of(data: bytes, _: Open) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(_short(data).decode())
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Undecodable("unknown codec", f"time zone {data[:40]!r}") from error


def _moment(kind: type, layout: struct.Struct) -> Callable[[bytes, Open], Any]:
    """Reads a datetime or time: its fields, how it is folded, and the time zone if there is one."""

    def read(data: bytes, open_: Open) -> Any:
        *fields, fold = layout.unpack_from(data)
        zone = open_(data[layout.size :]) if len(data) > layout.size else None
        if not isinstance(zone, dt.tzinfo) and len(data) > layout.size:
            raise Undecodable("corrupt", "no time zone")
        return kind(*fields, zone, fold=fold)

    return read


def _open_fraction(data: bytes, open_: Open) -> fractions.Fraction:
    numerator, denominator = _integers(open_(_short(data, 3 * bounds.FRACTION)), 2)
    return fractions.Fraction(numerator, denominator)


def _integers(value: Any, count: int) -> list[int]:
    if type(value) is not list or len(value) != count or set(map(type, value)) != {int}:
        raise Undecodable("corrupt", f"no {count} integers")
    return value


def _deque(data: bytes, open_: Open) -> collections.deque[Any]:
    maxlen, items = open_(data)
    return collections.deque(items, maxlen)


def _default(data: bytes, open_: Open) -> Any:
    factory, items = open_(data)
    return collections.defaultdict(_known(FACTORIES, factory), exact(items, dict))


def _counter(data: bytes, open_: Open) -> Any:
    counter: collections.Counter[Any] = collections.Counter()  # its own ``update`` would add to what is there
    dict.update(counter, exact(open_(data), dict))
    return counter


def exact(value: Any, kind: type) -> Any:
    """The value, if it is of this very type."""
    if type(value) is not kind:
        raise Undecodable("corrupt", f"no {kind.__name__}")
    return value


def dimensions_of(value: Any) -> tuple[int, ...]:
    """The shape of an array or tensor."""
    if type(value) is not list or len(value) > bounds.DIMENSIONS or any(type(n) is not int or n < 0 for n in value):
        raise Undecodable("corrupt", "no shape")
    return tuple(value)


def _array(data: bytes, open_: Open) -> array[Any]:
    code, size, order, items = open_(data)
    if type(code) is not str or len(code) != 1 or code not in "bBhHiIlLqQfd" or order not in ("little", "big"):
        raise Undecodable("corrupt", "no array")
    made = array(code)
    if made.itemsize != size:
        raise Undecodable("unknown codec", f"an array of type {code!r} with {size} bytes an item")
    made.frombytes(items)  # which checks that they are whole items
    if order != sys.byteorder:
        made.byteswap()
    return made


def _raw(value: Any) -> Any:
    if type(value) not in (bytes, memoryview):  # of a number it would make as many zeros
        raise Undecodable("corrupt", "no bytes")
    return value


def _pairs(data: bytes, open_: Open) -> dict[Any, Any]:
    flat = exact(open_(data), list)
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _type(data: bytes, _: Open) -> type:
    kind = TYPES.get(data.decode())
    if kind is None:
        raise Undecodable("unknown codec", f"type {data[:40]!r}")
    return kind


def _slice(data: bytes, open_: Open) -> slice:
    start, stop, step = open_(data)
    return slice(start, stop, step)


DECODERS: dict[int, Callable[[bytes, Open], Any]] = {
    TUPLE: lambda data, open_: tuple(exact(open_(data), list)),
    INTEGER: lambda data, _: int.from_bytes(_short(data, bounds.INTEGER), "little", signed=True),
    TEXT: lambda data, _: data.decode("utf-8", "surrogatepass"),
    BYTEARRAY: lambda data, open_: bytearray(_raw(open_(data))),
    COMPLEX: lambda data, _: complex(*_COMPLEX.unpack(data)),
    SET: lambda data, open_: set(exact(open_(data), list)),
    FROZENSET: lambda data, open_: frozenset(exact(open_(data), list)),
    DEQUE: _deque,
    ORDERED: lambda data, open_: collections.OrderedDict(exact(open_(data), dict)),
    DEFAULT: _default,
    COUNTER: _counter,
    DATETIME: _moment(dt.datetime, _DATETIME),
    DATE: lambda data, _: dt.date.fromordinal(*_DATE.unpack(data)),
    TIME: _moment(dt.time, _TIME),
    TIMEDELTA: lambda data, _: dt.timedelta(*_TIMEDELTA.unpack(data)),
    TIMEZONE: lambda data, open_: dt.timezone(*exact(open_(data), list)),
    ZONE: _zone_of,
    DECIMAL: lambda data, _: decimal.Decimal(_short(data).decode()),
    FRACTION: _open_fraction,
    UUID: lambda data, _: uuid.UUID(bytes=data[:16], is_safe=_known(_SAFE_UUID, *data[16:])),
    PATH: lambda data, _: _known(PATHS, data[0])(_short(data)[1:].decode("utf-8", "surrogatepass")),
    RANGE: lambda data, open_: range(*_integers(open_(data), 3)),
    SLICE: _slice,
    CONSTANT: lambda data, _: _known(CONSTANTS, *data),
    TYPE: _type,
    ARRAY: _array,
    PAIRS: _pairs,
}
