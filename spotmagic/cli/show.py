"""What the command line prints: tables for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, TextIO


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], out: TextIO | None = None) -> None:
    """Print rows under their columns; nothing but the rows where the output is a pipe."""
    out = out or sys.stdout
    cells = [[one_line(cell) for cell in row] for row in rows]
    head = [list(columns)] if out.isatty() or not rows else []
    widths = [max(map(len, column)) for column in zip(*[list(columns), *cells], strict=True)]
    for number, row in enumerate(head + cells):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        write(bold(line, out) if head and number == 0 else line, out)


def facts(pairs: Sequence[tuple[str, object]]) -> None:
    """Print names and what they are, one a line."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        write(f"{name.ljust(width)}  {one_line(value)}")


def as_json(value: Any) -> None:
    """Print a value as JSON."""
    write(json.dumps(value, indent=2, default=_plain, ensure_ascii=True))


def write(text: str, out: TextIO | None = None) -> None:
    """Print a line; what the terminal's encoding lacks is escaped."""
    out = out or sys.stdout
    encoding = out.encoding or "ascii"
    out.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def at_once(text: str) -> None:
    """Print a line that a reader waits for, though the output be a pipe."""
    write(text)
    sys.stdout.flush()


def bold(text: str, out: TextIO) -> str:
    """Bold on a terminal that has colours and wants them."""
    if not out.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\033[1m{text}\033[0m"


def one_line(value: object) -> str:
    """A value as text that moves no cursor."""
    return "".join(char if char.isprintable() else " " for char in str(value))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)
