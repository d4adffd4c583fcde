"""What runs now is told to whoever looks at the folder, and only that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot
from spotmagic.engine.running import LINES, Board


def names(spot: Spot) -> list[str]:
    return [one.name.rpartition(".")[2] for one in spot.running_now()]


def test_a_call_is_told_while_it_runs_and_a_hit_never(spot: Spot) -> None:
    seen: list[Any] = []

    @spot.mark
    def inner(x: int) -> int:
        seen.append(names(spot))
        return x

    @spot.mark
    def outer(x: int) -> int:
        return inner(x) + 1

    before = spot.clock.now()
    outer(1), outer(1)
    assert [sorted(one) for one in seen] == [["inner", "outer"]]
    assert spot.running_now() == []

    @spot.mark
    def timed() -> float:
        return spot.running_now()[0].since

    assert before <= timed() <= spot.clock.now()


@pytest.mark.parametrize("end", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_call_that_ends_badly_runs_no_more(spot: Spot, end: type[BaseException]) -> None:
    @spot.mark
    def broken() -> None:
        raise end("no")

    with pytest.raises(end):
        broken()
    assert spot.running_now() == []


@pytest.mark.parametrize("mode", ["auto", "record", "off"])
def test_it_is_told_in_every_mode_that_runs(spot: Spot, mode: str) -> None:
    seen: list[list[str]] = []
    spot.mark(mode=mode)(lambda: seen.append(names(spot)))()
    assert [len(one) for one in seen] == [1]
    assert spot.running_now() == []


def test_a_stream_runs_until_it_is_closed(spot: Spot) -> None:
    @spot.mark
    def letters() -> Iterator[str]:
        yield from "abc"

    stream = letters()
    next(stream)
    assert names(spot) == ["letters"]
    stream.close()
    assert names(spot) == []
    assert list(letters()) == ["a", "b", "c"]
    assert names(spot) == []


def test_another_process_sees_it_until_it_dies(spot: Spot, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, time\nfrom spotmagic import Spot\n"
        f"@Spot('test', root={str(tmp_path)!r}).mark\n"
        "def train():\n    print('here', flush=True)\n    time.sleep(600)\ntrain()\n"
    )
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "here\n"
        (seen,) = spot.running_now()
        assert (seen.name.rpartition(".")[2], seen.kind) == ("train", "function")
        assert len(list((spot.folder / "running").iterdir())) == 1
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()
    assert spot.running_now() == []
    assert list((spot.folder / "running").iterdir()) == []


def test_a_forked_child_leaves_the_page_of_its_parent_alone(tmp_path: Path) -> None:
    board = Board(tmp_path)
    sign = board.begin("mine", "function", 1.0)
    child = os.fork()
    if child == 0:
        board.end(sign)
        board.begin("of the child", "function", 2.0)
        os._exit(0 if [one.name for one in board.running()] == ["mine", "of the child"] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert [one.name for one in board.running()] == ["mine"]
    board.end(sign)
    assert board.running() == []
    board.close()


def test_more_calls_than_fit_are_left_out_and_long_names_cut(tmp_path: Path) -> None:
    board = Board(tmp_path)
    signs = [board.begin("é" * 100, "function", 1.0) for _ in range(LINES + 5)]
    assert signs.count(None) == 5
    assert {one.name for one in board.running()} == {"é" * 56}
    for sign in signs:
        board.end(sign)
    assert board.running() == []
    assert board.begin("again", "cell", 1.0) is not None


def test_a_folder_that_cannot_be_written_to_is_told_to_this_process_alone(tmp_path: Path) -> None:
    (tmp_path / "running").write_text("in the way")
    board = Board(tmp_path)
    board.begin("mine", "function", 1.0)
    assert [one.name for one in board.running()] == ["mine"]


def test_a_failure_is_told_with_its_message_and_without_its_secrets(spot: Spot) -> None:
    @spot.mark
    def ask(question: str, api_key: str = "") -> None:
        raise ValueError(f"no answer to {question!r} for {api_key}\nand more")

    with pytest.raises(ValueError):
        ask("why", api_key="sk-0123456789abcdef0123456789abcdef")
    (run,) = spot.catalog.runs()
    assert run["error"].startswith("ValueError: no answer to 'why' for ")
    assert "sk-0123" not in run["error"] and "and more" not in run["error"]
