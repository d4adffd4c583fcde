"""Shells in this process for quick questions, real kernels for the rest."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from notebook_kernels import Kernel, environment
from traitlets.config import Config


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A fresh shell of this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    made = InteractiveShell.instance(config=config)
    made.run_line_magic("colors", "nocolor")
    with made.builtin_trap, made.display_trap:
        yield made
    if "spotmagic" in made.extension_manager.loaded:
        made.extension_manager.unload_extension("spotmagic")
    made.restore_sys_module_state()
    InteractiveShell.clear_instance()
    atexit.unregister(made.atexit_operations)  # else all shells of a run live on, and are reset one by one at its end


@pytest.fixture
def start(tmp_path: Path, own_home: Path) -> Iterator[Callable[..., Kernel]]:
    """Starts kernels in one folder; they end with the test."""
    kernels: list[Kernel] = []

    def new(**env: str) -> Kernel:
        kernels.append(Kernel(tmp_path, {**environment(own_home), **env}))
        return kernels[-1]

    yield new
    for kernel in kernels:
        kernel.close()


@pytest.fixture
def run(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """Runs a cell in the shell of this process and gives what it printed."""

    def cell(code: str) -> str:
        capsys.readouterr()
        shell.run_cell(code, store_history=True)
        return capsys.readouterr().out

    return cell
