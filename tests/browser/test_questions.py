"""The questions people open the panel with: each is answered by one look, or by two clicks at most."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from .audit import audit, auditor, contrasts, cut_rings, overflows
from .site import Site

pytestmark = pytest.mark.browser

MADE = """
import time
from dataclasses import dataclass
import numpy as np, pandas as pd
from spotmagic import Spot

@dataclass
class Message:
    content: str

with Spot("other") as other:
    other.mark(str)("elsewhere")
spot = Spot("demo")
TEXTS = ["The tide turns twice a day, and the harbour wakes with it.", "A letter from the lighthouse keeper.",
         "Minutes of the meeting on the new sea wall.", "Why the ferry was late."]

@spot.mark(price=0.004)
def summarise(doc, model="small", temperature=0.2):
    time.sleep(0.02)
    return f"## Summary\\n\\n- **{doc.split()[1]}**: in one line\\n- {len(doc)} letters, *model* `{model}`\\n\\n> {doc}"

@spot.mark
def embed(text):
    return np.sin(np.arange(384) * len(text) / 50) * np.exp(-np.arange(384) / 200)

@spot.mark
def table(city):
    days = pd.date_range("2026-03-01", periods=40)
    return pd.DataFrame({"day": days, "rain": np.arange(40) % 7 / 2, "from": ["N", "SW"] * 20})

@spot.mark(price=0.0004)
def chat(prompt):
    return Message(f"{prompt} Because **rivers** carry minerals to the sea.")

for text in TEXTS: summarise(text)
for text in TEXTS[:2] * 2: summarise(text)
embed(TEXTS[0]), table("Bergen"), chat("Why is the sea salt?")
def ask(box, question):
    box.append(question)
    return len(box)
ask, box = spot.mark(price=0.02)(ask), []
for n in range(2): ask(box, "again?")
pinned = spot.entries("table")[0].key
spot.store.pin([bytes.fromhex(pinned)], True)
"""
EDITED = """
from spotmagic import Spot
spot = Spot("demo")
@spot.mark(price=0.004)
def summarise(doc, model="small", temperature=0.2):
    return f"# In short: {doc}"
summarise("Why the ferry was late.")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for all of these tests, each of which leaves to the next what that needs: the last one changes results."""
    site = Site(tmp_path_factory.mktemp("site"), MADE)
    yield site
    site.stop()


class Reader:
    """Somebody at the panel, whose clicks are counted."""

    def __init__(self, page: Page) -> None:
        self.page, self.panel, self.clicks = page, page.locator("section.panel"), 0

    def click(self, what: Locator) -> None:
        self.clicks += 1
        what.click()


def test_at_every_width_and_in_both_themes_nothing_is_cut_or_hard_to_read(site: Site, page: Page, shots: Any) -> None:
    """Rows take two lines where there is little room, and lose nothing."""
    page.goto(site.address)
    auditor(page)
    panel = page.locator("section.panel")
    rows = panel.locator(".results tbody tr")
    row = rows.filter(has_text='("The tide turns').filter(has_text="summarise")
    found: dict[str, list[Any]] = {}
    schemes: list[Any] = ["light", "dark"]
    for width in (320, 400, 700, 1200):
        page.set_viewport_size({"width": width, "height": 900})
        for view in ("Results", "a result", "Runs", "Functions"):
            if view == "a result":
                row.locator(".link").click()
                expect(panel.locator(".markdown h2")).to_have_text("Summary")
            else:
                panel.get_by_role("tab", name=view).click()
                expect(panel.locator("tbody tr").first).to_be_visible()
            if view == "Results":
                expect(rows).to_have_count(7)
                expect(row).to_contain_text("Summary")
                expect(row).to_contain_text(re.compile(r"\d B.*\d m?s.*\$0\.004.*(now|ago|\d s)", re.DOTALL))
                line = row.locator(".named").evaluate("one => one.offsetHeight")
                assert row.evaluate("one => one.offsetHeight") < {320: 4.2, 1200: 2.2}.get(width, 3.2) * line
            found[f"{view}, {width}"] = [*overflows(page), *cut_rings(page)]
            for look, scheme in zip((audit, lambda page: contrasts(page)["low"]), schemes, strict=True):
                page.emulate_media(color_scheme=scheme)
                found[f"{view}, {width}, {scheme}"] = look(page)
                shots(page, f"{view}-{width}-{scheme}".replace(" ", "-"))
            schemes.reverse()
    assert {view: issues for view, issues in found.items() if issues} == {}


def test_an_address_keeps_what_is_shown_and_leads_to_the_spots_beside(site: Site, page: Page) -> None:
    page.goto(site.address)
    panel = page.locator("section.panel")
    rows = panel.locator(".results tbody tr")
    panel.get_by_label("Name", exact=True).select_option("summarise")
    expect(rows).to_have_count(4)
    panel.get_by_role("columnheader", name="Hits").get_by_role("button").click()
    expect(rows.first).to_contain_text(re.compile(r"\("))
    page.reload()
    expect(rows).to_have_count(4)
    expect(panel.get_by_label("Name", exact=True)).to_have_value("summarise")
    rows.first.locator(".link").click()
    expect(panel.locator(".markdown h2")).to_have_text("Summary")
    page.reload()
    expect(panel.locator(".markdown h2")).to_have_text("Summary")
    page.go_back()
    page.go_back()
    page.go_back()
    expect(rows).to_have_count(7)
    panel.get_by_label("Spot", exact=True).select_option("other")
    expect(rows).to_have_count(1)
    expect(page).to_have_title(re.compile("other"))
    page.go_back()
    expect(rows).to_have_count(7)


def test_people_find_their_call_why_it_ran_again_and_how_to_get_rid_of_it(site: Site, page: Page, shots: Any) -> None:
    site.run(EDITED)
    page.goto(site.address)
    reader = Reader(page)
    panel = reader.panel
    rows = panel.locator(".results tbody tr")
    expect(rows).to_have_count(7)
    # which call was that
    expect(rows.filter(has_text='summarise("The tide turns twice')).to_contain_text("Summary")
    expect(rows.filter(has_text="table(")).to_contain_text(re.compile("day, rain, from.*DataFrame, 40 × 3"))
    expect(rows.filter(has_text="chat(")).to_contain_text("rivers carry minerals")
    assert panel.locator(".thumb").count() == 2
    assert all(panel.locator(".thumb").evaluate_all("all => all.map(one => one.naturalWidth > 0)"))
    shots(page, "results")
    panel.get_by_role("searchbox").fill("ferry")
    expect(rows).to_have_count(1)
    # why did it run again
    reader.click(rows.locator(".link"))
    history = panel.get_by_label("History")
    expect(history).to_contain_text("the code was edited")
    expect(panel.locator(".diff .added")).to_contain_text("In short:")
    assert reader.clicks == 1
    shots(page, "why")
    page.go_back()
    expect(rows).to_have_count(1)
    # how do I get rid of this one
    reader.clicks = 0
    rows.hover()
    reader.click(rows.get_by_role("button", name=re.compile("^Forget")))
    question = panel.get_by_role("alertdialog")
    shots(page, "forget")
    expect(question).to_contain_text(re.compile(r"Having it again takes .* and \$0.004\."))
    reader.click(question.get_by_role("button", name="Forget"))
    expect(panel).to_contain_text("1 result forgotten")
    assert reader.clicks == 2
    # what is paid for and never kept
    panel.get_by_role("searchbox").fill("")
    panel.get_by_label("Tag").select_option("never kept")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("changed box")
