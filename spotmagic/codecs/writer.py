"""From a value to bytes: a look at what it holds, and the long way of all that is more than plain values.

The look takes a value level by level, so a small one costs a few calls into C and a deep or circular one no recursion.
It tells whether the C packer alone will do (:func:`plain_levels`), and what comes more than once. The :class:`Writer`
then lowers objects and arrays to trees that msgpack has forms for.
"""

from __future__ import annotations

import collections
import gc
import sys
from array import array
from collections.abc import Callable, Iterable
from itertools import compress
from typing import Any, NoReturn

from msgpack import ExtType

from spotmagic.codecs import bounds, plain, references, registry
from spotmagic.codecs.plain import LEAVES, NotPlain, pack_plain
from spotmagic.errors import is_end

_SIMPLE = frozenset({type(None), bool, float, int})
_BOXES = frozenset({list, dict, tuple, set, frozenset})
_PLAIN = LEAVES | _BOXES
_FROZEN = frozenset({tuple, frozenset})
_TEXTS = frozenset({str, bytes})
_is_box = _BOXES.__contains__
_is_text = _TEXTS.__contains__
_MANY = 64  # items of a level from which on its texts are measured before they are packed


def plain_levels(value: Any) -> list[list[Any]] | None:
    """Whether the C packer alone stores a value: plain types only, a tree (nothing comes twice), not too deep.

    Returns ``None`` if not, else the short levels of the tree, whose texts nobody has measured yet (:func:`has_large`):
    that can wait until the value turns out to be long.
    """
    kind = type(value)
    if kind not in _BOXES:
        return [[value]] if kind in LEAVES else None
    inside = gc.get_referents  # for these types exactly the items; of a dict whose keys are all text the values alone
    level: list[Any] = inside(value)
    seen = {id(value)}
    found = 1
    short: list[list[Any]] = []
    for _ in range(bounds.DEPTH):
        kinds = set(map(type, level))
        if len(level) <= _MANY:
            short.append(level)
        elif not kinds.isdisjoint(_TEXTS) and has_large(level):
            return None
        if kinds <= LEAVES:
            return short
        if not kinds <= _PLAIN:
            return None
        boxes = list(compress(level, map(_is_box, map(type, level))))
        seen.update(map(id, boxes))
        found += len(boxes)
        if len(seen) != found:
            return None
        level = inside(*boxes)
    return None


def has_large(level: list[Any]) -> bool:
    """Whether a level has bytes that belong out of band, or a long text more than once."""
    texts = list(compress(level, map(_is_text, map(type, level))))
    if sum(map(len, texts)) <= bounds.INLINE:
        return False
    long = [text for text in texts if len(text) > bounds.INLINE]
    return any(type(text) is bytes for text in long) or len(set(map(id, long))) != len(long)


def coming_again(value: Any, children: Callable[[Any], Iterable[Any]]) -> set[int]:
    """The ids of what is in a value more than once and must come back as one object: containers, objects, long texts.

    Args:
        children: what an object that is no plain container holds, as far as a codec stores it bit by bit.
    """
    seen: dict[int, Any] = {}  # the objects too: while they are held, no other one gets their id
    again: set[int] = set()
    level: list[Any] = [value]
    while level:
        following: list[Any] = []
        for item in level:
            kind = type(item)
            if kind in LEAVES and not (kind in _TEXTS and len(item) > bounds.INLINE):
                continue
            if id(item) in seen:
                if kind not in _FROZEN or item:  # there is one empty tuple in the process
                    again.add(id(item))
                continue
            seen[id(item)] = item
            if kind is dict:
                following += item
                following += item.values()
            elif kind in _BOXES:
                following += item
            else:
                following += children(item)
        level = following
    return again


def is_deeper(value: Any, limit: int) -> bool:
    """Whether more than a number of containers are inside one another; so they are in a value that holds itself."""
    level = [value]
    for _ in range(limit + 1):
        # What is in many places is looked at once per level: else a few shared lists would be looked at for ever.
        boxes = {id(box): box for box in compress(level, map(_is_box, map(type, level)))}
        if not boxes:
            return False
        level = gc.get_referents(*boxes.values())
    return True


class NoCodec(Exception):
    """A value that no codec stores bit by bit.

    Attributes:
        why: what is in the way.
        final: whether pickle would only hide it.
        steps: the way to it, innermost first.
    """

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.final = final
        self.steps: list[str] = []

    def path(self, start: str) -> str:
        """Where it is inside the value, such as ``value["cfg"].lock``."""
        return start + "".join(reversed(self.steps))


