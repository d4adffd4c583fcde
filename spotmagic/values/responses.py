"""Trees of what HTTP libraries bring: all that a response or request holds, but the connection it came by."""

from __future__ import annotations

import sys
from typing import Any

from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder

_TRANSPORT = frozenset({"stream", "_decoder", "_text", "raw", "connection", "is_closed", "is_stream_consumed"})


def held(value: Any) -> dict[str, Any]:
    """The attributes of a response or request that tell what was asked and answered."""
    state = {name: item for name, item in vars(value).items() if name not in _TRANSPORT}
    stream = vars(value).get("stream")
    if "extensions" in state:
        state["extensions"] = {name: item for name, item in state["extensions"].items() if name != "network_stream"}
    if "status_code" in state:
        state.pop("_cookies", None)  # of its headers
        if getattr(stream, "elapsed", None) is not None:
            state.setdefault("_elapsed", stream.elapsed)
    if "method" in state and type(stream).__name__ == "ByteStream":
        state["stream"] = b"".join(stream)
    return dict(sorted(state.items()))  # some come when they are asked for


def _tree(value: Any, _: Encoder) -> dict[str, Any]:
    return held(value)


def load(package: str) -> None:
    """Register the families of a package that is there."""
    there: Any = sys.modules[package]
    if package == "requests":
        add_family(there.Response, there.PreparedRequest, fingerprint=_tree, covered=None)
        add_family(there.structures.CaseInsensitiveDict, fingerprint=lambda held, _: list(held.items()), covered=None)
        add_family(there.cookies.RequestsCookieJar, fingerprint=lambda jar, _: [*map(vars, jar)], covered=None)
    else:
        add_family(there.Response, there.Request, fingerprint=_tree, covered=None)
        add_family(there.Headers, fingerprint=lambda headers, _: headers.raw, covered=None)
