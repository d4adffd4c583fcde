"""A JupyterLab of the tests' own, and a page of it to drive."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import nbformat
from loopback import free_port
from playwright.sync_api import Locator, Page

READY = 60  # seconds for a server or kernel to come up on a busy machine

OPTIONS = (
    "--no-browser",
    "--allow-root",
    "--ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--ServerApp.terminals_enabled=False",
    "--LabApp.expose_app_in_browser=True",
    "--JupyterNotebookApp.expose_app_in_browser=True",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)


def maintain(panel: Locator, name: str) -> None:
    """Choose something in the panel's menu of what is done seldom."""
    panel.get_by_role("button", name="Maintenance").click()
    panel.get_by_role("button", name=name, exact=True).click()


class Lab:
    """A server on loopback with every folder of Jupyter in one place: nothing of the machine is read or written."""

    def __init__(self, home: Path) -> None:
        self.root = home / "work"
        self.root.mkdir(parents=True)
        self.token = secrets.token_hex(16)
        self.port = free_port()
        settings = home / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
        folders = {
            "HOME": "", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython", "JUPYTERLAB_SETTINGS_DIR": "lab/user-settings", "MPLCONFIGDIR": "mpl",
            "JUPYTERLAB_WORKSPACES_DIR": "lab/workspaces", "XDG_DATA_HOME": "xdg/data", "XDG_STATE_HOME": "xdg/state",
            "XDG_CONFIG_HOME": "xdg/config", "XDG_CACHE_HOME": "xdg/cache", "XDG_RUNTIME_DIR": "xdg/runtime",
        }  # fmt: skip
        env = {
            **os.environ,
            **{name: str(home / folder) for name, folder in folders.items()},
            "JUPYTER_TOKEN": self.token,
        }
        self._log = (home / "server.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *OPTIONS, f"--port={self.port}", f"--ServerApp.root_dir={self.root}"],
            env=env,
            cwd=self.root,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._await(home / "server.log")

    def _await(self, log: Path) -> None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/status", headers={"Authorization": f"token {self.token}"}
        )
        for _ in range(READY * 5):
            try:
                with urllib.request.urlopen(request, timeout=5):
                    return
            except OSError:
                if self._process.poll() is not None:
                    break
                time.sleep(0.2)
        raise RuntimeError(f"JupyterLab did not come up:\n{log.read_text()[-4000:]}")

    def close(self) -> None:
        """End the server and its kernels."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()

    def write(self, name: str, cells: list[str]) -> None:
        """Put a notebook of these cells into the server's folder."""
        book = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(book, self.root / name)

    def read(self, name: str) -> Any:
        """The notebook as it was saved."""
        return nbformat.read(self.root / name, as_version=4)


class Notebook:
    """A notebook open in a page."""

    def __init__(self, lab: Lab, page: Page, name: str, at: str = "lab/tree") -> None:
        self.page, self.name = page, name
        page.goto(f"http://127.0.0.1:{lab.port}/{at}/{name}?reset&token={lab.token}")
        self.ready()

    def ready(self) -> None:
        """Wait until the kernel of the notebook is idle."""
        self.page.wait_for_function(
            """() => {
                const app = window.jupyterapp;
                const kernel = app?.shell?.currentWidget?.context?.sessionContext?.session?.kernel;
                return kernel && kernel.status === "idle" && kernel.connectionStatus === "connected";
            }""",
            timeout=READY * 1000,
        )

    def command(self, name: str, args: dict[str, Any] | None = None, *, wait: bool = True) -> None:
        """Run a command of the application."""
        run = "([name, args]) => window.jupyterapp.commands.execute(name, args)"
        self.page.evaluate(run if wait else run.replace("=> ", "=> void "), [name, args or {}])

    def run_all(self, *, wait: bool = True) -> None:
        """Run every cell."""
        self.command("notebook:run-all-cells", wait=wait)

    def run(self, index: int, *, wait: bool = True) -> None:
        """Run one cell. It is made the active one first, as a click in an output moves that."""
        self.page.evaluate("index => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = index; }", index)
        self.command("notebook:run-cell", wait=wait)

    def theme(self, name: str) -> None:
        """Change the theme of the application."""
        self.command("apputils:change-theme", {"theme": name})

    def save(self) -> None:
        """Write the notebook to its file."""
        self.command("docmanager:save")

    def ask(self, expression: str) -> Any:
        """The value of a Python expression in the kernel, by way of JSON."""
        answer = self.page.evaluate(
            """async (expression) => {
                const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
                const wish = {code: "", user_expressions: {answer: expression}, store_history: false};
                const future = kernel.requestExecute(wish);
                return (await future.done).content.user_expressions.answer;
            }""",
            f"__import__('json').dumps({expression})",
        )
        assert answer["status"] == "ok", answer
        return json.loads(eval(answer["data"]["text/plain"]))  # noqa: S307 - a repr of our own kernel

    @property
    def panel(self) -> Locator:
        """The live panel."""
        return self.page.locator("section.panel")
