"""What did I spend, what is running, what is paid for again and again: each seen at once, or after one click."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Page, expect

from .audit import audit, auditor, contrasts, overflows
from .conftest import Open
from .lab import Lab
from .site import Site

pytestmark = pytest.mark.browser

# A few days of a notebook, as its store tells it.
DAYS = """
import time
from spotmagic import Spot
from spotmagic.codecs import encode
from spotmagic.store.entry import Entry, Part
from spotmagic.store.record import Run

kept, now = encode("kept"), time.time()
with Spot("demo") as spot:
    for n in range(60):
        name, ago = f"lab.{('ask', 'summarise', 'embed')[n % 3]}", 300 + (n * n) % 4300 * (60 if n % 2 else 130)
        spot.store.put(Entry(
            key=n.to_bytes(16, "big"), name=name, kind="function", reason="first run", created=now - ago, seconds=2.5,
            waited=1.5 if n % 4 == 0 else 0.0, price=0.04, code=b"c" * 16, inputs={"text": n.to_bytes(16, "big")},
            parts=(Part("value", kept.codecs, kept.head, kept.buffers),),
        ), run=True)
        for _ in range(n % 5):
            spot.store.hit(n.to_bytes(16, "big"), 2.5, 0.04)
    for n in range(3):
        spot.store.ran(Run(
            bytes(16), "lab.chat", reason="first run; not stored: changed `llm`", started=now - 60 + 9 * n,
            seconds=4.0, price=0.5, stored=False,
        ))
    spot.store.ran(Run(
        bytes(16), "lab.ask", reason="", started=now - 30, seconds=1.0, stored=False, error="ValueError: no answer",
    ))
"""


def test_what_was_spent_is_seen_at_once_and_over_a_week_after_one_click(tmp_path: Path, page: Page, shots: Any) -> None:
    site = Site(tmp_path, DAYS)
    try:
        page.goto(site.address)
        auditor(page)
        panel = page.locator("section.panel")
        expect(panel.get_by_label("Totals")).to_contain_text("Paid$3.90")
        expect(panel.get_by_label("Health")).to_contain_text("lab.chat is never kept: it changes llm3 runs, $1.50")
        expect(panel.get_by_role("img", name="Saved and paid by hour")).to_be_visible()
        panel.get_by_role("button", name="7 days").click()
        expect(panel.get_by_role("img", name="Saved and paid by day")).to_be_visible()
        days = panel.get_by_role("table", name="Saved and paid by day")
        expect(days.get_by_role("row")).to_have_count(8)
        assert audit(page) == []
        shots(page, "spent")
        panel.get_by_role("tab", name="Runs").click()
        runs = panel.get_by_role("table", name="The latest calls")
        expect(runs).to_contain_text("ValueError: no answer")
        expect(runs.get_by_role("rowheader").first).to_contain_text("3 ran, 1 failed")
        assert audit(page) == []
        shots(page, "runs")
        panel.get_by_role("tab", name="Functions").click()
        panel.get_by_role("button", name="More about lab.chat").click()
        expect(panel).to_contain_text("3 not kept")
        assert audit(page) == []
        shots(page, "functions")
        for width, scheme in ((400, "light"), (320, "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            for view, cost in (("Functions", "$1.50"), ("Runs", "$0.50")):
                panel.get_by_role("tab", name=view).click()
                expect(panel.locator("tbody").filter(has_text=cost).first).to_be_visible()
                shots(page, f"{view}-{width}-{scheme}")
                assert overflows(page) == []
                assert contrasts(page)["low"] == []
    finally:
        site.stop()


SLOW = """
import pathlib, time
import spotmagic
spot = spotmagic.Spot("demo")

@spot.mark(price=0.5, ignore="*enough")
def train(epochs):
    while not pathlib.Path("enough").exists():
        time.sleep(0.05)
    return epochs
"""


def test_what_runs_is_seen_without_a_click_while_it_does(notebook: Open, lab: Lab, shots: Any) -> None:
    """In the notebook itself, whose kernel is busy with it; and its hit is never shown as older than its run."""
    book = notebook(SLOW, "spot.panel()", "train(3)", "train(3)")
    book.run(0)
    book.run(1)
    panel = book.panel
    expect(panel).to_contain_text("Nothing is kept here yet")
    book.run(2, wait=False)
    running = panel.get_by_role("list", name="Running now")
    expect(running).to_contain_text(re.compile(r"train\s*is running, for \d"))
    auditor(book.page)
    shots(panel, "running")
    (lab.root / Path(book.name).parent / "enough").touch()
    expect(panel.get_by_label("Totals")).to_contain_text("0 hits, 1 run")
    expect(running).to_have_count(0)
    book.run(3)
    expect(panel.get_by_label("Totals")).to_contain_text("1 hit, 1 run")
    times = book.ask("[run['started'] for run in spot.catalog.runs()]")
    verdicts = book.ask("[run['verdict'] for run in spot.catalog.runs()]")
    assert verdicts == ["hit", "ran"]
    assert times[0] >= times[1]


def test_a_panel_shown_again_and_again_stays_one_and_its_twin_never_stands_beside_it(notebook: Open) -> None:
    book = notebook(SLOW, "spot.panel()")
    book.run(0)
    module = "__import__('ipywidgets.widgets.widget', fromlist=['_'])"
    made = f"len({module}._instances), __import__('threading').active_count()"
    counts = []
    for _ in range(6):
        book.run(1)
        expect(book.panel).to_have_count(1)
        expect(book.panel).to_be_visible()
        expect(book.page.locator("[id^=spotmagic-]")).to_have_count(1)
        expect(book.page.locator("[id^=spotmagic-]")).to_be_hidden()
        counts.append(book.ask(f"[{made}]"))
    assert len({widgets for widgets, _ in counts}) == 1


def test_a_notebook_opened_again_shows_its_twin_and_no_error(notebook: Open, lab: Lab) -> None:
    book = notebook(SLOW, "spot.panel()")
    book.run_all()
    expect(book.panel).to_be_visible()
    book.save()
    saved = lab.read(book.name)
    assert "application/vnd.jupyter.widget-view+json" in saved.cells[-1].outputs[-1].data
    name = book.name.replace("panel", "again")
    nbformat.write(saved, lab.root / name)
    book.page.evaluate(
        """async (name) => {
            const app = window.jupyterapp;
            await app.commands.execute("docmanager:open", {path: name, kernel: {name: "python3"}});
        }""",
        name,
    )
    again = book.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    expect(again.locator("[id^=spotmagic-]")).to_be_attached()
    expect(book.page.get_by_text("Error displaying widget").locator("visible=true")).to_have_count(0)
