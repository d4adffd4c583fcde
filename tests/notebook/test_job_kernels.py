"""Real kernels (row A7, trap 10): a detached job lives over an interrupt and a restart, and is found again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from notebook_kernels import Kernel, environment

pytestmark = pytest.mark.kernel

DEFINE = """
import pathlib, time
from spotmagic import Spot, running
spot = Spot("jobs")

@spot.mark(ignore="*go,*runs")
def work(folder, n):
    i = 0
    while not (pathlib.Path(folder) / "go").exists():
        running().progress(i, n, "waiting")
        print("step", i)
        time.sleep(0.01)
        i += 1
    with open(pathlib.Path(folder) / "runs", "a") as out:
        out.write("ran")
    return n + 1
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path, environment(tmp_path))
    yield kernel
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)


def test_a_detached_job_lives_over_an_interrupt_and_a_restart(kernel: Kernel, tmp_path: Path) -> None:
    submit = f"job = work.using(detached=True).submit({str(tmp_path)!r}, 41)"
    assert kernel.run(DEFINE + submit).status == "ok"
    kernel.run("while job.progress is None: time.sleep(0.01)")
    kernel.manager.interrupt_kernel()
    assert "'RUNNING'" in kernel.run("job.status").text
    kernel.manager.restart_kernel(now=True)
    kernel.client.wait_for_ready(timeout=60)
    found = kernel.run(DEFINE + f"job = spot.job(work, {str(tmp_path)!r}, 41)\njob.status, job.progress.total")
    assert "('RUNNING', 41)" in found.text, found.text
    (tmp_path / "go").touch()
    assert "42" in kernel.run("job.result(60)").text
    assert "True" in kernel.run("'step 3' in job.log()").text
    assert "42" in kernel.run(f"work({str(tmp_path)!r}, 41)").text
    assert (tmp_path / "runs").read_text() == "ran"


def test_what_a_job_in_a_thread_prints_does_not_reach_the_cell(kernel: Kernel) -> None:
    said = kernel.run(
        "from spotmagic import Spot\nspot = Spot('jobs')\n"
        "def talk(x):\n    print('from the job')\n    return x\n"
        "job = spot.submit(talk, 1)\nprint('from the cell')\nprint(job.result(30))"
    )
    assert said.text == "from the cell\n1\n"
    assert "from the job" in kernel.run("job.log()").text
