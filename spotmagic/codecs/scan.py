"""A look at a value before it is packed: which types it holds, and what in it comes more than once.

Values are taken level by level, so a small one costs a few calls into C and a deep or circular one no recursion.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from itertools import compress
from typing import Any

from spotmagic.codecs import bounds
from spotmagic.codecs.plain import LEAVES, NATIVE

_BOXES = frozenset({list, dict, tuple, set, frozenset})
_PLAIN = LEAVES | _BOXES
_FROZEN = frozenset({tuple, frozenset})
_TEXTS = frozenset({str, bytes})
_is_box = _BOXES.__contains__
_is_text = _TEXTS.__contains__
_MANY = 64  # items of a level from which on its texts are measured before they are packed


def is_plain(value: Any) -> bool:
    """Whether the C packer alone stores the value: plain types only, a tree (nothing comes twice), not too deep."""
    kind = type(value)
    if kind in NATIVE:
        return True
    if kind not in _BOXES:
        return kind in LEAVES
    inside = gc.get_referents  # for these types exactly the items; of a dict whose keys are all text the values alone
    level: list[Any] = inside(value)
    seen = {id(value)}
    found = 1
    for _ in range(bounds.DEPTH):
        kinds = set(map(type, level))
        if len(level) > _MANY and not kinds.isdisjoint(_TEXTS) and has_large(level):
            return False
        if kinds <= LEAVES:
            return True
        if not kinds <= _PLAIN:
            return False
        boxes = list(compress(level, map(_is_box, map(type, level))))
        seen.update(map(id, boxes))
        found += len(boxes)
        if len(seen) != found:
            return False
        level = inside(*boxes)
    return False


def has_large(level: list[Any]) -> bool:
    """Whether a level has bytes that belong out of band, or a long text more than once."""
    texts = list(compress(level, map(_is_text, map(type, level))))
    if sum(map(len, texts)) <= bounds.INLINE:
        return False
    long = [text for text in texts if len(text) > bounds.INLINE]
    return any(type(text) is bytes for text in long) or len(set(map(id, long))) != len(long)


def tree_has_large(value: Any) -> bool:
    """As :func:`has_large`, for a whole plain value."""
    level: list[Any] = [value]
    texts: list[Any] = []
    while level:
        texts += [text for text in compress(level, map(_is_text, map(type, level))) if len(text) > bounds.INLINE]
        level = gc.get_referents(*compress(level, map(_is_box, map(type, level))))
    return has_large(texts)


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
