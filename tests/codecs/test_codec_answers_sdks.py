"""Answers of SDKs that a stranger stored: made from their fields, equal to what was stored, and no code runs for it."""

from __future__ import annotations

import pkgutil
import sys
from typing import Any

import pytest

from spotmagic.codecs import Undecodable, decode, encode, is_safe
from spotmagic.errors import Uncacheable


def completion() -> Any:
    from openai.types.chat import ChatCompletion

    return ChatCompletion.model_validate(
        {
            "id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-4o", "vendor": {"extra": [1]},
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Paris"}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }
    )  # fmt: skip


def message() -> Any:
    from anthropic.types import Message

    return Message.model_validate(
        {
            "id": "m1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
            "content": [{"type": "text", "text": "Paris"}], "usage": {"input_tokens": 3, "output_tokens": 2},
        }
    )  # fmt: skip


def chat() -> Any:
    from langchain_core.messages import AIMessage

    return [AIMessage(content="Paris", additional_kwargs={"a": [1]}, usage_metadata=None)]


ANSWERS = [completion, message, chat]


@pytest.mark.parametrize("make", ANSWERS, ids=lambda make: make.__name__)
def test_an_answer_of_a_stranger_is_what_was_stored(make: Any) -> None:
    value = make()
    encoded = encode(value)
    assert is_safe(encoded.codecs)
    made = decode(encoded.codecs, encoded.head, encoded.buffers, trusted=False)
    assert made == value and type(made) is type(value)
    assert encode(made).head == encoded.head


def test_no_code_of_the_class_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    value = completion()
    encoded = encode(value)
    kind = type(value)

    def runs(*_: Any, **__: Any) -> None:
        raise AssertionError("it ran")

    for name in ("__init__", "model_validate", "model_construct", "model_post_init"):
        monkeypatch.setattr(kind, name, runs)
    assert decode(encoded.codecs, encoded.head, encoded.buffers, trusted=False).id == "c1"


def test_a_field_that_the_class_has_not_is_refused() -> None:
    from anthropic.types import TextBlock

    encoded = encode(TextBlock(type="text", text="x"))
    other = encoded.head.replace(b"\xa4text", b"\xa4texx")
    with pytest.raises(Undecodable):
        decode(encoded.codecs, other, encoded.buffers, trusted=False)


def test_nothing_is_imported_for_a_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = encode(completion())
    monkeypatch.delitem(sys.modules, "openai.types.chat.chat_completion")
    with pytest.raises(Undecodable, match="is not imported here"):
        decode(encoded.codecs, encoded.head, encoded.buffers, trusted=False)
    assert "openai.types.chat.chat_completion" not in sys.modules


@pytest.mark.parametrize("name", ["openai.Stream", "openai.AsyncStream", "anthropic.Stream", "anthropic.AsyncStream"])
def test_a_stream_that_nobody_read_is_refused_with_the_way_to_keep_it(name: str) -> None:
    kind = pkgutil.resolve_name(name)
    with pytest.raises(Uncacheable, match="a stream, which can be read only once; yield its items"):
        encode({"answer": object.__new__(kind)})
