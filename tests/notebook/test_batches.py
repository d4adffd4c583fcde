"""Batches in real kernels: interrupted, paused from another cell, awaited while messages come, killed, and saved."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import ipykernel
import nbformat
import pytest
from nbclient import NotebookClient
from notebook_kernels import ROOT, Kernel, environment
from waiting import soon

SETUP = """
import asyncio, threading, time
from spotmagic import Spot, Retry
spot = Spot("batches")
asked = []

@spot.mark(version="1", ignore="asked")
def ask(x):
    asked.append(x)
    time.sleep(0.02)
    return x * 2
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("batches")
    started = Kernel(folder, environment(folder / "home"))
    assert started.run(SETUP).status == "ok"
    yield started
    started.close()


def interrupted(kernel: Kernel, code: str, when: Callable[[], bool]) -> tuple[dict, list[dict], float]:
    """Run a cell, interrupt it when something is so, and tell its reply, its messages and the seconds it took."""
    client, messages = kernel.client, []
    sent = client.execute(code)
    assert soon(when)
    at = time.monotonic()
    kernel.manager.interrupt_kernel()
    while True:
        reply = client.get_shell_msg(timeout=30)
        if reply["parent_header"].get("msg_id") == sent:
            break
    took = time.monotonic() - at
    while True:
        message = client.get_iopub_msg(timeout=30)
        if message["parent_header"].get("msg_id") != sent:
            continue
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return reply["content"], messages, took
        messages.append(message)


