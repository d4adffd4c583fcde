"""The walk: any value to canonical bytes. At C speed for what msgpack knows, with a hook for the rest."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Collection, Iterator
from itertools import chain, compress, islice
from types import NoneType
from typing import Any
from uuid import UUID

import msgpack

from spotmagic.errors import Uncacheable
from spotmagic.values.notes import Mask, Notes
from spotmagic.values.patience import check
from spotmagic.values.scheme import INLINE, MARKS, Kind, Tree, Unfit, buffer, pack_plain, simple, tree

UUID_TEXT = re.compile("-?".join(f"[0-9a-f]{{{count}}}" for count in (8, 4, 4, 4, 12)))
Shape = Callable[[Any, "Encoder"], Tree]
"""How values of a type are taken apart."""
SCALARS = frozenset({NoneType, bool, int, float, str})
_CONTAINERS = frozenset({list, dict, tuple})
_KNOWN = SCALARS | _CONTAINERS | {bytes}
_is_container, _is_bytes = _CONTAINERS.__contains__, frozenset({bytes}).__contains__
_HOLES = frozenset({bytearray, memoryview, msgpack.ExtType, msgpack.Timestamp})  # msgpack takes these without asking
_SOME = 4096  # values between two looks at the clock
_MAX_DEPTH = 20_000
_MAX_VISITS = 50_000  # of objects beside those met for the first time
TODO = "Leave it out with ignore=, tell what counts with spotmagic.register(type, fingerprint=…), or choose with key="


class Encoder:
    """One walk and what it notes.

    ``[1, {2, 3}, b"x" * 9000]`` is first given to msgpack, which asks :meth:`_hook` for the set and gets the array
    ``[mark of a set, 0, [2, 3]]``. The long bytes it takes without asking, which is a *hole*: so the value is walked
    once more, one by one, and they become ``[mark of a buffer, 9000, xxh3-128]``. Both ways write the same bytes.

    Args:
        take_apart: gives the tree of a value that msgpack does not know; raises :class:`Unfit`.
        code: gives the tree that stands for a function or class of the user.
        as_copied: take figures by their picture and exceptions without what was handled when they were raised: enough
            to check a copy, and too little for a key.
    """

    __slots__ = (
        "_ancestors", "_known", "_met", "_notes", "_numbers", "_packing", "_parts", "_visits", "as_copied", "code",
        "made_up", "mask", "pictures", "take_apart",
    )  # fmt: skip

    def __init__(
        self,
        take_apart: Callable[[Any, Encoder], Tree],
        code: Callable[[Any], Tree],
        notes: Notes | None,
        mask: Mask | None,
        *,
        as_copied: bool = False,
    ) -> None:
        self.as_copied = as_copied
        self.pictures: dict[int, Any] = {}
        self.take_apart, self.code, self._notes, self.mask = take_apart, code, notes, mask
        self._parts: list[list[Any]] = []  # what the hook gave msgpack, to be looked through for holes
        self._ancestors: dict[int, int] | None = None  # by id, how deep what is being walked stands; None outside
        self._visits = 0
        self._met: set[int] = set()
        self._known: dict[int, tuple[Any, Tree]] = {}  # with the value itself: while it is held no other has its id
        self.made_up: set[str] = set()  # ids to be written, wherever they are met, as numbers in the order of that
        self._numbers: dict[str, int] | None = None
        self._packing = 0  # how many packs are inside one another

    @property
    def notes(self) -> Notes:
        """What was met so far."""
        if self._notes is None:
            self._notes = Notes()
        return self._notes

    def pack(self, value: Any, path: str) -> bytes:
        """The canonical bytes of a value.

        Raises:
            Uncacheable: with the path to what cannot be fingerprinted.
        """
        if self._ancestors is not None:
            return self._walk(value, path)
        outer, self._parts = self._parts, []
        self._packing += 1
        try:
            packed: bytes = msgpack.Packer(
                strict_types=True, unicode_errors="surrogatepass", default=self._hook, buf_size=1024
            ).pack(value)
            renames = self.made_up and self._packing == 1
            if not renames and not _has_holes([value, *chain.from_iterable(self._parts)]):
                return packed
        except (Unfit, RecursionError, ValueError):
            pass  # the walk says where, and follows cycles
        finally:
            self._parts = outer
            self._packing -= 1
        # An id may be met before it is known to be made up; then all is written anew, until no other one is found.
        while True:
            known = len(self.made_up)
            packed = self._walk_anew(value, path)
            if len(self.made_up) == known:
                return packed

    def _walk_anew(self, value: Any, path: str) -> bytes:
        self._ancestors, self._numbers = {}, {}
        self._visits = 0
        self._met.clear()
        try:
            return self._walk(value, path)
        finally:
            self._ancestors = self._numbers = None

    def _hook(self, value: Any) -> list[Any]:
        kind = type(value)
        if kind is tuple or kind is int:
            return simple(value)
        # A plain list: msgpack, which is strict about types, would ask for a Tree again and again.
        parts = list(value if kind is Tree else self._taken(value))
        self._parts.append(parts[1:])
        return parts

    def _taken(self, value: Any) -> Tree:
        """The tree of a value. One that is met again and again, as in a cycle, is taken apart twice at most."""
        if self.made_up:
            raise Unfit("ids in it are renamed, which the walk does")
        known = self._known.get(id(value))
        if known is not None and known[0] is value:
            return known[1]
        again = id(value) in self._met
        self._visit(value)
        parts = self.take_apart(value, self)
        if again:
            self._known[id(value)] = value, parts
        return parts

    def _visit(self, value: Any) -> None:
        """Count a value that leads on. Objects that all lead to each other would be walked without end."""
        self._visits += 1
        if not self._visits & 255:
            check()
        self._met.add(id(value))
        if self._visits > _MAX_VISITS + 10 * len(self._met):
            raise Unfit("its objects lead to each other in too many ways to follow")

    def _walk(self, value: Any, path: str) -> bytes:
        """The same bytes one value at a time: with buffers taken out, cycles closed, and the path known."""
        assert self._ancestors is not None
        out = msgpack.Packer(strict_types=True, unicode_errors="surrogatepass", autoreset=False)
        ancestors, depth = self._ancestors, len(self._ancestors)
        open_: list[tuple[Iterator[tuple[str, Any]], int | None]] = []
        labels: list[str] = [path]
        label, item = "", value
        try:
            while True:
                children, owner = self._enter(item, out)
                if children is not None:
                    if owner is not None:
                        ancestors[owner] = len(ancestors)
                    open_.append((children, owner))
                    labels.append(label)
                    if len(open_) > _MAX_DEPTH:
                        raise Unfit(f"it is nested more than {_MAX_DEPTH:,} levels deep")
                while open_:
                    following = next(open_[-1][0], None)
                    if following is not None:
                        label, item = following
                        break
                    _, owner = open_.pop()
                    labels.pop()
                    if owner is not None:
                        del ancestors[owner]
                else:
                    return bytes(out.bytes())
        except Unfit as error:
            where = _shorten("".join([*labels, label]))
            raise Uncacheable(
                f"`{where}` cannot be fingerprinted", str(error), error.todo or TODO, path=where
            ) from None
        finally:
            while len(ancestors) > depth:
                ancestors.popitem()

    def _enter(self, value: Any, out: Any) -> tuple[Iterator[tuple[str, Any]] | None, int | None]:
        """Write the start of a value; gives what stands in it, and what to call it in a cycle."""
        kind = type(value)
        if self.made_up and (kind is str or kind is UUID):
            renamed = self._renamed(str(value))
            if renamed is not None:
                out.pack([MARKS[Kind.MADE_UP], renamed])
                return None, None
        if kind in SCALARS and not (kind is int and value.bit_length() > 63):
            out.pack(value)
            return None, None
        if kind is bytes and len(value) <= INLINE:
            out.pack(value)
            return None, None
        owner = id(value)
        if owner in self._ancestors:  # type: ignore[operator]
            levels = len(self._ancestors) - self._ancestors[owner]  # type: ignore[arg-type,index]
            out.pack([MARKS[Kind.BACK], levels])
            return None, None
        if kind is list:
            out.pack_array_header(len(value))
            return ((f"[{i}]", item) for i, item in enumerate(value)), owner
        if kind is dict or kind is _State:
            out.pack_map_header(len(value))
            return _items(value, attributes=kind is _State), owner
        if kind is not tuple and kind is not Tree:
            self._visit(value)
        apart = _APART.get(kind)
        parts = apart(value) if apart is not None else self.take_apart(value, self)
        out.pack_array_header(len(parts))
        out.pack(parts[0])
        # A tree is made for this walk alone and goes after it, so its id names nothing.
        return _children(parts), None if kind is Tree else owner

    def _renamed(self, text: str) -> str | None:
        """The text with numbers in place of ids that were made up, or None if none is in it."""
        if text in self.made_up:
            return self._number(text)
        if len(text) <= 36:
            return None
        renamed = UUID_TEXT.sub(lambda found: self._number(found[0]) if found[0] in self.made_up else found[0], text)
        return None if renamed == text else renamed

    def _number(self, name: str) -> str:
        assert self._numbers is not None
        return f"\0{self._numbers.setdefault(name, len(self._numbers))}\0"

    def sorted(self, values: Any) -> list[bytes]:
        """The packed values in an order that does not hang on how they were held."""
        if self._numbers is None or not self.made_up:
            return sorted(_pack_each(values) or [self.pack(value, "{…}") for value in values])
        numbers, packed = self._numbers, []
        for value in values:  # each with the numbers given so far: those of a set have no order of their own
            self._numbers = dict(numbers)
            packed.append(self.pack(value, "{…}"))
        self._numbers = numbers
        return sorted(packed)


def pack_known(value: Any) -> bytes | None:
    """The bytes of plain data, or None if there is anything in it that has to be taken apart."""
    try:
        packed = pack_plain(value)
    except (TypeError, ValueError):
        return None
    return None if _has_holes([value]) else packed


def _pack_each(values: Collection[Any]) -> list[bytes]:
    """The bytes of each of these values, in no order; none if there is anything in them that has to be taken apart."""
    if not set(map(type, values)) <= _KNOWN or _has_holes([list(values)]):
        return []
    packed: list[bytes] = []
    left = iter(values)
    try:
        while some := list(islice(left, _SOME)):
            check()
            packed += map(pack_plain, some)
    except (TypeError, ValueError):
        return []
    return packed


# The trees of what msgpack would take without asking, or would copy.
_APART: dict[type, Callable[[Any], Tree]] = {
    Tree: lambda value: value,
    int: lambda value: Tree(simple(value)),
    tuple: lambda value: Tree(simple(value)),
    bytes: buffer,
    bytearray: lambda value: tree(Kind.BYTEARRAY, buffer(value)),
    memoryview: lambda value: tree(Kind.MEMORYVIEW, value.format, list(value.shape or ()), buffer(value.tobytes())),
    msgpack.ExtType: lambda value: tree(Kind.EXT, value.code, value.data),
    msgpack.Timestamp: lambda value: tree(Kind.EXT, value.seconds, value.nanoseconds, None),
}


def _children(parts: Tree) -> Iterator[tuple[str, Any]]:
    """What stands in a tree, labelled as the user would write the way to it."""
    mark = parts[0].data[0]
    for place, part in enumerate(parts[1:]):
        if mark in _INDEXED:
            yield f"[{place}]", part
        elif type(part) is dict and (mark == Kind.OBJECT or (mark == Kind.MEMBER and place == 2)):
            yield "", _State(part)
        else:
            yield "", part


class _State(dict[Any, Any]):
    """The attributes of an object."""


_INDEXED = frozenset({Kind.TUPLE, Kind.DEQUE})


def _items(value: dict[Any, Any], attributes: bool) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        label = f".{key}" if attributes else f"[{key!r}]" if type(key) in SCALARS else "[…]"
        yield label, key
        yield label, item


def _has_holes(level: list[Any]) -> bool:
    """Whether msgpack took something without asking, below these values down to what the hook got.

    Level by level, so that the work on each value is done in C.
    """
    while level:
        types = set(map(type, level))
        if types <= SCALARS:
            return False
        if not types.isdisjoint(_HOLES):
            return True
        if bytes in types and any(map(INLINE.__lt__, map(len, compress(level, map(_is_bytes, map(type, level)))))):
            return True
        if types.isdisjoint(_CONTAINERS):
            return False
        if not types <= _KNOWN:
            level = [*compress(level, map(_is_container, map(type, level)))]
        level = gc.get_referents(*level)
    return False


def _shorten(path: str) -> str:
    return path if len(path) <= 200 else f"{path[:100]}…{path[-90:]}"
