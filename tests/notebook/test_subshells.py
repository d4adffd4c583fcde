"""Cells that run at once in the subshells of one kernel (ipykernel 7): each keeps what is its own."""

# ruff: noqa: E501
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ipykernel
import pytest
from notebook_kernels import Kernel, Output, collect

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(ipykernel.version_info[0] < 7, reason="subshells came with ipykernel 7"),
]

SETUP = """import threading, sys
from IPython.display import display, HTML, clear_output
barrier = threading.Barrier(2, timeout=30)
def meet(): barrier.wait()"""

# Each cell waits for the other between its outputs, so that they are surely under way together.
PAIRS = {
    "prints and values": (
        "meet()\nprint('one')\nx = [1]\nmeet()\nprint('still one')\nmeet()",
        "meet()\nprint('two')\nmeet()\ny = [2]\nprint('still two', file=sys.stderr)\nmeet()",
        ("x", "y"),
    ),
    "displays": (
        "meet()\ndisplay(HTML('<b>one</b>'))\nmeet()\nh = display('a', display_id=True)\nh.update('one')\nmeet()\nx = 1\ndel h",
        "meet()\nmeet()\ndisplay(HTML('<b>two</b>'))\nmeet()\ny = 2",
        ("x", "y"),
    ),
    "a cleared output": (
        "meet()\nprint('one')\nmeet()\nmeet()\nx = 1",
        "meet()\nprint('gone')\nmeet()\nclear_output()\nprint('two')\nmeet()\ny = 2",
        ("x", "y"),
    ),
    "an awaiting cell": (
        "import asyncio\nawait asyncio.to_thread(meet)\nprint('one')\nawait asyncio.to_thread(meet)\nx = 1",
        "meet()\nprint('two')\nmeet()\ny = 2",
        ("x", "y"),
    ),
}  # fmt: skip


def at_once(kernel: Kernel, *cells: str) -> list[Output]:
    """What came of cells that were sent together: the first to the main shell, each other to a subshell of its own."""
    client, sent = kernel.client, {}
    for cell in cells:
        message = client.session.msg("execute_request", {"code": cell, "silent": False, "store_history": True})
        if sent:
            message["header"]["subshell_id"] = subshell(kernel)
        client.shell_channel.send(message)
        sent[message["header"]["msg_id"]] = cell
    replies: dict[str, Any] = {}
    idle: set[str] = set()
    heard: dict[str, list[dict[str, Any]]] = {name: [] for name in sent}
    end = time.monotonic() + 60
    while len(replies) < len(sent) or idle != sent.keys():
        assert time.monotonic() < end, (replies, idle)
        if client.shell_channel.msg_ready():
            message = client.get_shell_msg(timeout=5)
            replies[message["parent_header"]["msg_id"]] = message["content"]
        if client.iopub_channel.msg_ready():
            message = client.get_iopub_msg(timeout=5)
            name = message["parent_header"].get("msg_id")
            if name in heard:
                heard[name].append(message)
                if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                    idle.add(name)
        client.iopub_channel.socket.poll(5)
    return [collect(replies[name], heard[name]) for name in sent]


def subshell(kernel: Kernel) -> str:
    client = kernel.client
    message = client.session.msg("create_subshell_request", {})
    client.control_channel.send(message)
    reply = client.get_control_msg(timeout=30)
    assert reply["content"]["status"] == "ok", reply
    made: str = reply["content"]["subshell_id"]
    return made


def test_cells_in_two_subshells_keep_and_give_their_own(start: Callable[..., Kernel]) -> None:
    plain, first, second = start(), start(), start()
    for kernel in (plain, first, second):
        assert kernel.run(SETUP).status == "ok"
    for name, (*pair, values) in PAIRS.items():
        told = at_once(plain, *pair)
        under = [f"%%spot ignore=meet,barrier\n{cell}" for cell in pair]
        ran = at_once(first, *under)
        assert [(one.status, one.verdict) for one in ran] == [("ok", "ran")] * 2, (name, [one.traceback for one in ran])
        for _ in range(20):  # one that ends a moment before the other has the other not kept, which is told
            lost = [one.badge_text for one in ran if not one.badge["stored"]]
            if not lost:
                break
            assert all("another cell ended while it ran" in text for text in lost), (name, lost)
            ran = at_once(first, *(cell.replace("%%spot", "%%spot refresh") for cell in under))
        assert not lost, name
        hits = at_once(second, *under)
        assert [one.verdict for one in hits] == ["hit"] * 2, (name, [one.badge_text for one in hits])
        assert [one.log for one in ran] == [one.log for one in told], name
        assert [settled(one) for one in hits] == [settled(one) for one in told], name
        for kernel in (first, second):
            assert [kernel.value(one) for one in values] == [plain.value(one) for one in values], name


def test_what_is_put_out_after_the_other_cell_ended_is_never_lost(start: Callable[..., Kernel]) -> None:
    """IPython puts back the stream that it found when a cell ends, whoever writes to it."""
    first, second = start(), start()
    body = "meet()\nprint('one')\nwhile 'ended' not in globals(): time.sleep(0.01)\nprint('after')\nx = 1"
    for kernel in (first, second):
        kernel.run(SETUP + "\nimport time\ndef end(*_): globals().update(ended=True)")
        watch = "get_ipython().events.register('post_run_cell', end)"
        outs = at_once(kernel, f"%%spot ignore=meet,barrier,ended,end\n{body}", f"meet()\nprint('two')\n{watch}")
        assert [one.status for one in outs] == ["ok", "ok"], [one.traceback for one in outs]
        assert [one.log for one in outs] == [[("stdout", "one\nafter\n")], [("stdout", "two\n")]]
        assert outs[0].badge["stored"] is False
        kernel.run("get_ipython().events.unregister('post_run_cell', end)\ndel ended")


def settled(output: Output) -> list[Any]:
    """The log as it looks at the end: updates in their places, cleared outputs gone."""
    log = output.log
    if ("clear_output",) in log:
        log = log[log.index(("clear_output",)) + 1 :]
    updates = [event[1] for event in log if event[0] == "update_display_data"]
    shown = [event for event in log if event[0] != "update_display_data"]
    return [*shown[: -len(updates)], *(("display_data", one) for one in updates)] if updates else shown
