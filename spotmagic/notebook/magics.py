"""The magics ``%%spot``, ``%spot`` and ``%spot_load_ext``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.display import display
from traitlets import Bool, Unicode, observe

from spotmagic import options as words
from spotmagic.errors import OptionError
from spotmagic.notebook.hooks import UNASKED, EveryCell
from spotmagic.notebook.options import FLAGS, LINE_HELP, LOAD_HELP, CellOptions, Word, cell_help, chosen, split
from spotmagic.view import View

if TYPE_CHECKING:
    from spotmagic.notebook.cells import Cells


def _documented(text: str) -> Callable[[Any], Any]:
    def document(function: Any) -> Any:
        function.__doc__ = text
        return function

    return document


@magics_class
class SpotMagics(Magics):  # type: ignore[misc]
    """Keeps results of cells and functions, and says what came of each."""

    root = Unicode("", help="The folder of all spots; .spotmagic by default.").tag(config=True)
    mode = Unicode("", help="The mode of cells that name none: auto, record, replay, mock or off.").tag(config=True)
    min = Unicode("", help="Runs shorter than this are not kept: 3s.").tag(config=True)
    quiet = Bool(False, help="No badge under cells.").tag(config=True)

    def __init__(self, shell: Any) -> None:
        self.wrapping = Wrapping(shell.user_ns)
        self.every_cell = EveryCell(lambda words: chosen(words, shell.user_ns, self._defaults()))
        self.targets = Targets(self.wrapping, {"cells": self.every_cell})
        super().__init__(shell)
        words.configure("root", self.root or None)

    @cached_property
    def cells(self) -> Cells:
        """The cells of this shell; the engine is imported when the first one runs."""
        from spotmagic.notebook.cells import Cells

        return Cells(self.shell, self._defaults)

    @observe("root")  # type: ignore[untyped-decorator]
    def _rooted(self, _: Any) -> None:
        words.configure("root", self.root or None)

    def _defaults(self) -> CellOptions:
        return CellOptions(
            quiet=self.quiet,
            mode=words.parse_mode(self.mode) if self.mode else None,
            least_seconds=words.parse_duration(self.min, "min") if self.min else 0.0,
        )

    @cell_magic("spot")  # type: ignore[untyped-decorator]
    @no_var_expand  # type: ignore[untyped-decorator]
    @_documented(cell_help())
    def spot_cell(self, line: str, cell: str) -> Any:
        return self.cells.run(line, cell, self.every_cell.options if line.strip() == UNASKED else None)

    @line_magic("spot")  # type: ignore[untyped-decorator]
    @no_var_expand  # type: ignore[untyped-decorator]
    @_documented(LINE_HELP)
    def spot_line(self, line: str) -> None:
        first = line.partition(" ")[0]
        if "=" in first or (first in FLAGS and first != "accept"):
            raise OptionError(
                "these options have no cell", todo="Put code under the line, and the line first in its cell"
            )
        from spotmagic.notebook import commands

        answer = commands.answer(line, self.cells)
        if answer is not None:
            display(answer)

    @line_magic  # type: ignore[untyped-decorator]
    @no_var_expand  # type: ignore[untyped-decorator]
    @_documented(LOAD_HELP)
    def spot_load_ext(self, line: str) -> None:
        loaded = self.targets.load(line)
        if loaded is not None:
            display(View("under the spot", loaded or ["nothing yet: %spot_load_ext httpx, or module:function"]))

    def misplaced(self, line: str) -> None:
        """Stands for ``%%spot`` anywhere but on the first line of a cell."""
        raise OptionError(
            "%%spot is not on the first line of its cell",
            why="IPython takes a cell magic only there, and a comment counts as a line",
            todo=f"Move it to the top, or write %spot {line} there: comments may precede that"
            if line
            else "Move it up",
        )


class TargetKind(Protocol):
    """What takes targets of one kind."""

    def load(self, names: list[str], given: list[Word], *, off: bool) -> None:
        """Put them under the spot with these options, or take them back. Raises :class:`OptionError`."""

    def loaded(self) -> Iterable[str]:
        """Those that are under the spot now, as the user named them."""


class Targets:
    """The targets of one shell.

    Args:
        libraries: takes ``module:function``, ``httpx``, and every word that is no kind of its own.
        kinds: what takes the words that stand for a kind, such as ``cells``.
    """

    def __init__(self, libraries: TargetKind, kinds: Mapping[str, TargetKind]) -> None:
        self._libraries, self._kinds = libraries, kinds

    def load(self, line: str) -> list[str] | None:
        """Do what a line says; an empty one asks for what is under the spot.

        Raises:
            OptionError: for a target or option that cannot be used, or targets of several kinds.
        """
        words = split(line)
        names = [word.text for word in words if not word.name]
        off = names[-1:] == ["off"]
        names = names[: len(names) - off]
        if not names:
            return sorted(name for kind in (self._libraries, *self._kinds.values()) for name in kind.loaded())
        kinds = {id(kind): kind for kind in (self._kinds.get(name, self._libraries) for name in names)}
        if len(kinds) > 1:
            alone = next(name for name in names if name in self._kinds)
            raise OptionError(f"{alone} is given with other targets", todo=f"Write %spot_load_ext {alone} alone")
        (kind,) = kinds.values()
        kind.load(names, [word for word in words if word.name], off=off)
        return None


class Wrapping:
    """What is wrapped from one shell: functions of modules, ``httpx``, ``requests``, what installed packages add."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace

    def loaded(self) -> Iterable[str]:
        """The targets, as the user named them."""
        from spotmagic import wrap

        return wrap.names()

    def load(self, names: list[str], given: list[Word], *, off: bool) -> None:
        """Put targets under the notebook's spot, or take them back."""
        from spotmagic import wrap
        from spotmagic.spot import current

        if off:
            for name in names:
                wrap.off(name)
        else:
            options = {word.name: word.value(self._namespace) for word in given}
            wrap.on(current(), names, options, self._namespace)

    def off_all(self) -> None:
        """Put every original back."""
        if "spotmagic.wrap" in sys.modules:  # else nothing was ever wrapped
            sys.modules["spotmagic.wrap"].off()
