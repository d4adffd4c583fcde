"""Why a call ran: after an edit every call that is paid again names the edit."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot, last

HEAD = """
import os, sys
from dataclasses import dataclass
from spotmagic import Spot, last
spot = Spot("work", root=os.environ["ROOT"])
"""
CODE = """
PROMPT = "be kind"

def clean(text):
    return text.strip()

@dataclass
class Config:
    model: str = "m"
    def shout(self):
        return self.model.upper()

class Agent:
    def __init__(self, model):
        self.model = model
    def twice(self, x):
        return f"{self.model}{x}" * 2
    @spot.mark
    def ask(self, x):
        return self.twice(x)

@spot.mark
def simple(x):
    return clean(f"{PROMPT} {x}")

@spot.mark
def configured(cfg):
    return cfg.shout()

@spot.mark
def both(cfg, x, times=1):
    return clean(cfg.shout()) * x * times
"""
CALLS = {
    "simple": "[(simple, (n,)) for n in range(40)]",
    "configured": "[(configured, (Config(str(n)),)) for n in range(40)]",
    "both": "[(both, (Config(str(n)), n)) for n in range(40)]",
    "method": "[(Agent(str(n)).ask, (n,)) for n in range(40)]",
}
TAIL = """
reasons = set()
for function, args in CALLS:
    function(*args)
    outcome = last()
    reasons.add(outcome.reason or outcome.verdict)
reasons |= {run["reason"] for run in spot.catalog.runs(limit=40) if run["verdict"] == "ran"}
print("\\n".join(sorted(reasons)))
"""


def told(folder: Path, code: str, calls: str) -> set[str]:
    script = folder / "script.py"
    script.write_text(HEAD + code + TAIL.replace("CALLS", CALLS[calls]))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env={"ROOT": str(folder), "PATH": "",
        "HOME": str(folder), "PYTHONPATH": ":".join(sys.path)}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines())


@pytest.mark.parametrize(
    ("calls", "before", "after", "reason"),
    [
        ("simple", "text.strip()", "text.strip() + ''", "helper `clean` was edited"),
        ("simple", 'clean(f"{PROMPT} {x}")', 'clean(f"{PROMPT}: {x}")', "the code was edited"),
        ("simple", 'clean(f"{PROMPT} {x}")', 'f"{PROMPT}: {x}"', "the code was edited"),
        ("simple", "be kind", "be brief", "`PROMPT` changed"),
        ("simple", "def simple(x):", "def simple(x, temperature=0):", "the code was edited"),
        ("simple", "def simple(x):\n    return clean(f\"{PROMPT} {x}\")",
         "def simple(y):\n    return clean(f\"{PROMPT} {y}\")", "the code was edited"),
        ("configured", "self.model.upper()", "self.model.upper() + '!'", "helper `Config.shout` was edited"),
        ("configured", 'model: str = "m"', 'model: str = "m"\n    LIMIT = 5', "class `Config` was edited"),
        ("both", "self.model.upper()", "self.model.upper() + '!'", "helper `Config.shout` was edited"),
        ("both", "times=1", "times=3", "the code was edited"),
        ("method", '" * 2', '" * 3', "helper `Agent.twice` was edited"),
        ("method", "return self.twice(x)", "return self.twice(x) + ''", "helper `Agent.ask` was edited"),
    ],
)  # fmt: skip
def test_every_call_paid_again_names_the_edit(tmp_path: Path, calls: str, before: str, after: str, reason: str) -> None:
    """In the verdict and in the runs of the catalog, in a new process, with forty results of each."""
    assert before in CODE
    first = told(tmp_path, CODE, calls)
    assert all(one == "first run" or one.startswith("first call with th") for one in first), first
    assert told(tmp_path, CODE.replace(before, after), calls) == {reason}
    back = told(tmp_path, CODE, calls)
    assert "hit" in back


def test_a_call_does_not_look_for_its_reason(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that never asks why pays nothing for it."""
    for name in ("recent", "records"):
        monkeypatch.setattr(spot.store, name, lambda *_: pytest.fail("it looked"))
    f = spot.mark(lambda x: x)
    assert [f(1), f(2), f(1)] == [1, 2, 1]


def test_reasons_are_found_among_very_many_results(spot: Spot) -> None:
    """An index by arguments is made once, and grows with what is stored later."""
    version = 1

    def one(x: int) -> int:
        return x + version

    f = spot.mark(one)
    for x in range(3_000):
        f(x)
    version = 2
    f(5)
    assert (outcome := last()) is not None and outcome.reason == "`version` changed"
    began = time.perf_counter()
    for x in range(100, 400):
        f(x)
        assert (outcome := last()) is not None and (outcome.reason, outcome.changed) == (
            "`version` changed", ("closure version",),
        )  # fmt: skip
    assert time.perf_counter() - began < 30
    f(99_999)
    assert (outcome := last()) is not None and outcome.reason == "first call with this `x`"


def test_what_counts_by_its_settings_and_what_is_left_out_is_told(spot: Spot) -> None:
    import logging

    log: list[Any] = []

    @spot.mark
    def f(x: int, logger: logging.Logger) -> int:
        log.append(x)
        return x

    f(1, logging.getLogger("mine"))
    for _ in range(2):
        outcome = last()
        assert outcome is not None and "logging.Logger" in " ".join(outcome.handles) and outcome.state == ("log",)
        f(1, logging.getLogger("mine"))
    text = str(f.explain(1, logging.getLogger("mine")))
    assert "logging.Logger" in text and "log" in text
