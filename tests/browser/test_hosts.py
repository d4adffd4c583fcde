"""The panel in VS Code, in Colab and in hosts that say little, and for readers who ask for contrast or stillness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from spotmagic import Spot

from .audit import audit, auditor, contrasts
from .host import HOSTS, hosts, mount

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with hosts() as address:
        yield address


@pytest.fixture
def spot(tmp_path: Path) -> Iterator[Spot]:
    """A spot in which every view has something, and something went wrong."""
    with Spot("demo", root=tmp_path) as spot:

        @spot.mark(price=0.01)
        def ask(question: str) -> dict[str, Any]:
            if not question:
                raise ValueError("nothing was asked")
            return {"question": question, "answer": question.upper(), "tokens": len(question)}

        for question in ["one", "two", "three", "two", "one", "one"]:
            ask(question)
        with pytest.raises(ValueError, match="nothing"):
            ask("")
        limit = spot.limits.get("api", rpm=60, concurrency=2)
        with limit.acquire(), limit.acquire():
            yield spot


def colors(panel: Locator) -> tuple[list[int], list[int]]:
    """The text and the ground of the panel."""
    text, ground = panel.evaluate(
        """node => ["color", "backgroundColor"].map((name) => {
            const brush = document.createElement("canvas").getContext("2d");
            brush.fillStyle = getComputedStyle(node)[name];
            brush.fillRect(0, 0, 1, 1);
            return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
        })"""
    )
    return text, ground


def walk(panel: Locator, page: Page, shot: Callable[[str], None], edges: float = 0) -> dict[str, Any]:
    """What is wrong in each view, by axe and by the numbers; lines are to have the contrast of ``edges``."""
    found: dict[str, list[Any]] = {}

    def look(view: str) -> None:
        found[view] = audit(page)
        if (least := contrasts(page)["edges"]) < edges:
            found[view].append(f"a line of {least:.2f}")
        shot(view)

    expect(panel.locator("tbody tr")).to_have_count(3)
    auditor(page)
    panel.locator("tbody input").first.check()
    look("entries")
    panel.get_by_role("button", name="Forget…").click()
    look("forget")
    panel.get_by_role("button", name="Keep").click()
    for view in ("Runs", "Functions", "Limits"):
        panel.get_by_role("tab", name=view).click()
        expect(panel.locator("tbody tr, .gauge").first).to_be_visible()
        look(view.lower())
    panel.get_by_role("tab", name="Results").click()
    panel.locator("tbody tr").first.locator(".link").click()
    expect(panel.get_by_label("Preview")).to_contain_text("THREE")
    look("entry")
    return {view: [str(issue) for issue in issues] for view, issues in found.items() if issues}


@pytest.mark.parametrize("name", HOSTS)
def test_it_takes_the_colours_of_its_host(address: str, spot: Spot, page: Page, shots: Any, name: str) -> None:
    """The system says the opposite, as a host's theme need not be the system's."""
    host = HOSTS[name]
    page.emulate_media(color_scheme="light" if host.dark else "dark")
    panel = mount(page, address, name, spot)
    expect(panel).to_be_visible()
    text, ground = colors(panel)
    assert (sum(text) > sum(ground)) is host.dark
    assert tuple(ground) == host.ground
    assert walk(panel, page, lambda view: shots(page, f"{name}-{view}")) == {}


def ringed(page: Page) -> list[float]:
    """The contrasts of the focus ring of everything that the Tab key reaches."""
    page.locator("section.panel header button").first.focus()
    rings = []
    for _ in range(16):
        page.keyboard.press("Tab")
        rings.append(contrasts(page)["ring"])
    return rings


@pytest.mark.parametrize("name", ["vscode-high-contrast", "vscode-high-contrast-light"])
def test_a_host_of_high_contrast_gives_its_lines(address: str, spot: Spot, page: Page, name: str) -> None:
    panel = mount(page, address, name, spot)
    expect(panel.locator("tbody tr")).to_have_count(3)
    assert min(ringed(page)) >= 3
    assert walk(panel, page, lambda _: None, edges=3) == {}


@pytest.mark.parametrize("name", ["bare-light", "bare-dark", "vscode-dark"])
def test_more_contrast_is_given_where_it_is_asked_for(
    address: str, spot: Spot, page: Page, shots: Any, name: str
) -> None:
    panel = mount(page, address, name, spot)
    expect(panel.locator("tbody tr")).to_have_count(3)
    before = contrasts(page)
    assert before["edges"] < 3
    page.emulate_media(contrast="more")
    after = contrasts(page)
    assert after["least"] >= min(7, before["least"])
    assert after["edges"] >= 3
    assert min(ringed(page)) >= 3
    assert walk(panel, page, lambda view: shots(page, f"more-{name}-{view}"), edges=3) == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_is_still_told_in_the_colours_of_the_system(
    address: str, spot: Spot, page: Page, shots: Any, scheme: Any
) -> None:
    """The system paints grounds, texts and lines; gradients and shadows are gone."""
    page.emulate_media(forced_colors="active", contrast="more", color_scheme=scheme)
    panel = mount(page, address, "vscode-light" if scheme == "dark" else "colab-dark", spot)
    expect(panel.locator("tbody tr")).to_have_count(3)
    assert contrasts(page)["edges"] >= 3
    assert min(ringed(page)) >= 3
    colour = "node => getComputedStyle(node).fill"
    drawn = panel.locator(".columns")
    assert drawn.locator(".up").last.evaluate(colour) != drawn.locator(".down").last.evaluate(colour)
    below = "node => parseFloat(getComputedStyle(node).borderBottomWidth)"
    here, there = panel.get_by_role("tab", selected=True), panel.get_by_role("tab", selected=False)
    assert here.evaluate(below) > there.first.evaluate(below)
    assert walk(panel, page, lambda view: shots(page, f"forced-{scheme}-{view}"), edges=3) == {}
    panel.get_by_role("tab", name="Limits").click()
    filled, ground = panel.locator(".gauge .track > span").last, panel.locator(".gauge .track").last
    back = "node => getComputedStyle(node).backgroundColor"
    assert filled.evaluate(back) != ground.evaluate(back)


def test_nothing_moves_where_stillness_is_asked_for(address: str, spot: Spot, page: Page) -> None:
    """By the system, and by VS Code, which has a setting of its own for it."""
    panel = mount(page, address, "vscode-dark", spot)
    panel.get_by_role("tab", name="Limits").click()
    bar = panel.locator(".gauge .track > span").first
    lasts = "node => getComputedStyle(node).transitionDuration"
    expect(bar).to_be_attached()
    assert bar.evaluate(lasts) != "0s"
    page.emulate_media(reduced_motion="reduce")
    assert bar.evaluate(lasts) == "0s"
    page.emulate_media(reduced_motion="no-preference")
    page.evaluate("document.body.classList.add('vscode-reduce-motion')")
    assert bar.evaluate(lasts) == "0s"


@pytest.mark.parametrize("name", ["vscode-dark", "colab-light"])
def test_it_fits_a_narrow_cell(address: str, spot: Spot, page: Page, shots: Any, name: str) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    panel = mount(page, address, name, spot)
    expect(panel.locator("tbody tr")).to_have_count(3)
    assert walk(panel, page, lambda view: shots(page, f"narrow-{name}-{view}")) == {}
    wide = """node => [...node.querySelectorAll(".view, header, .totals > div, .gauge, .bar, .title")]
        .filter((part) => part.scrollWidth > part.clientWidth).map((part) => part.className)"""
    assert panel.evaluate(wide) == []
    for view in panel.get_by_role("tab").all():
        view.click()
        expect(panel.locator("tbody tr, .gauge").first).to_be_visible()
        assert panel.evaluate(wide) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
