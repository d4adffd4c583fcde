"""A look at a value before it is packed: which types it holds, and what in it comes more than once.

Values are taken level by level, so a small one costs a few calls into C and a deep or circular one no recursion.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from itertools import compress
from typing import Any

from spotmagic.codecs import bounds
from spotmagic.codecs.plain import LEAVES

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
    seen: dict[int, Any] = {}
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
