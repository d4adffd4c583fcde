"""The numbers of the scheme: what a key is made of, byte by byte. A change here is a new SCHEME and a new golden file.

A value becomes msgpack. What msgpack knows exactly (None, bool, int of 64 bits, float, str, bytes, list, dict) is
written as itself; anything else is an array that starts with a mark, an extension type no value of a user can become.
"""

from __future__ import annotations

from enum import IntEnum
from hashlib import blake2b
from typing import Any

import msgpack
import xxhash

SCHEME = 2
DIGEST = 16
INLINE = 4096
"""Buffers above this many bytes are written as their length and xxh3-128."""

_MARKED = 7
PRINT = 6
"""The extension that holds the canonical bytes of an argument in its place."""


class Kind(IntEnum):
    """What a mark says of the array behind it. The numbers are for ever."""

    TUPLE = 1
    SET = 2
    FROZENSET = 3
    BIG_INT = 4
    COMPLEX = 5
    BYTEARRAY = 6
    MEMORYVIEW = 7
    BUFFER = 8
    BACK = 9  # a cycle: how many levels up
    ELLIPSIS = 10
    NOT_IMPLEMENTED = 11
    DATETIME = 12
    DATE = 13
    TIME = 14
    TIMEDELTA = 15
    TIMEZONE = 16
    ZONE = 17
    DECIMAL = 18
    FRACTION = 19
    UUID = 20
    PATH = 21
    RANGE = 22
    SLICE = 23
    DEQUE = 24
    DEFAULTDICT = 25
    ORDERED_DICT = 26
    COUNTER = 27
    MAPPING_PROXY = 28
    PATTERN = 29
    VIEW = 30  # of a dict
    BYTES_IO = 31
    STRING_IO = 32
    ARRAY = 33  # of the array module
    ENUM = 34
    OBJECT = 35
    EXCEPTION = 36
    NAMED = 37  # an installed class or function, by name
    CODE = 38  # a function or class of the user, by its identity
    REACHED = 39  # the same inside a walk, by its place in it
    PARTIAL = 40
    METHOD = 41
    WRAPPER = 42
    MODULE = 43
    HANDLE = 44
    SECRET = 45
    ALIAS = 46  # list[int] and the like
    UNION = 47
    REGISTERED = 48
    NDARRAY = 49
    DTYPE = 50
    NUMPY_SCALAR = 51
    MASKED = 52
    FRAME = 53
    SERIES = 54
    INDEX = 55
    COLUMN = 56
    PANDAS_SCALAR = 57
    POLARS = 58
    ARROW = 59
    TENSOR = 60
    IMAGE = 61
    FILE = 62
    STAT = 63
    MISSING = 64
    EXT = 65
    FIELD = 66
    WEAK = 67
    CONTEXT = 68
    FIGURE = 69
    MEMBER = 70  # of a family, with what the instance holds beside its content
    ADDRESS = 80  # the id() of what stands beside it
    STREAM = 81
    MADE_UP = 82  # an id that a library made up, by the place it is first met at


MARKS = {kind: msgpack.ExtType(_MARKED, bytes([kind])) for kind in Kind}


class Tree(list[Any]):
    """A value taken apart: its mark, then values that may have to be taken apart themselves."""

    __slots__ = ()


def tree(kind: Kind, *pieces: Any) -> Tree:
    """A marked array."""
    return Tree((MARKS[kind], *pieces))


_TUPLE = MARKS[Kind.TUPLE]


def simple(value: Any) -> list[Any]:
    """What stands for a tuple or an integer beyond 64 bits. Raises TypeError for all else msgpack does not know."""
    if type(value) is tuple:
        return [_TUPLE, *value]
    if type(value) is not int:
        raise TypeError
    return [MARKS[Kind.BIG_INT], value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)]


def pack_plain(value: Any) -> bytes:
    """The bytes of what msgpack knows. Raises TypeError for all else, ValueError for a cycle.

    A packer of its own each time: it takes 0.1 µs, and one that is shared would have to be locked.
    """
    packed: bytes = msgpack.Packer(default=simple, strict_types=True, unicode_errors="surrogatepass").pack(value)
    return packed


def digest(*pieces: bytes | str) -> bytes:
    """16 bytes that stand for the pieces in their order, each with its type and length, under this scheme."""
    return blake2b(pack_plain([SCHEME, *pieces]), digest_size=DIGEST).digest()


def buffer(data: Any) -> Any:
    """Bytes as they are, or for many their length and xxh3-128. Takes anything with a contiguous buffer."""
    view = memoryview(data)
    if view.nbytes <= INLINE:
        return view.tobytes()
    return tree(Kind.BUFFER, view.nbytes, xxhash.xxh3_128_digest(view if view.contiguous else view.tobytes()))


class Unfit(Exception):
    """A value that cannot be fingerprinted, before it is known where it stands. The text says why.

    Args:
        todo: what to do about it, where that is more than what can be done about any.
    """

    def __init__(self, why: str, todo: str = "") -> None:
        super().__init__(why)
        self.todo = todo
