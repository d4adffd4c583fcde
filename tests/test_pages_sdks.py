"""The pages about sharing say what is so: their blocks run as they stand, for two people and on real servers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from limits.server import RedisServer
from loopback import Answering, Loopback, serving
from sdk_api import Api
from store.s3_servers import BUCKET, S3Server, started

from spotmagic.store.trust import People

DOCS = Path(__file__).parent.parent / "docs"


def blocks(page: str) -> list[tuple[str, str]]:
    found = re.findall(r"^```(\w+)\n(.*?)^```", (DOCS / page).read_text(), re.M | re.S)
    assert {kind for kind, _ in found} == {"python", "sh"}
    return found


class Person:
    """Somebody with a home of their own, and a shell that remembers what it exports."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        folder.mkdir()
        here = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "XDG_STATE_HOME": str(folder / "state")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.variables = os.environ | here | {"PATH": path, "PYTHONPATH": str(DOCS.parent)} | variables

    def write(self, block: str) -> None:
        """Write a block of Python to the file that its first line names."""
        (self.folder / block.split()[1]).write_text(block)

    def shell(self, block: str) -> str:
        """What a block of a shell prints."""
        for name, value in re.findall(r"^export (\w+)=\$(\w+)", block, re.M):
            self.variables[name] = self.variables[value]
        command = ["bash", "-euo", "pipefail", "-c", block]
        done = subprocess.run(command, cwd=self.folder, env=self.variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (block, done.stdout, done.stderr[-3000:])
        return done.stdout


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    with started("rclone", tmp_path / "s3") as server:
        yield server


def test_what_the_page_on_sharing_says_is_so(server: S3Server, tmp_path: Path) -> None:
    with serving(Api()) as api:
        team = {"TEAM_BUCKET": f"s3://{BUCKET}/team", "TEAM_SECRET": "5a" * 32, "OPENAI_BASE_URL": f"{api.address}/v1"}
        people = {
            name: Person(tmp_path / name, **team, **server.variables, OPENAI_API_KEY=f"sk-of-{name}-0123456789")
            for name in ("ann", "ben")
        }
        ann, ben = people["ann"], people["ben"]
        said: list[tuple[str, str, str]] = []
        for kind, block in blocks("sharing.md"):
            if kind == "python":
                for person in people.values():
                    person.write(block)
                continue
            for name in block.splitlines()[0].removeprefix("# ").split(", "):
                if "trust add" in block:
                    shown = said[-1][2].split()
                    ben.variables["ANN"] = next(word for word in shown if re.fullmatch("[0-9a-f]{64}", word))
                if "spotmagic load" in block:
                    (ben.folder / "results.zip").write_bytes((ann.folder / "results.zip").read_bytes())
                said.append((name, block, people[name].shell(block)))
        outputs = [(name, out) for name, block, out in said if "python notebook.py" in block]
        assert outputs[0] == ("ann", "answer-1\nran\n"), "she pays"
        assert outputs[1:] == [(name, "answer-1\nhit\n") for name, _ in outputs[1:]] and len(outputs) >= 5
        assert api.paid == 1, "and nobody else does"
        told = "\n".join(out for _, _, out in said)
        assert "wrote 1 result" in told and "1 there already" in told and "1 checked, none damaged" in told
        assert "ann is trusted" in told and "ann is no longer trusted" in told
        assert ben.shell("python ignore.py") == "Why? is answered\nWhy? is answered hit\n"
        assert "sk-of" not in "".join(out for _, _, out in said)
        assert People(ben.folder / "data" / "spotmagic" / "trusted").all() == {}


class PaidServer(Loopback):
    """Answers at length, and remembers what it was asked and how many asked at once."""

    def __init__(self) -> None:
        super().__init__(PaidHandler)
        self.asked: Counter[str] = Counter()
        self.guard, self.inside, self.most = threading.Lock(), 0, 0


class PaidHandler(Answering):
    server: PaidServer

    def do_POST(self) -> None:
        server = self.server
        with server.guard:
            server.inside += 1
            server.most = max(server.most, server.inside)
        question = json.loads(self.asked())["question"]
        body = json.dumps(question * 5_000).encode()
        with server.guard:
            server.asked[question] += 1
            server.inside -= 1
        self.say(body)


@pytest.mark.slow
def test_what_the_page_on_a_deployment_says_is_so(server: S3Server, tmp_path: Path) -> None:
    """A real Redis and S3 server, two workers of dask; then another machine, which has nothing but the variables."""
    with serving(PaidServer()) as api, RedisServer(tmp_path) as redis:
        given = {
            "LIMITS_URL": redis.url,
            "BLOBS_URL": f"s3://{BUCKET}/blobs",
            "REMOTE_URL": f"s3://{BUCKET}/team",
            "API_URL": f"{api.address}/ask",
            "API_KEY": "sk-first-0123456789",
            **server.variables,
        }
        first = Person(tmp_path / "first", **given)
        other = Person(tmp_path / "other", **given | {"API_KEY": "sk-other-9876543210"})
        commands = []
        for kind, block in blocks("deployment.md"):
            if kind == "sh":
                commands.append(block)
                continue
            first.write(block)
            other.write(block)
        pays, replays = commands
        said = first.shell(pays)
        assert said.startswith("40 answers of ") and set(api.asked.values()) == {1} and len(api.asked) == 40
        assert api.most <= 8
        assert other.shell(replays) == said
        assert set(api.asked.values()) == {1}, "nothing was paid twice"
        names = [path.relative_to(tmp_path / "s3" / "data" / BUCKET).parts[0] for path in _files(tmp_path / "s3")]
        assert Counter(names)["blobs"] >= 40 and "team" in names


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
