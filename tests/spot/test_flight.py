"""One execution per key: over tasks, threads and processes; leaders may die, waiters may leave."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from waiting import soon

from spotmagic import Spot, files, last
from spotmagic.engine.flight import GONE, Seat
from spotmagic.errors import RecursiveCall
from spotmagic.testing.store import sample

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
    assert soon((tmp_path / "log").exists)
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
        while len(spot.engine.flight.table) != 1:
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


def test_kernels_exclude_each_other_also_after_the_folder_was_deleted_between_them(tmp_path: Path) -> None:
    """The lock file that went with the folder excludes nobody who came later."""
    spot = Spot("shared", root=tmp_path / "root")
    ran: list[int] = []
    entered, leave = threading.Event(), threading.Event()

    @spot.mark(ignore=("ran",))
    def warm(n: int, ran: list[int]) -> int:
        ran.append(n)
        return n

    warm(0, ran)
    shutil.rmtree(tmp_path / "root")
    other = start(tmp_path, 0.5, 1, 1)  # makes the folder anew, and leads
    assert soon((tmp_path / "log").exists)
    sys.path.insert(0, str(tmp_path))
    key = next(iter(Spot("shared", root=tmp_path / "root").engine.flight.table), None)
    assert key is None
    flight = spot.engine.flight
    seat = Seat(flight, b"k" * 16)
    assert seat.take() is None and seat.try_lock()
    probe = os.open(tmp_path / "root" / "shared" / "flight.lock", os.O_RDWR)
    try:
        assert files.byte_is_locked(probe, seat.offset)
    finally:
        os.close(probe)
        seat.land(GONE)
    assert other.communicate(timeout=60)[0] == "done\n"
    spot.close()
    entered.set(), leave.set()


def test_two_spots_of_one_process_on_one_folder_run_a_call_once(tmp_path: Path) -> None:
    """Also when they are opened differently, so that they share no store."""
    one, other = Spot("s", root=tmp_path), Spot("s", root=tmp_path, blob_over="1KB")
    entered, leave, runs = threading.Event(), threading.Event(), []

    def work(n: int, entered: object, leave: object, runs: list[int]) -> int:
        runs.append(n)
        entered.set()
        leave.wait(30)
        return n

    ignore = ("entered", "leave", "runs")
    f, g = one.mark(ignore=ignore)(work), other.mark(ignore=ignore)(work)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(f, 1, entered, leave, runs)
        entered.wait(30)
        second = pool.submit(g, 1, entered, leave, runs)
        threading.Timer(0.1, leave.set).start()
        assert (first.result(30), second.result(30)) == (1, 1)
    assert runs == [1]
    one.close(), other.close()


def test_calls_of_a_loop_wait_for_the_disk_together_and_off_the_loop(
    spot: Spot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred paid calls at once cost a few syncs, none of them in the loop's thread, large results included."""
    syncs: list[int] = []
    real = os.fdatasync

    def slow(fd: int) -> None:
        if Path(f"/dev/fd/{fd}").resolve().is_relative_to(spot.folder):  # what is collected of other tests may sync too
            syncs.append(threading.get_ident())
        time.sleep(0.005)  # a disk's own time
        real(fd)

    @spot.mark(price=0.01)
    async def ask(n: int) -> bytes:
        await asyncio.sleep(0.01)
        return b"a" * (100_000 if n == 7 else 10)

    async def main() -> list[bytes]:
        return await asyncio.gather(*(ask(n) for n in range(200)))

    spot.mark(price=1)(abs)(-1)  # makes the folder and the count of what was spent
    monkeypatch.setattr(os, "fdatasync", slow)
    assert len(asyncio.run(main())) == 200
    monkeypatch.undo()
    assert threading.get_ident() not in syncs
    assert 1 <= len(syncs) < 100
    assert spot.stats().misses == spot.stats().entries == 201


