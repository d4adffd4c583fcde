"""What goes to the page: plain JSON, whatever was stored. Mirrors ``js/src/wire.ts``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from spotmagic.errors import OptionError

Result = dict[str, Any]
"""An answer to a request, before it is :func:`clean`."""
Shape = dict[str, Any]
"""How a value looks: ``{"view": …}`` and what that view takes."""

_KEY = re.compile(r"[0-9a-f]{32}")
MAX_KEYS = 10_000
MAX_TEXT = 500
ERROR_LETTERS = 2000


def clean(value: Any) -> Any:
    """A result as strict JSON: no NaN, no lone surrogates, no keys but texts."""
    if isinstance(value, str):
        return str(value) if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        # JavaScript's numbers are floats: what they cannot tell apart is told as one, so that no digits are made up.
        return int(value) if abs(value) < 2**53 else float(min(max(value, -(10**300)), 10**300))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else 0.0
    if isinstance(value, Mapping):
        return {clean(str(name)): clean(item) for name, item in value.items()}
    if isinstance(value, Sequence):
        return [clean(item) for item in value]
    return clean(str(value))


def frame(message: Mapping[str, Any], buffers: Sequence[bytes] = ()) -> bytes:
    """A message and its buffers in one piece: the length of the head in 4 bytes, the head as JSON, the buffers.

    ``frame({"t": "x"}, [b"ab"])`` is ``18 00 00 00``, then ``{"t": "x", "sizes": [2]}`` in 24 bytes, then ``ab``.
    """
    head = json.dumps({**message, "sizes": [len(buffer) for buffer in buffers]}, ensure_ascii=False).encode()
    return b"".join([len(head).to_bytes(4, "little"), head, *buffers])


def failure(error: Exception) -> dict[str, str]:
    """An error as the page gets it."""
    return {"type": type(error).__name__, "text": clean(str(error))[:ERROR_LETTERS]}


class Params:
    """The parameters of a request, checked as they are taken.

    Raises:
        OptionError: from every method, for a value that is none of what may be asked.
    """

    def __init__(self, given: object) -> None:
        if not isinstance(given, Mapping):
            raise OptionError("the parameters are not an object")
        self._given = given

    def text(self, name: str, default: str = "") -> str:
        """A text of at most 500 letters."""
        value = self._given.get(name, default)
        if not isinstance(value, str) or len(value) > MAX_TEXT or clean(value) != value:
            raise OptionError(f"{name} is not a text of at most {MAX_TEXT} letters")
        return value

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""
        value = self._given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise OptionError(f"{name} is not a number from {low} to {high}")
        return value

    def flag(self, name: str) -> bool:
        """True or false; false when not given."""
        value = self._given.get(name, False)
        if not isinstance(value, bool):
            raise OptionError(f"{name} is neither true nor false")
        return value

    def has(self, name: str) -> bool:
        """Whether it was given at all."""
        return name in self._given

    def key(self) -> str:
        """The key of an entry, 32 hexadecimal digits."""
        return _key(self._given.get("key"))

    def many(self) -> list[str]:
        """Keys of entries, each once."""
        value = self._given.get("keys")
        if not isinstance(value, list) or len(value) > MAX_KEYS:
            raise OptionError(f"keys is not a list of at most {MAX_KEYS} keys")
        return list(dict.fromkeys(map(_key, value)))


def _key(value: object) -> str:
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise OptionError("that is not the key of a result", todo="A key has 32 hexadecimal digits")
    return value