class Writer:
    """One value on its way into msgpack. :meth:`lower` gives the tree, ``names`` and ``buffers`` what goes with it.

    What comes more than once is written once: with ``x = [1]``, ``[x, x]`` becomes ``[FIRST(0, list, [1]), AGAIN(0)]``,
    so that one list comes back in two places. ``[[1], [1]]`` is a plain tree and needs no writer.
    """

    def __init__(self, value: Any) -> None:
        self.names = {"plain"}
        self.buffers: list[memoryview] = []
        self._again = coming_again(value, children)
        self._numbers: dict[int, int] = {}  # by id
        self._open: set[int] = set()  # ids of what is being written and has no shell
        self._unfinished: set[int] = set()  # numbers of what is being written
        self._depth = 0
        self._references: dict[type, str | None] = {}
        self.circular = False
        self.exact = True

    def refuse(self, why: str, *, final: bool = False) -> NoReturn:
        """Say why a value cannot be stored bit by bit; ``final`` when it must not be pickled either."""
        raise NoCodec(why, final=final)

    def reference(self, kind: type) -> str | None:
        """The reference to a class, looked up once per value."""
        if kind not in self._references:
            self._references[kind] = references.class_reference(kind)
        return self._references[kind]

    def buffer(self, data: Any, code: int = plain.BUFFER) -> Any:
        """Raw bytes for the tree: as they are when few, else out of band. ``data`` has a flat buffer of bytes."""
        view = memoryview(data)
        if view.nbytes <= bounds.INLINE:
            return view.tobytes()
        self.buffers.append(view)
        return ExtType(code, pack_plain(len(self.buffers) - 1))

    def lower(self, value: Any, step: str) -> Any:
        """The tree of a value inside a value; ``step`` is how people get to it, such as ``.name`` or ``[3]``."""
        try:
            return self.at(step, self._lower, value)
        except NotPlain:
            outside = NoCodec(_unfit(value))
            outside.steps.append(step)
            raise outside from None

    def at(self, step: str, lower: Callable[..., Any], *args: Any) -> Any:
        """What a function lowers; what cannot be is told of with the step to it."""
        try:
            return lower(*args)
        except NoCodec as unfit:
            unfit.steps.append(step)
            raise

    def _lower(self, value: Any) -> Any:
        kind = type(value)
        if kind in _SIMPLE:
            return value
        number = self._numbers.get(id(value))
        if number is not None:
            if id(value) in self._open:
                self.refuse(f"a {kind.__name__} that holds itself")
            self.circular |= number in self._unfinished
            return ExtType(plain.AGAIN, pack_plain(number))
        if id(value) not in self._again:
            return self._inside(value, kind)
        return self._first(value, kind)

    def _first(self, value: Any, kind: type) -> ExtType:
        self.names.add("refs")
        number = self._numbers[id(value)] = len(self._numbers)
        codec = None if kind in _CONTAINERS or kind in LEAVES else registry.find(kind)
        if kind is list or kind is dict:
            shell = plain.Early.LIST if kind is list else plain.Early.DICT
        else:
            shell = plain.Early.BY_CODEC if codec is not None and codec.fill is not None else plain.Early.NONE
        # Without a shell the value is made of what is in it, so it cannot be in there itself.
        if shell == plain.Early.NONE:
            self._open.add(id(value))
        self._unfinished.add(number)
        body = self._inside(value, kind)
        self._unfinished.discard(number)
        self._open.discard(id(value))
        return ExtType(plain.FIRST, pack_plain([number, shell, pack_plain(body)]))

    def _inside(self, value: Any, kind: type) -> Any:
        if kind is str:
            return _text(value)
        if kind is bytes:
            return value if len(value) <= bounds.INLINE else self.buffer(value, plain.BYTES)
        if kind in LEAVES:
            return plain.extension(value)
        if kind is type:
            name: str = value.__name__
            if plain.TYPES.get(name) is not value:
                self.refuse(f"the class {value.__qualname__}")
            return ExtType(plain.TYPE, name.encode())
        self._depth += 1
        if self._depth > bounds.DEPTH:
            self.refuse(f"more than {bounds.DEPTH} containers inside one another")
        try:
            container = _CONTAINERS.get(kind)
            return self._coded(value, kind) if container is None else container(self, value)
        finally:
            self._depth -= 1

    def _coded(self, value: Any, kind: type) -> ExtType:
        codec = registry.find(kind)
        if codec is None:
            raise NoCodec(_unfit(value))
        self.names.add(codec.name)
        self.exact &= codec.exact
        try:
            spec, rest = codec.encode(value, self)
        except (NoCodec, NotPlain, RecursionError, MemoryError):
            raise
        except BaseException as error:  # of a package, or of a codec that the user wrote
            if is_end(error):
                raise
            raise NoCodec(f"{_unfit(value)}, whose codec failed ({type(error).__name__}: {error})") from error
        return ExtType(plain.CODED, pack_plain([codec.name, spec, pack_plain(rest)]))

    def items(self, values: Iterable[Any]) -> list[Any]:
        """The trees of a row of values."""
        values = list(values)
        if set(map(type, values)) <= _SIMPLE:
            return values
        return [self.lower(value, f"[{n}]") for n, value in enumerate(values)]

    def attributes(self, values: dict[str, Any]) -> dict[str, Any]:
        """The trees of attributes by their names."""
        return {name: self.lower(value, f".{name}") for name, value in values.items()}

    def pairs(self, values: dict[Any, Any]) -> Any:
        """The trees of keys and values, in order."""
        flat: list[Any] = []
        for key, value in values.items():
            flat.append(key if type(key) is str and key.isascii() else self.lower(key, f" key {_short(key)}"))
            flat.append(value if type(value) in _SIMPLE else self.lower(value, f"[{_short(key)}]"))
        tree = dict(zip(flat[::2], flat[1::2], strict=True))
        # Keys that differ by identity alone have one and the same tree.
        return tree if len(tree) == len(values) else ExtType(plain.PAIRS, pack_plain(flat))