def test_a_call_of_a_loop_that_is_cancelled_while_it_is_written_is_kept(
    spot: Spot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was paid for; the cancellation goes on afterwards."""
    reached, go = threading.Event(), threading.Event()
    real = os.fdatasync

    def slow(fd: int) -> None:
        reached.set()
        go.wait(30)
        real(fd)

    runs: list[int] = []

    @spot.mark(price=0.01, ignore="runs")
    async def ask(n: int, runs: list[int]) -> int:
        runs.append(n)
        return n

    async def main() -> None:
        task = asyncio.create_task(ask(1, runs))
        while not reached.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await ask(1, runs) == 1

    spot.mark(price=1)(abs)(-1)  # makes the folder and the count of what was spent
    monkeypatch.setattr(os, "fdatasync", slow)
    asyncio.run(main())
    assert runs == [1]


def test_who_insists_on_leaving_takes_nobody_who_waits_for_the_same_sync_along(
    spot: Spot, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go = threading.Event(), threading.Event()
    real = os.fdatasync

    def slow(fd: int) -> None:
        reached.set()
        go.wait(30)
        real(fd)

    @spot.mark(price=0.01)
    async def ask(n: int) -> int:
        return n

    async def main() -> None:
        first = asyncio.create_task(ask(0))
        while not reached.is_set():
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(ask(n)) for n in (1, 2, 3)]
        await asyncio.sleep(0.05)
        for _ in range(2):
            others[0].cancel()
            await asyncio.sleep(0)
        go.set()
        assert await asyncio.wait_for(asyncio.gather(first, *others[1:]), 30) == [0, 2, 3]
        with pytest.raises(asyncio.CancelledError):
            await others[0]

    spot.mark(price=1)(abs)(-1)  # makes the folder and the count of what was spent
    monkeypatch.setattr(os, "fdatasync", slow)
    asyncio.run(main())


def test_a_large_result_is_written_whatever_is_cancelled_while_the_writers_are_busy(
    spot: Spot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task was cancelled twice, before a thread had begun with what it had paid for."""
    reached, go = threading.Event(), threading.Event()
    real = spot.store.blobs.save  # type: ignore[attr-defined]
    runs: list[int] = []

    def slow(digest: bytes, pieces: list[bytes]) -> int:
        reached.set()
        go.wait(30)
        return int(real(digest, pieces))

    @spot.mark(ignore="runs")
    async def ask(n: int, runs: list[int]) -> bytes:
        runs.append(n)
        return bytes([n]) * 100_000

    async def main() -> None:
        tasks = [asyncio.create_task(ask(n, runs)) for n in range(8)]  # more than there are writers
        while not reached.is_set():
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        for _ in range(2):
            tasks[-1].cancel()
            await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert tasks[-1].cancelled()

    monkeypatch.setattr(spot.store.blobs, "save", slow)  # type: ignore[attr-defined]
    asyncio.run(main())
    spot.store.put_soon(sample(1, large=b"l" * 100_000)).result(30)  # type: ignore[union-attr]
    assert asyncio.run(ask(7, runs)) == b"\x07" * 100_000
    assert sorted(runs) == list(range(8))


IN_A_CHILD = """
import os, threading
from spotmagic import Spot, last
from spotmagic.reads import noting, stand_ins

spot = Spot("s", root={root!r})
f = spot.mark(lambda x: x + 1, version="1")
f(0)
f.outcomes.add(returns=7)
locks = [noting._guard, stand_ins._guard, spot.engine.ledger.recall._lock, spot.outcome_index._lock]
locked = threading.Event()

def hold():
    for lock in locks:
        lock.acquire()
    locked.set()
    threading.Event().wait()

threading.Thread(target=hold, daemon=True).start()
locked.wait()
child = os.fork()
if child == 0:
    told = [f(1), last().reason, len(f.outcomes)]
    print(told, flush=True)
    os._exit(0)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_child_forked_while_other_threads_hold_our_locks_goes_on(tmp_path: Path) -> None:
    script = IN_A_CHILD.format(root=str(tmp_path))
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "[2, 'first call with this `x`', 1]\n"), done.stderr
