"""What a batch writes down: its log, its failed inputs with their tracebacks, and never a credential."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Batch, Retry, Spot
from spotmagic.batch.folder import MOST_RUNS, RUNS, RunFolder, is_alive, read_state
from spotmagic.errors import SpotWarning, tell_again
from spotmagic.testing import FakeClock


class Thing:
    """An input that only pickle can keep."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing) and other.n == self.n

    __hash__ = None  # type: ignore[assignment]


def refuse(x: Any) -> Any:
    raise ValueError(f"not {x!r}")


def log_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_failed_inputs_are_found_again_with_error_attempts_and_traceback(spot: Spot, tmp_path: Path) -> None:
    batch = spot.map(refuse, ["a", {"b": [1, 2]}, (3, None)], retry=Retry(3, on=ValueError, wait=0), progress=False)
    with Spot("test", root=tmp_path) as later:
        found = sorted(later.failed(refuse), key=lambda one: one.index)
        assert [one.input for one in found] == ["a", {"b": [1, 2]}, (3, None)]
        assert [one.attempts for one in found] == [3, 3, 3]
        assert found[0].kind == "ValueError" and "not 'a'" in found[0].message and "in refuse" in found[0].traceback
        assert "spotmagic/batch" not in found[0].traceback, "our own frames are left out"
        assert found[0].error is None and batch.failed[0].error is not None
        assert [one.shown for one in later.failed("refuse")] == [one.shown for one in later.failed(refuse)]
        assert later.failed("another") == []


def test_what_failed_is_an_input_and_is_no_failure_once_it_has_a_result(spot: Spot) -> None:
    broken = [True]

    def ask(x: int) -> int:
        if broken[0] and x % 2:
            raise ValueError(x)
        return x

    f = spot.mark(version="1", ignore="broken")(ask)
    spot.map(f, range(6), name="odd", progress=False)
    spot.map(f, [0, 2], progress=False)
    assert {one.input for one in spot.failed("odd")} == {1, 3, 5}
    broken[0] = False
    assert sorted(spot.map(f, spot.failed(f), progress=False).values()) == [1, 3, 5]
    assert spot.failed(f) == []


def test_inputs_of_ones_own_classes_come_back_and_those_that_cannot_say_why(spot: Spot) -> None:
    with Path(os.devnull).open() as opened:
        spot.map(refuse, [Thing(4), opened], progress=False)
    thing, file = sorted(spot.failed(refuse), key=lambda one: one.index)
    assert thing.input == Thing(4) and not thing.why
    assert file.input is None and "file" in file.why.lower()


def test_no_credential_is_written_down(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "very-hidden-credential")

    def ask(prompt: str, api_key: str) -> str:
        logging.getLogger("client").warning("Authorization: Bearer abcdef0123456789")
        raise ValueError(f"401 for {api_key} and {os.environ['OPENAI_API_KEY']} and sk-abcdefghijklmnop1234567")

    rows = [{"prompt": "hello", "api_key": "plain-word"}]
    batch = spot.map(ask, rows, star=True, progress=False)
    (failed,) = spot.failed(ask)
    assert failed.input is None and "secret" in failed.why and "hello" in failed.shown
    for path in batch.folder.iterdir():
        data = path.read_bytes()
        for secret in (b"very-hidden", b"plain-word", b"sk-abcdef", b"abcdef0123456789"):
            assert secret not in data, (path.name, secret)


def test_the_log_tells_what_ran_failed_and_was_logged_in_calls(spot: Spot) -> None:
    def ask(x: int) -> int:
        logging.getLogger("mine").warning("asked %d", x)
        if x == 2:
            raise ValueError("two")
        return x

    f = spot.mark(price=0.5)(ask)
    f(0)
    logging.getLogger("mine").warning("outside")
    batch = spot.map(f, range(3), progress=False)
    lines = log_of(batch.folder)
    assert {line["message"] for line in lines if "level" in line} == {"asked 1", "asked 2"}
    assert [line["index"] for line in lines if line.get("verdict") == "ran"] == [1]
    assert [line["failed"] for line in lines if isinstance(line.get("failed"), str)] == ["ValueError"]
    assert lines[-1]["status"] == "done" and lines[-1]["done"] == 3 and lines[-1]["cached"] == 1
    assert not logging.getLogger().handlers or "spotmagic" not in repr(logging.getLogger().handlers)


def test_batches_are_listed_with_their_ends(spot: Spot, tmp_path: Path) -> None:
    spot.map(refuse, [1], name="first", progress=False)
    spot.map(str, [1, 2], name="second", progress=False)
    with Spot("test", root=tmp_path) as later:
        second, first = later.batches()
    assert (first.name, first.status, first.failed) == ("first", "done", 1)
    assert (second.name, second.total, second.done) == ("second", 2, 2)


