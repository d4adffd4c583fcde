"""A request of a page and the reply to it, whatever carries them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spotmagic.dashboard.backend import Backend

VERSION = 1
ERROR_LETTERS = 2000

Reply = tuple[dict[str, Any], list[bytes]]


def reply_to(backend: Backend, content: object) -> Reply | None:
    """The reply to a message and its buffers; ``None`` for a message that asks nothing.

    Whatever goes wrong becomes a reply too, as nobody else would hear of it.
    """
    if not isinstance(content, Mapping) or content.get("t") != "request":
        return None
    head = {"t": "reply", "v": VERSION, "rid": content.get("rid")}
    try:
        result, buffers = backend.dispatch(content.get("method", ""), content.get("params") or {})
    except Exception as error:
        return {**head, "ok": False, "error": failure(error)}, []
    return {**head, "ok": True, "result": result}, buffers


def failure(error: Exception) -> dict[str, str]:
    """An error as the page gets it."""
    text = str(error).encode("utf-8", "replace").decode()
    return {"type": type(error).__name__, "text": text[:ERROR_LETTERS]}
