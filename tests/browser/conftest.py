"""Real browsers: run in a pytest process of their own (``pytest -m browser``)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from .lab import Lab, Notebook
from .site import Site

expect.set_options(timeout=20_000)  # a busy machine draws late; what is wrong stays wrong

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]

Open = Callable[..., Notebook]


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("chromium is not installed")
    return {"executable_path": chromium, "headless": True, "args": FLAGS}


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    return {"viewport": {"width": 1200, "height": 1000}}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.stop()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


@pytest.fixture
def notebook(lab: Lab, page: Any, request: pytest.FixtureRequest) -> Open:
    """Opens a notebook of the given cells, each in a folder of its own."""

    def open_notebook(*cells: str, at: str = "lab/tree") -> Notebook:
        folder = request.node.name.replace("[", "-").replace("]", "")
        (lab.root / folder).mkdir(exist_ok=True)
        name = f"{folder}/panel.ipynb"
        lab.write(name, list(cells))
        return Notebook(lab, page, name, at)

    return open_notebook


@pytest.fixture
def shots() -> Callable[[Any, str], None]:
    """Saves pictures to look at, when SPOTMAGIC_SHOTS names a folder."""
    folder = os.environ.get("SPOTMAGIC_SHOTS")

    def shot(what: Any, name: str) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            what.screenshot(path=Path(folder) / f"{name}.png")

    return shot
