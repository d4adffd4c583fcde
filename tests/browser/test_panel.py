"""The panel in JupyterLab: what a reader sees and does, and what the kernel then holds."""

from __future__ import annotations

import re
from typing import Any

import nbformat
import pytest
from playwright.sync_api import expect

from .audit import audit, auditor, contrasts
from .conftest import Open

pytestmark = pytest.mark.browser

SETUP = """
import time
import numpy as np
import pandas as pd
import spotmagic

spot = spotmagic.Spot("demo")


@spot.mark(price=0.01)
def ask(question):
    time.sleep(0.02)
    return {"question": question, "answer": question.upper(), "tokens": len(question)}


@spot.mark
def table(rows):
    return pd.DataFrame({"doc": [f"doc {n}" for n in range(rows)], "score": np.linspace(0, 1, rows)})


@spot.mark(content_type="image/svg+xml")
def drawing(size):
    circle = '<circle cx="50" cy="50" r="40"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}">{circle}</svg>'


for question in ["one", "two", "three", "two", "one", "one"]:
    ask(question)
table(120)
drawing(100)
"""
PANEL = "spot.panel()"


def test_a_reader_sees_the_numbers_looks_at_a_result_and_throws_it_away(notebook: Open, shots: Any) -> None:
    book = notebook("%load_ext spotmagic", SETUP, PANEL)
    book.run_all()
    panel = book.panel
    expect(panel).to_be_visible()
    expect(panel.get_by_label("Totals")).to_contain_text("$0.03")
    expect(panel.get_by_label("Totals")).to_contain_text("3 hits, 5 runs")
    rows = panel.locator("tbody tr")
    expect(rows).to_have_count(5)
    expect(panel.get_by_role("button", name='ask("two")', exact=True)).to_be_visible()
    shots(panel, "entries-light")

    rows.filter(has_text="table").locator(".link").click()
    expect(panel.get_by_role("region", name="Table")).to_contain_text("doc 0")
    expect(panel).to_contain_text("120 rows, 2 columns")
    shots(panel, "table-light")
    panel.get_by_role("button", name="Results", exact=True).click()

    rows.filter(has_text="drawing").locator(".link").click()
    drawn = panel.get_by_role("img", name=re.compile("stored image"))
    expect(drawn).to_be_visible()
    assert drawn.evaluate("image => image.decode().then(() => image.naturalWidth)") == 100
    panel.get_by_role("button", name="Results", exact=True).click()

    rows.filter(has_text="ask").first.locator(".link").click()
    expect(panel.get_by_label("Preview")).to_contain_text("THREE")
    expect(panel.get_by_role("table", name="Arguments")).to_contain_text('question"three"')
    expect(panel).to_contain_text("first call with this")
    panel.get_by_label("Variable to load into").fill("three")
    panel.get_by_role("button", name="Load into").click()
    expect(panel).to_contain_text("three now holds a copy of it.")
    assert book.ask("three['answer']") == "THREE"
    shots(panel, "entry-light")
    panel.get_by_role("button", name="Forget…").click()
    question = panel.get_by_role("alertdialog")
    expect(question).to_contain_text("$0.01")
    expect(question.get_by_role("button", name="Keep")).to_be_focused()
    shots(panel, "forget-light")
    question.get_by_role("button", name="Forget").click()
    expect(panel).to_contain_text("1 result forgotten")
    expect(rows).to_have_count(4)
    assert book.ask("len(spot.entries())") == 4
    assert book.ask("ask.key('three') in [row.key for row in spot.entries()]") is False
    assert book.ask("ask.key('two') in [row.key for row in spot.entries()]") is True


def test_it_belongs_in_the_dark_theme_too(notebook: Open, shots: Any) -> None:
    book = notebook(SETUP, PANEL)
    book.run_all()
    panel = book.panel
    expect(panel).to_be_visible()
    try:
        book.theme("JupyterLab Dark")
        book.page.wait_for_function("document.body.dataset.jpThemeLight === 'false'")
        book.page.wait_for_timeout(300)
        ground = panel.evaluate("node => getComputedStyle(node).backgroundColor")
        host = book.page.evaluate("getComputedStyle(document.body).getPropertyValue('--jp-layout-color0')")
        as_drawn = "color => (document.body.style.outlineColor = color, getComputedStyle(document.body).outlineColor)"
        assert ground == book.page.evaluate(as_drawn, host)
        shots(panel, "entries-dark")
        panel.locator("tbody tr").first.locator(".link").click()
        expect(panel.get_by_label("Preview")).to_be_visible()
        book.page.wait_for_timeout(300)
        shots(panel, "entry-dark")
    finally:
        book.theme("JupyterLab Light")


