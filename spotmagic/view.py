"""One screen of an answer, the same words and numbers in a notebook and in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spotmagic import terminal
from spotmagic.words import markup

_BOX = "font:13px/1.5 system-ui,sans-serif;margin:2px 0;color:inherit"
_CELL = "text-align:left;padding:1px 14px 1px 0;white-space:pre-wrap;vertical-align:top"
_HEAD = "opacity:.7;font-weight:500"
_NUMBER = "text-align:right;font-variant-numeric:tabular-nums"
_DIFF = {"+": "light-dark(#1a7f37,#3fb950)", "-": "light-dark(#cf222e,#f85149)", "@": "light-dark(#57606a,#8b949e)"}


class Number(str):
    """A heading over numbers: they stand at the right."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class View:
    """A title, lines of text, a table and a diff, and views below them; each may be empty.

    Attributes:
        columns: headings, those of numbers as :class:`Number`; without any, rows are facts, each with its name first.
        data: the same for programs, as JSON can say it.
        wrong: something is wrong with what was looked at.
    """

    title: str = ""
    lines: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()
    diff: str = ""
    parts: Sequence[View] = ()
    data: Any = None
    wrong: bool = False

    def __repr__(self) -> str:
        return "\n".join(terminal.lines(self, terminal.Screen(terminal.Screen.of(sys.stdout).width)))

    def _repr_html_(self) -> str:
        return f'<div style="{_BOX}">{self._inside()}</div>'

    def _inside(self) -> str:
        pieces = [f"<b>{markup(self.title)}</b>" if self.title else ""]
        pieces += [f'<div style="white-space:pre-wrap">{markup(line)}</div>' for line in self.lines]
        if self.rows:
            head = "".join(
                f'<th scope="col" style="{style};{_HEAD}">{markup(column)}</th>'
                for column, style in zip(self.columns, self._styles(), strict=False)
            )
            body = "".join(f"<tr>{''.join(self._cells(row))}</tr>" for row in self.rows)
            pieces.append(f'<table style="border-collapse:collapse">{f"<tr>{head}</tr>" if head else ""}{body}</table>')
        if self.diff:
            pieces.append(f'<pre style="margin:4px 0">{"".join(map(_coloured, self.diff.splitlines()))}</pre>')
        return "".join([*pieces, *(part._inside() for part in self.parts)])

    def _styles(self) -> list[str]:
        return [f"{_CELL};{_NUMBER}" if isinstance(column, Number) else _CELL for column in self.columns]

    def _cells(self, row: Sequence[object]) -> list[str]:
        if self.columns:
            told = zip(row, self._styles(), strict=True)
            return [f'<td style="{style}">{markup(str(cell))}</td>' for cell, style in told]
        name, *rest = row
        facts = [f'<td style="{_CELL}">{markup(str(cell))}</td>' for cell in rest]
        return [f'<th scope="row" style="{_CELL};{_HEAD}">{markup(str(name))}</th>', *facts]


def _coloured(line: str) -> str:
    colour = _DIFF.get(line[:1])
    return f'<span style="color:{colour}">{markup(line)}</span>\n' if colour else markup(line) + "\n"
