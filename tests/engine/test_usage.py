"""Tokens and model of answers, known by their shape: objects of SDKs, plain dicts and JSON; and what they cost."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from spotmagic.codecs import encode
from spotmagic.codecs.streams import Recording
from spotmagic.engine.usage import Usage, price_of_usage, read_usage, usage_of
from spotmagic.wrap.answer import Answer
from spotmagic.wrap.http import tokens

CHAT = {
    "object": "chat.completion", "model": "gpt-4o-mini", "choices": [],
    "usage": {
        "prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
        "prompt_tokens_details": {"cached_tokens": 200}, "completion_tokens_details": {"reasoning_tokens": 40},
    },
}  # fmt: skip
RESPONSES = {
    "object": "response", "model": "gpt-4o-mini",
    "usage": {
        "input_tokens": 1000, "output_tokens": 100, "input_tokens_details": {"cached_tokens": 200},
        "output_tokens_details": {"reasoning_tokens": 40},
    },
}  # fmt: skip
MESSAGE = {
    "type": "message", "model": "claude-3-5-sonnet-latest",
    "usage": {
        "input_tokens": 300, "output_tokens": 100, "cache_read_input_tokens": 500, "cache_creation_input_tokens": 200,
    },
}  # fmt: skip
GOOGLE = {
    "modelVersion": "gemini-2.5-flash",
    "usageMetadata": {
        "promptTokenCount": 1000, "candidatesTokenCount": 60, "thoughtsTokenCount": 40, "cachedContentTokenCount": 200,
    },
}  # fmt: skip
COHERE = {"id": "x", "usage": {"billed_units": {"input_tokens": 7.0, "output_tokens": 3.0}, "tokens": {}}}
COHERE_1 = {"text": "x", "meta": {"billed_units": {"input_tokens": 7, "output_tokens": 3}}}
EMBEDDINGS = {"object": "list", "model": "text-embedding-3-small", "usage": {"prompt_tokens": 8, "total_tokens": 8}}
OF_OPENAI = Usage("gpt-4o-mini", 1000, 100, 200, 0, 40, "openai")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (CHAT, OF_OPENAI),
        (RESPONSES, OF_OPENAI),
        ({"type": "response.completed", "response": RESPONSES}, OF_OPENAI),
        ([{"object": "chat.completion.chunk", "usage": None}, {**CHAT, "object": "chat.completion.chunk"}], OF_OPENAI),
        (json.dumps(CHAT), OF_OPENAI),
        (json.dumps(CHAT).encode(), OF_OPENAI),
        (MESSAGE, Usage("claude-3-5-sonnet-latest", 1000, 100, 500, 200, 0, "anthropic")),
        (GOOGLE, Usage("gemini-2.5-flash", 1000, 100, 200, 0, 40, "google")),
        (json.dumps(GOOGLE), Usage("gemini-2.5-flash", 1000, 100, 200, 0, 40, "google")),
        (COHERE, Usage("", 7, 3, provider="cohere")),
        (COHERE_1, Usage("", 7, 3, provider="cohere")),
        (EMBEDDINGS, Usage("text-embedding-3-small", 8, provider="openai")),
        (
            {"llm_output": {"model_name": "gpt-4o-mini", "token_usage": CHAT["usage"]}, "generations": []},
            OF_OPENAI,
        ),
    ],
)
def test_bodies_tell_what_they_took(answer: Any, expected: Usage) -> None:
    assert usage_of(answer) == expected
    assert read_usage(expected.note()) == expected


OF_ANTHROPIC = Usage("claude-3-5-sonnet-latest", 1000, 100, 500, 200, 0, "anthropic")
BEGUN = {**MESSAGE, "usage": {**MESSAGE["usage"], "output_tokens": 1}}  # type: ignore[dict-item]
WORDS = [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}] * 9
EVENTS = [
    {"type": "message_start", "message": BEGUN},
    {"type": "ping"},
    *WORDS,
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": 100, "input_tokens": None},
    },
    {"type": "message_stop"},
]
CHUNK = {"object": "chat.completion.chunk", "model": "gpt-4o-mini", "choices": [{"delta": {"content": "x"}}]}
CHUNKS = [*[{**CHUNK, "usage": None}] * 9, {**CHUNK, "choices": [], "usage": CHAT["usage"]}]
PARTS = [{"type": "response.created", "response": {**RESPONSES, "usage": None}}]
PARTS += [{"type": "response.output_text.delta", "delta": "x"}] * 9
PARTS += [{"type": "response.completed", "response": RESPONSES}]
PIECES = [*[{"modelVersion": "gemini-2.5-flash", "usageMetadata": {"promptTokenCount": 1000}}] * 9, GOOGLE]
STREAMS: dict[str, tuple[list[Any], Usage]] = {
    "anthropic": (EVENTS, OF_ANTHROPIC),
    "openai chat": (CHUNKS, OF_OPENAI),
    "openai responses": (PARTS, OF_OPENAI),
    "google": (PIECES, Usage("gemini-2.5-flash", 1000, 100, 200, 0, 40, "google")),
    "mistral": ([{"data": one} for one in CHUNKS], OF_OPENAI),
    "cohere": ([*WORDS, {"type": "message-end", "delta": COHERE}], Usage("", 7, 3, provider="cohere")),
    "stopped early": (EVENTS[:6], OF_ANTHROPIC._replace(output=1)),
}


def served(events: list[Any]) -> list[str]:
    return [f"event: {event.get('type', 'message')}\ndata: {json.dumps(event)}\n\n" for event in events]


class Told:
    def __init__(self, fields: dict[str, Any]) -> None:
        vars(self).update(fields)


def objects(value: Any) -> Any:
    """Plain values as objects of an SDK."""
    if isinstance(value, list):
        return [*map(objects, value)]
    return Told({name: objects(one) for name, one in value.items()}) if isinstance(value, dict) else value


def recorded(items: list[Any]) -> Recording:
    recording = Recording()
    for item in items:
        recording.add(item, encode(item), 0.0)
    recording.end("return", encode(None), 0.0)
    return recording


@pytest.mark.parametrize("name", STREAMS)
def test_streams_tell_what_they_took(name: str) -> None:
    """As dicts, as objects, as a recording, and as the text or the bytes of events: whole, in lines or in pieces."""
    items, expected = STREAMS[name]
    texts = served(items)
    text = "".join(texts)
    lines = text.splitlines()
    cut = [text[place : place + 11].encode() for place in range(0, len(text), 11)]
    forms = [items, texts, [one.encode() for one in texts], text, text.encode(), lines, [*map(str.encode, lines)], cut]
    forms += [json.dumps(items), "\n".join(map(json.dumps, items))]
    assert [usage_of(form) for form in forms] == [expected] * len(forms)
    assert usage_of(objects(items)) == expected
    assert [usage_of(recorded(form)) for form in (items, texts, lines, cut)] == [expected] * 4


def test_streams_of_sdks_tell_what_they_took() -> None:
    from anthropic.types import RawMessageDeltaEvent, RawMessageStartEvent, RawMessageStopEvent
    from google.genai.types import GenerateContentResponse
    from langchain_core.messages import AIMessageChunk
    from openai.types.chat import ChatCompletionChunk
    from openai.types.responses import ResponseCompletedEvent

    kinds = {
        "message_start": RawMessageStartEvent, "message_delta": RawMessageDeltaEvent,
        "message_stop": RawMessageStopEvent, "response.completed": ResponseCompletedEvent,
    }  # fmt: skip

    def event(told: dict[str, Any]) -> Any:
        kind = kinds.get(told.get("type", ""))
        return kind.construct(**told) if kind else told

    assert usage_of([*map(event, EVENTS)]) == OF_ANTHROPIC == usage_of(recorded([*map(event, EVENTS)]))
    assert usage_of([*map(event, PARTS)]) == OF_OPENAI
    chunks = [ChatCompletionChunk.construct(**one) for one in CHUNKS]
    assert usage_of(chunks) == OF_OPENAI == usage_of(recorded(chunks))
    google = [GenerateContentResponse.model_validate(one) for one in PIECES]
    assert usage_of(google) == STREAMS["google"][1] == usage_of(recorded(google))

    def told(asked: int, answered: int) -> Any:
        return {"input_tokens": asked, "output_tokens": answered, "total_tokens": asked + answered}

    pieces = [
        AIMessageChunk(
            "", usage_metadata=told(1000, 0), response_metadata={"model_name": "small", "model_provider": "x"}
        ),
        *[AIMessageChunk("x")] * 20,
        AIMessageChunk("", usage_metadata=told(0, 60)),
        AIMessageChunk("", usage_metadata=told(0, 40)),
    ]
    assert usage_of(pieces) == Usage("small", 1000, 100, provider="x") == usage_of(recorded(pieces))


def sdk_answers() -> list[tuple[Any, Usage]]:
    from anthropic.types import Message
    from google.genai.types import GenerateContentResponse
    from langchain_core.messages import AIMessage
    from litellm import ModelResponse
    from openai.types.chat import ChatCompletion
    from openai.types.responses import Response

    message = AIMessage(
        "x",
        usage_metadata={
            "input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100,
            "input_token_details": {"cache_read": 200}, "output_token_details": {"reasoning": 40},
        },
        response_metadata={"model_name": "gpt-4o-mini", "model_provider": "openai"},
    )  # fmt: skip
    return [
        (ChatCompletion.model_construct(**ChatCompletion.construct(**CHAT).__dict__), OF_OPENAI),
        (Response.construct(**RESPONSES), OF_OPENAI),
        (Message.construct(**MESSAGE), Usage("claude-3-5-sonnet-latest", 1000, 100, 500, 200, 0, "anthropic")),
        (GenerateContentResponse.model_validate(GOOGLE), Usage("gemini-2.5-flash", 1000, 100, 200, 0, 40, "google")),
        (ModelResponse(**CHAT), OF_OPENAI),
        (message, OF_OPENAI),
    ]


def test_answers_of_sdks_tell_what_they_took() -> None:
    for answer, expected in sdk_answers():
        assert usage_of(answer) == expected, type(answer)


class Running:
    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"asked for {name}")


@pytest.mark.parametrize(
    "value",
    [
        None, 1, "text", "{not json", '{"usage": 3}', b"{", [], {}, {"usage": None}, {"usage": {}}, {"usage": "much"},
        {"usage": {"prompt_tokens": -1}}, {"usage": {"prompt_tokens": True}}, {"usage": {"prompt_tokens": 10**30}},
        {"usage": {"input_tokens": "7"}}, SimpleNamespace(usage=3), [{"usage": []}], Running,
        ["data", ": ", "usage"], "data: usage", b"data: [DONE]", ["{", '"usage": 1}'], [b"\xff", "x"], [[], {}],
        [1, "{"], [{"type": "message_start"}], [{"type": "message_start", "message": 1}], [{"type": "AIMessageChunk"}],
        {"meta": {"a": 1}},
    ],
)  # fmt: skip
def test_what_does_not_say_so_took_nothing(value: Any) -> None:
    assert usage_of(Running() if value is Running else value) is None


@pytest.mark.parametrize("note", ["", "[]", "{}", "[1, 2]", '["m", 1, 2, 3, 4]', "null"])
def test_a_note_of_somebody_else_harms_nobody(note: str) -> None:
    assert read_usage(note) is None


def test_cached_tokens_cost_what_the_table_says() -> None:
    plain, cached = Usage("gpt-4o-mini", 1000, 100), Usage("gpt-4o-mini", 1000, 100, 200)
    assert price_of_usage(plain) == pytest.approx(0.00021)
    assert price_of_usage(cached) == pytest.approx(0.000195)
    anthropic = usage_of(MESSAGE)
    assert anthropic is not None and price_of_usage(anthropic) == pytest.approx(0.0009 + 0.0015 + 0.00015 + 0.00075)
    assert price_of_usage(Usage("nobody-knows-1", 1000, 100, provider="openai")) == 0 == price_of_usage(Usage("", 5, 5))


def test_without_the_table_nothing_has_a_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert price_of_usage(Usage("gpt-4o-mini", 1000, 100)) == 0


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (
            [
                {"type": "message_start", "message": {"usage": {"input_tokens": 7, "cache_read_input_tokens": 90}}},
                {"type": "message_delta", "usage": {"output_tokens": 5}},
            ],
            12,
        ),
        ([{"type": "response.completed", "response": {"usage": {"input_tokens": 7, "output_tokens": 5}}}], 12),
        ([{"usageMetadata": {"totalTokenCount": 3}}, {"usageMetadata": {"totalTokenCount": 12}}], 12),
        ([{"choices": []}], 1),
    ],
)
def test_a_limit_of_tokens_counts_what_a_stream_tells(events: list[dict[str, Any]], expected: float) -> None:
    body = "".join(f"data: {json.dumps(one)}\n\n" for one in events).encode()
    fields = ((b"content-type", b"text/event-stream"),)
    assert tokens(Answer(200, None, "HTTP/1.1", fields, (body[:9], body[9:]))) == expected