def test_an_interrupt_keeps_what_is_done_and_the_next_run_asks_the_rest(kernel: Kernel, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"""
def source():
    for x in range(300):
        if x == 100: open({str(mark)!r}, "w").close()
        yield x
batch = spot.map(ask, source())
"""
    reply, messages, took = interrupted(kernel, code, mark.exists)
    assert reply["status"] == "error" and reply["ename"] == "KeyboardInterrupt"
    assert took < 5  # a second on a quiet machine
    shown = [m["content"]["data"]["text/plain"] for m in messages if "data" in m["content"]]
    assert "interrupted" in shown[-1] and "run it again to ask only the rest" in shown[-1]
    kernel.run("before = len(asked)")
    after = kernel.run("batch = spot.map(ask, range(300)); print(batch.values() == [2 * x for x in range(300)])")
    assert after.status == "ok" and "True" in after.text
    assert kernel.value("sorted(asked) == list(range(300))") == "True", "none was asked twice"
    assert kernel.value("batch.progress.cached >= 90") == "True"


def test_an_interrupt_during_a_pause_between_attempts_returns_at_once(kernel: Kernel, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"""
def busy(x):
    open({str(mark)!r}, "w").close()
    raise TimeoutError("busy")
spot.map(busy, range(5), retry=Retry(5, wait=600))
"""
    reply, _, took = interrupted(kernel, code, mark.exists)
    assert reply["ename"] == "KeyboardInterrupt" and took < 5
    assert soon(lambda: kernel.value("spot.batches()[0].running + spot.batches()[0].retrying") == "0")


def test_an_interrupt_while_calls_wait_for_a_limit_gives_their_places_back(kernel: Kernel, tmp_path: Path) -> None:
    """One call a minute: the others stand in the queue, and none of them stays there or is made later."""
    mark = tmp_path / "mark"
    code = f"""
made = []
@spot.mark(version="1", ignore="made")
@spot.limiter(name="slow", rpm=1)
def rare(x):
    made.append(x)
    open({str(mark)!r}, "w").close()
    return x
spot.map(rare, range(20))
"""
    reply, messages, took = interrupted(kernel, code, mark.exists)
    assert reply["ename"] == "KeyboardInterrupt" and took < 5
    assert soon(lambda: kernel.value("spot.batches()[0].running or spot.batches()[0].waiting") in ("0", "{}"))
    assert kernel.value("spot.limits['slow'].state().wait < 61 and len(made)") == "1"


def test_an_interrupted_await_keeps_what_is_done(kernel: Kernel, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"""
@spot.mark(version="1")
async def aask(x):
    await asyncio.sleep(0.02)
    if x == 40: open({str(mark)!r}, "w").close()
    return x
batch = await spot.amap(aask, range(500), concurrency=4)
"""
    reply, messages, took = interrupted(kernel, code, mark.exists)
    assert reply["status"] == "error" and reply["ename"] in ("CancelledError", "KeyboardInterrupt") and took < 5
    shown = [m["content"]["data"]["text/plain"] for m in messages if "data" in m["content"]]
    assert "interrupted" in shown[-1]
    kernel.run("again = await spot.amap(aask, range(60))")
    assert kernel.value("again.progress.cached >= 40 and again.values() == list(range(60))") == "True"


def test_a_batch_is_paused_looked_at_resumed_and_stopped_from_other_cells(kernel: Kernel) -> None:
    kernel.run("run = spot.map(ask, range(1000, 1400), background=True, concurrency=4)")
    assert soon(lambda: kernel.value("run.progress.done > 10") == "True")
    kernel.run("run.pause()")
    assert soon(lambda: kernel.value("run.progress.running") == "0")
    done = kernel.value("run.progress.done")
    assert kernel.value("run.status") == "'paused'"
    kernel.run("time.sleep(0.2)")
    assert kernel.value("run.progress.done") == done, "nothing new while it is paused"
    kernel.run("run.resume()")
    assert soon(lambda: kernel.value(f"run.progress.done > {done}") == "True")
    kernel.run("run.stop()")
    assert kernel.value("run.wait(30) and run.status") == "'stopped'"
    assert kernel.value("len(list(run)) == run.progress.done < 400") == "True"


def test_another_kernel_pauses_and_stops_it_through_its_folder(kernel: Kernel) -> None:
    kernel.run("run = spot.map(ask, range(2000, 2800), background=True, concurrency=2)")
    assert soon(lambda: kernel.value("run.progress.done > 5") == "True")
    folder = Path(kernel.value("str(run.folder)").strip("'"))
    (folder / "word").write_text("pause")
    assert soon(lambda: kernel.value("run.status") == "'paused'")
    (folder / "word").write_text("stop")
    assert soon(lambda: kernel.value("run.status") == "'stopped'")


def test_prints_of_calls_in_the_background_go_to_the_log_and_to_no_cell(kernel: Kernel) -> None:
    kernel.run(
        "go = threading.Event()\n"
        "@spot.mark(version='1', ignore='go')\n"
        "def talk(x):\n"
        "    go.wait()\n"
        "    print('said', x, end='')\n"
        "    return x\n"
        "run = spot.map(talk, range(3), background=True, progress=False)"
    )
    out = kernel.run("go.set(); run.wait(30); print('the cell itself')")
    assert out.text == "the cell itself\n"
    assert kernel.value("sorted(line['printed'] for line in run.log() if 'printed' in line)") == (
        "['said 0', 'said 1', 'said 2']"
    )
    out = kernel.run("spot.map(talk, range(5, 7), concurrency=1, progress=False);")
    assert "said 5" in out.text and "said 6" in out.text, "in the foreground they are the cell's"


@pytest.mark.skipif(ipykernel.version_info[0] < 7, reason="ipykernel 6 answers no message before a cell has ended")
def test_messages_are_answered_while_amap_is_awaited(kernel: Kernel) -> None:
    """A button of a widget is a comm message: it is handled while the cell awaits."""
    kernel.run(
        "from comm import create_comm, get_comm_manager\n"
        "clicks = []\n"
        "def opened(comm, _):\n    comm.on_msg(lambda message: clicks.append(1))\n"
        "get_comm_manager().register_target('button', opened)\n"
        "async def slow(x):\n"
        "    while not clicks: await asyncio.sleep(0.01)\n"
        "    return x\n"
    )
    client = kernel.client
    sent = client.execute("batch = await spot.amap(spot.mark(version='1', ignore='clicks')(slow), range(20))")
    session, channel = client.session, client.shell_channel
    channel.send(session.msg("comm_open", {"comm_id": "b1", "target_name": "button", "data": {}}))
    channel.send(session.msg("comm_msg", {"comm_id": "b1", "data": {}}))
    reply = client.get_shell_msg(timeout=30)
    while reply["parent_header"].get("msg_id") != sent:
        reply = client.get_shell_msg(timeout=30)
    assert reply["content"]["status"] == "ok"
    assert kernel.value("batch.values() == list(range(20))") == "True"


def test_a_client_of_the_notebooks_loop_is_used_in_it(kernel: Kernel) -> None:
    out = kernel.run(
        "here = asyncio.get_running_loop()\n"
        "async def which(x):\n    return asyncio.get_running_loop() is here\n"
        "print((await spot.amap(spot.mark(version='1', ignore='here')(which), range(3))).values())\n"
        "print(spot.map(spot.mark(version='2', ignore='here')(which), range(3)).values())"
    )
    assert "[True, True, True]" in out.text and "[False, False, False]" in out.text


def test_a_killed_process_loses_nothing_and_its_failures_are_found(tmp_path: Path) -> None:
    """kill -9 in the middle: the next process asks what is missing, and knows what had failed."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys, time\n"
        "from spotmagic import Spot\n"
        "spot = Spot('killed', root=sys.argv[1])\n"
        "@spot.mark(price=1.0)\n"
        "def ask(x):\n"
        "    with open(sys.argv[2], 'a') as file: file.write(f'{x}\\n')\n"
        "    if x % 10 == 3: raise ValueError('three')\n"
        "    time.sleep(0.01)\n"
        "    return x\n"
        "if 'AGAIN' in os.environ:\n"
        "    print(spot.batches()[0].status, sorted(one.input for one in spot.failed('ask')))\n"
        "batch = spot.map(ask, range(100), concurrency=4)\n"
        "print(batch.progress.cached, len(batch.failed))\n"
    )
    log = tmp_path / "log"
    env = environment(tmp_path / "home")
    command = [sys.executable, str(script), str(tmp_path / "root"), str(log)]
    process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert soon(lambda: log.exists() and len(log.read_text().splitlines()) > 40)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = [int(line) for line in log.read_text().split()]
    again = {**env, "AGAIN": "1"}
    out = subprocess.run(command, env=again, cwd=ROOT, capture_output=True, text=True, timeout=60)
    status, failed = out.stdout.splitlines()[0].split(" ", 1)
    cached, failures = map(int, out.stdout.splitlines()[1].split())
    assert status == "lost", out.stderr
    assert failures == 10 and set(json.loads(failed)) <= {x for x in range(100) if x % 10 == 3}
    assert len(json.loads(failed)) >= len([x for x in before if x % 10 == 3]) - 4
    assert cached >= len([x for x in before if x % 10 != 3]) - 4, "what had returned was kept"


def test_a_saved_notebook_shows_the_final_counts(tmp_path: Path) -> None:
    """In html and in Markdown, as the last state of the one display is what is saved."""
    from nbconvert import HTMLExporter, MarkdownExporter

    code = "from spotmagic import Spot\nspot = Spot('saved')\nspot.map(lambda x: 1 // x, [0, *range(1, 40)]);"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    home = environment(tmp_path / "home")
    old = dict(os.environ)
    os.environ.update(home)
    try:
        NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).execute()
    finally:
        os.environ.clear()
        os.environ.update(old)
    for exporter in (HTMLExporter(), MarkdownExporter()):
        text, _ = exporter.from_notebook_node(notebook)
        assert "40 of 40" in text and "1 failed" in text
    shown = [one for one in notebook.cells[0].outputs if one.output_type == "display_data"]
    assert len(shown) == 1 and shown[0].data["text/plain"].startswith("spot: <lambda>: 40 of 40 · done · 1 failed")
