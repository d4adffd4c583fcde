"""One execution per key: over tasks, threads and processes; leaders may die, waiters may leave."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from spotmagic import Spot, last
from spotmagic.errors import RecursiveCall

SCRIPT = """
import os, sys, time
from concurrent.futures import ThreadPoolExecutor
from spotmagic import Spot
root, log, hold = sys.argv[1], sys.argv[2], float(sys.argv[3])
spot = Spot("shared", root=root)

@spot.mark
def work(n):
    fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{n}\\n".encode())
    os.close(fd)
    time.sleep(hold)
    return n * n

with ThreadPoolExecutor(int(sys.argv[4])) as pool:
    assert list(pool.map(work, list(range(int(sys.argv[5]))))) == [n * n for n in range(int(sys.argv[5]))]
print("done", flush=True)
"""


def start(tmp_path: Path, hold: float, threads: int, keys: int) -> subprocess.Popen[str]:
    script = tmp_path / "shared_work.py"
    if not script.exists():  # others may be reading it
        script.write_text(SCRIPT)
    args = [
        sys.executable,
        str(script),
        str(tmp_path / "root"),
        str(tmp_path / "log"),
        str(hold),
        str(threads),
        str(keys),
    ]
    return subprocess.Popen(args, stdout=subprocess.PIPE, text=True)


def test_processes_and_threads_run_each_key_once(tmp_path: Path) -> None:
    workers = [start(tmp_path, 0.002, 8, 100) for _ in range(4)]
    for worker in workers:
        assert (worker.communicate(timeout=120)[0], worker.returncode) == ("done\n", 0)
    assert sorted(map(int, (tmp_path / "log").read_text().split())) == list(range(100))


def test_a_killed_leader_is_replaced(tmp_path: Path) -> None:
    leader = start(tmp_path, 60, 1, 1)
    deadline = time.monotonic() + 30
    while not (tmp_path / "log").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # another process: there is no clock to pass
    follower = start(tmp_path, 0, 1, 1)
    leader.send_signal(signal.SIGKILL)
    leader.communicate()
    assert follower.communicate(timeout=60)[0] == "done\n"
    assert (tmp_path / "log").read_text().split() == ["0", "0"]


def test_threads_wait_for_the_leader_and_say_that_they_joined(spot: Spot) -> None:
    entered, leave, runs = threading.Event(), threading.Event(), []

    @spot.mark(ignore=("entered", "leave", "runs"))
    def work(n: int, entered: object, leave: object, runs: list[int]) -> list[int]:
        runs.append(n)
        entered.set()
        leave.wait(30)
        return [n]

    verdicts = []

    def call() -> list[int]:
        value = work(1, entered, leave, runs)
        verdicts.append(last().verdict)
        return value

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(call)
        entered.wait(30)
        others = [pool.submit(call) for _ in range(3)]
        while len(spot.engine.flight._table) != 1:
            pass
        threading.Timer(0.1, leave.set).start()
        values = [future.result() for future in (first, *others)]
    assert values == [[1]] * 4 and runs == [1]
    assert len({id(value) for value in values}) == 4


def test_a_waiter_gets_the_leaders_error(spot: Spot) -> None:
    runs: list[int] = []

    async def main() -> list[object]:
        @spot.mark(ignore="runs")
        async def fails(n: int, runs: list[int]) -> None:
            runs.append(n)
            await asyncio.sleep(0.05)
            raise ValueError("once")

        return await asyncio.gather(*(fails(1, runs) for _ in range(3)), return_exceptions=True)

    errors = asyncio.run(main())
    assert [str(error) for error in errors] == ["once"] * 3
    assert runs == [1]


def test_a_cancelled_leader_hands_over_and_a_cancelled_waiter_leaves_the_others(spot: Spot) -> None:
    runs: list[int] = []

    async def main() -> list[object]:
        @spot.mark(ignore="runs")
        async def slow(n: int, runs: list[int]) -> int:
            runs.append(n)
            await asyncio.sleep(0.05)
            return n

        tasks = [asyncio.create_task(slow(7, runs)) for _ in range(4)]
        await asyncio.sleep(0.01)
        tasks[0].cancel()
        tasks[2].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    results = asyncio.run(main())
    assert isinstance(results[0], asyncio.CancelledError) and isinstance(results[2], asyncio.CancelledError)
    assert (results[1], results[3]) == (7, 7)
    assert runs == [7, 7]


def test_a_call_for_its_own_key_raises_at_once(spot: Spot) -> None:
    @spot.mark
    def loop(n: int) -> int:
        return loop(n)

    with pytest.raises(RecursiveCall):
        loop(1)


def test_recursion_with_other_arguments_works(spot: Spot) -> None:
    @spot.mark
    def fib(n: int) -> int:
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    assert fib(30) == 832040


def test_a_forked_child_leads_on_its_own(spot: Spot) -> None:
    f = spot.mark(os.path.join)
    assert f("a", "b") == "a/b"
    child = os.fork()
    if child == 0:
        os._exit(0 if f("a", "b") == "a/b" and f("c", "d") == "c/d" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert f("c", "d") == "c/d"
