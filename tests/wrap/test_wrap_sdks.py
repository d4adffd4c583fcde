"""SDKs of paid APIs through ``spot.wrap("httpx")``: nothing is paid twice, nothing is taken for something else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import serving
from sdk_api import Api
from wrap_sdks import SDKS, Asked

from spotmagic import Spot, last, wrap


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving(Api()) as api:
        yield api


pytestmark = pytest.mark.filterwarnings("ignore")  # those of the SDKs


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it asks the network for prices


@pytest.mark.parametrize("name", SDKS)
def test_an_sdk_pays_once_for_a_question(name: str, api: Api, tmp_path: Path) -> None:
    """Plain, streams and async; again with a new client, another spot on the folder, and a key that was rotated."""

    def ask(**given: Any) -> tuple[Any, int]:
        before = api.paid
        with Spot("sdks", root=tmp_path) as spot, spot.wrap("httpx", "requests"):
            got = json.loads(json.dumps(list(SDKS[name](Asked(**{"address": api.address} | given)))))
            return got, api.paid - before

    first, paid = ask()
    calls = paid
    assert calls >= 2 and last().kind == "http"
    assert ask() == (first, 0)
    assert ask(key="sk-second-a1b2c3d4e5f6a7b8c9d0") == (first, 0)
    for other in (
        {"model": "large"},
        {"prompt": "What else is it?"},
        {"address": api.address.replace("127.0.0.1", "localhost")},
    ):
        got, paid = ask(**other)
        assert paid == calls and got != first, other
        assert ask(**other) == (got, 0), other
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if b"4f9a8b7c6d5e4f3a2b1c" in path.read_bytes()]
    with Spot("sdks", root=tmp_path, mode="replay") as spot, spot.wrap("httpx"):
        assert json.loads(json.dumps(list(SDKS[name](Asked(api.address))))) == first
    assert wrap.names() == []


SECOND = ("openai", "anthropic", "ollama")


def test_a_second_process_pays_nothing(api: Api, tmp_path: Path) -> None:
    script = str(Path(__file__).with_name("wrap_sdks.py"))
    command = [
        sys.executable,
        script,
        api.address,
        str(tmp_path),
        "openai",
        "anthropic",
        "mistralai",
        "ollama",
        "cohere",
    ]
    one = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    paid = api.paid
    two = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert json.loads(one) == json.loads(two) and api.paid == paid
