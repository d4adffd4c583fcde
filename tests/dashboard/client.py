"""Asks the server of a page what a test says, header by header."""

from __future__ import annotations

import asyncio
import http.client
import json
from typing import Any, NamedTuple

from websockets.asyncio.client import connect

from spotmagic.dashboard.server import Server


class Said(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Asks a server what a test says, header by header."""

    def __init__(self, server: Server) -> None:
        self.server, self.port = server, server.port

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Said:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        line.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = line.getresponse()
        try:
            return Said(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            line.close()

    def get(self, path: str, **headers: str) -> Said:
        return self.ask("GET", path, **{"Authorization": f"Bearer {self.server.token}", **headers})

    def api(self, method: str, params: Any = None, **headers: str) -> Said:
        body = params if isinstance(params, bytes) else json.dumps(params or {}).encode()
        known = {"Authorization": f"Bearer {self.server.token}", "Content_Type": "application/json"}
        return self.ask("POST", f"/api/{method}", body, **{**known, **headers})

    def cookie(self) -> str:
        return self.ask("GET", f"/?token={self.server.token}").headers["set-cookie"].split(";")[0]

    def live(
        self, *messages: Any, answers: int, at: str = "/live", **headers: str
    ) -> list[tuple[dict[str, Any], bytes]]:
        """What comes back over a socket, after these messages."""

        async def talk() -> list[tuple[dict[str, Any], bytes]]:
            given = {"origin": f"http://127.0.0.1:{self.port}", "cookie": self.cookie(), **headers}
            address = f"ws://127.0.0.1:{self.port}{at}"
            host = given.pop("host", None)
            where = {"host": "127.0.0.1", "port": self.port} if host else {}
            async with connect(
                address if host is None else f"ws://{host}/live",
                origin=given.pop("origin") or None,
                additional_headers=given,
                max_size=None,
                **where,
            ) as line:
                for message in messages:
                    await line.send(message if isinstance(message, str | bytes) else json.dumps(message))
                return [_opened(await asyncio.wait_for(line.recv(), 20)) for _ in range(answers)]

        return asyncio.run(talk())


def _opened(frame: Any) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(frame[:4], "little")
    return json.loads(frame[4 : 4 + length]), frame[4 + length :]
