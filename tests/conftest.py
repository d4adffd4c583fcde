"""Every test has a home of its own: no secret, limit or cache of the machine is touched."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest


def pytest_configure() -> None:
    """Interrupts arrive, also where the suite runs in the background of a shell, which has them ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path_factory.mktemp("home")
    for name, folder in {
        "HOME": "", "XDG_DATA_HOME": "data", "XDG_STATE_HOME": "state", "XDG_CONFIG_HOME": "config",
        "XDG_CACHE_HOME": "cache", "IPYTHONDIR": "ipython", "JUPYTER_DATA_DIR": "jupyter",
        "JUPYTER_RUNTIME_DIR": "runtime", "MPLCONFIGDIR": "mpl",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(home / folder))
    for name in ("ROOT", "MODE", "OFF", "KEYS"):
        monkeypatch.delenv(f"SPOTMAGIC_{name}", raising=False)
    return home
