"""A nested value as a tree of small texts, for the panel to open step by step."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
import uuid
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from spotmagic.codecs.reader import Outline
from spotmagic.values.shown import TELLING
from spotmagic.values.thumbnail import is_row
from spotmagic.words import counted

DEPTH = 20
CHILDREN = 200
NODES = 2_000
TEXT = 2_000

_SPOKEN = (
    datetime.datetime, datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, fractions.Fraction, uuid.UUID,
    pathlib.PurePath, complex, range, slice, enum.Enum,
)  # fmt: skip
_GROUPS = (list, tuple, set, frozenset)

Node = dict[str, Any]


class ValueTree:
    """A value as nodes ``{type, text}`` and ``{type, size, children}``.

    Only types whose text runs no code of the user are spelled out: anything else counts by its type.

    Attributes:
        whole: whether all of the value is in it.
    """

    def __init__(self, value: Any, *, scale: int = 1) -> None:
        self._left = NODES * scale
        self._children = CHILDREN * scale
        self._text = TEXT * scale
        self._numbers: dict[int, Any] = {}  # rows of numbers, by the identity of their nodes
        self.whole = True
        self.root = self._node(value, DEPTH)

    def main(self) -> tuple[str, Any]:
        """Where the text lies that tells most, and the text: the answer inside an object.

        It is the longest of those under a name such as ``content``. Where there is none, a row of numbers is it.
        """
        best: tuple[tuple[int, int], str, Any] = ((0, 0), "", None)  # how much it tells, its name, the text or row
        queue: list[tuple[Node, str, str]] = [(self.root, "", "")]
        while queue:
            node, called, name = queue.pop()
            if node["type"] == "str" and name in TELLING:
                best = max(best, ((2, len(node["text"])), called, node["text"]), key=lambda one: one[0])
            elif id(node) in self._numbers and called:
                best = max(best, ((1, node["size"]), called, self._numbers[id(node)]), key=lambda one: one[0])
            for label, child in node.get("children", ()):
                at = f"[{label}]" if label.isdigit() else f".{label}" if called else label
                queue.append((child, called + at, label))
        return best[1:]

    def _node(self, value: Any, depth: int) -> Node:
        self._left -= 1  # of the nodes that may still come, so that a wide and deep value ends somewhere
        kind = type(value).__name__
        if value is None or isinstance(value, bool | int | float):
            return self._leaf(kind if value is not None else "None", _number(value))
        if isinstance(value, str):
            return self._leaf(kind, value)
        if isinstance(value, bytes | bytearray):
            more = " …" if len(value) > 16 else ""
            return {"type": kind, "text": f"{counted(len(value), 'byte')}: {bytes(value[:16]).hex(' ')}{more}"}
        if isinstance(value, _SPOKEN):
            return self._leaf(kind, str(value))
        if isinstance(value, Mapping) and type(value).__module__ in ("builtins", "collections"):
            return self._branch(kind, len(value), ((_label(key), item) for key, item in value.items()), depth)
        if isinstance(value, Outline):
            return self._branch(value.kind, len(value.fields), value.fields.items(), depth)
        if isinstance(value, _GROUPS) or kind == "deque":
            names = getattr(value, "_fields", None) if isinstance(value, tuple) else None
            labels: Iterable[str] = map(str, names if names else range(len(value)))
            branch = self._branch(kind, len(value), zip(labels, value, strict=False), depth)
            if is_row(value):
                self._numbers[id(branch)] = value
            return branch
        fields = _fields(value)
        if fields is not None:
            return self._branch(kind, len(fields), fields.items(), depth)
        return {"type": kind, "text": _measure(value)}

    def _leaf(self, kind: str, text: str) -> Node:
        if len(text) > self._text:
            self.whole = False
            text = text[: self._text] + "…"
        return {"type": kind, "text": text}

    def _branch(self, kind: str, size: int, items: Iterable[tuple[str, Any]], depth: int) -> Node:
        if depth == 0:
            self.whole = False
            return {"type": "cut", "text": f"{kind} of {size:,}, deeper than is shown"}
        children: list[tuple[str, Node]] = []
        for label, item in islice(items, self._children):
            if self._left <= 0:
                break
            children.append((label, self._node(item, depth - 1)))
        if len(children) < size:
            self.whole = False
        return {"type": kind, "size": size, "children": children}


def _number(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > 4000:  # int to text is slow, and limited by Python itself
        return f"an integer of {value.bit_length():,} bits"
    return str(value)


def _label(key: Any) -> str:
    if isinstance(key, str):
        return key[:200]
    if key is None or isinstance(key, (bool, int, float, *_SPOKEN)):
        return _number(key)[:200]
    if isinstance(key, tuple):
        return f"({', '.join(map(_label, key[:8]))})"[:200]
    return type(key).__name__


def _fields(value: Any) -> dict[str, Any] | None:
    """The fields of a record, read without calling anything of its class."""
    state = getattr(value, "__dict__", None)
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
    elif "__attrs_attrs__" in dir(type(value)):
        names = [attribute.name for attribute in type(value).__attrs_attrs__]
    elif "model_fields" in dir(type(value)) and isinstance(state, dict):
        return state
    else:
        return None
    if isinstance(state, dict):
        return {name: state[name] for name in names if name in state}
    return {name: getattr(value, name, None) for name in names}  # slots


def _measure(value: Any) -> str:
    """What can be said of a value that is not spelled out."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(shape, tuple) and all(isinstance(length, int) for length in shape):
        lengths = " \N{MULTIPLICATION SIGN} ".join(map(str, shape)) or "scalar"
        return lengths if dtype is None else f"{lengths} {dtype}"
    return ""
