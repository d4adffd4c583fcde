"""What loading puts into a shell: input transformers, the layout of tracebacks, completion."""

from __future__ import annotations

import ast
import os
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from spotmagic.code import normal
from spotmagic.notebook import executor
from spotmagic.notebook.executor import needs_await, parse_cell, transform, transforms_body
from spotmagic.notebook.options import FLAGS, VALUES, CellOptions, Word

_CALL = "get_ipython().run_cell_magic('spot', "
_FLAG = "|".join(FLAGS)
_FIRST_LINE = re.compile(rf"%spot[ \t]+(?:(?:{_FLAG})[ \t]+)*(?:[A-Za-z_]\w*=|(?:{_FLAG})[ \t]*(?:#|$))")
UNASKED = "#cells"
_OWN = re.compile(r"\s*(%%|%spot|%(re|un)?load_ext\b|get_ipython\(\)\.run_cell_magic)")
_OURS = str(Path(executor.__file__).parents[1]) + os.sep
_BODIES = (executor.run.__code__, executor.arun.__code__)


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


class EveryCell:
    """Puts every cell under the spot while ``on``, but those that begin with a magic of cells or with one of ours."""

    def __init__(self, options_of: Callable[[list[Word]], CellOptions]) -> None:
        self.options = CellOptions()
        self.on = False
        self._options_of = options_of
        self._running = 0

    def load(self, _: list[str], given: list[Word], *, off: bool) -> None:
        """Put all cells that follow under the spot, or no longer."""
        self.options = replace(self._options_of(given), unasked=True)
        self.on = not off

    def loaded(self) -> list[str]:
        """The word that stands for them, while they are under the spot."""
        return ["cells"] if self.on else []

    def begins(self) -> None:
        """A cell runs now: what is transformed meanwhile is the body of a magic, such as ``%%timeit``."""
        self._running += 1

    def ends(self) -> None:
        """A cell has ended."""
        self._running = max(0, self._running - 1)  # the cell that loaded us ends without having begun here

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
        call = _call(text)
        if call is None:
            return lines
        line, body = call
        if needs_await(self._shell, body):
            return ["await " + text]
        try:
            parse_cell(self._shell, body, above=int(line != UNASKED))
        except (SyntaxError, ValueError):
            return ["\n", *transform(self._shell, body).splitlines(keepends=True)]
        return lines


def _call(text: str) -> tuple[str, str] | None:
    """The line and the body of a cell that is one call of the magic and nothing else."""
    try:
        tree = normal.parse(text)
    except (SyntaxError, ValueError):
        return None
    match tree.body:
        case [ast.Expr(ast.Call(args=[ast.Constant(), ast.Constant(value=str(line)), ast.Constant(value=str(body))]))]:
            return line, body
    return None


class Tracebacks:
    """Overrides how a shell lays out tracebacks: of cells, of marked calls in plain cells, of chained errors alike."""

    def __init__(self, shell: Any) -> None:
        self._owner, self._syntax = shell.InteractiveTB, shell.SyntaxTB
        self._layout: Callable[..., Any] = self._owner.structured_traceback
        self._syntax_layout: Callable[..., Any] = self._syntax.structured_traceback
        self._owner.structured_traceback, self._syntax.structured_traceback = self, self._of_syntax

    def __call__(self, kind: Any = None, error: Any = None, trace: Any = None, *args: Any, **more: Any) -> Any:
        """What IPython's own method gives for the error without our frames."""
        if isinstance(error, BaseException):
            cut = clean(error)
            trace = error.__traceback__ or trace
            if cut:  # it begins at the user's line, and there is no frame of IPython's to leave out
                args, more = args[1:], {**more, "tb_offset": 0}
        return self._layout(kind, error, trace, *args, **more)

    def _of_syntax(self, kind: Any = None, error: Any = None, stack: Any = None, *args: Any, **more: Any) -> Any:
        """The same for what is no Python, which a run may meet as well: its stack is a list, and empty before a run."""
        if stack and isinstance(error, BaseException):
            clean(error)
            stack = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith(_OURS)]
        return self._syntax_layout(kind, error, stack, *args, **more)

    def off(self) -> None:
        """Lay tracebacks out as before."""
        for owner, mine in ((self._owner, self), (self._syntax, self._of_syntax)):
            if vars(owner).get("structured_traceback") == mine:
                del owner.structured_traceback


