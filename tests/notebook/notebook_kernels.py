"""Real kernels, and what came of a cell in one."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]


@dataclass
class Output:
    """What came of a cell: the reply's status and all that was put out, badges apart."""

    status: str
    ename: str = ""
    evalue: str = ""
    traceback: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    badge: dict[str, Any] = field(default_factory=dict)
    badge_text: str = ""

    @property
    def verdict(self) -> str:
        return self.badge.get("verdict", "none")

    @property
    def log(self) -> list[tuple[Any, ...]]:
        """The outputs in order as a page would show them, ids left out.

        Each stream is joined up to the next other output: a kernel gathers them by timers of their own, so which of the
        two comes first is up to the moment.
        """
        told: list[tuple[Any, ...]] = []
        streams: dict[str, str] = {}
        for message in [*self.messages, {"msg_type": "end", "content": {}}]:
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                streams[content["name"]] = streams.get(content["name"], "") + content["text"]
                continue
            if kind in ("display_data", "execute_result", "update_display_data", "clear_output", "end"):
                told += sorted(streams.items(), reverse=True)
                streams = {}
            if kind in ("display_data", "execute_result", "update_display_data"):
                told.append((kind, steady(content["data"])))
            elif kind == "clear_output":
                told.append((kind,))
        return told

    @property
    def text(self) -> str:
        return "".join(entry[1] if isinstance(entry[1], str) else entry[1].get("text/plain", "") for entry in self.log)


def steady(data: dict[str, Any]) -> dict[str, Any]:
    """The parts of a bundle that name nothing which is made anew in each kernel."""
    return {mime: body for mime, body in data.items() if mime != "application/vnd.jupyter.widget-view+json"}


class Kernel:
    """A real kernel with the extension loaded."""

    def __init__(self, folder: Path, env: dict[str, str], **process: Any) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(env=env, cwd=str(folder), **process)
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.run("%load_ext spotmagic")

    def run(self, code: str, timeout: float = 60) -> Output:
        """Run one cell and wait for its end."""
        messages: list[dict[str, Any]] = []
        reply = self.client.execute_interactive(code, output_hook=messages.append, timeout=timeout, allow_stdin=False)
        return collect(reply["content"], messages)

    def value(self, expression: str) -> str:
        """The repr of an expression in the kernel."""
        reply = self.client.execute_interactive(
            "", user_expressions={"it": f"({expression})"}, output_hook=lambda _: None, store_history=False, timeout=60
        )
        told = reply["content"]["user_expressions"]["it"]
        return told["data"]["text/plain"] if told["status"] == "ok" else f"{told['ename']}: {told['evalue']}"

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def collect(reply: dict[str, Any], messages: list[dict[str, Any]]) -> Output:
    """An output of a reply and the messages that came before it."""
    output = Output(
        reply["status"], reply.get("ename", ""), reply.get("evalue", ""), "\n".join(reply.get("traceback", []))
    )
    for message in messages:
        metadata = message["content"].get("metadata") or {}
        if "spotmagic" in metadata:
            output.badge, output.badge_text = metadata["spotmagic"], message["content"]["data"]["text/plain"]
        elif message["msg_type"] not in ("status", "execute_input"):
            output.messages.append(message)
    return output


def environment(home: Path) -> dict[str, str]:
    """The environment of a kernel with a home of its own, in this checkout."""
    home.mkdir(exist_ok=True)
    folders = {
        "HOME": "",
        "XDG_DATA_HOME": "data",
        "IPYTHONDIR": "ipython",
        "JUPYTER_DATA_DIR": "jupyter",
        "MPLCONFIGDIR": "mpl",
    }
    own = {name: str(home / folder) for name, folder in folders.items()}
    env = {**os.environ, **own, "PYTHONPATH": str(ROOT), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    for name in list(env):
        if name.startswith("SPOTMAGIC_") or name == "PYTEST_CURRENT_TEST":
            del env[name]
    return env
