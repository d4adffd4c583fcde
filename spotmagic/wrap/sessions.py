"""``requests``: its adapter, where a request has all its headers, and its session, which says how long it took."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from spotmagic.engine.streamed import Streamed
from spotmagic.errors import OptionError
from spotmagic.wrap.answer import Answer, Arriving, has_ended
from spotmagic.wrap.http import answered, checked_status, prepared, rule_of
from spotmagic.wrap.request import Sent
from spotmagic.wrap.target import Undo, place_over

_MOST = 1 << 28  # bytes of a request that are read to be counted
_PIECE = 1 << 16


def wrap(undos: list[Undo]) -> None:
    """Wrap adapter and session, noting what takes it back. Raises :class:`OptionError` without ``requests``."""
    if importlib.util.find_spec("requests") is None:
        raise OptionError("requests cannot be wrapped", why="it is not installed", todo="pip install requests")
    requests = importlib.import_module("requests")
    adapter, session = requests.adapters.HTTPAdapter, requests.Session
    place_over(adapter, "send", _sending(adapter.send), undos)
    place_over(session, "send", _timed(session.send), undos)


def _sending(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def send(adapter: Any, request: Any, stream: bool = False, *args: Any, **kwargs: Any) -> Any:
        rule = rule_of("requests", (request.method or "").upper(), request.url or "")
        call = None if rule is None else prepared(rule, _sent(request), lambda answer: _shown(request, answer))
        if rule is None or call is None:
            return original(adapter, request, stream, *args, **kwargs)
        # Streamed in any case: the body is had as it came, before its coding is undone and its pieces are joined.
        live: list[Any] = []  # the response that came, of the last attempt; a hit has none

        def ask(whole: bool) -> Answer:
            began = time.perf_counter()
            response = original(adapter, request, True, *args, **kwargs)
            seconds = time.perf_counter() - began  # to the head alone, as requests itself counts
            live[:] = [response]
            answer = _answer(response, (), seconds)
            if whole or not answer.ok:  # that of an answer that is not kept is read here, for limits and retries
                answer = replace(answer, chunks=tuple(_asked_for(response.raw)))
            return checked_status(answer)

        answer, coming = answered(rule, call, ask, whole=not stream)
        passing = None if coming is None else _Passing(answer, live[0].raw, coming)
        return _response(adapter, request, answer, live, passing)

    return send


def _timed(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def send(session: Any, request: Any, **kwargs: Any) -> Any:
        response = original(session, request, **kwargs)
        # Here and not in the adapter: after that the session sets what it has measured itself.
        seconds = getattr(getattr(response, "raw", None), "_kept_seconds", None)
        if seconds is not None:
            response.elapsed = timedelta(seconds=seconds)
        return response

    return send


def _sent(request: Any) -> Sent:
    headers = tuple((_text(name).lower(), _text(value)) for name, value in request.headers.items())
    return Sent(request.method.upper(), request.url, headers, _body(request.body))


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _body(body: Any) -> bytes | None:
    """The bytes of a body; of a file those that are still to be read, which are left to be."""
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    try:
        at = body.tell()
        data = body.read(_MOST)
        body.seek(at)
    except (AttributeError, OSError, TypeError, ValueError):
        return None
    if len(data) >= _MOST:
        return None
    return data.encode() if isinstance(data, str) else bytes(data)


def _pieces(raw: Any) -> Iterator[bytes]:
    """The body as it comes, still coded."""
    if raw.chunked or not hasattr(raw, "read1"):
        yield from raw.stream(_PIECE, decode_content=False)
    else:
        while piece := raw.read1(_PIECE, decode_content=False):
            yield piece
    raw.release_conn()


def _asked_for(raw: Any) -> Iterator[bytes]:
    """The body as it comes. Raises what requests raises when it reads one."""
    import requests
    import urllib3.exceptions as broken

    try:
        yield from _pieces(raw)
    except broken.ProtocolError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error
    except broken.ReadTimeoutError as error:
        raise requests.exceptions.ConnectionError(error) from error
    except broken.SSLError as error:
        raise requests.exceptions.SSLError(error) from error


class _Body:
    """A body over chunks, as urllib3 reads one: in pieces as they came where they came in HTTP's own chunks."""

    def __init__(self, chunks: Iterable[bytes], framed: bool) -> None:
        self._chunks, self._rest, self.closed = iter(chunks), b"", False
        self._last = False
        if framed:  # the attribute by which urllib3 knows a body in HTTP's own chunks, whose lines it reads from there
            self.fp: _Body | None = self

    def read(self, amount: int | None = None) -> bytes:
        """Up to so many bytes: those that are there, or all."""
        if amount is None:
            data, self._rest = self._rest + b"".join(self._chunks), b""
            self.close()
            return data
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                self.close()
                return b""
            self._rest = chunk
        data, self._rest = self._rest[:amount], self._rest[amount:]
        return data

    read1 = _safe_read = read  # urllib3 reads HTTP's own chunks by the second name, past the other layers of the body

    def readline(self, _: int = -1) -> bytes:
        """The line before a chunk, with its length; after the last one the empty line that ends the body."""
        if self._last:
            self.close()
            return b"\r\n"
        chunk = next((chunk for chunk in self._chunks if chunk), b"")
        self._last = not chunk
        self._rest = chunk + b"\r\n" if chunk else b""
        return b"%x\r\n" % len(chunk)

    def close(self) -> None:
        """Nothing more is read."""
        self.closed = True


