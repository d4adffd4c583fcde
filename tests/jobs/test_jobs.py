"""Jobs in threads (rows A1 to A3, A6 to A9): one call in the background, with a handle."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spotmagic import Job, Spot, running
from spotmagic.errors import JobCancelled, JobFailed, RecordMissing


def until(true: Callable[[], object]) -> None:
    for _ in range(2000):
        if true():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come to pass")


class Gate:
    """Lets the calls of a test go on when it says so."""

    def __init__(self) -> None:
        self.event, self.calls = threading.Event(), []


gate = Gate()


@pytest.fixture(autouse=True)
def fresh_gate() -> None:
    gate.event.clear()
    gate.calls.clear()


def slow(x: int) -> int:
    """Waits for the gate (a handle that counts by type)."""
    GATE().calls.append(x)
    assert GATE().event.wait(30)
    return 2 * x


def GATE() -> Gate:  # found by name at run time, so that it is not among what the call reads
    return sys.modules[__name__].__dict__["gate"]  # type: ignore[no-any-return]


def marked(spot: Spot) -> object:
    return spot.mark(version="1")(slow)


def test_a_submitted_call_gives_a_handle_with_status_result_and_metadata(spot: Spot) -> None:
    f = spot.mark(version="1", price=0.5)(slow)
    job = f.submit(4)
    assert isinstance(job, Job) and job.key == f.key(4) and not job.done()
    until(lambda: job.status == "RUNNING")
    with pytest.raises(TimeoutError):
        job.result(0.01)
    gate.event.set()
    assert job.result(30) == 8 and job.status == "COMPLETED" and job.done()
    about = job.metadata
    assert about["where"] == "thread" and about["submitted"] <= about["started"] <= about["ended"]
    assert (about["verdict"], about["stored"], about["price"]) == ("ran", True, 0.5)
    assert f(4) == 8 and gate.calls == [4]


def test_two_submits_of_one_call_are_one_job_and_a_call_meanwhile_joins_it(spot: Spot) -> None:
    f = spot.mark(version="1")(slow)
    first, second = f.submit(1), f.submit(1)
    assert first is second is spot.job(f, 1)
    until(lambda: gate.calls)
    threading.Timer(0.05, gate.event.set).start()
    assert f(1) == first.result(30) == 2 and gate.calls == [1]
    again = f.submit(1)
    assert again is not first and again.result(30) == 2 and again.metadata["verdict"] == "hit" and gate.calls == [1]


def test_a_call_that_raises_is_told_with_its_traceback_and_runs_again_when_submitted_again(spot: Spot) -> None:
    def broken(x: int) -> float:
        return 1 / x

    f = spot.mark(broken)
    job = f.submit(0)
    with pytest.raises(JobFailed, match="ZeroDivisionError: division by zero") as caught:
        job.result(30)
    assert job.status == "FAILED" and isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "return 1 / x" in job.traceback
    assert f.submit(0) is not job


def test_a_job_is_cancelled_where_it_tells_its_progress(spot: Spot) -> None:
    def steps(n: int) -> int:
        for i in range(n):
            running().progress(i, n, "counting")
            time.sleep(0.002)
        return n

    job = spot.submit(steps, 1_000_000)
    until(lambda: job.progress)
    assert job.progress is not None and job.progress.total == 1_000_000 and "counting" in repr(job)
    assert job.cancel()
    with pytest.raises(JobCancelled):
        job.result(30)
    assert job.status == "CANCELLED" and not job.cancel()
    running().progress(1, 2)  # outside a call it does nothing


def test_force_stops_a_thread_that_tells_nothing(spot: Spot) -> None:
    def busy(n: int) -> int:
        while n:
            time.sleep(0.001)
        return n

    job = spot.submit(busy, 1)
    until(lambda: job.status == "RUNNING")
    job.cancel(force=True)
    with pytest.raises(JobCancelled):
        job.result(30)


def test_async_functions_are_jobs_too_and_jobs_can_be_awaited(spot: Spot) -> None:
    async def ask(x: int) -> int:
        await asyncio.sleep(0 if x < 5 else 60)
        return x + 1

    async def main() -> list[int]:
        return [await spot.submit(ask, 1), await spot.submit(ask, 2)]

    assert asyncio.run(main()) == [2, 3]
    job = spot.submit(ask, 9)
    until(lambda: job.status == "RUNNING")
    job.cancel()
    with pytest.raises(JobCancelled):
        job.result(30)


def test_a_job_is_found_again_by_its_call_after_a_restart(tmp_path: Path) -> None:
    with Spot("s", root=tmp_path) as spot:
        f = spot.mark(version="1")(slow)
        gate.event.set()
        f.submit(3).result(30)
    with Spot("s", root=tmp_path) as spot:
        f = spot.mark(version="1")(slow)
        found = spot.job(f, 3)
        assert found.status == "COMPLETED" and found.result() == 6
        with pytest.raises(RecordMissing, match="no job of"):
            spot.job(f, 4)


def test_what_a_job_prints_and_logs_goes_to_its_log_alone(spot: Spot, capsys: pytest.CaptureFixture[str]) -> None:
    def talk(x: int) -> int:
        print("hello from", x)
        print("trouble", file=sys.stderr)
        logging.getLogger("mine").warning("careful")
        return x

    before = sys.stdout
    job = spot.submit(talk, 5)
    print("from the cell")
    assert job.result(30) == 5
    assert "hello from 5\n" in job.log() and "trouble" in job.log() and "WARNING mine: careful" in job.log()
    out, err = capsys.readouterr()
    assert out == "from the cell\n" and "trouble" not in err
    until(lambda: sys.stdout is before)


def test_jobs_are_listed_and_methods_can_be_submitted(spot: Spot) -> None:
    class Model:
        size = 3

        @spot.mark
        def ask(self, x: int) -> int:
            return self.size * x

    model = Model()
    job = model.ask.submit(2)
    assert job.result(30) == 6 and spot.job(model.ask, 2).result() == 6
    assert [one.key for one in spot.jobs()] == [job.key]


def test_a_temporary_spot_runs_jobs_and_leaves_nothing_behind() -> None:
    with Spot.temporary(ttl="1h") as spot:
        folder = spot.folder
        f = spot.mark(lambda x: x + 1)
        assert [f.submit(x).result(30) for x in (1, 1, 2)] == [2, 2, 3]
        assert all(row.expires is not None for row in spot.entries())
    assert not folder.exists()


def test_without_spotmagic_a_job_is_a_plain_call(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTMAGIC_OFF", "1")
    asked: list[int] = []

    @spot.mark
    def ask(x: int) -> int:
        asked.append(x)
        return x

    for _ in range(2):
        assert spot.submit(ask, 1).result(60) == 1
    assert asked == [1, 1] and not spot.entries(status=None)


def test_many_are_submitted_and_gathered(spot: Spot) -> None:
    f = spot.mark(lambda x: x * x)
    jobs = [f.submit(x) for x in range(20)]
    assert [job.result(30) for job in jobs] == [x * x for x in range(20)]
