"""What our commands show: html in a notebook, text in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_BOX = "font:13px/1.5 system-ui,sans-serif;margin:2px 0;color:inherit"
_CELL = "text-align:left;padding:1px 14px 1px 0;white-space:pre-wrap;vertical-align:top"
_DIFF = {"+": "light-dark(#1a7f37,#3fb950)", "-": "light-dark(#cf222e,#f85149)", "@": "light-dark(#57606a,#8b949e)"}


@dataclass(frozen=True, slots=True)
class View:
    """One screen: a title, lines of text, a table and a diff, each of which may be empty."""

    title: str = ""
    lines: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()
    diff: str = ""

    def __repr__(self) -> str:
        blocks = [self.title, "\n".join(self.lines), "\n".join(self._table()), self.diff]
        return "\n".join(block for block in blocks if block)

    def _repr_html_(self) -> str:
        pieces = [f"<b>{escape(self.title)}</b>" if self.title else ""]
        pieces += [f"<div>{escape(line)}</div>" for line in self.lines]
        if self.rows:
            head = "".join(
                f'<th scope="col" style="{_CELL};opacity:.7;font-weight:500">{escape(c)}</th>' for c in self.columns
            )
            body = "".join(
                "<tr>" + "".join(f'<td style="{_CELL}">{escape(str(c))}</td>' for c in row) + "</tr>"
                for row in self.rows
            )
            table = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
            pieces.append(f'<table style="border-collapse:collapse;margin:4px 0">{table}</table>')
        if self.diff:
            pieces.append(f'<pre style="margin:4px 0">{"".join(map(_coloured, self.diff.splitlines()))}</pre>')
        return f'<div style="{_BOX}">{"".join(pieces)}</div>'

    def _table(self) -> list[str]:
        if not self.rows:
            return []
        rows = [[str(cell) for cell in row] for row in [self.columns, *self.rows]]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _coloured(line: str) -> str:
    colour = _DIFF.get(line[:1])
    return f'<span style="color:{colour}">{escape(line)}</span>\n' if colour else escape(line) + "\n"