class _Passing(_Body):
    """A body that is still coming, noted on the way."""

    def __init__(self, head: Answer, live: Any, call: Streamed) -> None:
        self._live, self._call, self._arriving = live, call, Arriving(head, call)
        super().__init__(self._passed(), live.chunked)

    def _passed(self) -> Iterator[bytes]:
        try:
            for chunk in _pieces(self._live):
                self._arriving.note(chunk)
                yield chunk
        except Exception as error:
            self._call.stop(self._arriving.so_far(), error)
            raise
        self._call.end(self._arriving.so_far())

    def close(self) -> None:
        """Nothing more is read: what came is the whole, or is told to be a part."""
        super().close()
        if not self._call.ended:
            so_far = self._arriving.so_far()
            (self._call.end if has_ended(so_far) else self._call.stop)(so_far)
            self._live.close()

    def __del__(self) -> None:
        self.close()


def _answer(response: Any, chunks: tuple[bytes, ...], seconds: float) -> Answer:
    raw = response.raw
    return Answer(
        status_code=response.status_code,
        reason=raw.reason,
        version={10: "HTTP/1.0", 20: "HTTP/2"}.get(raw.version, "HTTP/1.1"),
        fields=tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in raw.headers.items()),
        chunks=chunks,
        seconds=seconds,
    )


def _response(adapter: Any, request: Any, answer: Answer, live: list[Any], passing: Any = None) -> Any:
    """The response of an answer: the one that came just now over what was read of it, or one made of what was kept."""
    from urllib3._collections import HTTPHeaderDict  # where every release has it
    from urllib3.response import HTTPResponse

    headers = HTTPHeaderDict()
    for name, value in answer.fields:
        headers.add(name.decode("latin-1"), value.decode("latin-1"))
    body: Any = passing or _Body(answer.chunks, "chunked" in answer.headers.get("transfer-encoding", "").lower())
    raw = HTTPResponse(
        body=body,
        headers=headers,
        status=answer.status_code,
        reason=answer.reason,
        version={"HTTP/1.0": 10, "HTTP/2": 20}.get(answer.version, 11),
        preload_content=False,
        original_response=getattr(live[0].raw, "_original_response", None) if live else None,
        request_method=request.method,
    )
    if live:
        response = live[0]
        response.raw = raw
        return response
    raw._kept_seconds = answer.seconds  # type: ignore[attr-defined]
    return adapter.build_response(request, raw)


def _shown(request: Any, answer: Answer) -> Any:
    """The response of an answer, read whole, for the functions that users gave."""
    import requests

    response = requests.Response()
    response.status_code, response.reason = answer.status_code, answer.reason or ""
    response.headers = requests.structures.CaseInsensitiveDict(
        {name.decode("latin-1"): value.decode("latin-1") for name, value in answer.fields}
    )
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    response._content, response._content_consumed = answer.body, True  # type: ignore[attr-defined]
    response.url, response.request = request.url, request
    return response
