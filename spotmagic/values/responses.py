"""Trees of what HTTP libraries bring: all that a response or request holds, but the connection it came by."""

from __future__ import annotations

import sys
from typing import Any

from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, Unfit, tree

_TRANSPORT = frozenset({"stream", "_decoder", "_text", "raw", "connection", "is_closed", "is_stream_consumed"})


def held(value: Any) -> dict[str, Any]:
    """The attributes of a response or request that tell what was asked and answered."""
    state = {name: item for name, item in vars(value).items() if name not in _TRANSPORT}
    stream = vars(value).get("stream")
    if "extensions" in state:
        state["extensions"] = {name: item for name, item in state["extensions"].items() if name != "network_stream"}
    if "status_code" in state:
        state.pop("_cookies", None)  # of its headers
        if "default_encoding" in state:  # the encoding is kept when it is first asked for
            state["_encoding"] = state.get("_encoding") or value.charset_encoding or state["default_encoding"]
        if getattr(stream, "elapsed", None) is not None:
            state.setdefault("_elapsed", stream.elapsed)
    if "method" in state and type(stream).__name__ == "ByteStream":
        state["stream"] = b"".join(stream)
    return dict(sorted(state.items()))  # some come when they are asked for


def _of(value: Any, encoder: Encoder, content: Any) -> Tree:
    return tree(Kind.MEMBER, encoder.code(type(value)), content, None)


def _tree(value: Any, encoder: Encoder) -> Tree:
    state = held(value)
    if "status_code" in state and state.get("_content", False) is False:
        raise Unfit("it is a response that was not read; read it first")
    return _of(value, encoder, state)


def _items(value: Any, encoder: Encoder) -> Tree:
    return _of(value, encoder, list(value.items()))


def _jar(value: Any, encoder: Encoder) -> Tree:
    return _of(value, encoder, [*map(vars, value)])


def _raw(value: Any, encoder: Encoder) -> Tree:
    return _of(value, encoder, value.raw)


def load(package: str) -> None:
    """Register the families of a package that is there."""
    there: Any = sys.modules[package]
    if package == "requests":
        add_family(there.Response, there.PreparedRequest, fingerprint=_tree, covered=None)
        add_family(there.structures.CaseInsensitiveDict, fingerprint=_items, covered=None)
        add_family(there.cookies.RequestsCookieJar, fingerprint=_jar, covered=None)
    else:
        add_family(there.Response, there.Request, fingerprint=_tree, covered=None)
        add_family(there.Headers, fingerprint=_raw, covered=None)