def test_a_batch_that_asks_again_is_alive_to_other_kernels(spot: Spot) -> None:
    """It was told as lost, and its folder could be cleared while it ran."""
    broken, go_on = [True], threading.Event()

    def ask(x: int) -> int:
        if broken:
            raise ValueError(x)
        go_on.wait(60)
        return x

    batch = spot.map(ask, [1], progress=False)
    broken.clear()
    batch.retry_failed(background=True)
    assert is_alive(batch.folder)
    go_on.set()
    assert batch.values() == [1]


def test_folders_of_runs_are_cleared_but_those_with_failures_stay(spot: Spot) -> None:
    spot.map(refuse, [1], progress=False)
    runs = spot.folder / RUNS
    for n in range(MOST_RUNS + 5):
        (runs / f"2001-01-01T00.00.00.{n:06} f aa").mkdir()
    spot.map(str, [1], progress=False)
    assert len(list(runs.iterdir())) <= MOST_RUNS + 1
    assert len(spot.failed(refuse)) == 1


def test_a_folder_that_cannot_be_written_costs_the_log_alone(spot: Spot) -> None:
    (spot.folder).mkdir(parents=True, exist_ok=True)
    (spot.folder / RUNS).write_text("a file in its place")
    tell_again("batch log")  # as in a process in which nothing was told
    with pytest.warns(SpotWarning, match="log of a batch"):
        batch = spot.map(refuse, [1, 2], progress=False)
    assert len(batch.failed) == 2


def test_damaged_logs_of_failed_inputs_are_read_as_far_as_they_go(spot: Spot) -> None:
    batch = spot.map(refuse, ["a", "b"], concurrency=1, progress=False)
    path = batch.folder / "failed.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    inputs = batch.folder / "inputs.log"
    data = bytearray(inputs.read_bytes())
    data[60] ^= 1
    inputs.write_bytes(data)
    (one,) = spot.failed(refuse)
    assert one.input is None and one.why


def test_pauses_pass_by_the_clock_of_the_spot(tmp_path: Path) -> None:
    clock = FakeClock()
    with Spot("b", root=tmp_path, clock=clock) as spot:
        batch = spot.map(refuse, [1], retry=Retry(4, on=ValueError, wait=60), progress=False)
    assert batch.failed[0].attempts == 4 and clock.slept.count(60.0) == 3


def test_a_million_inputs_take_no_memory(tmp_path: Path) -> None:
    """As many hits of a stream, in a process of its own: it grows by less than 30 MB, and nothing heavy is loaded."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, resource, itertools\n"
        "from spotmagic import Spot\n"
        "spot = Spot('m', root=sys.argv[1])\n"
        "f = spot.mark(version='1')(lambda x: x)\n"
        "f(1)\n"
        "spot.map(f, itertools.repeat(1, 1000), keep=False, progress=False)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "done = spot.map(f, itertools.repeat(1, 1_000_000), keep=False, progress=False).progress.done\n"
        "print(done, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000)\n"
        "print([name for name in ('duckdb', 'pandas', 'IPython', 'tqdm', 'numpy') if name in sys.modules])\n"
    )
    out = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, check=True).stdout
    done, grown = map(int, out.split()[:2])
    assert done == 1_000_000 and grown < 30
    assert out.splitlines()[1] == "[]"


def test_whoever_has_its_values_may_take_its_folder_away(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end is told by then."""
    returned, early, real = threading.Event(), list[bool](), RunFolder.close

    def close(folder: RunFolder) -> None:
        early.append(returned.wait(0.1))
        real(folder)

    monkeypatch.setattr(RunFolder, "close", close)
    for ends in (Batch.values, list, Batch.wait):
        returned.clear()
        batch = spot.map(abs, [-1, -2], progress=False, background=True)
        ends(batch)  # type: ignore[operator]
        returned.set()
        assert (read_state(batch.folder) or {})["status"] == "done" and not is_alive(batch.folder)
    assert early == [False] * 3


@pytest.mark.parametrize("keep", [True, False])
def test_while_spotmagic_is_off_a_batch_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: bool
) -> None:
    """What failed is told all the same."""
    monkeypatch.setenv("SPOTMAGIC_OFF", "1")

    def odd(x: int) -> int:
        if x % 2:
            raise ValueError(x)
        return x

    with Spot("off", root=tmp_path / "root") as spot:
        batch = spot.map(spot.mark(odd), range(4), progress=False, keep=keep)
        assert [one.input for one in batch.failed] == [1, 3] and batch.log() == []
        if keep:
            assert batch.retry_failed().values(missing=None) == [0, None, 2, None]
    assert not (tmp_path / "root").exists()
