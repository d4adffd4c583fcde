"""Why a call ran: after an edit every call that is paid again names the edit."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot, last
from spotmagic.testing import FakeClock

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


ALL = """
import asyncio

def clean(text):
    return text.strip()

class Agent:
    def __init__(self, model):
        self.model = model
    def twice(self, x):
        return f"{self.model}{x}" * 2
    @spot.mark
    def ask(self, x):
        return self.twice(x)

@spot.mark
def plain(prompt, model="m"):
    return clean(prompt)

@spot.mark
async def awaited(prompt, model="m"):
    return clean(prompt)

@spot.mark
def streamed(prompt, model="m"):
    yield clean(prompt)

def asked(call, explained):
    before = explained.reason
    call()
    assert last().reason == before, (last().reason, before)
    print(last().name.rpartition(".")[2], "|", last().reason)

for n in NUMBERS:
    asked(lambda: Agent("a").ask(n), Agent.ask.explain(Agent("a"), n))
    asked(lambda: plain(f"p{n}"), plain.explain(f"p{n}"))
    asked(lambda: asyncio.run(awaited(f"p{n}")), awaited.explain(f"p{n}"))
    asked(lambda: list(streamed(f"p{n}")), streamed.explain(f"p{n}"))
asked(lambda: plain("p1", "other" + MORE), plain.explain("p1", "other" + MORE))
told = [run for run in spot.catalog.runs(limit=100) if run["verdict"] == "ran"]
print("catalog", *sorted(run["name"].rpartition(".")[2] + " | " + run["reason"] for run in told), sep="\\n")
"""


def test_an_edit_and_a_new_argument_are_told_together_and_once(tmp_path: Path) -> None:
    """Of functions, methods, coroutines and generators, in the verdict, by ``explain`` and in the catalog alike."""

    def lines(code: str, numbers: str, more: str) -> list[str]:
        script = tmp_path / "script.py"
        script.write_text(HEAD + code.replace("NUMBERS", numbers).replace("MORE", more))
        done = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, env={"ROOT": str(tmp_path), "PATH": "",
            "HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    first = lines(ALL, "range(12)", "'1'")
    assert "plain | first call with this `prompt`" in first and "plain | first call with this `model`" in first
    assert "ask | first call with this `x`" in first
    edited = ALL.replace("strip()", "strip() + ''").replace("* 2", "* 3")
    told = lines(edited, "(50, 3, 51, 4)", "'2'")
    verdicts, catalog = told[: told.index("catalog")], told[told.index("catalog") + 1 :]
    names = [
        ("ask", "x", "Agent.twice"),
        ("plain", "prompt", "clean"),
        ("awaited", "prompt", "clean"),
        ("streamed", "prompt", "clean"),
    ]
    expected = [
        *(f"{name} | first call with this `{argument}`, helper `{edit}` was edited" for name, argument, edit in names),
        *(f"{name} | helper `{edit}` was edited" for name, _, edit in names),
        *(f"{name} | first call with this `{argument}`" for name, argument, _ in names),
        *(f"{name} | helper `{edit}` was edited" for name, _, edit in names),
        "plain | first call with this `model`",
    ]
    assert verdicts == expected
    assert sorted([*verdicts, *first[: first.index("catalog")]]) == catalog


def test_only_what_no_call_had_is_called_new(spot: Spot) -> None:
    """Not what the newest call did not have: each of the arguments may be known of another one."""

    @spot.mark
    def grid(lr: int, depth: int, seed: int = 0) -> int:
        return lr * depth + seed

    def reason(*args: int) -> str:
        explained = grid.explain(*args).reason
        grid(*args)
        assert (outcome := last()) is not None and outcome.reason == explained
        return outcome.reason

    assert reason(1, 1) == "first run"
    assert reason(2, 2) == "first call with these `depth`, `lr`"
    assert reason(1, 2) == "first call with this `lr` together with the other arguments"
    assert reason(3, 1) == "first call with this `lr`"
    for one in range(20):
        grid(10 + one, 100 + one)
    assert reason(1, 50) == "first call with this `depth`"
    assert reason(1, 1, 4) == "first call with this `seed`"
    assert reason(2, 2, 4) == "first call with this `seed` together with the other arguments"
    told = [run["reason"] for run in spot.catalog.runs(limit=4)]
    assert told[0] == "first call with this `seed` together with the other arguments", told
    assert told[1:] == ["first call with this `seed`", "first call with this `depth`", told[3]], told
    spot.forget("*")
    assert reason(1, 1) == "first run"


def test_another_version_is_the_reason_of_its_run(spot: Spot) -> None:
    def one(x: int) -> int:
        return x

    for version in "12":
        spot.mark(version=version)(one)(1)
        assert (outcome := last()) is not None
    assert outcome.reason == "version= changed" == spot.explain(outcome.name).reason
    assert spot.catalog.runs(limit=1)[0]["reason"] == "version= changed"


def test_a_call_that_was_not_kept_before_is_no_first_run(spot: Spot) -> None:
    trouble = [True]

    @spot.mark(ignore="trouble")
    def ask(x: int) -> int:
        if trouble[0]:
            raise ValueError("no")
        return x

    reasons = []
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            ask(1)
        assert (outcome := last()) is not None
        reasons.append(outcome.reason)
        assert ask.explain(1).reason == "no result kept"
    assert reasons == ["first run; not stored: raised ValueError", "no result kept; not stored: raised ValueError"]
    trouble[0] = False
    assert ask(1) == 1 and (outcome := last()) is not None and outcome.reason == "no result kept"
    assert spot.catalog.runs(limit=1)[0]["reason"] == "no result kept"


def test_what_a_partial_binds_is_no_edit_and_another_lambda_is_none(spot: Spot) -> None:
    def power(a: int, b: int) -> int:
        return a**b

    def apply(fn: Any, x: int) -> Any:
        return fn(x)

    for bound, changed in ((2, "first run"), (3, "`bound arguments` changed")):
        assert spot.mark(partial(power, bound))(2) == bound**2
        assert (outcome := last()) is not None and outcome.reason == changed
        assert spot.catalog.runs(limit=1)[0]["reason"] == changed
    f = spot.mark(apply)
    assert f(lambda x: x + 1, 1) == 2 and f(lambda x: x + 2, 1) == 3
    assert (outcome := last()) is not None and outcome.reason == "first call with this `fn`"
    assert spot.catalog.runs(limit=1)[0]["reason"] == outcome.reason


def test_what_is_there_and_cannot_be_used_is_explained_before_it_runs(tmp_path: Path) -> None:
    clock = FakeClock()
    with Spot("s", root=tmp_path, clock=clock) as spot:
        f = spot.mark(ttl=60)(lambda x: x)
        f(1)
        assert f.explain(1).reason == "nothing changed"
        clock.advance(61)
        assert f.explain(1).reason == "the result has expired"
        f(1)
        assert (outcome := last()) is not None and outcome.reason == "the result has expired"
        f.mode = "record"
        assert f.explain(1).reason == "mode is record"
