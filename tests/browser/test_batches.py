"""Batches in JupyterLab: one display that is updated in place; their place in the panel, and that of jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from .audit import audit, auditor
from .lab import Notebook

pytestmark = pytest.mark.browser

SETUP = """
import time
from spotmagic import Spot, Retry, running
spot = Spot("batches")
go = []

@spot.mark(price=0.002, version="1", ignore="go")
def summarise(text):
    time.sleep(0.01)
    if len(text) % 13 == 0: raise ValueError(f"{text!r} has no meaning")
    while len(text) == 30 and not go: time.sleep(0.05)
    return text.upper()

@spot.mark(version="1")
def train(steps):
    for step in range(1, steps + 1):
        running().progress(step, 4, "epochs")
        while step == 3: running().progress(step, 4, "epochs"); time.sleep(0.05)
        if steps == 2: raise ValueError("the learning rate is too high")

texts = ["x" * n for n in range(60)]
done = spot.map(summarise, texts[:25])
"""


def test_the_display_of_a_batch_is_one_and_the_panel_steers_batches_and_jobs(
    notebook: Callable[..., Notebook], shots: Callable[[Any, str], None]
) -> None:
    book = notebook(SETUP, "run = spot.map(summarise, texts, background=True, name='nightly')", "spot.panel()")
    book.run_all()
    page: Any = book.page
    first, second = (page.locator("[role=status]", has_text=word) for word in ("summarise", "nightly"))
    expect(first).to_contain_text("25 of 25 · done · 2 failed")
    expect(second).to_contain_text("1 running")
    expect(second).to_contain_text("23 cached")
    panel = book.panel
    panel.get_by_role("tab", name="Batches").click()
    row = panel.locator("li", has_text="nightly")
    row.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("paused")
    expect(row).to_contain_text("1 running · $0.062 paid · $0.046 saved")
    expect(second).to_contain_text("$0.062 paid · $0.046 saved")  # and not set as mathematics
    outputs = page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea-output")
    expect(outputs).to_contain_text("nightly")
    shots(page, "batch running")
    row.get_by_role("button", name="Resume").click()
    book.ask("go.append(1)")
    expect(second).to_contain_text("60 of 60 · done")
    expect(row).to_contain_text("60 of 60 · done")
    assert second.count() == 1
    row.get_by_role("button", name="Show 5 failed inputs").click()
    row.locator("summary").first.click()
    expect(row.locator("pre").first).to_contain_text("has no meaning")
    shots(page, "batch done")
    book.ask("[train.submit(steps) for steps in (2, 4)] and None")
    panel.get_by_role("tab", name="Jobs").click()
    going, failed = (panel.locator("li", has_text=word) for word in ("3 of 4", "failed"))
    expect(going).to_contain_text("3 of 4 · epochs")
    failed.locator("summary").click()
    expect(failed.locator("pre")).to_contain_text("in train")
    auditor(page)
    assert audit(page) == []
    shots(panel, "jobs-light")
    going.get_by_role("button", name="Cancel").click()
    expect(panel.locator("li", has_text="cancelled")).to_be_visible()
