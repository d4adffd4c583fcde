"""The panel without its page: plain HTML for saved notebooks, and text for terminals."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from html import escape
from typing import Any

from spotmagic import words

ROWS = 10
_COLUMNS = ("Name", "Size", "Took", "Cost", "Hits", "Made")


def html(first: Mapping[str, Any], place: str) -> str:
    """The panel as HTML without script or style sheet, under an id by which the live panel hides it."""
    totals = first.get("totals")
    if not totals:
        return f'<div id="{escape(place, quote=True)}"></div>'
    facts = " · ".join(f"{escape(label)} <b>{escape(value)}</b>" for label, value in _facts(totals))
    rows = "".join(_line("td", cells) for cells in _rows(first))
    trouble = "".join(f"<p>{escape(text)}</p>" for text in totals["health"]["trouble"])
    more = first["page"]["total"] - min(ROWS, len(first["page"]["rows"]))
    table = f"<table><thead>{_line('th', _COLUMNS)}</thead><tbody>{rows}</tbody></table>" if rows else ""
    rest = f"<p>and {more:,} more</p>" if more > 0 else ""
    return (
        f'<div id="{escape(place, quote=True)}"><p>spotmagic <b>{escape(totals["spot"]["name"])}</b>, '
        f"as of {escape(_moment(totals['at']))}<br>{facts}</p>{trouble}{table}{rest}</div>"
    )


def plain(first: Mapping[str, Any]) -> str:
    """The panel as text."""
    totals = first.get("totals")
    if not totals:
        return "spotmagic: the panel of a spot that cannot be read now"
    facts = ", ".join(f"{label.lower()} {value}" for label, value in _facts(totals))
    trouble = map(_printable, totals["health"]["trouble"])
    head = "\n".join([f"spotmagic {totals['spot']['name']}: {facts}", *trouble])
    rows = _rows(first)
    if not rows:
        return head
    table = [_COLUMNS, *rows]
    widths = [max(len(line[column]) for line in table) for column in range(len(_COLUMNS))]
    lines = ["  ".join(map(_aligned, range(len(_COLUMNS)), line, widths)) for line in table]
    more = first["page"]["total"] - len(rows)
    return "\n".join([head, "", *lines, *([f"and {more:,} more"] if more > 0 else [])])


def _facts(totals: Mapping[str, Any]) -> list[tuple[str, str]]:
    priced = totals["price_saved"] > 0 or totals["price_paid"] > 0
    noun = "entry" if totals["entries"] == 1 else "entries"
    saved = words.duration(totals["seconds_saved"])
    return [
        ("Saved", f"{words.money(totals['price_saved'])} and {saved}" if priced else saved),
        ("Hit rate", words.percent(totals["hits"], totals["hits"] + totals["misses"])),
        *([("Paid", words.money(totals["price_paid"]))] if priced else []),
        ("Kept", f"{totals['entries']:,} {noun}, {words.size(totals['bytes'])}"),
    ]


def _rows(first: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            _short(row["name"]),
            words.size(row["size"]),
            words.duration(row["seconds"]),
            words.money(row["price"]) if row["price"] else "",
            f"{row['hits']:,}",
            _moment(row["created"]),
        )
        for row in first["page"]["rows"][:ROWS]
    ]


def _line(tag: str, cells: tuple[str, ...]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _aligned(column: int, cell: str, width: int) -> str:
    return cell.rjust(width) if column else cell.ljust(width)


def _short(name: str) -> str:
    """A name in one line that does nothing to a terminal."""
    shown = _printable(name)
    return shown if len(shown) <= 48 else shown[:47] + "…"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def _moment(at: float) -> str:
    try:
        return datetime.datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return "?"
