"""A notebook of one user, taken over by another: two homes, two kernels, two API keys, and nothing is paid again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import serving
from notebook_kernels import Kernel, environment
from sdk_api import Api
from store.s3_servers import BUCKET, S3Server, started

pytestmark = pytest.mark.kernel

SETUP = """
import enum, os
from dataclasses import dataclass
from typing import NamedTuple
import anthropic, attrs, httpx, openai, requests
from pydantic import BaseModel
from spotmagic import Spot, last

base = os.environ["API"]
client = openai.OpenAI(base_url=f"{base}/v1", api_key=os.environ["OPENAI_API_KEY"], max_retries=0)
claude = anthropic.Anthropic(base_url=base, api_key=os.environ["ANTHROPIC_API_KEY"], max_retries=0)
key = os.environ["OPENAI_API_KEY"]

class Verdict(BaseModel):
    word: str
    sure: float = 0.5

class Pair(NamedTuple):
    question: str
    answer: Verdict

@dataclass
class Note:
    text: str

@attrs.define
class Tag:
    text: str

class Mood(enum.Enum):
    GOOD = 1

def said(text):
    return [{"role": "user", "content": text}]
"""
FUNCTIONS = """
@spot.mark
def ask(text):
    return client.chat.completions.create(model="small", messages=said(text))

@spot.mark
def ask_claude(text):
    return claude.messages.create(model="small", max_tokens=9, messages=said(text))

@spot.mark
def judge(text):
    answer = ask(text).choices[0].message.content
    return Pair(text, Verdict(word=answer))

@spot.mark
def stream(text):
    for part in client.chat.completions.create(model="small", messages=said(text), stream=True):
        yield part

@spot.mark
def posted(text):
    headers = {"Authorization": f"Bearer {key}", "x-team": "one"}
    return requests.post(f"{base}/v1/chat/completions", headers=headers, json={"messages": said(text)}).json()

@spot.mark
async def later(text):
    async with openai.AsyncOpenAI(base_url=f"{base}/v1", api_key=os.environ["OPENAI_API_KEY"]) as own:
        return await own.chat.completions.create(model="small", messages=said(text))
"""
# Each cell of a person, with what it shows.
CELLS = {
    "functions": "ask('one'), ask_claude('two').content, judge('three'), list(stream('four'))",
    "requests": "posted('five')['choices']",
    "async": "(await later('six')).choices[0]",
    "a cell": "%%spot\ncompletion = client.chat.completions.create(model='small', messages=said('seven'))\ncompletion",
    "of claude": "%%spot\nmessage = claude.messages.create(model='small', max_tokens=9, messages=said('8'))\nmessage",
    "a stream": """%%spot
chunks = []
for chunk in client.chat.completions.create(model='small', messages=said('nine'), stream=True):
    chunks.append(chunk)
    print(chunk.choices[0].delta.content, end='')
""",
    "a class": "%%spot\npair = Pair('ten', Verdict(word=ask('ten').choices[0].message.content))\npair",
    "classes": """%%spot
kept = [Note(client.chat.completions.create(model='small', messages=said('c')).choices[0].message.content), Mood.GOOD]
tag = Tag('blue')
kept, tag""",
    "its own client": """%%spot
own = openai.OpenAI(base_url=f"{base}/v1", api_key=os.environ["OPENAI_API_KEY"])
choice = own.chat.completions.create(model='small', messages=said('eleven')).choices[0]
choice""",
    "a key": """%%spot
found = httpx.post(f"{base}/v1/chat/completions", headers={"Authorization": f"Bearer {key}"},
                   json={"messages": said('twelve')}).json()["choices"]
found""",
    "parsed": """%%spot
parsed = client.chat.completions.parse(model='small', messages=said('13'), response_format=Verdict)
parsed""",
    "wrapped": "%spot_load_ext httpx match=127.0.0.1/*\n",
    "wrapped call": "client.chat.completions.create(model='small', messages=said('14')).choices[0]",
    "wrapped stream": """
with claude.messages.stream(model='small', max_tokens=9, messages=said('15')) as stream_of_15:
    print(list(stream_of_15.text_stream), stream_of_15.get_final_message().usage.output_tokens)
""",
    "wrapped, raw": "client.chat.completions.with_raw_response.create(model='s', messages=said('16')).parse().choices",
}


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving(Api()) as api:
        yield api


def shown(kernel: Kernel, verdict: str) -> dict[str, str]:
    """What each cell shows."""
    found = {}
    for name, cell in CELLS.items():
        output = kernel.run(cell)
        assert output.status == "ok", (name, output.traceback)
        assert output.verdict == (verdict if "%%spot" in cell else "none"), (name, output.badge_text)
        found[name] = output.text
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    with started("rclone", tmp_path / "s3") as server:
        yield server


def user(folder: Path, api: Api, server: S3Server, key: str) -> Kernel:
    folder.mkdir()
    given = {"API": api.address, "OPENAI_API_KEY": key, "ANTHROPIC_API_KEY": f"{key}-too", **server.variables}
    kernel = Kernel(folder, environment(folder) | given)
    assert kernel.run(SETUP).status == "ok"
    return kernel


def begin(kernel: Kernel, spot: str) -> None:
    for cell in (f"spot = {spot}", FUNCTIONS):
        assert kernel.run(cell).status == "ok"


def test_a_colleague_re_runs_the_notebook_and_pays_nothing(api: Api, server: S3Server, tmp_path: Path) -> None:
    """Functions, cells, streams, answers of SDKs, what they parse, requests: by a file in replay mode, by a bucket."""
    archive, remote = str(tmp_path / "results.zip"), f"remote='s3://{BUCKET}/team'"
    ann = user(tmp_path / "ann", api, server, "sk-of-ann-4f9a8b7c6d5e4f3a")
    try:
        begin(ann, f"Spot('llm', {remote})")
        first = shown(ann, "ran")
        paid = api.paid
        assert ann.run(f"spot.export({archive!r}); spot.close()").status == "ok"
    finally:
        ann.close()
    assert paid >= len(CELLS) and len(set(api.said)) == 2
    ben = user(tmp_path / "ben", api, server, "sk-of-ben-0a1b2c3d4e5f6a7b")
    try:
        begin(ben, "Spot('llm', mode='replay')")
        loaded = ben.run(f"print(spot.load({archive!r}))").text
        assert "all can be used here" in loaded and "their text and pictures alone" in loaded
        assert shown(ben, "hit") == first
        ben.run("%spot_load_ext httpx off")
        begin(ben, f"Spot('llm', root='another', {remote})")
        ben.run("spot.store.remote._patience = 60")  # the machine may be slow
        assert shown(ben, "hit") == first
        assert api.paid == paid
        assert ben.run("class Tag:\n    text = 'another'\n").status == "ok"
        again = ben.run(CELLS["classes"])
        assert again.verdict == "ran" and "`Tag`" in again.badge_text, again.badge_text
    finally:
        ben.close()
