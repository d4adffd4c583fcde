"""Detached jobs (rows A1, A2, A7): a process of their own that outlives interrupts and the kernel."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs import everywhere
from spotmagic import Spot, last
from spotmagic.cli import main
from spotmagic.errors import JobCancelled, JobFailed, OptionError
from spotmagic.jobs import Job


def until(true: Callable[[], object]) -> None:
    for _ in range(3000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to pass")


def give_up(job: Job) -> None:
    assert job.cancel()
    with pytest.raises(JobCancelled):
        job.result(60)


def lines(folder: Path) -> list[str]:
    return (folder / "runs").read_text().splitlines()


def detached(spot: Spot, function: Any) -> Any:
    return spot.mark(ignore="*/go,*/runs,*/died*")(function).using(detached=True)


def test_a_detached_call_runs_in_its_own_session_and_is_kept(
    spot: Spot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    f = detached(spot, everywhere.told)
    job = f.submit(str(tmp_path), 5)
    assert job.key == f.key(str(tmp_path), 5)
    until(lambda: job.progress)
    assert job.status == "RUNNING" and job.progress.total == 5 and not job.done()
    assert os.getsid(job.metadata["pid"]) == job.metadata["pid"] != os.getsid(0)
    assert f.submit(str(tmp_path), 5).metadata["pid"] == job.metadata["pid"]
    with pytest.raises(TimeoutError):
        job.result(0.01)
    (tmp_path / "go").touch()
    assert job.result(60) == 10 and job.status == "COMPLETED"
    assert "starting 5" in job.log() and "careful" in job.log()
    assert job.metadata["verdict"] == "ran" and job.metadata["stored"]
    assert f(str(tmp_path), 5) == 10 and len(lines(tmp_path)) == 1
    assert asyncio.run(_awaited(job)) == 10
    assert [one.key for one in spot.jobs()] == [job.key]
    assert main(["jobs", "--spot", str(spot.folder)]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == [job.key[:8], job.name, "COMPLETED"]
    assert main(["jobs", "--json", "--spot", str(spot.folder)]) == 0
    assert json.loads(capsys.readouterr().out)[0]["verdict"] == "ran"


def _ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def _awaited(job: Any) -> Any:
    return await job


def test_a_job_outlives_who_started_it_and_is_found_again(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, signal, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from jobs import everywhere\n"
        "from spotmagic import Spot\n"
        f"spot = Spot('s', root={str(tmp_path)!r})\n"
        f"job = spot.mark(ignore='*/go,*/runs')(everywhere.told).using(detached=True).submit({str(tmp_path)!r}, 7)\n"
        "while job.progress is None: pass\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, script], check=False)
    with Spot("s", root=tmp_path) as spot:
        job = spot.job(spot.mark(ignore="*/go,*/runs")(everywhere.told), str(tmp_path), 7)
        assert job.status == "RUNNING" and job.metadata["where"] == "detached"
        (tmp_path / "go").touch()
        assert job.result(60) == 14 and len(lines(tmp_path)) == 1


def test_it_is_cancelled_by_a_signal_and_by_force(spot: Spot, tmp_path: Path) -> None:
    kind, rough = detached(spot, everywhere.told), detached(spot, everywhere.deaf)
    job, stubborn = kind.submit(str(tmp_path), 1), rough.submit(str(tmp_path), 2)
    until(lambda: job.progress and (tmp_path / "runs").exists())
    assert job.cancel()
    with pytest.raises(JobCancelled):
        job.result(60)
    stubborn.cancel()
    assert stubborn.status == "RUNNING"
    assert stubborn.cancel(force=True)
    with pytest.raises(JobCancelled):
        stubborn.result(60)
    assert [job.status, stubborn.status] == ["CANCELLED"] * 2 and not job.cancel(force=True)


def test_a_process_that_vanished_is_told_as_failed_and_can_be_submitted_again(spot: Spot, tmp_path: Path) -> None:
    f = detached(spot, everywhere.told)
    job = f.submit(str(tmp_path), 3)
    until(lambda: job.progress)
    os.kill(job.metadata["pid"], signal.SIGKILL)
    until(job.done)
    assert job.status == "FAILED"
    with pytest.raises(JobFailed, match=r"(?s)its process is gone.*starting 3"):
        job.result()
    (tmp_path / "go").touch()
    assert f.submit(str(tmp_path), 3).result(60) == 6


def test_an_error_is_told_with_its_traceback(spot: Spot) -> None:
    job = detached(spot, everywhere.broken).submit(3)
    with pytest.raises(JobFailed, match="Lost: no 3"):
        job.result(60)
    assert "raise Lost" in job.traceback


def test_a_result_that_cannot_be_stored_is_not_lost(spot: Spot) -> None:
    f = detached(spot, everywhere.noted).using(keep_if=lambda value: False)
    folder = str(spot.folder.parent)
    job = f.submit(folder, 4)
    assert job.result(60) == 8 and not job.metadata["stored"]
    (job.folder / "value").write_bytes(b"x" * 100)  # what somebody else put there is not loaded
    with pytest.raises(Exception, match="is not there"):
        job.result()


FILLED = """
import errno, os, sys

