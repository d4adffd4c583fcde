"""Responses of httpx and requests, without credentials: of the request only its method and address are kept.

Left out are cookies, headers with the name of a secret, and the passwords and secrets in addresses.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from spotmagic.codecs import bounds
from spotmagic.codecs.registry import Codec
from spotmagic.codecs.undecodable import Undecodable
from spotmagic.values.notes import is_secret_name

if TYPE_CHECKING:
    from spotmagic.codecs.reader import Reader
    from spotmagic.codecs.writer import Writer

_DROPPED = frozenset({"set-cookie", "set-cookie2", "cookie", "authorization", "proxy-authorization"})
_SECRET_PARAMETER = re.compile(r"(^|[-_])(key|sig|signature|auth|code|session|session_?id)$", re.IGNORECASE)
_REDACTED = "REDACTED"


def find(kind: type) -> Codec | None:
    """The codec for a response or request of httpx or requests."""
    httpx, requests = sys.modules.get("httpx"), sys.modules.get("requests")
    if httpx is not None and kind in (httpx.Response, httpx.Request):
        return CODECS[f"httpx.{kind.__name__.lower()}"]
    if requests is not None and kind in (requests.Response, requests.PreparedRequest):
        return CODECS["requests.response" if kind is requests.Response else "requests.request"]
    return None


def without_secrets(url: str) -> str:
    """An address without its password, and with the secrets among its parameters made unreadable."""
    parts = urlsplit(url)
    pairs = [_parameter(pair) for pair in parts.query.split("&")]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "&".join(pairs), parts.fragment))


def _parameter(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}={_REDACTED}" if equals and _is_secret(name) else pair


def _is_secret(name: str) -> bool:
    return is_secret_name(name.replace("-", "_")) or _SECRET_PARAMETER.search(name) is not None


def _headers(pairs: Any) -> list[list[Any]]:
    """Headers that may be kept, in order."""
    kept = []
    for name, value in pairs:
        text = name.decode("latin-1") if isinstance(name, bytes) else name
        if text.lower() in _DROPPED or is_secret_name(text.replace("-", "_")):
            continue
        kept.append([name, _address(value) if text.lower() in ("location", "content-location") else value])
    return kept


def _address(value: Any) -> Any:
    return (
        without_secrets(value.decode("latin-1")).encode("latin-1")
        if isinstance(value, bytes)
        else without_secrets(value)
    )


def _lower_httpx(response: Any, writer: Writer) -> tuple[Any, Any]:
    if not hasattr(response, "_content"):
        writer.refuse("a response that was not read", final=True)
    if type(response.default_encoding) is not str or len(response.history) > bounds.REDIRECTS:
        writer.refuse("a response with a function as its default encoding")
    extensions = {
        name: response.extensions[name] for name in ("http_version", "reason_phrase") if name in response.extensions
    }
    rest = {
        "status": response.status_code,
        "headers": _headers(response.headers.raw),
        "content": writer.lower(response.content, ".content"),
        "request": None if response._request is None else writer.lower(response._request, ".request"),
        "extensions": extensions,
        "history": [writer.lower(earlier, f".history[{n}]") for n, earlier in enumerate(response.history)],
        "elapsed": writer.lower(getattr(response, "_elapsed", None), ".elapsed"),
        "encodings": [response.default_encoding, response.__dict__.get("_encoding")],
        "downloaded": response.num_bytes_downloaded,
    }
    return None, rest


def _make_httpx(_spec: Any, rest: Any, _reader: Reader) -> Any:
    import httpx

    default, explicit = rest["encodings"]
    response = httpx.Response(
        rest["status"], content=rest["content"], request=rest["request"], extensions=rest["extensions"],
        history=rest["history"], default_encoding=default,
    )  # fmt: skip
    # The content is decoded already; with its Content-Encoding in place before it is read, httpx would do it again.
    response.headers = httpx.Headers([(name, value) for name, value in rest["headers"]])
    if explicit is not None:
        response._encoding = explicit
    if rest["elapsed"] is not None:
        response.elapsed = rest["elapsed"]
    response._num_bytes_downloaded = rest["downloaded"]
    return response


def _lower_httpx_request(request: Any, _writer: Writer) -> tuple[Any, Any]:
    return None, [request.method, without_secrets(str(request.url))]


def _make_httpx_request(_spec: Any, rest: Any, _reader: Reader) -> Any:
    import httpx

    method, url = rest
    return httpx.Request(method, url)


def _lower_requests(response: Any, writer: Writer) -> tuple[Any, Any]:
    if not getattr(response, "_content_consumed", False):
        writer.refuse("a response that was not read", final=True)
    if len(response.history) > bounds.REDIRECTS:
        writer.refuse("a response after this many redirects", final=True)
    rest = {
        "status": response.status_code,
        "reason": response.reason,
        "url": None if response.url is None else without_secrets(response.url),
        "headers": _headers(response.headers.items()),
        "content": writer.lower(response._content, ".content"),
        "encoding": response.encoding,
        "elapsed": writer.lower(response.elapsed, ".elapsed"),
        "history": [writer.lower(earlier, f".history[{n}]") for n, earlier in enumerate(response.history)],
        "request": writer.lower(response.request, ".request"),
    }
    return None, rest


def _make_requests(_spec: Any, rest: Any, _reader: Reader) -> Any:
    import requests

    response: Any = requests.Response()
    response.status_code, response.reason, response.url = rest["status"], rest["reason"], rest["url"]
    response.headers.update(rest["headers"])
    response._content, response._content_consumed = rest["content"], True
    response.encoding, response.elapsed = rest["encoding"], rest["elapsed"]
    response.history, response.request = rest["history"], rest["request"]
    return response


def _lower_requests_request(request: Any, _writer: Writer) -> tuple[Any, Any]:
    return None, [request.method, None if request.url is None else without_secrets(request.url)]


def _make_requests_request(_spec: Any, rest: Any, _reader: Reader) -> Any:
    import requests

    request = requests.PreparedRequest()
    request.method, request.url = rest
    if any(part is not None and type(part) is not str for part in rest):
        raise Undecodable("corrupt", "no request")
    request.headers = requests.structures.CaseInsensitiveDict()
    return request


CODECS = {
    "httpx.response": Codec("httpx.response", _lower_httpx, _make_httpx),
    "httpx.request": Codec("httpx.request", _lower_httpx_request, _make_httpx_request),
    "requests.response": Codec("requests.response", _lower_requests, _make_requests),
    "requests.request": Codec("requests.request", _lower_requests_request, _make_requests_request),
}
