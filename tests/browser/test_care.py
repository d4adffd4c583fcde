"""Taking care of a spot from its panel: how store and catalog stand, a check, a rebuilt catalog, an export."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from .audit import audit, auditor
from .conftest import Open
from .lab import maintain
from .site import Site
from .test_panel import PANEL, SETUP

pytestmark = pytest.mark.browser

HELD = """
import subprocess, sys
code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
command = [sys.executable, "-c", code, str(spot.folder / "spot.duckdb")]
while True:  # the panel looks into the catalog too: the other program gets it when that is over
    holder = subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-3)
    if holder.stdout.readline():
        break
import warnings
warnings.simplefilter("ignore")
ask("while another program has the catalog")
"""
LET_GO = "holder.communicate()\nask('again')"


def settle(panel: Locator) -> Locator:
    """Where trouble is told, once the panel has been answered and says in its menu that there is none."""
    menu = panel.get_by_role("button", name="Maintenance")
    menu.click()
    expect(panel.locator(".menu")).to_contain_text("Store and catalog are fine.")
    menu.press("Escape")
    expect(panel.locator(".menu > div")).to_be_hidden()
    expect(panel.locator("path:not([d])")).to_have_count(0)  # every icon is drawn
    return panel.get_by_label("Health")


def test_trouble_is_told_while_it_is_so_and_can_be_ended_from_here(notebook: Open, shots: Any) -> None:
    book = notebook(SETUP, PANEL, HELD, LET_GO)
    book.run(0)
    book.run(1)
    panel = book.panel
    auditor(book.page)
    try:
        book.theme("JupyterLab Dark")
        health = settle(panel)
        expect(panel.locator("tbody tr")).to_have_count(5)
        maintain(panel, "Check all results")
        expect(health).to_contain_text("5 checked, none damaged, just now")
        shots(panel, "health-fine")
        maintain(panel, "Rebuild the catalog…")
        question = panel.get_by_role("alertdialog")
        expect(question).to_contain_text("which are not touched")
        expect(question.get_by_role("button", name="Leave it")).to_be_focused()
        book.page.wait_for_timeout(300)
        shots(panel, "health-rebuild")
        assert audit(book.page) == []
        question.get_by_role("button", name="Rebuild").click()
        expect(panel).to_contain_text("The catalog is rebuilt: 5 results.")
        book.run(2)
        pid = book.ask("holder.pid")
        expect(health).to_contain_text(f"(PID {pid}) has it open")
        shots(panel, "health-trouble")
        assert audit(book.page) == []
        book.run(3)
        settle(panel)
        assert book.ask("len(spot.entries())") == 7
    finally:
        book.theme("JupyterLab Light")


def test_what_was_chosen_is_written_beside_the_notebook(notebook: Open, lab: Any, shots: Any) -> None:
    book = notebook(SETUP, PANEL)
    book.run_all()
    panel = book.panel
    auditor(book.page)
    settle(panel)
    rows = panel.locator("tbody tr")
    expect(rows).to_have_count(5)
    for row in rows.filter(has_text="ask").all()[:2]:
        row.get_by_role("checkbox").check()
    panel.get_by_role("button", name="Export…").click()
    name = panel.get_by_label("Name of the file")
    expect(name).to_be_focused()
    expect(panel.get_by_role("alertdialog")).to_contain_text("Export 2 results to")
    book.page.wait_for_timeout(300)
    shots(panel, "export")
    assert audit(book.page) == []
    name.press("Enter")
    path = (lab.root / book.name).parent / "demo-results.zip"
    expect(panel.locator(".notice")).to_contain_text(f"in {path}.")
    shots(panel, "exported")
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 2
    panel.get_by_role("button", name="Choose none").click()
    maintain(panel, "Export the results shown…")
    expect(panel.get_by_role("alertdialog")).to_contain_text("Export all 5 results shown to")
    panel.get_by_role("button", name="Export", exact=True).click()
    expect(panel.get_by_role("alert")).to_contain_text("demo-results.zip is there already. Say another name")
    shots(panel, "export-refused")
    assert audit(book.page) == []
    name.fill("all.zip")
    name.press("Enter")
    expect(panel.locator(".notice")).to_contain_text("5 results, ")
    loaded = "__import__('spotmagic').Spot('other').load('all.zip').taken"
    assert book.ask(loaded) == 5


def test_on_the_page_an_export_is_kept_by_the_browser(site: Site, page: Page, shots: Any, tmp_path: Path) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(site.address)
    panel = page.locator("section.panel")
    settle(panel)
    panel.get_by_role("searchbox").fill("ask")
    page.wait_for_timeout(300)  # until typing rests
    maintain(panel, "Export the results shown…")
    expect(panel.get_by_role("alertdialog")).to_contain_text("which your browser keeps.")
    panel.get_by_label("Name of the file").fill("von hier.zip")
    shots(panel, "page-export")
    with page.expect_download() as fetched:
        panel.get_by_role("button", name="Export", exact=True).click()
    assert fetched.value.suggested_filename == "von hier.zip"
    fetched.value.save_as(tmp_path / "fetched.zip")
    expect(panel).to_contain_text("3 results, ")
    with zipfile.ZipFile(tmp_path / "fetched.zip") as archive:
        assert len(archive.namelist()) == 3
    assert said == []
    maintain(panel, "Check all results")
    expect(panel.get_by_label("Health")).to_contain_text("3 checked, none damaged, just now")
    assert not list(tmp_path.rglob("export-*"))


def test_care_fits_a_narrow_cell(site: Site, page: Page, shots: Any) -> None:
    page.set_viewport_size({"width": 380, "height": 800})
    page.goto(site.address)
    panel = page.locator("section.panel")
    settle(panel)
    maintain(panel, "Check all results")
    expect(panel.get_by_label("Health")).to_contain_text(re.compile("none damaged"))
    maintain(panel, "Rebuild the catalog…")
    shots(panel, "page-narrow-rebuild")
    panel.get_by_role("button", name="Leave it").click()
    maintain(panel, "Export the results shown…")
    shots(panel, "page-narrow-export")
    for part in panel.locator(".spending, .view").all():
        assert part.evaluate("node => node.scrollWidth <= node.clientWidth")