def clean(error: BaseException) -> bool:
    """Take our frames out of an error and of those it came from. Whether it begins in the body of a cell of ours."""
    error.__traceback__, cut = _without_us(error.__traceback__)
    seen: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        for name in ("__cause__", "__context__"):
            before = getattr(one, name)
            if before is None:
                continue
            trace, _ = _without_us(before.__traceback__)
            if trace is None and before.__traceback__ is not None:
                quiet = one.__suppress_context__
                setattr(one, name, None)  # it was ours alone, such as a look for what is not there
                one.__suppress_context__ = quiet
            else:
                before.__traceback__ = trace
                todo.append(before)
    return cut


def _without_us(trace: TracebackType | None) -> tuple[TracebackType | None, bool]:
    """A traceback without our frames, from the first line of a cell of ours on; and whether there is such a line."""
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    start = next((place for place, one in enumerate(frames) if one.tb_frame.f_code in _BODIES), -1) + 1
    kept = [one for one in frames[start:] if not one.tb_frame.f_code.co_filename.startswith(_OURS)]
    if not kept:
        return (None, False) if start == 0 else (frames[-1], False)
    clean: TracebackType | None = None
    for each in reversed(kept):
        clean = TracebackType(clean, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return clean, start > 0


def options(token: str, before: str = "") -> list[str]:
    """What may stand for the beginning of an option: names, flags, and the values of a name.

    Args:
        before: the line before the token; what it names already is not offered again.
    """
    name, equals, begun = token.partition("=")
    if equals:
        offers = VALUES[name].offers if name in VALUES else ()
        return [f"{name}={offer}" for offer in offers if offer.startswith(begun)]
    given = {word.partition("=")[0] for word in before.split()}
    words = [f"{word}=" for word in VALUES if word not in given] + [word for word in FLAGS if word not in given]
    return [word for word in words if word.startswith(token)]


class Completer:
    """Completes lines that begin with ``%%spot``, ``%spot`` or ``%spot_load_ext`` and nothing else.

    Args:
        commands: the commands that exist now, each with the words that may follow it.
        variables: the names of the notebook, for ``inputs=``, ``ignore=`` and ``outputs=``.
    """

    def __init__(
        self, commands: Callable[[], Mapping[str, Iterable[str]]], variables: Callable[[], Iterable[str]]
    ) -> None:
        self._commands, self._variables = commands, variables

    def matcher(self) -> Any:
        """The matcher to put among those of IPython's completer."""
        from IPython.core.completer import SimpleCompletion, context_matcher

        @context_matcher(identifier="spotmagic")  # type: ignore[untyped-decorator]
        def match(context: Any) -> dict[str, Any]:
            line = context.text_until_cursor
            found = [SimpleCompletion(text, type="param") for text in self.matches(line)]
            token = "" if line[-1:].isspace() else (line.split() or [""])[-1]
            return {"completions": found, "suppress": bool(found), "matched_fragment": token, "ordered": True}

        return match

    def matches(self, line: str) -> list[str]:
        """What may follow at the end of a line, as whole words."""
        words = line.split()
        if not words or words[0] not in ("%%spot", "%spot", "%spot_load_ext") or line == words[0]:
            return []
        token = "" if line[-1].isspace() else words[-1]
        before = words[1:] if not token else words[1:-1]
        if words[0] == "%spot_load_ext":
            return [word for word in ("off",) if before and word.startswith(token)]
        name, equals, begun = token.partition("=")
        if equals and name in ("inputs", "ignore", "outputs"):
            done, comma, last = begun.rpartition(",")
            return [f"{name}={done}{comma}{v}" for v in self._variables() if v.startswith(last)]
        if words[0] == "%spot" and before and before[0] in (commands := self._commands()):
            return [word for word in commands[before[0]] if word.startswith(token) and word not in before]
        found = options(token, " ".join(before))
        if words[0] == "%spot" and not before:
            found = [word for word in self._commands() if word.startswith(token)] + found
        return found
