"""A server on loopback that counts what it was asked and answers as its path says."""

from __future__ import annotations

import gzip
import json
import threading
from typing import Any

from loopback import Answering, Loopback

EVENTS = [f'data: {{"n": {n}, "text": "part {n} é"}}\n\n'.encode() for n in range(4)] + [b"data: [DONE]\n\n"]


class Server(Loopback):
    """Attributes: ``asked`` has each request that came, ``statuses`` what the next ones are answered with."""

    def __init__(self) -> None:
        super().__init__(Handler)
        self.asked: list[tuple[str, str, bytes]] = []
        self.statuses: list[int] = []
        self.headers: dict[str, str] = {}
        self.gates: list[threading.Event] = []

    @property
    def url(self) -> str:
        return self.address


class Handler(Answering):
    protocol_version = "HTTP/1.1"
    server: Server

    def answer(self) -> None:
        body = self.asked()
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size + 2)[:-2]
            self.rfile.readline()
        self.server.asked.append((self.command, self.path, body))
        count = len(self.server.asked)
        path = self.path.partition("?")[0]
        if self.server.statuses:
            status = self.server.statuses.pop(0)
            if status != 200:
                self.reply(json.dumps({"error": count}).encode(), status, {"Retry-After-Ms": "5"})
                return
        if path == "/events":
            self.stream(EVENTS, "text/event-stream")
        elif path == "/messages":
            events = [
                {
                    "type": "message_start",
                    "message": {"model": "tiny", "usage": {"input_tokens": 7, "output_tokens": 1}},
                },
                {"type": "message_delta", "usage": {"output_tokens": 5}},
                {"type": "message_stop"},
            ]
            self.stream([f"data: {json.dumps(event)}\n\n".encode() for event in events], "text/event-stream")
        elif path == "/chat":
            usage = {"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10}
            self.reply(json.dumps({"model": "tiny", "choices": [], "usage": usage}).encode())
        elif path == "/lines":
            self.stream(
                [json.dumps({"n": n, "count": count}).encode() + b"\n" for n in range(3)], "application/x-ndjson"
            )
        elif path == "/gzip":
            self.reply(gzip.compress(json.dumps({"count": count}).encode()), 200, {"Content-Encoding": "gzip"})
        elif path == "/echo":
            self.reply(json.dumps({"seen": dict(self.headers), "count": count}).encode())
        elif path == "/login":
            self.reply(json.dumps({"access_token": "t0k-" + "a1" * 12}).encode())
        elif path == "/signin":
            self.reply(b"welcome", 200, {"Set-Cookie": "session=a1", "Content-Type": "text/plain"})
        elif path == "/session":
            self.reply(b"{}", 200, {"Mcp-Session-Id": f"s{count}"})
        elif path == "/job":
            self.reply(json.dumps({"status": "in_progress" if count < 3 else "completed"}).encode())
        elif path == "/bytes":
            self.reply(bytes(range(256)) * 300, 200, {"Content-Type": "application/octet-stream"})
        elif path == "/away":
            self.reply(b"", 302, {"Location": "/landed"})
        else:
            said: Any = {"count": count, "path": path.rpartition("/")[2], "usage": {"total_tokens": 10}}
            self.reply(
                json.dumps(said).encode(), 200, {"Set-Cookie": "session=s3cr3t-s3ss10n; Path=/", "X-Request-Id": "r1"}
            )

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def reply(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        given = {"Content-Type": "application/json"} | self.server.headers | (headers or {})
        self.say(body, status, *given.items())

    def stream(self, chunks: list[bytes], kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        gates = list(self.server.gates)
        for chunk in chunks:
            if gates:
                gates.pop(0).wait(20)
            try:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.flush()
            except OSError:
                return
        self.wfile.write(b"0\r\n\r\n")
