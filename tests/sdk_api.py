"""An API that bills, on loopback: it answers in the way of each provider, plain and as a stream."""

from __future__ import annotations

import json
from typing import Any

from loopback import Answering, Loopback


class Api(Loopback):
    """Answers in the way of each provider, and counts what it answers.

    Attributes:
        said: how each request showed who it is.
    """

    def __init__(self) -> None:
        super().__init__(Handler)
        self.paid = 0
        self.said: list[str] = []


class Handler(Answering):
    protocol_version = "HTTP/1.1"
    server: Api

    def do_POST(self) -> None:
        said = json.loads(self.asked())
        self.server.paid += 1
        self.server.said.append(self.headers.get("authorization") or self.headers.get("x-api-key") or "")
        word = f"answer-{self.server.paid}"
        if "response_format" in said:
            word = json.dumps({"word": word, "sure": 0.25})
        path = self.path.partition("?")[0]
        if said.get("stream") or "stream" in path.lower():
            kind = "application/x-ndjson" if path == "/api/chat" else "text/event-stream"
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for line in streamed(path, word):
                data = line.encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.write(b"0\r\n\r\n")
            return
        self.say(json.dumps(answer(path, word)).encode(), content_type="application/json", set_cookie="__cf=1")


def answer(path: str, word: str) -> dict[str, Any]:
    if path.endswith("/messages"):
        return {
            "id": "m", "type": "message", "role": "assistant", "model": "small", "stop_reason": "end_turn",
            "content": [{"type": "text", "text": word}], "usage": {"input_tokens": 2, "output_tokens": 1},
        }  # fmt: skip
    if "generateContent" in path:
        return {"candidates": [{"content": {"role": "model", "parts": [{"text": word}]}, "finishReason": "STOP"}]}
    if path == "/v2/chat":
        message = {"role": "assistant", "content": [{"type": "text", "text": word}]}
        return {"id": "c", "finish_reason": "COMPLETE", "message": message}
    if path == "/api/chat":
        return {"model": "small", "message": {"role": "assistant", "content": word}, "done": True}
    usage = {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}
    if path.endswith("/embeddings"):
        data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
        return {"object": "list", "model": "small", "data": data, "usage": usage}
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": word}}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "small", "choices": [choice], "usage": usage}


def streamed(path: str, word: str) -> list[str]:
    pieces = [f"{word} ", "is ", "all"]
    if path.endswith("/messages"):
        start = {**answer(path, word), "content": [], "stop_reason": None}
        texts = [{"type": "text_delta", "text": one} for one in pieces]
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": start},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *({"type": "content_block_delta", "index": 0, "delta": one} for one in texts),
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
            {"type": "message_stop"},
        ]
        return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
    if "streamGenerateContent" in path:
        return [f"data: {json.dumps(answer(path, one))}\n\n" for one in pieces]
    if path == "/v2/chat":
        texts = [{"message": {"content": {"text": one}}} for one in pieces]
        delta = [{"type": "content-delta", "index": 0, "delta": one} for one in texts]
        events = [{"type": "message-start", "id": "c"}, *delta, {"type": "message-end", "id": "c"}]
        return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
    if path == "/api/chat":
        said = [{"role": "assistant", "content": one} for one in pieces]
        parts = [{"model": "small", "message": one, "done": one is said[-1]} for one in said]
        return [json.dumps(part) + "\n" for part in parts]
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "small"}
    choices = [{"index": 0, "delta": {"content": one}, "finish_reason": None} for one in pieces]
    choices.append({"index": 0, "delta": {"content": ""}, "finish_reason": "stop"})
    return [*(f"data: {json.dumps({**head, 'choices': [one]})}\n\n" for one in choices), "data: [DONE]\n\n"]
