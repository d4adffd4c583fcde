"""SDKs against an API that bills, in fresh processes: nothing is paid twice, nothing is taken for something else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import Answering, Loopback, serving

SDKS = ["openai", "anthropic", "langchain", "llama_index", "huggingface_hub", "ollama", "jinja2", "instructor", "dspy"]
WITH_DOCUMENT = {"langchain", "llama_index", "jinja2", "dspy"}
LOCAL = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # else dspy asks the network for prices


class Api(Loopback):
    """Answers in the way of each provider, and counts what it answers."""

    paid = 0

    def __init__(self) -> None:
        super().__init__(Handler)


class Handler(Answering):
    server: Api

    def do_POST(self) -> None:
        said, api = json.loads(self.asked()), self.server
        api.paid += 1
        text = json.dumps({"text": f"answer {api.paid}", "answer": f"answer {api.paid}"})
        if "[[ ## answer ## ]]" in str(said):  # as dspy asks for it
            text = f"[[ ## answer ## ]]\nanswer {api.paid}\n\n[[ ## completed ## ]]"
        cookie = f"__cf_bm={api.paid}; Path=/; HttpOnly; Secure; SameSite=None"
        body = json.dumps(answer(self.path, said, text)).encode()
        self.say(body, content_type="application/json", set_cookie=cookie)

    def do_GET(self) -> None:
        self.say(str(self.server.paid).encode())


def answer(path: str, said: dict[str, Any], text: str) -> dict[str, Any]:
    if path.endswith("/messages"):
        content = [{"type": "text", "text": text}]
        usage = {"input_tokens": 1, "output_tokens": 1}
        return {
            "id": "m", "type": "message", "role": "assistant", "model": said["model"], "content": content,
            "stop_reason": "end_turn", "stop_sequence": None, "usage": usage,
        }  # fmt: skip
    if path.endswith("/api/chat"):
        return {"model": said["model"], "message": {"role": "assistant", "content": text}, "done": True}
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    model = said.get("model", "")
    return {
        "id": "c", "object": "chat.completion", "created": 1, "model": model, "choices": choices, "usage": usage
    }  # fmt: skip


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(Api()) as api:
        yield api


@pytest.fixture
def session(api: Api, tmp_path: Path) -> Callable[..., list[int]]:
    """Runs a session with some settings in a fresh process; gives how often each of them paid."""
    seeds = iter(range(1, 100))

    def run(sdk: str, *settings: dict[str, str]) -> list[int]:
        script = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("paying.py"))]
        done = subprocess.run(
            [*script, sdk, api.address, str(tmp_path), json.dumps(settings)],
            env={**os.environ, **LOCAL, "PYTHONHASHSEED": str(next(seeds)), "HOME": str(tmp_path)},
            capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.mark.slow
@pytest.mark.parametrize("sdk", SDKS)
def test_the_second_session_pays_nothing_and_another_setting_pays_once(
    sdk: str, session: Callable[..., list[int]]
) -> None:
    changes = [{"model": "large"}, {"prompt": "Why is it?"}, {"header": "two"}, {"path": "/v2"}]
    if sdk in WITH_DOCUMENT:
        changes.append({"document": "It is a boat."})
    assert session(sdk, {}) == [1]
    assert session(sdk, {}, *changes, {}) == [0, *[1 for _ in changes], 0]
    rotated = [] if sdk in ("llama_index", "dspy") else [{"api_key": "sk-rotated"}]
    assert session(sdk, *reversed(changes), *rotated) == [0 for _ in (*changes, *rotated)]
