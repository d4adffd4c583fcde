"""What is stored stays what it is: nothing of it comes alive, whatever it looks like and wherever it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import conftest as browsing
from browser.conftest import Open
from browser.hostile import PAYLOADS, PLANTED, Canary
from browser.lab import maintain
from browser.site import Site
from loopback import serving
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser
browser_context_args, browser_type_launch_args = browsing.browser_context_args, browsing.browser_type_launch_args
lab, notebook = browsing.lab, browsing.notebook

TWINS = """
from IPython.display import HTML
from spotmagic.dashboard import twin

panel = spot.panel()
rows = panel.first["page"]["rows"]
for at in range(0, len(rows), 10):
    some = {**panel.first, "page": {"rows": rows[at:at + 10], "total": 10}}
    display(HTML(twin.html(some, f"a-twin-{at}")))
panel
"""
REST = 400  # milliseconds for a page to load what it wants to load


@pytest.fixture
def bird() -> Iterator[Canary]:
    with serving(Canary()) as bird:
        yield bird


def walk(panel: Locator, page: Page) -> list[str]:
    """Open every view and every entry. Returns what the views are called."""
    rows, opened = panel.locator("tbody tr"), 0
    panel.get_by_label("Status").select_option("all")
    expect(panel.locator(".pager")).to_contain_text(f"of {PLANTED}")
    while True:
        for index in range(rows.count()):
            rows.nth(index).locator(".link").click()
            expect(panel.locator(".preview > :not(.loading)").first).to_be_attached()
            panel.locator(".back").click()
            expect(rows.nth(index)).to_be_visible()
            opened += 1
        following = panel.get_by_role("button", name="Next")
        if following.is_disabled():
            break
        following.click()
        expect(panel.locator(".pager")).to_contain_text(f"51–{PLANTED}")
    assert opened == PLANTED
    panel.locator("tbody input").first.check()
    panel.get_by_role("button", name="Forget…").click()
    expect(panel.get_by_role("alertdialog")).to_be_visible()
    panel.get_by_role("button", name="Keep").click()
    panel.get_by_role("button", name="Export…", exact=True).click()
    export(panel, "chosen", "1 result")
    panel.get_by_role("button", name="Choose none").click()
    panel.get_by_role("searchbox").fill("<img")
    expect(panel.locator(".pager")).not_to_contain_text(f"of {PLANTED}")  # a question closes when other rows are shown
    maintain(panel, "Export the results shown…")
    export(panel, "shown", re.compile(r"\d\d results"))
    maintain(panel, "Rebuild the catalog…")
    panel.get_by_role("alertdialog").get_by_role("button", name="Rebuild").click()
    expect(panel).to_contain_text("The catalog is rebuilt:")
    maintain(panel, "Check all results")
    expect(panel.get_by_label("Health")).to_contain_text(" checked, none damaged")
    names = [view.inner_text() for view in panel.get_by_role("tab").all()]
    for view in panel.get_by_role("tab").all():
        view.click()
        expect(panel.locator("tbody tr, li h3").first).to_be_visible()
        for closed in panel.locator(".view button[aria-expanded=false]").all()[:3]:  # a function, a batch in full
            closed.click()
            expect(panel.locator(".view .detail, .view summary").first).to_be_visible()
        for closed in panel.locator(".view summary").all()[:3]:
            closed.click()
    page.wait_for_timeout(REST)
    return names


def export(panel: Locator, called: str, says: str | re.Pattern[str]) -> None:
    """Answer the question of an export with a payload's name, and with one that does."""
    name, go = panel.get_by_label("Name of the file"), panel.get_by_role("button", name="Export", exact=True)
    name.fill(PAYLOADS[4])
    go.click()
    expect(panel).to_contain_text("Not exported: that cannot name the file")
    name.fill(called)
    go.click()
    expect(panel.locator(".notice")).to_contain_text(says)


def test_the_payloads_are_alive_where_nothing_holds_them_back(bird: Canary, page: Page) -> None:
    """The positive control: shown in a plain frame, nearly all of them reach the canary."""
    page.goto(bird.address)
    show = """(payloads) => {
        for (const payload of payloads) {
            const frame = document.createElement("iframe");
            frame.srcdoc = payload;
            document.body.append(frame);
        }
    }"""
    page.evaluate(show, bird.payloads())
    page.wait_for_timeout(2000)
    alive = {n for n in range(len(PAYLOADS)) if any(path.split("?")[0] == f"/{n}" for path in bird.heard)}
    assert len(PAYLOADS) >= 40
    assert len(alive) >= 36


def test_nothing_stored_comes_alive_in_a_notebook(bird: Canary, notebook: Open) -> None:
    book = notebook(bird.plant(), TWINS)
    book.run_all()
    expect(book.page.locator("[id^=a-twin-]").first).to_be_visible()
    for payload in (PAYLOADS[0], PAYLOADS[-1]):  # the tags of both are in the words of the warnings
        expect(book.panel.get_by_label("Health")).to_contain_text(payload[: payload.index("U")])
    assert walk(book.panel, book.page) == ["Results", "Runs", "Functions", "Batches", "Jobs", "Limits"]
    assert bird.heard == set()


def test_nothing_stored_comes_alive_on_the_page(bird: Canary, tmp_path: Path, page: Page) -> None:
    site = Site(tmp_path, bird.plant())
    try:
        page.goto(site.address)
        # jobs and limits are those of processes that run
        assert walk(page.locator("section.panel"), page) == ["Results", "Runs", "Functions", "Batches"]
    finally:
        site.stop()
    assert bird.heard == set()
