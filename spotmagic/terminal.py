"""Texts for terminals: what they may hold, how wide they are, and lines of a view that fit a window."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from spotmagic.view import View

_JOINERS = "\u200c\u200d"  # inside words of some scripts, and emoji
_PLAIN = str.maketrans(
    {"…": "...", "µ": "u", "\N{EN DASH}": "-", "·": "-", "─": "-", "→": "->", "“": '"', "”": '"', "\u2019": "'"}
)
_NARROWEST = 12  # columns of a text beside others: where there are fewer, rows are blocks
_GAP = "  "
_DIFF = {"+": "32", "-": "31", "@": "36"}


@dataclass(frozen=True, slots=True)
class Screen:
    """What a view is written for.

    Attributes:
        width: columns of the window; ``None`` for a file or pipe, which gets whole texts.
        colours: whether it shows and wants them.
    """

    width: int | None = None
    colours: bool = False

    @classmethod
    def of(cls, out: TextIO) -> Screen:
        """That of a stream. ``NO_COLOR`` and dumb terminals have no colours."""
        if not out.isatty():
            return cls()
        drab = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return cls(shutil.get_terminal_size().columns, not drab)

    def lit(self, code: str, text: str) -> str:
        """A text in a colour or weight."""
        return f"\033[{code}m{text}\033[0m" if self.colours and text else text


def plain(text: object) -> str:
    """A text in one line that moves no cursor, hides nothing and turns no direction."""
    return "".join(map(_shown, str(text)))


def _shown(char: str) -> str:
    if char.isprintable() or char in _JOINERS:
        return char
    return " " if char.isspace() else char.encode("unicode_escape").decode()


def columns(text: str) -> int:
    """How many columns a text of one line takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.combining(char) or char in _JOINERS:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int) -> str:
    """A text that takes at most so many columns."""
    if columns(text) <= width:
        return text
    room, kept = width - 1, ""
    for char in text:
        room -= _columns(char)
        if room < 0:
            break
        kept += char
    return f"{kept}…" if width > 0 else ""


def write(text: str, out: TextIO | None = None) -> None:
    """Write a line. What the stream's encoding lacks is said in ASCII, else escaped."""
    out = out or sys.stdout
    out.write(encodable(text, out) + "\n")


def encodable(text: str, out: TextIO) -> str:
    """A text that a stream can write."""
    encoding = out.encoding or "ascii"
    try:
        text.encode(encoding)
        return text
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(encoding, "backslashreplace").decode(encoding)


def lines(view: View, screen: Screen) -> Iterator[str]:
    """A view line by line."""
    if view.title:
        yield from _wrapped(plain(view.title), screen, lambda text: screen.lit("1", text))
    for line in view.lines:
        yield from _wrapped(plain(line), screen)
    if view.rows:
        rows = [[plain(cell) for cell in row] for row in view.rows]
        yield from _table(view.columns, rows, screen) if view.columns else _facts(rows, screen)
    for line in view.diff.splitlines():
        yield screen.lit(_DIFF.get(line[:1], ""), plain(line)) if line[:1] in _DIFF else plain(line)
    for part in view.parts:
        if part.title and view.title:
            yield ""
        yield from lines(part, screen)


def _wrapped(text: str, screen: Screen, dress: Callable[[str], str] = str) -> Iterator[str]:
    if screen.width is None or columns(text) <= screen.width:
        yield dress(text)
        return
    indent = len(text) - len(text.lstrip())
    first, *more = _folded(text.lstrip(), max(1, screen.width - indent - 2))
    yield dress(" " * indent + first)
    yield from (dress(" " * (indent + 2) + line) for line in more)


def _folded(text: str, width: int) -> Iterator[str]:
    """A text in lines that take at most so many columns; words longer than a line are broken."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if columns(longer) <= width:
            line = longer
            continue
        if line:
            yield line
        line = word
        while columns(line) > width:
            head = cut(line, width + 1)[:-1] or line[0]
            yield head
            line = line[len(head) :]
    yield line


def _facts(rows: Sequence[Sequence[str]], screen: Screen) -> Iterator[str]:
    """Names and what they are, one a line."""
    width = max(columns(row[0]) for row in rows)
    for name, *rest in rows:
        value = _GAP.join(filter(None, rest))
        room = None if screen.width is None else screen.width - width - len(_GAP)
        first, *more = [value] if room is None else _folded(value, max(room, _NARROWEST))
        yield f"{screen.lit('2', _padded(name, width))}{_GAP}{first}".rstrip()
        yield from (" " * (width + len(_GAP)) + line for line in more)


def _table(heads: Sequence[str], rows: list[list[str]], screen: Screen) -> Iterator[str]:
    from spotmagic.view import Number

    numeric = [isinstance(head, Number) for head in heads]
    heads = list(map(plain, heads))
    needed = [max(map(columns, column)) for column in zip(heads, *rows, strict=True)]
    widths = needed if screen.width is None else _fitted(needed, numeric, screen.width)
    if widths is None:
        yield from _blocks(heads, rows, screen, numeric)
        return
    for place, row in enumerate([heads, *rows]):
        cells = [cut(cell, width) for cell, width in zip(row, widths, strict=True)]
        line = _GAP.join(map(_padded, cells, widths, numeric)).rstrip()
        yield screen.lit("1", line) if place == 0 else line


def _padded(text: str, width: int, right: bool = False) -> str:
    space = " " * (width - columns(text))
    return space + text if right else text + space


def _fitted(needed: list[int], numeric: Sequence[bool], width: int) -> list[int] | None:
    """Widths of columns that fit a window, the widest text made narrower first. ``None`` where that is too little."""
    widths = list(needed)
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    while over > 0:
        texts = sorted((size, place) for place, size in enumerate(widths) if not numeric[place])
        if not texts or texts[-1][0] <= _NARROWEST:
            return None
        least = max(texts[-2][0] if len(texts) > 1 else 0, _NARROWEST)
        size, place = texts[-1]
        take = min(over, max(1, size - least))
        widths[place], over = size - take, over - take
    return widths


def _blocks(heads: Sequence[str], rows: list[list[str]], screen: Screen, numeric: Sequence[bool]) -> Iterator[str]:
    """Rows of a window too narrow for columns: the longest text on a line of its own, the rest named below it."""
    width = screen.width or 0
    texts = [place for place, number in enumerate(numeric) if not number] or [0]
    chief = max(texts, key=lambda place: max(columns(row[place]) for row in rows))
    for row in rows:
        yield screen.lit("1", cut(row[chief], width))
        rest = [
            f"{head} {cell}".strip()
            for place, (head, cell) in enumerate(zip(heads, row, strict=True))
            if place != chief and cell
        ]
        yield from (f"  {line}" for line in _packed(rest, width - 2))


def _packed(pieces: Sequence[str], width: int) -> Iterator[str]:
    """Pieces, several a line where they fit."""
    line = ""
    for piece in pieces:
        longer = f"{line} · {piece}" if line else piece
        if columns(longer) > width and line:
            yield line
            longer = piece
        line = longer if columns(longer) <= width else cut(longer, width)
    if line:
        yield line
