"""The log of a cell's outputs as the notebook stores it.

It is ``{"log": [[kind, text, data, metadata, display_id, wait], …]}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OUTPUTS = "outputs"  # the part in which a cell keeps what it put out
_KINDS = frozenset({"stdout", "stderr", "display", "update", "clear", "result"})
_FIELDS = 6


@dataclass(frozen=True, slots=True)
class Logged:
    """One thing that a cell put out: a text, or a bundle by mime type."""

    kind: str
    text: str
    data: Mapping[str, Any]


def log_of(value: Any) -> list[Logged] | None:
    """The log in a stored part of a cell, or ``None`` where there is none."""
    # Whoever wrote the entry may be anybody, and may have called anything `outputs`.
    log = value.get("log") if isinstance(value, dict) else value
    if not isinstance(log, list) or not all(map(_is_event, log)):
        return None
    return [Logged(*packed[:3]) for packed in log]


def _is_event(packed: Any) -> bool:
    if not isinstance(packed, list | tuple) or len(packed) != _FIELDS:
        return False
    kind, text, data = packed[:3]
    return isinstance(kind, str) and kind in _KINDS and isinstance(text, str) and isinstance(data, dict)
