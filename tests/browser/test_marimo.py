"""The panel in marimo: as an app, and in its editor."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import free_port
from playwright.sync_api import Page, expect

from spotmagic import Spot

from .audit import contrasts
from .lab import READY

pytestmark = pytest.mark.browser

BOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    import spotmagic

    spot = spotmagic.Spot("demo")
    return mo, spot


@app.cell
def _(spot):
    @spot.mark(price=0.01)
    def ask(question):
        return question.upper()

    for question in ["one", "two", "two"]:
        ask(question)
    return


@app.cell
def _(mo, spot):
    mo.ui.anywidget(spot.panel())
    return
"""
SETTINGS = '[tool.marimo.runtime]\nauto_instantiate = true\n[tool.marimo.display]\ntheme = "dark"\n'

Serve = Callable[[str], str]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves the notebook by a command of marimo, and gives its address."""
    running: list[subprocess.Popen[bytes]] = []

    def serve(command: str) -> str:
        (tmp_path / "book.py").write_text(BOOK)
        (tmp_path / "pyproject.toml").write_text(SETTINGS)
        port = free_port()
        place = ["--headless", "--no-token", "--host=127.0.0.1", f"--port={port}"]
        with (tmp_path / "marimo.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "marimo", "-y", command, "book.py", *place],
                cwd=tmp_path,
                env={**os.environ, "MARIMO_SKIP_UPDATE_CHECK": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        running.append(process)
        address = f"http://127.0.0.1:{port}"
        for _ in range(READY * 5):
            try:
                with urllib.request.urlopen(f"{address}/health", timeout=5):
                    return address
            except OSError:
                assert process.poll() is None, (tmp_path / "marimo.log").read_text()
                time.sleep(0.2)
        raise RuntimeError((tmp_path / "marimo.log").read_text())

    yield serve
    for process in running:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.mark.parametrize("command", ["run", "edit"])
def test_a_result_is_seen_and_thrown_away(serve: Serve, page: Page, tmp_path: Path, shots: Any, command: str) -> None:
    page.goto(serve(command))
    panel = page.locator("section.panel")
    expect(panel).to_be_visible(timeout=READY * 1000)
    expect(panel.get_by_label("Totals")).to_contain_text("1 hit, 2 runs")
    rows = panel.locator("tbody tr")
    expect(rows).to_have_count(2)
    shots(page, f"marimo-{command}")
    rows.filter(has_text="TWO").locator(".link").click()
    expect(panel.get_by_label("Preview")).to_contain_text("TWO")
    panel.get_by_role("button", name="Forget…").click()
    panel.get_by_role("alertdialog").get_by_role("button", name="Forget").click()
    expect(panel).to_contain_text("1 result forgotten")
    expect(rows).to_have_count(1)
    with Spot("demo", root=tmp_path / ".spotmagic") as spot:
        assert [row.name for row in spot.entries()] == ["ask"]
        spot.mark(price=0.5)(len)("from another process")
    expect(panel.get_by_label("Totals")).to_contain_text("$0.52")
    assert contrasts(page)["low"] == []
    red, *_ = map(int, re.findall(r"\d+", panel.evaluate("node => getComputedStyle(node).backgroundColor")))
    assert red < 60, "marimo is dark here"
