"""The panel without its page: plain HTML for saved notebooks, and text for terminals."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from html import escape
from typing import Any

from spotmagic import words
from spotmagic.terminal import Screen, lines
from spotmagic.view import Number, View

ROWS = 10
_COLUMNS = ("Name", *map(Number, ("Size", "Run time", "Cost", "Hits", "Made")))

# Until the panel is drawn its own output is hidden, which says "Error displaying widget" in a notebook that was opened
# again. Where there is no such output nothing is hidden.
_STYLE = (
    ":root:not(.{place}-drawn) .jp-OutputArea-child:has(>.jp-OutputArea-output>.{place})"
    "+.jp-OutputArea-child:has(>.jupyter-widgets,>[data-mime-type*=widget-view]){{display:none}}"
)


def html(first: Mapping[str, Any], place: str) -> str:
    """The panel as HTML without script, under a class by which the live panel hides it."""
    place = escape(place, quote=True)
    shown = f"<style>{_STYLE.format(place=place)}</style>{_view(first)._repr_html_()}" if first.get("totals") else ""
    return f'<div id="{place}" class="{place}">{shown}</div>'


def plain(first: Mapping[str, Any]) -> str:
    """The panel as text."""
    if not first.get("totals"):
        return "spotmagic: the panel of a spot that cannot be read now"
    return "\n".join(lines(_view(first), Screen()))


def _view(first: Mapping[str, Any]) -> View:
    totals, page = first["totals"], first["page"]
    counting = ", still being counted" if totals["counting"] else ""
    title = f"spotmagic {totals['spot']['name']}, as of {_moment(totals['at'])}{counting}"
    rows = list(map(_row, page["rows"][:ROWS]))
    more = page["total"] - len(rows)
    rest = (View(lines=[f"and {more:,} more"]),) if more > 0 else ()
    return View(title, [_facts(totals), *totals["health"]["trouble"]], _COLUMNS, rows, parts=rest)


def _facts(totals: Mapping[str, Any]) -> str:
    priced = totals["price_saved"] > 0 or totals["price_paid"] > 0
    saved = words.duration(totals["seconds_saved"])
    facts = [
        f"saved {words.money(totals['price_saved'])} and {saved}" if priced else f"saved {saved}",
        f"hit rate {words.percent(totals['hits'], totals['hits'] + totals['misses'])}",
        f"paid {words.money(totals['price_paid'])}" if priced else "",
        f"kept {words.results(totals['entries'])}, {words.size(totals['bytes'])}",
    ]
    return " · ".join(filter(None, facts))


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        words.shorten(row["name"], 48),
        words.size(row["size"]),
        words.duration(row["seconds"]),
        words.money(row["price"]) if row["price"] else "",
        f"{row['hits']:,}",
        _moment(row["created"]),
    )


def _moment(at: float) -> str:
    try:
        return datetime.datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return "?"