def failing(real, stat=os.stat):  # the true one, so that no call is seen to ask for the file
    def write(*args):
        try:
            os.rmdir(os.environ["DISK_IS_FULL"] + " and asked to end")
        except FileNotFoundError:
            pass
        else:
            os.kill(os.getpid(), 15)
        try:
            stat(os.environ["DISK_IS_FULL"])
        except FileNotFoundError:
            return real(*args)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return write

os.write, os.pwrite, sys.stdout.write = failing(os.write), failing(os.pwrite), failing(sys.stdout.write)
"""


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """While this file is there, the processes of jobs meet a full disk."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(FILLED)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("DISK_IS_FULL", str(tmp_path / "full"))
    return tmp_path / "full"


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_full_disk_costs_no_result(spot: Spot, tmp_path: Path, full: Path, cancelled: bool) -> None:
    """What it tells and prints meanwhile is lost; what came of it is told as soon as there is room."""
    f = detached(spot, everywhere.told)
    job = f.submit(str(tmp_path), 5)
    until(lambda: job.progress)
    full.touch()
    far = job.progress.done
    (tmp_path / "go").touch()
    until((tmp_path / "runs").exists)
    with pytest.raises(TimeoutError):
        job.result(0.3)
    assert job.status == "RUNNING" and job.progress.done <= far + 1
    if cancelled:
        give_up(job)
    else:
        full.unlink()
        assert job.result(60) == 10


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_result_waits_for_room_and_is_a_hit_then(spot: Spot, tmp_path: Path, full: Path, cancelled: bool) -> None:
    """Asking again pays nothing: the job stores it as soon as it can, and gives up where it is cancelled."""
    f = detached(spot, everywhere.noted)
    full.touch()
    job = f.submit(str(tmp_path), 5)
    until((tmp_path / "runs").exists)
    with pytest.raises(TimeoutError):
        job.result(0.3)
    if cancelled:
        give_up(job)
    else:
        full.unlink()
        assert job.result(60) == f(str(tmp_path), 5) == 10
        assert last().verdict == "hit"
    assert len((tmp_path / "runs").read_text().splitlines()) == 1


def test_a_job_is_cancelled_while_it_tries_to_write(
    spot: Spot, tmp_path: Path, full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt that comes between two waits for room ends them too."""
    f = detached(spot, everywhere.noted)
    full.touch()
    job = f.submit(str(tmp_path), 5)
    until((tmp_path / "runs").exists)
    monkeypatch.setattr(os, "kill", lambda *_: full.with_name("full and asked to end").mkdir())
    give_up(job)


def test_a_job_that_cannot_be_begun_leaves_nothing(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[subprocess.Popen[bytes]] = []

    def fails(folder: Path, state: dict[str, Any]) -> None:
        if "pid" in state:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            begun.append(self)

    monkeypatch.setattr("spotmagic.jobs.detached.save_state", fails)
    monkeypatch.setattr(subprocess, "Popen", Noted)
    with pytest.raises(OptionError, match="No space left"):
        detached(spot, everywhere.broken).submit(7)
    assert [process.poll() for process in begun] == [-signal.SIGKILL] and spot.jobs() == []


def test_what_cannot_be_sent_is_refused_before_anything_runs(spot: Spot) -> None:
    f = spot.mark(ignore="lock")(lambda lock: 1).using(detached=True)
    with pytest.raises(OptionError, match="cannot run in another process.*lock"):
        f.submit(threading.Lock())
    assert spot.jobs() == []


def test_folders_of_jobs_that_are_over_are_removed_after_a_week(spot: Spot, tmp_path: Path) -> None:
    f, running = detached(spot, everywhere.noted), detached(spot, everywhere.told)
    over, going = f.submit(str(tmp_path), 1), running.submit(str(tmp_path), 2)
    over.result(60)
    until(lambda: going.progress)
    until(lambda: _ended(over.metadata["pid"]))
    for job in (over, going):
        os.utime(job.folder / "state.json", (0, 0))
    spot.gc()
    assert not over.folder.exists() and going.folder.exists()
    assert spot.job(f, str(tmp_path), 1).result() == 2  # its result is not the job's
    going.cancel(force=True)
    until(going.done)


def test_detached_jobs_end_with_their_temporary_spot(tmp_path: Path) -> None:
    with Spot.temporary() as spot:
        job = detached(spot, everywhere.told).submit(str(tmp_path), 9)
        until(lambda: job.progress)
        pid = job.metadata["pid"]
    until(lambda: _ended(pid))
    assert not spot.folder.exists()
