"""From bytes to a value, when it takes more than plain values. What the bytes say selects, it never names code."""

from __future__ import annotations

import functools
import zoneinfo
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from msgpack import Unpacker, unpackb

from spotmagic.codecs import bounds, plain, registry
from spotmagic.codecs.bounds import Undecodable
from spotmagic.codecs.plain import Open


class Reader:
    """One value on its way out of msgpack.

    Args:
        names: the codecs the entry declares; the bytes may use no other.
        buffers: what lies out of band.
        trusted: whether the bytes are my own, so that they may mean any class that can be imported.
        lasting: whether somebody will work with the value, which is not only looked at.
    """

    def __init__(self, names: Sequence[str], buffers: Sequence[Any], *, trusted: bool, lasting: bool = True) -> None:
        self.names = frozenset(names)
        self.trusted, self.lasting = trusted, lasting
        self.classes: dict[tuple[str, str], tuple[type, list[str]]] = {}
        self._buffers: list[Any] = list(buffers)
        self._made: dict[int, Any] = {}
        self._waiting: int | None = None

    def value(self, head: Any) -> Any:
        """The value of a packed tree."""
        return _opener(self, self.trusted, 0)(head)

    def take(self, number: Any) -> memoryview:
        """A buffer out of band. Each is given once: two values may not write into the same memory."""
        if type(number) is not int or not 0 <= number < len(self._buffers) or self._buffers[number] is None:
            raise Undecodable("corrupt", f"no buffer {number!r:.20}")
        view = memoryview(self._buffers[number]).cast("B")
        self._buffers[number] = None
        return view

    def first(self, data: bytes, open_: Open) -> Any:
        number, shell, body = open_(data)
        if type(number) is not int or number in self._made or type(body) is not bytes:
            raise Undecodable("corrupt", "no first of many")
        if shell in (plain.Early.NONE, plain.Early.BY_CODEC):
            self._waiting = number if shell else None  # :meth:`coded` notes it there, before it is filled
            value = open_(body)
        elif shell == plain.Early.LIST:  # known before it is filled, as what is inside may be the list itself
            value = self._made[number] = []
            value.extend(plain.exact(open_(body), list))
        elif shell == plain.Early.DICT:
            value = self._made[number] = {}
            value.update(plain.exact(open_(body), dict))
        else:
            raise Undecodable("unknown codec", f"shell {shell!r:.20}")
        self._made[number] = value
        return value

    def again(self, data: bytes, open_: Open) -> Any:
        number = open_(data)
        if type(number) is not int or number not in self._made:
            raise Undecodable("corrupt", "a value that comes again before it came")
        return self._made[number]

    def coded(self, data: bytes, open_: Open) -> Any:
        waiting, self._waiting = self._waiting, None
        name, spec, rest = open_(data)
        if type(name) is not str or type(rest) is not bytes:
            raise Undecodable("corrupt", "no name of a codec")
        codec = registry.by_name(name)
        if codec is None:
            raise Undecodable("unknown codec", f"codec {name!r:.100}")
        if name not in self.names:
            raise Undecodable("corrupt", f"codec {name} is not declared")
        # What others wrote is made whole at once: a constructor that checks its arguments wants all of them.
        if codec.fill is None or not self.trusted:
            return codec.decode(spec, open_(rest), self)
        value = codec.decode(spec, None, self)
        if waiting is not None:
            self._made[waiting] = value
        codec.fill(value, open_(rest), self)
        return value


def _bytes(view: memoryview) -> bytes:
    """What a buffer holds, not copied where it is bytes already."""
    whole = view.obj
    return whole if type(whole) is bytes and len(whole) == view.nbytes else bytes(view)


_STATEFUL: dict[int, Callable[[Reader, bytes, Open], Any]] = {
    plain.BUFFER: lambda reader, data, open_: reader.take(open_(data)),
    plain.BYTES: lambda reader, data, open_: _bytes(reader.take(open_(data))),
    plain.FIRST: Reader.first,
    plain.AGAIN: Reader.again,
    plain.CODED: lambda reader, data, open_: reader.coded(data, open_),
}
# The unpacking function keeps 40 kB of C stack for its own nesting; an unpacking object has them on the heap.
_ON_STACK = 16
_DEEPEST = 2 * bounds.DEPTH + 8  # a container that comes again is two extensions


def _opener(reader: Reader | None, trusted: bool, depth: int) -> Open:
    """What unpacks a payload at a depth of extensions. The hook for those inside is made when one is met."""
    limits: dict[str, Any] = {"strict_map_key": False}
    if not trusted:
        limits |= {"max_array_len": bounds.ITEMS_FOREIGN, "max_map_len": bounds.ITEMS_FOREIGN}

    deeper: Open | None = None

    def hook(code: int, data: bytes) -> Any:
        nonlocal deeper
        if deeper is None:
            if depth == _DEEPEST:
                raise Undecodable("corrupt", "too many extensions inside one another")
            deeper = _opener(reader, trusted, depth + 1)
        decoder = plain.DECODERS.get(code)
        if decoder is not None:
            # Foreign bytes choose among the zones there are; a name that is none could be the path of a file.
            if not trusted and code == plain.ZONE and data.decode() not in _zones():
                raise Undecodable("unknown codec", f"time zone {data[:40]!r}")
            return decoder(data, deeper)
        stateful = _STATEFUL.get(code)
        if stateful is None:
            raise Undecodable("unknown codec", f"extension {code}")
        if reader is None:
            raise Undecodable("corrupt", f"extension {code} in a plain value")
        return stateful(reader, data, deeper)

    def shallow(data: Any) -> Any:
        return unpackb(data, ext_hook=hook, **limits)

    def deep(data: Any) -> Any:
        unpacker = Unpacker(ext_hook=hook, max_buffer_size=len(data), **limits)
        unpacker.feed(data)
        value = unpacker.unpack()
        if unpacker.tell() != len(data):
            raise Undecodable("corrupt", "more bytes than a value has")
        return value

    return shallow if depth < _ON_STACK else deep


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())  # reads the first bytes of every zone there is


open_plain = _opener(None, True, 0)
open_foreign = _opener(None, False, 0)


class Outline(NamedTuple):
    """What a data class, model, named tuple or member of an enumeration holds, under the name of its class."""

    kind: str
    fields: dict[str, Any]


class OutlineReader(Reader):
    """Gives a :class:`Outline` in place of each object of a class."""

    def coded(self, data: bytes, open_: Open) -> Any:
        name, spec, rest = open_(data)
        if name not in registry.FORMS or name not in self.names:
            return super().coded(data, open_)
        self._waiting = None
        try:
            kind = "SimpleNamespace" if spec is None else spec[0].partition("#")[0].rpartition(":")[2]
            return Outline(kind, _fields(name, spec, open_(rest)))
        except (TypeError, ValueError, AttributeError, IndexError) as error:
            raise Undecodable("corrupt", f"no {name} ({type(error).__name__})") from None


def _fields(form: str, spec: Any, rest: Any) -> dict[str, Any]:
    if form == "namedtuple":
        return dict(zip(spec[1], rest, strict=True))
    if form == "enum":
        return {"name": rest}
    if form == "namespace":
        return dict(rest)
    first, second, *_ = rest
    return {**first, **(second or {})}
