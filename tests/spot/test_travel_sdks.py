"""Marked functions in other processes: the same function under the same spot, so that nothing is paid twice."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from spotmagic import Spot
from spotmagic.testing import FakeClock

SCRIPT = """
import enum, functools, json, sys, types
from dataclasses import dataclass
from spotmagic import Spot, last

folder, how = sys.argv[1:3] if len(sys.argv) > 2 else ("", "")
spot = Spot("work", root=folder or {root!r}, ttl="30d", retry=2)
CFG = {{"factor": 3}}
seen = []

def helper(x):
    return x * CFG["factor"]

def shouting(function):
    @functools.wraps(function)
    def inner(*args):
        return function(*args)
    return inner

@spot.mark
def by_helper(x):
    return helper(x)

@spot.mark(price=lambda value: 0.5, ignore="verbose")
def recursive(n, verbose=False):
    return 1 if n < 2 else n * recursive(n - 1)

@dataclass
class Question:
    text: str
    def loud(self):
        return self.text.upper()

@spot.mark
def ask(question):
    return question.text

@spot.mark
def loud(question):
    return question.loud()

class Tone(enum.Enum):
    CALM = "calm"

class Refused(Exception):
    pass

@spot.mark
def answered(x):
    return {{"question": Question("c" * x), "tone": Tone.CALM, "kinds": [Question, helper]}}

@spot.mark
def same(question):
    return [question]

@spot.mark(errors=(Refused,))
def refused(x):
    raise Refused(x)

class Agent:
    def __init__(self, model):
        self.model = model
    @spot.mark
    def ask(self, x):
        return self.model * x
    @classmethod
    @spot.mark
    def made(cls, x):
        return cls.__name__ * x

@spot.mark
@shouting
def decorated(x):
    return x + 1

@spot.limiter(rpm=1_000_000, name="fast")
@spot.mark
def limited(x):
    return x - 1

@spot.mark
@spot.limiter(cost=lambda x: 1, concurrency=2)
def limited_inside(x):
    return x - 2

@spot.mark
async def later(x):
    return x + 1000

class Holder:
    def __init__(self):
        self.spot = spot
    def ask(self, x):
        return self.spot.mark(helper)(x)

plain = lambda x: x + 100
other_name = spot.mark(plain)

def probe(function, *args):
    import asyncio, inspect
    try:
        value = function(*args)
    except Exception as error:
        value = repr(error)
    if inspect.isawaitable(value):
        value = asyncio.run(_awaited(value))
    outcome = last()
    if not isinstance(value, (int, str)):
        value = repr(value).split(" at 0x")[0].replace("__mp_main__", "__main__")
    return [value, outcome.verdict, outcome.stored, outcome.reason, outcome.key]

async def _awaited(value):
    return await value

def jobs(x):
    found = [(by_helper, x), (recursive, x), (ask, Question("a" * x)), (loud, Question("b" * x)), (Agent("m").ask, x)]
    found += [(answered, x), (same, Question("d" * x)), (refused, x)]
    found += [(Agent.made, x), (decorated, x), (limited, x), (limited_inside, x), (later, x), (Holder().ask, x)]
    return found

def by_value(x):
    return [(other_name, x), (spot.mark(lambda y: y * 7), x), (functools.partial(by_helper, x + 10),)]

def in_workers(how, calls):
    if how == "loky":
        from joblib import Parallel, delayed
        return Parallel(n_jobs=2)(delayed(probe)(*call) for call in calls)
    if how == "spawn":
        import multiprocessing
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.starmap(probe, calls)
    if how == "dask":
        from distributed import Client
        options = dict(processes=True, dashboard_address=None, silence_logs=50, host="127.0.0.1")
        with Client(n_workers=1, threads_per_worker=1, **options) as client:
            return [client.submit(probe, *call, pure=False).result() for call in calls]

if __name__ == "__main__":
    more = [] if how == "spawn" else by_value(2) + by_value(3)
    here = [probe(*call) for call in jobs(2) + more[: len(more) // 2]]
    there = in_workers(how, jobs(2) + jobs(3) + more)
    again = [probe(*call) for call in jobs(2) + jobs(3) + more]
    print(json.dumps([here, there, again]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["loky", "spawn", "dask"])
def test_workers_share_what_was_paid_for(tmp_path: Path, how: str) -> None:
    """What the main process kept is a hit in the workers, and what they kept is one in the main process."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(root=str(tmp_path / "root")))
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "root"), how],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONHASHSEED": "random", "PYTHONWARNINGS": "ignore"},
        cwd=tmp_path,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    here, there, again = json.loads(done.stdout)
    assert all(stored for _, _, stored, _, _ in here), here
    known = {key for *_, key in here}
    for value, verdict, stored, reason, key in there:
        assert stored and (verdict == "hit") == (key in known), (value, reason)
    assert not [one for one in again if one[1] != "hit"]
    assert [one[0] for one in again] == [one[0] for one in there]


RATES = {"rpm": 1000, "tpm": None, "concurrency": None}


def double(x: int) -> int:
    return x * 2


def tripled(x: int) -> int:
    return x * 3


with Spot.temporary() as _spot:
    tripled = _spot.mark(price=lambda value: 1.0)(tripled)


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
def test_what_its_module_has_under_its_name_comes_back_as_it_is(dumps: Any) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(dumps(tripled, protocol=protocol)) is tripled


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
def test_what_its_module_has_under_another_name_or_not_travels_with_its_spot(spot: Spot, dumps: Any) -> None:
    f = spot.mark(ttl="7d", ignore="x")(double)
    f.note = "mine"
    back = pickle.loads(dumps(f))
    assert f(2) == 4 and back.peek(3) == 4 and back.note == "mine" and back.__wrapped__ is double
    assert (back.marked.options, back.marked.spot.folder) == (f.marked.options, spot.folder)
    limited = pickle.loads(dumps(spot.limiter(rpm=1000, name="x")(double)))
    assert limited(2) == 4 and limited.gate.given == {"cost": 1, "name": "x", "settle": None, "timeout": None} | RATES


def test_a_spot_travels_as_what_it_was_opened_with(tmp_path: Path) -> None:
    with Spot("s", root=tmp_path, ttl="7d", mode="replay", retry=3, rpm="20/min", budget=2.5) as spot:
        back = pickle.loads(pickle.dumps(spot))
        assert (back.folder, back.ttl, back.rates, back.retry.attempts) == (spot.folder, spot.ttl, spot.rates, 3)
        assert back.mode_of("f") == "replay" and back.budget.total == 2.5
        assert pickle.loads(pickle.dumps(spot)) is back  # opened once
        assert len(pickle.dumps(spot)) < 600
        back.close()


def test_a_folder_given_from_the_working_directory_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with Spot("s") as spot:
        data = pickle.dumps(spot)
        monkeypatch.chdir(tmp_path / "elsewhere")
        with pickle.loads(data) as back:
            assert back.folder == tmp_path / ".spotmagic" / "s"


def test_a_clock_of_ones_own_comes_along(tmp_path: Path) -> None:
    with Spot("s", root=tmp_path, clock=FakeClock()) as spot:
        with pytest.raises((TypeError, pickle.PicklingError)):
            pickle.dumps(spot)  # it has a lock, and nothing is left out in silence
