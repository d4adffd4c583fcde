"""What axe has against a panel, and texts of too little contrast."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

CONTRAST = Path(__file__).with_name("contrast.js")
AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"


def auditor(page: Page) -> None:
    """Bring axe to a page. Without it a test is skipped, but never in CI."""
    if AXE.exists():
        page.evaluate(AXE.read_text())
    elif os.environ.get("CI") == "true":
        pytest.fail("axe-core is not there: cd js && npm ci")
    else:
        pytest.skip("axe-core is not there: cd js && npm ci")


def contrasts(page: Page) -> dict[str, Any]:
    """The contrasts in the panel of a page: ``low`` names what is hard to see; the rest are the least of each kind."""
    found: dict[str, Any] = page.evaluate(CONTRAST.read_text().strip().removesuffix(";"))
    return found


def audit(page: Page) -> list[dict[str, Any]]:
    """The issues found in the panel of a page."""
    contrast = contrasts(page)
    assert contrast["looked"] > 15
    issues: list[dict[str, Any]] = page.evaluate(
        """async () => {
            const host = [...document.querySelectorAll("[data-lm-suppress-shortcuts]")].find((one) => one.shadowRoot);
            host.id = "panel-host";
            const {violations} = await axe.run({fromShadowDom: ["#panel-host", "section.panel"]});
            return violations.map(({id, nodes}) => ({id, nodes: nodes.map(node => node.html.slice(0, 200))}));
        }"""
    )
    return [*issues, *({"id": "contrast", "text": text} for text in contrast["low"])]


def overflows(page: Page) -> list[str]:
    """What reaches beyond the part of the panel that it lies in, or is cut off by it."""
    found: list[str] = page.evaluate(
        """() => {
            const host = [...document.querySelectorAll("[data-lm-suppress-shortcuts]")].find((one) => one.shadowRoot);
            const names = ".panel, header, .spending, .view, .entry, .halves";
            const parts = [...host.shadowRoot.querySelectorAll(names)];
            const wide = [document.documentElement, ...parts].filter((one) => one.scrollWidth > one.clientWidth);
            const high = parts.filter((one) => one.scrollHeight > one.clientHeight + 1 && !one.matches("header"));
            return [...wide, ...high].map((one) => `${one.localName}.${one.className}`);
        }"""
    )
    return found


def cut_rings(page: Page) -> list[str]:
    """What the keyboard reaches in the panel and whose ring of focus is not there, or is cut off by what it lies in."""
    page.keyboard.press("Tab")  # from here on focus is the keyboard's, and shown
    found: list[str] = page.evaluate(
        """() => {
            const host = [...document.querySelectorAll("[data-lm-suppress-shortcuts]")].find((one) => one.shadowRoot);
            const cut = [];
            const reached = "button, select, input, summary, a[href], [tabindex='0']";
            for (const one of host.shadowRoot.querySelectorAll(reached)) {
                if (one.disabled || !one.checkVisibility({visibilityProperty: true})) continue;
                one.focus();
                if (host.shadowRoot.activeElement !== one) continue;
                one.scrollIntoView({block: "nearest", inline: "nearest"});
                const ringed = one.closest(".search") ?? one;  // which has the ring of the field in it
                const style = getComputedStyle(ringed), box = ringed.getBoundingClientRect();
                const name = `${one.localName}.${one.className} ${one.textContent.slice(0, 30)}`;
                if (style.outlineStyle === "none" || box.width === 0) {
                    if (box.width) cut.push(`${name}: no ring`);
                    continue;
                }
                const out = parseFloat(style.outlineOffset) + parseFloat(style.outlineWidth);
                for (let up = ringed.parentElement; up; up = up.parentElement) {
                    const over = getComputedStyle(up), edge = up.getBoundingClientRect();
                    const left = edge.left + up.clientLeft, top = edge.top + up.clientTop;
                    const across = over.overflowX !== "visible" &&
                        (box.left - out < left - 1 || box.right + out > left + up.clientWidth + 1);
                    const along = over.overflowY !== "visible" &&
                        (box.top - out < top - 1 || box.bottom + out > top + up.clientHeight + 1);
                    if (across || along) cut.push(`${name}: by ${up.localName}.${up.className}`);
                }
            }
            return cut;
        }"""
    )
    return found
