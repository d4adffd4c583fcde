"""Servers on loopback: of HTTP in this process, and programs that listen on a port of theirs."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, TypeVar

S = TypeVar("S", bound=HTTPServer)


class Answering(BaseHTTPRequestHandler):
    """Answers in one piece, and tells nobody what it was asked."""

    def asked(self) -> bytes:
        """The body of the request."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def say(self, body: bytes = b"", status: int = 200, *fields: tuple[str, str], **headers: str) -> None:
        """Answer; fields may be given twice, headers are named with ``_`` for ``-``."""
        self.send_response(status)
        given = [*((name.replace("_", "-"), value) for name, value in headers.items()), *fields]
        if "content-length" not in {name.lower() for name, _ in given}:
            given.append(("content-length", str(len(body))))
        for name, value in given:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


class Loopback(ThreadingHTTPServer):
    """Serves on a free port."""

    daemon_threads = True

    def __init__(self, handler: Any) -> None:
        super().__init__(("127.0.0.1", 0), handler)

    @property
    def address(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving(server: S) -> Iterator[S]:
    """A server that serves for the time of a block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Program:
    """A program that serves a free port, and can be stopped and started again there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir(exist_ok=True)
        self.start()

    def command(self) -> list[str]:
        """What starts it."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            self.command(), cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                raise RuntimeError(f"{type(self).__name__} ended with {self._process.returncode}")
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{type(self).__name__} did not start")

    def stop(self) -> None:
        """End it, by its own process id."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
