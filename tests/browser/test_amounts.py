"""Amounts of money are read as amounts, in JupyterLab and in the page that nbconvert writes."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import nbconvert
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

SETUP = """
%load_ext spotmagic
from spotmagic import Spot
spot = Spot("amounts", root="amounts", budget=5.0)
@spot.mark(price=0.56)
def ask(q):
    return q
ask("costs $1 or $2"); ask("costs $1 or $2"); None
"""
CELLS = [
    SETUP,
    "%%spot name=paid price=0.25\nx = ask('$3 and $4')",
    "%%spot name=paid price=0.25\nx = ask('$3 and $4')",
    "%spot",
    "%spot stats",
    "%spot ls",
    "%spot budget",
    "%spot stats by=name",
    "%spot sql select '$1 and $2' as \"$a, $b\"",
    "%spot forget 'ask'",
    "from IPython.display import HTML; HTML('a formula: $x$')",
]
ASIDE = frozenset({"script", "noscript", "style", "textarea", "pre", "code"})
JOINING = frozenset({"br", "wbr"})
VOID = frozenset({"meta", "link", "img", "input", "hr", *JOINING})


class Typeset(HTMLParser):
    """The texts of a page as MathJax joins them: those that follow each other inside one element."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = [""]
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in JOINING:
            self.texts.append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.texts.append("")
        while tag in self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not ASIDE & set(self._open):
            self.texts[-1] += data


def test_no_amount_becomes_a_formula(lab: Any, notebook: Any) -> None:
    book = notebook(*CELLS)
    book.run_all()
    formulas = book.page.locator("mjx-container")
    expect(formulas).to_have_count(1)
    outputs = book.page.locator(".jp-OutputArea-output")
    for told in ("saved: run time", "cost saved", "$0.56", "$5.00", "$0.25", "$1 and $2", "$a, $b"):
        expect(outputs.filter(has_text=told).first).to_be_visible()
    book.page.wait_for_timeout(300)
    assert formulas.count() == 1, "the one that is meant"

    book.save()
    page, _ = nbconvert.HTMLExporter().from_notebook_node(lab.read(book.name))
    joined = [text.strip() for text in Typeset(page).texts if text.count("$") > 1]
    assert joined == ["a formula: $x$"]