def children(value: Any) -> Iterable[Any]:
    """What is inside a value that is no plain container and is stored bit by bit."""
    kind = type(value)
    if kind in _CONTAINERS:
        if isinstance(value, dict):
            return [*value, *value.values()]
        return value if kind is collections.deque else ()
    codec = registry.find(kind)
    try:
        return () if codec is None else codec.children(value)
    except Exception:  # the codec will say what is wrong with it
        return ()


def _text(value: str) -> Any:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return ExtType(plain.TEXT, value.encode("utf-8", "surrogatepass"))
    return value


def _array(writer: Writer, value: array[Any]) -> ExtType:
    if value.typecode not in "bBhHiIlLqQfd":
        writer.refuse(f"an array of type {value.typecode!r}")
    return ExtType(
        plain.ARRAY,
        pack_plain([value.typecode, value.itemsize, sys.byteorder, writer.buffer(memoryview(value).cast("B"))]),
    )


def _default(writer: Writer, value: collections.defaultdict[Any, Any]) -> ExtType:
    if value.default_factory not in plain.FACTORIES:
        writer.refuse(f"the factory of a defaultdict, {value.default_factory!r:.80}")
    return ExtType(plain.DEFAULT, pack_plain([plain.FACTORIES.index(value.default_factory), writer.pairs(value)]))


def _bare(writer: Writer, value: Any) -> Any:
    if vars(value):
        writer.refuse(f"attributes set on a {type(value).__name__}")
    return writer.pairs(value)


_CONTAINERS: dict[type, Callable[[Writer, Any], Any]] = {
    list: Writer.items,
    dict: Writer.pairs,
    tuple: lambda writer, value: ExtType(plain.TUPLE, pack_plain(writer.items(value))),
    set: lambda writer, value: ExtType(plain.SET, pack_plain(writer.items(value))),
    frozenset: lambda writer, value: ExtType(plain.FROZENSET, pack_plain(writer.items(value))),
    bytearray: lambda writer, value: ExtType(plain.BYTEARRAY, pack_plain(writer.buffer(value))),
    array: _array,
    slice: lambda writer, value: ExtType(plain.SLICE, pack_plain(writer.items([value.start, value.stop, value.step]))),
    collections.deque: lambda writer, value: ExtType(plain.DEQUE, pack_plain([value.maxlen, writer.items(value)])),
    collections.defaultdict: _default,
    collections.OrderedDict: lambda writer, value: ExtType(plain.ORDERED, pack_plain(_bare(writer, value))),
    collections.Counter: lambda writer, value: ExtType(plain.COUNTER, pack_plain(_bare(writer, value))),
}


def _unfit(value: Any) -> str:
    kind = type(value)
    return f"a {kind.__module__}.{kind.__qualname__}".replace("a builtins.", "a ")


def _short(key: Any) -> str:
    return ascii(key)[:60]
