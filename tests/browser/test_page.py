"""The panel on the page of ``spotmagic ui``."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from .audit import audit, auditor
from .site import Site

pytestmark = pytest.mark.browser

MORE = """
from spotmagic import Spot
with Spot("demo") as spot:
    spot.mark(price=0.5)(lambda q: q)("one more")
"""


SHOWN = """
from spotmagic import Spot
spot = Spot("demo")

@spot.mark(content_type="image/svg+xml")
def drawing():
    return '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60"><circle r="60" fill="green"/></svg>'

@spot.mark(content_type="text/html")
def text():
    return '<style>h1 { color: rgb(1, 2, 3) }</style><h1>A stored page</h1>'

drawing(), text()
"""


def test_the_page_shows_the_numbers_an_entry_and_forgets_it(site: Site, page: Page, shots: Any) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(site.address)
    assert "token" not in page.url
    panel = page.locator("section.panel")
    expect(panel.get_by_label("Totals")).to_contain_text("3 hits, 3 runs")
    rows = panel.locator("tbody tr")
    expect(rows).to_have_count(3)
    rows.filter(has_text="THREE").locator(".link").click()
    expect(panel.get_by_label("Preview")).to_contain_text("THREE")
    panel.get_by_role("button", name="Forget…").click()
    panel.get_by_role("alertdialog").get_by_role("button", name="Forget").click()
    expect(panel).to_contain_text("1 result forgotten")
    expect(rows).to_have_count(2)
    site.run(MORE)
    expect(rows).to_have_count(3)
    expect(panel.get_by_label("Totals")).to_contain_text("$0.53")
    assert said == []


def test_a_mode_set_on_the_page_holds_in_every_process(site: Site, page: Page, shots: Any) -> None:
    page.goto(site.address)
    panel = page.locator("section.panel")
    panel.get_by_role("tab", name="Functions").click()
    panel.get_by_label("Mode of ask").select_option("replay")
    expect(panel.get_by_label("Mode of ask")).to_have_class(re.compile("set"))
    shots(page, "page-functions")
    site.run("from spotmagic import Spot\nassert Spot('demo').mode_of('ask') == 'replay'\n")
    panel.get_by_label("Mode of the spot").select_option("off")
    expect(panel).to_contain_text("off runs everything and keeps nothing.")
    site.run("from spotmagic import Spot\nSpot('demo').set_mode('auto')\n")
    expect(panel).not_to_contain_text("keeps nothing")
    expect(panel.get_by_label("Mode of the spot")).to_have_value("auto")


def test_the_page_comes_back_with_its_server(site: Site, page: Page, shots: Any) -> None:
    """The new server has a new token: the reader opens its address, and the page that was open comes back too."""
    page.goto(site.address)
    panel = page.locator("section.panel")
    expect(panel.locator("tbody tr")).to_have_count(3)
    site.stop()
    expect(panel).to_contain_text("Not connected")
    expect(panel.get_by_role("checkbox")).to_have_count(0)
    shots(page, "page-gone")
    site.run(MORE)
    site.start()
    page.context.new_page().goto(site.address)
    expect(panel.locator("tbody tr")).to_have_count(4)
    expect(panel).not_to_contain_text("Not connected")
    expect(panel.get_by_role("checkbox")).to_have_count(5)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_system_and_is_readable(site: Site, page: Page, shots: Any, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(site.address)
    panel = page.locator("section.panel")
    expect(panel.locator("tbody tr")).to_have_count(3)
    red, *_ = map(int, re.findall(r"\d+", panel.evaluate("node => getComputedStyle(node).backgroundColor")))
    assert red < 60 if scheme == "dark" else red > 200
    shots(page, f"page-{scheme}")
    auditor(page)
    panel.get_by_label("Mode of the spot").select_option("replay")
    expect(panel).to_contain_text("runs nothing")
    assert audit(page) == []
    panel.get_by_role("tab", name="Functions").click()
    expect(panel.get_by_label("Mode of ask")).to_contain_text("inherit (replay)")
    assert audit(page) == []


def test_pictures_and_stored_pages_are_shown_under_the_policy_of_the_page(site: Site, page: Page, shots: Any) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    site.run(SHOWN)
    page.goto(site.address)
    panel = page.locator("section.panel")
    panel.get_by_role("button", name="text", exact=True).click()
    title = panel.frame_locator("iframe").get_by_role("heading", name="A stored page")
    expect(title).to_be_visible()
    assert title.evaluate("node => getComputedStyle(node).color") == "rgb(1, 2, 3)"
    panel.get_by_role("button", name="Results", exact=True).click()
    panel.get_by_role("button", name="drawing", exact=True).click()
    drawn = panel.get_by_role("img", name="stored image")
    assert drawn.evaluate("image => image.decode().then(() => image.naturalWidth)") == 60
    assert said == []
