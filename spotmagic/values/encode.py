"""The walk: any value to canonical bytes. At C speed for what msgpack knows, with a hook for the rest."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from itertools import chain
from types import NoneType
from typing import Any

import msgpack

from spotmagic.errors import Uncacheable
from spotmagic.values.notes import Mask, Notes
from spotmagic.values.patience import check
from spotmagic.values.scheme import INLINE, MARKS, Kind, Tree, Unfit, buffer, pack_plain, simple, tree

SCALARS = frozenset({NoneType, bool, int, float, str})
_CONTAINERS = frozenset({list, dict, tuple})
_KNOWN = SCALARS | _CONTAINERS | {bytes}
_HOLES = frozenset({bytearray, memoryview, msgpack.ExtType, msgpack.Timestamp})  # msgpack takes these without asking
_MAX_DEPTH = 20_000
_MAX_VISITS = 50_000  # of objects beside those met for the first time
TODO = "Leave it out with ignore=, tell what counts with spotmagic.register(type, fingerprint=…), or choose with key="


class Encoder:
    """One walk and what it notes.

    Args:
        take_apart: gives the tree of a value that msgpack does not know; raises :class:`Unfit`.
        code: gives the tree that stands for a function or class of the user.
        pictures: take figures by their picture, which is enough to check a copy and too little for a key.
    """

    __slots__ = ("_ancestors", "_met", "_notes", "_parts", "_visits", "code", "mask", "pictures", "take_apart")

    def __init__(
        self,
        take_apart: Callable[[Any, Encoder], Tree],
        code: Callable[[Any], Tree],
        notes: Notes | None,
        mask: Mask | None,
        *,
        pictures: bool = False,
    ) -> None:
        self.pictures: dict[int, Any] | None = {} if pictures else None
        self.take_apart, self.code, self._notes, self.mask = take_apart, code, notes, mask
        self._parts: list[list[Any]] = []
        self._ancestors: dict[int, int] | None = None
        self._visits = 0
        self._met: set[int] = set()

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
        try:
            packed: bytes = msgpack.Packer(
                strict_types=True, unicode_errors="surrogatepass", default=self._hook, buf_size=1024
            ).pack(value)
            if not _has_holes([value, *chain.from_iterable(self._parts)]):
                return packed
        except (Unfit, RecursionError, ValueError):
            pass  # the walk says where, and follows cycles
        finally:
            self._parts = outer
        self._ancestors = {}
        self._visits = 0
        self._met.clear()
        try:
            return self._walk(value, path)
        finally:
            self._ancestors = None

    def _hook(self, value: Any) -> list[Any]:
        kind = type(value)
        if kind is tuple or kind is int:
            return simple(value)
        if kind is Tree:
            parts = list(value)
        else:
            self._visit(value)
            parts = list(self.take_apart(value, self))
        self._parts.append(parts[1:])
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
            raise Uncacheable(f"`{where}` cannot be fingerprinted", str(error), TODO, path=where) from None
        finally:
            while len(ancestors) > depth:
                ancestors.popitem()

    def _enter(self, value: Any, out: Any) -> tuple[Iterator[tuple[str, Any]] | None, int | None]:
        """Write the start of a value; gives what stands in it, and what to call it in a cycle."""
        kind = type(value)
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
        parts = _apart(value) or self.take_apart(value, self)
        out.pack_array_header(len(parts))
        out.pack(parts[0])
        return _children(parts), None if kind is Tree else owner

    def sorted(self, values: Any) -> list[bytes]:
        """The packed values in an order that does not hang on how they were held."""
        return sorted(self.pack(value, "{…}") for value in values)


def pack_known(value: Any) -> bytes | None:
    """The bytes of plain data, or None if there is anything in it that has to be taken apart."""
    try:
        packed = pack_plain(value)
    except (TypeError, ValueError):
        return None
    return None if _has_holes([value]) else packed


def _apart(value: Any) -> Tree | None:
    """The tree of what msgpack would take without asking, or would copy."""
    kind = type(value)
    if kind is Tree:
        return value  # type: ignore[no-any-return]
    if kind is int or kind is tuple:
        return Tree(simple(value))
    if kind is bytes:
        return buffer(value)  # type: ignore[no-any-return]
    if kind is bytearray:
        return tree(Kind.BYTEARRAY, buffer(value))
    if kind is memoryview:
        return tree(Kind.MEMORYVIEW, value.format, list(value.shape or ()), buffer(value.tobytes()))
    if kind is msgpack.ExtType:
        return tree(Kind.EXT, value.code, value.data)
    if kind is msgpack.Timestamp:
        return tree(Kind.EXT, value.seconds, value.nanoseconds, None)
    return None


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
        if bytes in types and any(len(value) > INLINE for value in level if type(value) is bytes):
            return True
        if types.isdisjoint(_CONTAINERS):
            return False
        if not types <= _KNOWN:
            level = [value for value in level if type(value) in _CONTAINERS]
        level = gc.get_referents(*level)
    return False


def _shorten(path: str) -> str:
    return path if len(path) <= 200 else f"{path[:100]}…{path[-90:]}"
