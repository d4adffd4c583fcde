"""``httpx`` and ``httpx2``: their transports, where a request has all its headers and each attempt passes.

What goes over the wire is wrapped, so that transports of one's own around these are seen as well, and those that never
reach a server (mocks, applications called in this process) are not.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from spotmagic.engine.loop import running_loop
from spotmagic.engine.streamed import Streamed
from spotmagic.errors import OptionError
from spotmagic.wrap.answer import Answer, Arriving, has_ended
from spotmagic.wrap.http import Rule, aanswered, answered, checked_status, prepared, rule_of
from spotmagic.wrap.request import Sent
from spotmagic.wrap.target import Undo, place_over

PACKAGES = ("httpx", "httpx2")
_OF_CODING = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
_MOST = 1 << 28  # bytes of a request that are read to be counted


_pieces: ContextVar[bool] = ContextVar("spotmagic_pieces", default=True)
"""Whether the body is read piece by piece, as far as the client says; a transport without a client leaves it open."""


def wrap(undos: list[Undo]) -> None:
    """Wrap the transports of the packages that are there, noting what takes it back.

    Raises:
        OptionError: none is there.
    """
    packages = [importlib.import_module(name) for name in PACKAGES if importlib.util.find_spec(name)]
    if not packages:
        raise OptionError("httpx cannot be wrapped", why="it is not installed", todo="pip install httpx")
    for package in packages:
        one, other = package.HTTPTransport, package.AsyncHTTPTransport
        place_over(one, "handle_request", _sync(package, one.handle_request), undos)
        place_over(other, "handle_async_request", _async(package, other.handle_async_request), undos)
        others = _Others(package, undos)
        place_over(package.Client, "send", _sending(package.Client.send), undos)
        place_over(package.AsyncClient, "send", _asending(package.AsyncClient.send, others), undos)


class _Others:
    """Transports of other packages that reach a server by themselves (over aiohttp), wrapped when first used.

    All the rest either end in a transport of the package, or answer in this process, as mocks do.
    """

    def __init__(self, package: Any, undos: list[Undo]) -> None:
        self._package, self._undos = package, undos
        self._seen: set[type] = set()

    def of(self, client: Any) -> None:
        """Wrap those of a client."""
        for transport in (getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values()):
            kind = type(transport)
            if kind not in self._seen:
                self._seen.add(kind)
                owner = next((one for one in kind.__mro__ if "handle_async_request" in vars(one)), object)
                if hasattr(sys.modules.get(owner.__module__), "aiohttp") and owner not in self._seen - {kind}:
                    self._seen.add(owner)
                    wrapper = _async(self._package, vars(owner)["handle_async_request"])
                    place_over(owner, "handle_async_request", wrapper, self._undos)


def _sending(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def send(client: Any, request: Any, *, stream: bool = False, **given: Any) -> Any:
        # Said to the transport this way: between the two lies code of others, which passes on the request alone.
        token = _pieces.set(stream)
        try:
            return original(client, request, stream=stream, **given)
        finally:
            _pieces.reset(token)

    return send


def _asending(original: Callable[..., Any], others: _Others) -> Callable[..., Any]:
    @functools.wraps(original)
    async def send(client: Any, request: Any, *, stream: bool = False, **given: Any) -> Any:
        others.of(client)
        token = _pieces.set(stream)
        try:
            return await original(client, request, stream=stream, **given)
        finally:
            _pieces.reset(token)

    return send


def _sync(package: Any, original: Callable[..., Any]) -> Callable[..., Any]:
    kept, passing = _stream_classes(package, package.SyncByteStream)

    @functools.wraps(original)
    def handle_request(transport: Any, request: Any) -> Any:
        rule = _rule(request)
        if rule is None:
            return original(transport, request)
        if _is_readable(request):
            request.read()
        call = prepared(rule, _sent(transport, request), lambda answer: _shown(package, request, answer))
        if call is None:
            return original(transport, request)
        live: list[Any] = []  # the response that came, of the last attempt; a hit has none

        def ask(whole: bool) -> Answer:
            began = time.perf_counter()
            response = original(transport, request)
            live[:] = [response]
            # Of one that is kept the body may be left to its reader; any other is read here, for limits and retries.
            chunks = _read(response.stream) if whole or not response.is_success else ()
            return checked_status(_answer(response, chunks, time.perf_counter() - began))

        answer, coming = answered(rule, call, ask, whole=not _pieces.get())
        if coming is not None:
            live[0].stream = passing(answer, live[0].stream, coming)
            return live[0]
        return _response(package, kept, answer, live)

    return handle_request


def _async(package: Any, original: Callable[..., Any]) -> Callable[..., Any]:
    kept, passing = _stream_classes(package, package.AsyncByteStream)

    @functools.wraps(original)
    async def handle_async_request(transport: Any, request: Any) -> Any:
        rule = _rule(request)
        # The flight of a call waits by asyncio; under another event loop it would wait for ever.
        if rule is None or running_loop() is None:
            return await original(transport, request)
        if _is_readable(request):
            await request.aread()
        call = prepared(rule, _sent(transport, request), lambda answer: _shown(package, request, answer))
        if call is None:
            return await original(transport, request)
        live: list[Any] = []

        async def ask(whole: bool) -> Answer:
            began = time.perf_counter()
            response = await original(transport, request)
            live[:] = [response]
            chunks = await _aread(response.stream) if whole or not response.is_success else ()
            return checked_status(_answer(response, chunks, time.perf_counter() - began))

        answer, coming = await aanswered(rule, call, ask, whole=not _pieces.get())
        if coming is not None:
            live[0].stream = passing(answer, live[0].stream, coming)
            return live[0]
        return _response(package, kept, answer, live)

    return handle_async_request


def _read(stream: Any) -> tuple[bytes, ...]:
    try:
        return tuple(stream)
    finally:
        stream.close()


async def _aread(stream: Any) -> tuple[bytes, ...]:
    try:
        return tuple([chunk async for chunk in stream])
    finally:
        await stream.aclose()


def _rule(request: Any) -> Rule | None:
    """The rule of a request. One that changes the protocol, such as of a web socket, is none of ours."""
    return None if "upgrade" in request.headers else rule_of("httpx", request.method.upper(), str(request.url))


def _is_readable(request: Any) -> bool:
    """Whether the body may be read before it is sent: one whose length is known and that is not read yet."""
    # One of unknown length may be endless, or wait for answers to what it has sent so far.
    length = request.headers.get("content-length", "")
    return not hasattr(request, "_content") and length.isdigit() and int(length) < _MOST


def _sent(transport: Any, request: Any) -> Sent:
    headers = tuple((name.lower(), value) for name, value in request.headers.multi_items())
    coming = "content-length" in request.headers or "transfer-encoding" in request.headers
    # Without either header nothing follows; with one, and not read yet, it is a stream of unknown length.
    body = request.content if hasattr(request, "_content") else None if coming else b""
    place = getattr(getattr(transport, "_pool", None), "_uds", None)
    return Sent(request.method.upper(), str(request.url), headers, body, str(place or ""))


def _answer(response: Any, chunks: tuple[bytes, ...], seconds: float) -> Answer:
    reason = response.extensions.get("reason_phrase")
    return Answer(
        status_code=response.status_code,
        reason=None if reason is None else reason.decode("latin-1"),
        version=response.http_version,
        fields=tuple((bytes(name), bytes(value)) for name, value in response.headers.raw),
        chunks=chunks,
        seconds=seconds,
    )


def _response(package: Any, kept: Any, answer: Answer, live: list[Any]) -> Any:
    """The response of an answer: the one that came just now, or one made of what was kept."""
    stream = kept(answer)
    if live:  # with its extensions, which a copy would lack: the client looks for the network stream in them
        response = live[0]
        response.stream = stream
        return response
    extensions = {"http_version": answer.version.encode("latin-1")}
    if answer.reason is not None:
        extensions["reason_phrase"] = answer.reason.encode("latin-1")
    response = package.Response(answer.status_code, headers=list(answer.fields), stream=stream, extensions=extensions)
    stream.response = weakref.ref(response)  # not itself, which holds the stream: a circle would wait for the collector
    return response


def _shown(package: Any, request: Any, answer: Answer) -> Any:
    """The response of an answer, read whole, for the functions that users gave."""
    fields = [pair for pair in answer.fields if pair[0].lower() not in _OF_CODING]
    return package.Response(answer.status_code, headers=fields, content=answer.body, request=request)


def _stream_classes(package: Any, base: Any) -> tuple[Any, Any]:
    """The streams that responses of a package are given: over a kept answer, and over one that is still coming."""

    class Kept(base):  # type: ignore[misc]
        """The chunks as they came. At its end it tells how long the answer took then."""

        response: Any = None

        def __init__(self, answer: Answer) -> None:
            self._answer = answer

        def __iter__(self) -> Iterator[bytes]:
            yield from self._answer.chunks

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for chunk in self._answer.chunks:
                yield chunk

        def close(self) -> None:
            response = self.response and self.response()
            if response is not None:
                response.elapsed = timedelta(seconds=self._answer.seconds)

        async def aclose(self) -> None:
            self.close()

    class Passing(base):  # type: ignore[misc]
        """The chunks as they come, noted on the way."""

        def __init__(self, head: Answer, live: Any, call: Streamed) -> None:
            self._live, self._call = live, call
            self._arriving, self._began = Arriving(head, call), time.perf_counter()

        def _so_far(self) -> Answer:
            return self._arriving.so_far(seconds=time.perf_counter() - self._began)

        def __iter__(self) -> Iterator[bytes]:
            try:
                for chunk in self._live:
                    self._arriving.note(chunk)
                    yield chunk
            except Exception as error:
                self._call.stop(self._so_far(), error)
                raise
            self._call.end(self._so_far())

        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for chunk in self._live:
                    self._arriving.note(chunk)
                    yield chunk
            except Exception as error:
                self._call.stop(self._so_far(), error)
                raise
            await self._call.aend(self._so_far())

        def close(self) -> None:
            try:
                self._live.close()
            finally:
                so_far = self._so_far()
                (self._call.end if has_ended(so_far) else self._call.stop)(so_far)

        async def aclose(self) -> None:
            try:
                await self._live.aclose()
            finally:
                so_far = self._so_far()
                if has_ended(so_far):
                    await self._call.aend(so_far)
                else:
                    self._call.stop(so_far)

        def __del__(self) -> None:
            if not self._call.ended:
                self._call.stop(self._so_far())

    for kind in (Kept, Passing):
        kind.__module__ = package.__name__
    return Kept, Passing
