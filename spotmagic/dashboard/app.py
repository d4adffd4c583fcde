"""The page and the JSON API over one backend. Who may ask is the guard's business."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import threading
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from spotmagic.dashboard.backend import Backend
from spotmagic.dashboard.export import Downloads, pieces
from spotmagic.dashboard.watch import REST, News
from spotmagic.dashboard.wire import failure, frame
from spotmagic.errors import OptionError, SpotError

if TYPE_CHECKING:
    from spotmagic.spot import Spot

STATIC = Path(__file__).with_name("static")
SCRIPTS = ("page.js", "panel.js")
_UNSUPPORTED = 1003  # closes a socket: "data that it cannot accept" (RFC 6455, 7.4.1)


def app(spot: Spot) -> Starlette:
    """The page of a spot at ``/``, its live line at ``/live``, ``POST /api/<method>``, and exports at ``/export``.

    The spots beside it have theirs at ``/spot/<name>`` and ``/live/<name>``.
    """
    downloads = Downloads()
    spots = Spots(spot, downloads)
    backend = spots.backends[spot.name]
    page = (STATIC / "page.html").read_text("utf-8")
    scripts = {name: (STATIC / name).read_bytes() for name in SCRIPTS}

    async def index(request: Request) -> Response:
        name = request.path_params.get("name", spot.name)
        if name not in spots.names():  # before it is a path: no text of an address leads out of the root
            return _refuse(404, SpotError("there is no such spot here"))
        return HTMLResponse(page.replace("$name", escape(name)))

    async def script(request: Request) -> Response:
        return Response(scripts[request.url.path[1:]], media_type="text/javascript")

    async def api(request: Request) -> Response:
        method = request.path_params["method"]
        if method not in backend.methods:
            return _refuse(404, OptionError(f"there is no method {method[:100]}"))
        try:
            params = json.loads(await request.body() or b"{}")
        except (ValueError, RecursionError):
            return _refuse(400, OptionError("the body is not JSON"))
        try:
            result, buffers = await run_in_threadpool(backend.dispatch, method, params)
        except OptionError as error:
            return _refuse(400, error)
        except SpotError as error:
            return _refuse(409, error)
        except Exception as error:  # trouble of ours, told to who asked
            return _refuse(500, error)
        held = {"buffers": [base64.b64encode(buffer).decode() for buffer in buffers]} if buffers else {}
        return JSONResponse({"ok": True, "result": result, **held})

    async def fetch(request: Request) -> Response:
        found = downloads.take(request.path_params["ticket"]) if request.method == "GET" else None
        if found is None:
            return _refuse(404, SpotError("this export is not here any more", todo="Export it again"))
        headers = {
            "content-length": str(os.fstat(found.file.fileno()).st_size),
            "content-disposition": f"attachment; filename*=UTF-8''{quote(found.name, safe='')}",
        }
        return StreamingResponse(pieces(found.file), headers=headers, media_type="application/zip")

    async def live(socket: WebSocket) -> None:
        name = socket.path_params.get("name", spot.name)
        if name in spots.names():
            await PageSocket(socket, await run_in_threadpool(spots.open, name)).serve()
        else:
            await socket.close(_UNSUPPORTED)

    return Starlette(
        routes=[
            Route("/", index),
            Route("/spot/{name}", index),
            *(Route(f"/{name}", script) for name in SCRIPTS),
            Route("/api/{method}", api, methods=["POST"]),
            Route("/export/{ticket}", fetch),
            WebSocketRoute("/live", live),
            WebSocketRoute("/live/{name}", live),
        ]
    )


def _refuse(status: int, error: Exception) -> Response:
    return JSONResponse({"ok": False, "error": failure(error)}, status)


class Spots:
    """A spot and those beside it in its root. Another is opened when its page is."""

    def __init__(self, spot: Spot, downloads: Downloads) -> None:
        self._spot, self._downloads, self._guard = spot, downloads, threading.Lock()
        self.backends = {spot.name: self._backend(spot)}

    def names(self) -> list[str]:
        """The spots that there are, of this root."""
        found = {place.parent.name for place in self._spot.folder.parent.glob("*/format.json") if place.is_file()}
        return sorted({self._spot.name, *found})

    def open(self, name: str) -> Backend:
        """What answers for a spot of :meth:`names`."""
        with self._guard:
            if name not in self.backends:
                self.backends[name] = self._backend(type(self._spot)(name, root=self._spot.folder.parent))
            return self.backends[name]

    def _backend(self, spot: Spot) -> Backend:
        return Backend(spot, exports=self._downloads, beside=self.names)


class PageSocket:
    """One page's socket: its requests are answered in their order, and the totals are pushed when there is news."""

    def __init__(self, socket: WebSocket, backend: Backend) -> None:
        self._socket, self._backend = socket, backend
        self._watch = News(backend.spot.folder)
        self._sending = asyncio.Lock()

    async def serve(self) -> None:
        """Answer until the page goes."""
        await self._socket.accept()
        beats = asyncio.create_task(self._beat())  # held in here: the loop itself keeps tasks weakly
        try:
            with contextlib.suppress(WebSocketDisconnect):
                await self._listen()
        finally:
            beats.cancel()

    async def _listen(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                content = json.loads(message["text"])
            except (KeyError, TypeError, ValueError, RecursionError):  # bytes, or no JSON
                await self._socket.close(_UNSUPPORTED)
                return
            reply = await run_in_threadpool(self._backend.reply, content)
            if reply is not None:
                await self._send(*reply)

    async def _beat(self) -> None:
        self._watch.settle()
        wait = self._watch.wait
        while True:
            await asyncio.sleep(wait)
            try:
                beat = await run_in_threadpool(self._watch.look, self._backend)
                if beat is not None:
                    await self._send({"t": "beat", **beat})
                wait = self._watch.wait
            except WebSocketDisconnect:
                return
            except Exception:  # the folder is gone: the numbers stand still until it is there again
                wait = REST

    async def _send(self, message: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        async with self._sending:  # a reply and a beat may come at once; a frame is one message, and not cut by another
            await self._socket.send_bytes(frame(message, buffers or []))
