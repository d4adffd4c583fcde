"""A summary tells size, never content; what is shown is shown as it is."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy
import pandas
import pytest

from spotmagic.catalog.table import Table
from spotmagic.dashboard import twin
from spotmagic.engine.call import Outcome
from spotmagic.notebook.badge import publish, summary
from spotmagic.view import View


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1, 2, 3], "list, 3 items"),
        ({"a": 1}, "dict, 1 item"),
        ("hunter2", "str"),
        ("x" * 1000, "str, 1,000 characters"),
        (b"x" * 100, "bytes, 100 bytes"),
        (5, "int"),
        (None, "NoneType"),
        (numpy.zeros((2, 3)), "ndarray of float64, 2 x 3"),
        (numpy.float64(1), "float64 of float64"),
        (pandas.DataFrame({"a": [1, 2]}), "DataFrame, 2 x 1"),
        (pandas.Series([1], name="s"), "Series of int64, 1"),
    ],
)
def test_a_value_in_a_few_words(value, said):
    assert summary(value) == said


def test_a_value_with_a_mind_of_its_own_is_not_asked():
    class Sly:
        def __getattr__(self, name):
            raise AssertionError(name)

    assert summary(Sly()) == "Sly"


def told(cost: str) -> dict[str, Any]:
    """A panel's first message whose texts hold a cost."""
    row = {"name": cost, "size": 1, "seconds": 1.0, "price": 0.2, "hits": 0, "created": 0.0}
    totals = {
        "spot": {"name": cost}, "at": 0.0, "price_saved": 1.0, "price_paid": 2.0, "seconds_saved": 1.0, "entries": 1,
        "bytes": 1, "hits": 1, "misses": 1, "counting": False, "health": {"trouble": [cost]},
    }  # fmt: skip
    return {"totals": totals, "page": {"total": 2, "rows": [row, row]}}


@pytest.mark.parametrize("cost", ["$0.56 of $5.00", r"f('\(x\)') and \[y\]", "$$1$$"])
def test_no_page_takes_what_is_told_for_mathematics(cost: str) -> None:
    """JupyterLab and nbconvert set what stands between two dollars of one text, in whatever is shown as HTML."""
    seen: list[dict[str, str]] = []
    shell = SimpleNamespace(display_pub=SimpleNamespace(publish=lambda data, _: seen.append(data)))
    outcome = Outcome(verdict="ran", stored=True, kind="cell", name="f", reason=cost, price=0.2)
    publish(shell, outcome, note=cost)
    saved = replace(outcome, verdict="hit", saved_price=0.3)
    publish(shell, saved, note=cost)
    view = View(cost, [cost, cost], ["a", cost], [[1, cost], [cost, 2]], f"+{cost}\n {cost}")
    shown = [data["text/html"] for data in seen]
    shown += [view._repr_html_(), Table((cost, "b"), [(cost, 1), (2, cost)])._repr_html_(), twin.html(told(cost), "x")]
    for page in shown:
        texts = re.split(r"<[^>]*>", page)
        assert not any(re.search(r"[$\\].", text) for text in texts), texts
        assert cost in html.unescape(re.sub(r"<[^>]*>", "", page))
