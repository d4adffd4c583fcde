"""A cluster (row A4): two workers of dask, a real Redis, a real S3 server, one worker killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from limits.server import RedisServer
from store.s3_servers import BUCKET, started

from jobs import everywhere
from spotmagic import Spot

CALLS, RATE = 1000, 3000  # a minute's worth of requests


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[Any, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers in sessions of their own, as an interrupt of the kernel leaves them alone."""
    from distributed import Client

    about = tmp_path / "scheduler.json"
    base = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    processes = [_started([*base, "--scheduler-file", str(about), "--no-dashboard"], tmp_path)]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(about), "--nthreads", "4"]
    worker += ["--no-nanny", "--no-dashboard", "--host", "127.0.0.1", "--local-directory", str(tmp_path)]
    processes += [_started(worker, tmp_path) for _ in range(2)]
    try:
        with Client(scheduler_file=str(about), timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
            yield client, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _started(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    log = (folder / "cluster.log").open("ab")
    with log:
        found = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
        env = {**os.environ, "PYTHONPATH": found}
        return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, env=env)


def paid(folder: str, x: int) -> str:
    """Writes its bill when it begins, and gives something that is too large for a journal."""
    now = time.time()
    with Path(folder, f"bill-{os.getpid()}").open("a") as bill:
        bill.write(f"{x} {now}\n")
    time.sleep(0.02)
    return f"{x} " * 20_000


def bills(folder: Path) -> list[tuple[int, float]]:
    lines = [line.split() for path in folder.glob("bill-*") for line in path.read_text().splitlines()]
    return sorted(((int(x), float(at)) for x, at in lines), key=lambda one: one[1])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_cluster_runs_a_thousand_calls_under_one_limit_and_pays_none_twice(
    cluster: tuple[Any, list[subprocess.Popen[bytes]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, workers = cluster
    redis = RedisServer(tmp_path)
    server = started("rclone", tmp_path / "s3")
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "bills"
    folder.mkdir()
    try:
        with Spot(
            "cluster",
            root=tmp_path,
            executor=client,
            never_twice=True,
            limits=redis.url,
            blobs=f"s3://{BUCKET}/blobs",
            rpm=RATE,
        ) as spot:
            f = spot.mark(ignore="*/bill-*")(spot.limiter(name="api")(paid))
            batch = spot.map(f, [str(folder)] * CALLS, range(CALLS), concurrency=8, background=True, progress=False)
            while len(bills(folder)) < 300 and not batch.done():
                time.sleep(0.05)
            assert not batch.done() and not batch.failed
            os.kill(workers[0].pid, signal.SIGKILL)
            assert batch.wait(120)
            lost = [item.input[1] for item in batch if item.error is not None]
            assert len(lost) <= 4, "no more than the dead worker's threads ran"
            assert all("may or may not have run" in str(item.error) for item in batch if item.error is not None)
            paid_for = Counter(x for x, _ in bills(folder))
            assert len(set(paid_for) | set(lost)) == CALLS, "nothing is lost without a word"
            assert max(paid_for.values()) == 1, "nothing is paid for twice"
            times = [at for _, at in bills(folder)]
            for i, at in enumerate(times):
                within = sum(1 for later in times[i:] if later < at + 5)
                assert within <= RATE / 60 * (5 + 1) + 8, "the limit holds in any five seconds"
            assert batch.retry_failed().failed == []
            again = spot.map(f, [str(folder)] * CALLS, range(CALLS), progress=False)
            assert [item.value.split()[0] for item in again] == [str(x) for x in range(CALLS)]
            assert len(bills(folder)) == CALLS + len(lost) - sum(x not in paid_for for x in lost)
    finally:
        redis.stop()
        server.stop()


def test_an_interrupt_during_a_call_of_the_cluster_keeps_its_result(
    cluster: tuple[Any, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    client, _ = cluster
    folder = str(tmp_path)
    with Spot("test", root=tmp_path / "spots", executor=client, concurrency=1) as spot:
        f = spot.mark(version="1")(spot.limiter(name="interrupted", concurrency=1)(everywhere.held))

        def interrupt() -> None:
            while not (tmp_path / "runs").exists():
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            f(folder, 8)
        (tmp_path / "go").touch()
        assert f(folder, 8) == 16
        assert len((tmp_path / "runs").read_text().splitlines()) == 1, "it was not made again"
        assert f(folder, 9) == 18, "its place in the limit is free"
