"""Input transformers: the first-line form of ``%spot``, every cell under it, and the await that a body may need."""

from __future__ import annotations

import ast
import re
from typing import Any

from spotmagic.notebook.executor import needs_await, transform, transforms_body
from spotmagic.notebook.options import FLAGS

_CALL = "get_ipython().run_cell_magic('spot', "
_FLAG = "|".join(FLAGS)
_FIRST_LINE = re.compile(rf"%spot[ \t]+(?:(?:{_FLAG})[ \t]+)*(?:[A-Za-z_]\w*=|(?:{_FLAG})[ \t]*(?:#|$))")


class FirstLine:
    """Turns a cell that begins with ``%spot key=…`` into a ``%%spot`` cell.

    Comments may stand above that line. What follows keeps its line numbers.
    """

    def __call__(self, lines: list[str]) -> list[str]:
        for place, line in enumerate(lines):
            if _FIRST_LINE.match(line) and any(text.strip() for text in lines[place + 1 :]):
                return ["%" + line, *lines[:place], *lines[place + 1 :]]
            if line.strip() and not line.lstrip().startswith("#"):
                break
        return lines


UNASKED = "#cells"
_OWN = re.compile(r"\s*(%%|%spot|%(re|un)?load_ext\b|get_ipython\(\)\.run_cell_magic)")


class EveryCell:
    """Puts every cell under the spot while ``on``, but those that begin with a magic of cells or with one of ours."""

    def __init__(self) -> None:
        self.on = False
        self._running = 0

    def begins(self) -> None:
        """A cell runs now: what is transformed meanwhile is the body of a magic, such as ``%%timeit``."""
        self._running += 1

    def ends(self) -> None:
        """A cell has ended."""
        self._running = max(0, self._running - 1)

    def __call__(self, lines: list[str]) -> list[str]:
        code = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
        if not self.on or self._running or not code or transforms_body() or _OWN.match(code[0]):
            return lines
        return [f"%%spot {UNASKED}\n", *lines]


class Awaited:
    """Puts an await before the call of the magic when the whole cell is that call and its body needs one.

    A body that is no Python takes the place of the call: IPython then shows its SyntaxError as that of any cell.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def __call__(self, lines: list[str]) -> list[str]:
        if not lines or not lines[0].startswith(_CALL):
            return lines
        text = "".join(lines)
        body = _body(text)
        if body is None:
            return lines
        if needs_await(self._shell, body):
            return ["await " + text]
        broken = _broken(self._shell, body)
        return lines if broken is None else ["\n", *broken.splitlines(keepends=True)]


def _body(text: str) -> str | None:
    """The body of a cell that is one call of the magic and nothing else."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    match tree.body:
        case [ast.Expr(ast.Call(args=[ast.Constant(), ast.Constant(), ast.Constant(value=str(body))]))]:
            return body
    return None


def _broken(shell: Any, body: str) -> str | None:
    """The transformed body, if it cannot be parsed."""
    source = transform(shell, body)
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return source
    return None