def test_every_view_is_named_and_readable_in_every_theme(notebook: Open, shots: Any) -> None:
    """By axe and by the numbers of contrast. A control it must find shows that it looks."""
    book = notebook(SETUP + "spot.limits.get('api', rpm=60, concurrency=2)\n", PANEL)
    book.run_all()
    panel = book.panel
    rows = panel.locator("tbody tr")
    expect(rows).to_have_count(5)
    auditor(book.page)
    found: dict[str, list[Any]] = {}
    try:
        for theme in ("Light", "Dark", "Dark High Contrast"):
            book.theme(f"JupyterLab {theme}")
            book.page.wait_for_function(
                "dark => (document.body.dataset.jpThemeLight === 'false') === dark", arg=theme != "Light"
            )
            book.page.wait_for_timeout(300)
            look = audit if theme == "Light" else lambda page: contrasts(page)["low"]
            assert (contrasts(book.page)["edges"] >= 3) is theme.endswith("Contrast")
            rows.get_by_role("checkbox").first.check()
            found[f"chosen, {theme}"] = look(book.page)
            shots(panel, f"theme-{theme.lower().replace(' ', '-')}")
            panel.get_by_role("button", name="Forget…").click()
            found[f"forget, {theme}"] = look(book.page)
            panel.get_by_role("button", name="Keep").click()
            rows.filter(has_text="ask").first.locator(".link").click()
            expect(panel.get_by_label("Preview")).to_contain_text("THREE")
            found[f"result, {theme}"] = look(book.page)
            for view in ("Runs", "Functions", "Limits"):
                panel.get_by_role("tab", name=view).click()
                expect(panel.locator("tbody tr, .gauge").first).to_be_visible()
                found[f"{view}, {theme}"] = look(book.page)
            panel.get_by_role("tab", name="Results").click()
            expect(rows).to_have_count(5)
            rows.get_by_role("checkbox").first.uncheck()
        assert {view: issues for view, issues in found.items() if issues} == {}
        panel.evaluate("node => node.append(document.createElement('button'))")
        panel.locator("h2").evaluate("node => { node.style.color = 'rgb(128 128 128 / 40%)'; }")
        assert {"button-name", "contrast"} <= {issue["id"] for issue in audit(book.page)}
    finally:
        book.theme("JupyterLab Light")


def test_it_answers_and_counts_while_a_cell_runs(notebook: Open) -> None:
    slow = "for n in range(1000):\n    ask(f'q{n}')\n    time.sleep(0.1)"
    book = notebook(SETUP, PANEL, slow)
    book.run(0)
    book.run(1)
    panel = book.panel
    expect(panel.locator("tbody tr")).to_have_count(5)
    book.page.wait_for_timeout(1500)
    book.run(2, wait=False)
    expect(panel.get_by_label("Totals")).to_contain_text(re.compile(r"\d\d runs"))
    panel.get_by_role("tab", name="Functions").click()
    expect(panel.get_by_role("table", name="Functions and cells")).to_contain_text("ask")
    prompt = book.page.locator(".jp-Notebook .jp-CodeCell").nth(2).locator(".jp-InputPrompt")
    assert "*" in prompt.inner_text(), "the cell ended before the panel was asked: this proves nothing"
    book.command("notebook:interrupt-kernel")


def test_typing_in_it_does_not_command_the_notebook(notebook: Open) -> None:
    book = notebook(SETUP, PANEL, "# a cell that stays")
    book.run_all()
    search = book.panel.get_by_role("searchbox")
    search.click()
    book.page.keyboard.type("ddab")
    expect(search).to_have_value("ddab")
    assert book.page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length") == 3
    expect(book.panel).to_contain_text("No result fits.")


def test_it_says_when_its_kernel_is_gone_and_keeps_what_it_knew(notebook: Open, shots: Any) -> None:
    book = notebook(SETUP, PANEL)
    book.run_all()
    panel = book.panel
    expect(panel.locator("tbody tr")).to_have_count(5)
    book.page.evaluate("window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()")
    book.ready()
    panel.get_by_role("button", name="Look again").click()
    expect(panel).to_contain_text("Not connected to a kernel")
    expect(panel.locator("tbody tr")).to_have_count(5)
    expect(panel.get_by_role("checkbox")).to_have_count(0)
    shots(panel, "gone-light")


def test_a_notebook_reopened_without_its_kernel_shows_the_twin(notebook: Open, lab: Any, shots: Any) -> None:
    book = notebook(SETUP, PANEL)
    book.run_all()
    expect(book.panel).to_be_visible()
    twin = book.page.locator("[id^=spotmagic-]")
    expect(twin).to_be_hidden()
    book.save()
    saved = lab.read(book.name)
    page = next(output for output in saved.cells[-1].outputs if "text/html" in output.data)
    assert "ask" in page.data["text/html"]
    for cell in saved.cells:
        cell.outputs = [
            output for output in cell.outputs if "application/vnd.jupyter.widget-view+json" not in output.data
        ]
    nbformat.write(saved, lab.root / book.name)
    book.command("docmanager:reload")
    shown = book.page.locator(".jp-OutputArea-output")
    expect(shown.filter(has_text="spotmagic demo")).to_be_visible()
    expect(shown.get_by_role("cell", name="ask").first).to_be_visible()
    shots(shown.filter(has_text="spotmagic demo"), "twin-light")
    expect(book.panel).to_have_count(0)


def test_two_views_of_one_panel_both_work(notebook: Open) -> None:
    book = notebook(SETUP, "panel = spot.panel()\npanel", "panel")
    book.run_all()
    panels = book.panel
    expect(panels).to_have_count(2)
    panels.nth(0).get_by_role("tab", name="Runs").click()
    expect(panels.nth(0).get_by_role("table", name="The latest calls")).to_be_visible()
    expect(panels.nth(1).get_by_role("table", name="Results")).to_be_visible()
    panels.nth(1).get_by_role("tab", name="Functions").click()
    expect(panels.nth(1).get_by_role("table", name="Functions and cells")).to_be_visible()


def test_it_works_in_notebook_7(notebook: Open, shots: Any) -> None:
    book = notebook(SETUP, PANEL, at="notebooks")
    book.run_all()
    panel = book.panel
    expect(panel.locator("tbody tr")).to_have_count(5)
    panel.locator("tbody tr").filter(has_text="table").locator(".link").click()
    expect(panel.get_by_role("region", name="Table")).to_contain_text("doc 0")
    shots(panel, "notebook-7")
