"""Objects of real packages: the same in two processes with two hash seeds, and each setting another key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("made.py")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[str]]]:
    """What two processes say of all objects, by package."""
    home = tmp_path_factory.mktemp("made")
    found = []
    for seed in ("1", "7"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(SCRIPT), str(home)], capture_output=True, text=True, check=False,
            timeout=250, env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        found.append(json.loads(done.stdout[done.stdout.index("{") :]))
    return found


NAMES = (
    "httpx requests urllib3 aiohttp openai anthropic genai mistral cohere ollama hub boto redis sqlalchemy sqlite "
    "duckdb mongo elastic grpc std langchain agent vectorstore llama instructor dspy jinja tqdm widgets sklearn scipy "
    "xarray html"
)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES.split())
def test_objects_made_alike_are_alike_and_all_others_differ(name: str, said: list[dict[str, list[str]]]) -> None:
    one, other = (all_of[name] for all_of in said)
    assert all(len(key) == 32 for key in one), one
    assert one == other
    assert len(set(one)) == len(one)
