"""Executors (row A4, and traps 1 and 5): workers make the calls, everything around them stays here."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from jobs import everywhere
from spotmagic import Spot, last
from spotmagic.errors import JobFailed, OptionError
from spotmagic.jobs import carrier


@pytest.fixture
def pooled(tmp_path: Path) -> Iterator[Spot]:
    with Spot("test", root=tmp_path, executor="processes") as spot:
        yield spot


IGNORED = "*/runs,*/died*"


def test_calls_run_in_workers_and_hits_do_not(pooled: Spot, tmp_path: Path) -> None:
    f = pooled.mark(ignore=IGNORED)(everywhere.noted)
    assert [f(str(tmp_path), x) for x in (1, 2, 1)] == [2, 4, 2]
    ran = (tmp_path / "runs").read_text().splitlines()
    assert [line.split()[0] for line in ran] == ["1", "2"] and str(os.getpid()) not in {line.split()[1] for line in ran}
    assert last().verdict == "hit"  # type: ignore[union-attr]
    assert f.using(executor="threads").submit(str(tmp_path), 3).result(30) == 6
    assert (tmp_path / "runs").read_text().splitlines()[-1].split()[1] == str(os.getpid())


def test_errors_costs_and_files_come_back_from_the_worker(pooled: Spot, tmp_path: Path) -> None:
    with pytest.raises(everywhere.Lost, match="no 3") as caught:
        pooled.mark(everywhere.broken)(3)
    assert "raise Lost" in str(caught.value.__cause__)
    kept = pooled.mark(errors=everywhere.Lost)(everywhere.broken)
    for _ in range(2):
        with pytest.raises(everywhere.Lost):
            kept(4)
    assert last().verdict == "hit"  # type: ignore[union-attr]
    (tmp_path / "data.txt").write_text("one")
    read = pooled.mark(everywhere.read)
    path = str(tmp_path / "data.txt")
    os.utime(path, (1, 1))
    assert [read(path), read(path)] == ["one", "one"] and last().verdict == "hit"  # type: ignore[union-attr]
    (tmp_path / "data.txt").write_text("two")
    assert read(path) == "two"
    told = pooled.mark(pooled.limiter(name="tokens", tpm=6000, cost="mean")(everywhere.tokens))
    assert told(5) == 5 and told.marked.gate.cost.estimate((6,), {}) == 7


def test_async_functions_run_in_workers_too(pooled: Spot) -> None:
    async def main() -> list[int]:
        f = pooled.mark(everywhere.later)
        return list(await asyncio.gather(f(1), f(2)))

    assert os.getpid() not in asyncio.run(main())


def test_functions_and_classes_of_a_notebook_go_by_what_they_are_now(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from dataclasses import dataclass\n"
        "from spotmagic import Spot\n"
        "@dataclass\n"
        "class Answer:\n"
        "    x: int\n"
        "    def double(self): return 2 * self.x\n"
        f"spot = Spot('s', root={str(tmp_path)!r}, executor='processes')\n"
        "exec('def ask(x): return Answer(x)')\n"
        "method = Answer.double\n"
        "def ask(x): return Answer(x)\n"
        "f = spot.mark(ask)\n"
        "assert f(1) == Answer(1) and type(f(2)) is Answer and f(2).double() == 4\n"
        "assert Answer.double is method\n"
        "def ask(x): return Answer(-x)\n"
        "assert spot.mark(ask)(1) == Answer(-1)\n"
        "print('fine')\n"
    )
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert ran.stdout == "fine\n", ran.stderr


def test_a_worker_that_died_is_replaced_and_the_call_made_again(pooled: Spot, tmp_path: Path) -> None:
    f = pooled.mark(ignore=IGNORED)(everywhere.dies)
    assert f(str(tmp_path), 5) == 5
    assert len((tmp_path / "runs").read_text().splitlines()) == 2


def test_never_twice_tells_a_lost_call_and_makes_it_again_only_when_asked(tmp_path: Path) -> None:
    with Spot("test", root=tmp_path, executor="processes", never_twice=True, retry=3) as spot:
        f = spot.mark(ignore=IGNORED)(everywhere.dies)
        with pytest.raises(JobFailed, match="may or may not have run"):
            f(str(tmp_path), 6)
        assert len((tmp_path / "runs").read_text().splitlines()) == 1
        assert f(str(tmp_path), 6) == 6


def test_an_interrupt_leaves_the_running_call_to_its_worker_and_keeps_its_result(pooled: Spot, tmp_path: Path) -> None:
    f = pooled.mark(version="1")(everywhere.told)
    folder = str(tmp_path)

    def interrupt() -> None:
        while not (tmp_path / "go").exists() and not _began(f, folder):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    everywhere_started = threading.Timer(0.3, interrupt)
    everywhere_started.start()
    with pytest.raises(KeyboardInterrupt):
        f(folder, 8)
    (tmp_path / "go").touch()
    assert f(folder, 8) == 16
    assert len((tmp_path / "runs").read_text().splitlines()) == 1


def _began(f: object, folder: str) -> bool:
    return bool(f.marked.spot.engine.flight.table)  # type: ignore[attr-defined]


def test_a_pool_of_forked_processes_is_refused_with_the_reason(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        with pytest.raises(OptionError, match="forked.*the old code would run"):
            Spot("test", root=tmp_path, executor=pool)


def test_any_executor_will_do(spot: Spot, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1, thread_name_prefix="mine") as pool:
        assert spot.mark(executor=pool)(lambda x: threading.current_thread().name)(1).startswith("mine")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        f = spot.mark(ignore=IGNORED)(everywhere.noted).using(executor=pool)
        assert f(str(tmp_path), 2) == 4


@pytest.mark.parametrize("executor", ["process", 5, object()])
def test_what_is_no_executor_is_refused_with_the_nearest(executor: object) -> None:
    with pytest.raises(OptionError, match=r"Did you mean processes|is none"):
        carrier(executor)


def test_what_cannot_be_sent_or_brought_back_is_named(pooled: Spot) -> None:
    with pytest.raises(OptionError, match="cannot run in another process"):
        pooled.mark(ignore="lock")(lambda lock: 1)(threading.Lock())
    with pytest.raises(TypeError, match="cannot be brought back"):
        pooled.mark(lambda: (i for i in "ab"))()


def test_a_batch_runs_in_workers_and_tells_of_those_that_died(spot: Spot, tmp_path: Path) -> None:
    folder = str(tmp_path)
    f = spot.mark(ignore=IGNORED)(everywhere.noted)
    batch = spot.map(f, [folder] * 6, [1, 2, 3, 1, 2, 3], executor="processes", progress=False)
    assert batch.values() == [2, 4, 6, 2, 4, 6]
    ran = [line.split() for line in (tmp_path / "runs").read_text().splitlines()]
    assert sorted(x for x, _ in ran) == ["1", "2", "3"] and str(os.getpid()) not in {pid for _, pid in ran}
    dying = spot.mark(ignore=IGNORED)(everywhere.dies)
    batch = spot.map(dying, [folder] * 2, [7, 8], executor="processes", never_twice=True, concurrency=1, progress=False)
    assert [type(one.error).__name__ for one in batch.failed] == ["JobFailed"] * 2
    again = batch.retry_failed()
    assert again.values() == [7, 8]
