"""Responses of httpx and requests, whole: status, headers, cookies, content, address, history, and the request.

The connection they came by does not count. Nothing in them is changed when they are kept; one whose request carries a
credential is refused, as that would lie in clear in a file.
"""

from __future__ import annotations

import http.cookiejar
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from spotmagic.code.wrapped import under_name
from spotmagic.codecs import bounds
from spotmagic.codecs.bounds import Undecodable
from spotmagic.codecs.registry import Codec, by_names
from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.notes import is_secret_name
from spotmagic.values.objects import by_state
from spotmagic.values.scheme import Kind, Tree, Unfit, tree

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer

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


def _whole(value: Any) -> dict[str, Any]:
    state = held(value)
    if "status_code" in state and state.get("_content", False) is False:
        raise Unfit("it is a response that was not read; read it first")
    return state


def _by(read: Callable[[Any], Any]) -> Callable[[Any, Encoder], Tree]:
    """What gives the tree of a value, by its class and what is read of it."""
    return lambda value, encoder: tree(Kind.MEMBER, encoder.code(type(value)), read(value), None)


_CLASSES = {
    "httpx.response": "Response", "httpx.request": "Request", "httpx.headers": "Headers", "httpx.url": "URL",
    "httpx2.response": "Response", "httpx2.request": "Request", "httpx2.headers": "Headers", "httpx2.url": "URL",
    "requests.response": "Response", "requests.request": "PreparedRequest",
    "requests.headers": "structures.CaseInsensitiveDict", "requests.cookies": "cookies.RequestsCookieJar",
}  # fmt: skip
_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
_MAYBE = re.compile(r"(^|[-_])(key|sig|signature|auth|code|session|session_?id)$", re.IGNORECASE)
_LONG = 16  # characters from which on a value of such a name is taken for a credential: ?code=DE is none
_BODY = re.compile(rb"\b(client_secret|api_?key|password|(access|refresh)_token)(\"\s*:|=)", re.IGNORECASE)


def _class(name: str) -> Any:
    return under_name(name.partition(".")[0], _CLASSES[name])


def credential(request: Any) -> str:
    """The name of the header or parameter of a request that carries a credential, or an empty text."""
    for header, value in request.headers.items():
        name = header.lower()
        if name in _HEADERS or _is_secret(name, value):
            return header  # type: ignore[no-any-return]
    parts = urlsplit(str(request.url or ""))
    if parts.password:
        return "the password of its address"
    for name, value in parse_qsl(parts.query):
        if _is_secret(name, value):
            return name
    body = getattr(request, "_content", None) or getattr(request, "body", None) or b""
    found = _BODY.search(body.encode() if isinstance(body, str) else body) if isinstance(body, (str, bytes)) else None
    return found[1].decode() if found else ""


def _is_secret(name: str, value: Any) -> bool:
    return is_secret_name(name) or (len(value) >= _LONG and _MAYBE.search(name) is not None)


def _lower_state(value: Any, writer: Writer) -> tuple[Any, Any]:
    """A response or request by its attributes."""
    state = held(value)
    if not getattr(value, "_content_consumed", True) or state.get("_content", b"") is False:
        writer.refuse("a response that was not read; return .json() or .content", final=True)
    if hasattr(type(value), "read") and not {"_content", "stream"} & state.keys():
        writer.refuse(f"a {type(value).__name__.lower()} that was not read; return .json() or .content", final=True)
    if len(state.get("history", ())) > bounds.REDIRECTS:
        writer.refuse("a response after this many redirects", final=True)
    if "method" in state:
        name = credential(value)
        if name:
            why = f"a request with a credential ({name}), which is not for a file"
            writer.refuse(f"{why}; return .json() or .content of the response", final=True)
    return None, {name: writer.lower(item, f".{name.removeprefix('_')}") for name, item in state.items()}


def _make_state(kind: Any, state: Any) -> Any:
    made = kind.__new__(kind)
    vars(made).update(state)
    if kind.__module__.startswith("requests."):
        if "status_code" in state:
            made.raw = None
        return made
    package = sys.modules[kind.__module__.partition(".")[0]]
    made.stream = package.ByteStream(state.get("stream", state.get("_content")))
    if "status_code" in state:
        made.is_closed = made.is_stream_consumed = True
    return made


def _make_cookies(kind: Any, cookies: Any) -> Any:
    jar = kind()
    for about in cookies:
        cookie = http.cookiejar.Cookie.__new__(http.cookiejar.Cookie)
        vars(cookie).update(about)
        jar.set_cookie(cookie)
    return jar


# How each is put into plain values, made of its class and them, and fingerprinted.
_FORMS: dict[str, tuple[Callable[[Any, Any], tuple[Any, Any]], Callable[[Any, Any], Any], Any]] = {
    "response": (_lower_state, _make_state, _by(_whole)),
    "request": (_lower_state, _make_state, _by(_whole)),
    "url": (lambda url, _: (None, str(url)), lambda kind, text: kind(text), by_state),
    "headers": (
        lambda headers, writer: (None, [writer.items(pair) for pair in getattr(headers, "raw", headers.items())]),
        lambda kind, pairs: kind([(name, value) for name, value in pairs]),
        _by(lambda headers: headers.raw if hasattr(headers, "raw") else list(headers.items())),
    ),
    "cookies": (
        lambda jar, writer: (None, writer.items(vars(cookie) for cookie in jar)),
        _make_cookies,
        _by(lambda jar: [*map(vars, jar)]),
    ),
}


def _codec(name: str) -> Codec:
    lower, make, _ = _FORMS[name.partition(".")[2]]

    def decode(_spec: Any, rest: Any, _reader: Reader) -> Any:
        __import__(name.partition(".")[0])
        if type(rest) is dict and not all(type(key) is str for key in rest):
            raise Undecodable("corrupt", "no response")
        return make(_class(name), rest)

    return Codec(name, lower, decode, exact=False)


CODECS = by_names(*map(_codec, _CLASSES))


def _reduce(value: Any) -> tuple[Any, ...]:
    """Embedded in other objects they go through their codec too, which refuses credentials."""
    from spotmagic.codecs import _pickle

    return _pickle.through_codec(value)


def load_package(package: str) -> None:
    """Register the families of a package that is there."""
    for name in CODECS:
        if name.partition(".")[0] == package and _class(name) is not None:
            *_, shape = _FORMS[name.partition(".")[2]]
            add_family(_class(name), fingerprint=shape, covered=None, codec=CODECS[name], reduce=_reduce)
