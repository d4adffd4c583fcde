"""A small paid API on loopback and a client for it: it bills each call and answers 429 above its rate.

``python notebooks/paid_api.py`` serves until it is stopped. The client talks to the server that ``PAID_API_URL`` names;
without one it starts a server of its own in this process.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8808
REQUESTS_PER_SECOND = 20
PRICE_PER_TOKEN = 2e-6


class TooManyRequestsError(Exception):
    """The API's 429: too fast. ``retry_after`` says for how many seconds to wait."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"429 Too Many Requests, retry after {retry_after:g} s")
        self.retry_after = retry_after


class PaidAPI(ThreadingHTTPServer):
    """A chat completion server that counts what it is owed."""

    daemon_threads = True

    def __init__(self, port: int = 0, *, per_second: float = REQUESTS_PER_SECOND, latency: float = 0.05) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.per_second, self.latency = per_second, latency
        self.calls, self.refused, self.owed = 0, 0, 0.0
        self.tokens, self.filled = per_second, time.monotonic()
        self.guard = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def admit(self) -> float:
        """Take a request from the bucket. Seconds to wait when it is empty, else zero."""
        with self.guard:
            now = time.monotonic()
            self.tokens = min(self.per_second, self.tokens + (now - self.filled) * self.per_second)
            self.filled = now
            if self.tokens < 1:
                self.refused += 1
                return (1 - self.tokens) / self.per_second
            self.tokens -= 1
            return 0.0

    def bill(self, tokens: int) -> None:
        with self.guard:
            self.calls += 1
            self.owed += tokens * PRICE_PER_TOKEN


class Handler(BaseHTTPRequestHandler):
    server: PaidAPI

    def do_GET(self) -> None:
        api = self.server
        self.reply(200, {"calls": api.calls, "refused": api.refused, "owed": round(api.owed, 6)})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        wait = self.server.admit()
        if wait:
            self.reply(429, {"error": "too fast"}, {"Retry-After": f"{wait:.3f}"})
            return
        time.sleep(self.server.latency)
        if self.path == "/v1/embeddings":
            self.embed(body["input"])
            return
        prompt = body["messages"][-1]["content"]
        answer = " ".join(sorted(set(prompt.lower().replace(".", "").split()), key=len)[-5:])
        used = len(prompt.split()) + len(answer.split())
        self.server.bill(used)
        if body.get("stream"):
            self.stream(body.get("model", ""), answer)
            return
        choice = {"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}
        self.reply(200, {"object": "chat.completion", "choices": [choice], "usage": {"total_tokens": used}})

    def embed(self, text: str) -> None:
        vector = [round(math.sin(sum(map(ord, text)) * (i + 1)), 6) for i in range(8)]
        self.server.bill(len(text.split()))
        self.reply(200, {"data": [{"embedding": vector}], "usage": {"total_tokens": len(text.split())}})

    def stream(self, model: str, answer: str) -> None:
        """The answer word by word, as server-sent events."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for word in answer.split():
            choice = {"index": 0, "delta": {"role": "assistant", "content": f"{word} "}}
            event = {"object": "chat.completion.chunk", "model": model, "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def reply(self, status: int, content: dict, headers: dict | None = None) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def serve(port: int = 0, **settings: float) -> PaidAPI:
    """A running server, in a thread of this process."""
    api = PaidAPI(port, **settings)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    return api


def url() -> str:
    """The address of the server; one is started if there is none, where it was before if that is free."""
    if "PAID_API_URL" not in os.environ:
        try:
            api = serve(PORT)
        except OSError:
            api = serve()
        os.environ["PAID_API_URL"] = api.url
    return os.environ["PAID_API_URL"]


def complete(prompt: str, model: str = "tiny-1") -> dict:
    """One paid chat completion. Raises ``TooManyRequestsError`` when called too fast."""
    return post("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": prompt}]})


async def embed(text: str, model: str = "tiny-embed-1") -> list[float]:
    """One paid embedding: 8 numbers. Raises ``TooManyRequestsError`` when called too fast."""
    answer = await asyncio.to_thread(post, "/v1/embeddings", {"model": model, "input": text})
    return answer["data"][0]["embedding"]


def post(path: str, content: dict) -> dict:
    request = urllib.request.Request(url() + path, json.dumps(content).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        if error.code == 429:
            raise TooManyRequestsError(float(error.headers["Retry-After"])) from None
        raise


def bill() -> dict:
    """What the server is owed so far: ``calls``, ``refused``, ``owed``."""
    with urllib.request.urlopen(f"{url()}/bill") as response:
        return json.load(response)


if __name__ == "__main__":
    api = PaidAPI()
    print(api.url, flush=True)
    api.serve_forever()
