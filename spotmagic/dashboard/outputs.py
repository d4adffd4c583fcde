"""The log of a cell's outputs, as the notebook stores it: lists ``[kind, text, data, metadata, display_id, wait]``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_KINDS = frozenset({"stdout", "stderr", "display", "update", "clear", "result"})
_FIELDS = 6


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a cell put out: a text, or a bundle by mime type."""

    kind: str
    text: str
    data: Mapping[str, Any]

    @classmethod
    def of(cls, packed: list[Any]) -> Event:
        """The event of its stored form."""
        kind, text, data = packed[:3]
        return cls(kind, text, data)


def is_log(value: Any) -> bool:
    """Whether a stored value is a log of outputs."""
    return isinstance(value, list) and all(map(_is_event, value))


def _is_event(packed: Any) -> bool:
    if not isinstance(packed, list | tuple) or len(packed) != _FIELDS:
        return False
    kind, text, data = packed[:3]
    return isinstance(kind, str) and kind in _KINDS and isinstance(text, str) and isinstance(data, dict)
