"""The magics ``%%spot``, ``%spot`` and ``%spot_load_ext``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.display import display
from traitlets import Bool, Unicode, observe

from spotmagic import options as words
from spotmagic.errors import OptionError, unknown
from spotmagic.notebook import guide
from spotmagic.notebook.line import split
from spotmagic.notebook.options import FLAGS, VALUES, CellOptions, parse
from spotmagic.notebook.transformer import UNASKED, EveryCell
from spotmagic.notebook.view import View
from spotmagic.notebook.wrapping import Wrapping, targets

if TYPE_CHECKING:
    from spotmagic.notebook.cells import Cells

_OF_MARK = ("version", "ttl", "ignore", "price", "mode", "retry")


def _documented(text: Callable[[], str]) -> Callable[[Any], Any]:
    def document(function: Any) -> Any:
        function.__doc__ = text()
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
        self.every_cell = EveryCell()
        self._unasked = CellOptions()
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
    @_documented(guide.cell_help)
    def spot_cell(self, line: str, cell: str) -> Any:
        return self.cells.run(line, cell, self._unasked if line.strip() == UNASKED else None)

    @line_magic("spot")  # type: ignore[untyped-decorator]
    @no_var_expand  # type: ignore[untyped-decorator]
    @_documented(guide.line_help)
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
    @_documented(guide.load_help)
    def spot_load_ext(self, line: str) -> None:
        from spotmagic.spot import current

        names, off, given = targets(split(line))
        if not names:
            display(View("under the spot", list(self.wrapping) or ["nothing yet: %spot_load_ext module:function"]))
            return
        if "cells" in names:
            self._every_cell([name for name in names if name != "cells"], off, line)
            return
        if off:
            for name in names:
                self.wrapping.off(name)
            return
        options = {}
        for word in given:
            if word.name not in _OF_MARK:
                raise unknown("option", word.name, _OF_MARK)
            options[word.name] = VALUES[word.name].read(word.value(self.shell.user_ns), word.name)
        mark = current().mark(**options)
        for name in names:
            self.wrapping.on(name, mark)

    def _every_cell(self, others: list[str], off: bool, line: str) -> None:
        """Put all cells that follow under the spot, or no longer."""
        if others:
            raise OptionError("cells is given with other targets", todo="Write %spot_load_ext cells alone")
        told = " ".join(word for word in line.split() if word not in ("cells", "off"))
        self._unasked = replace(parse(told, self.shell.user_ns, self._defaults()), unasked=True)
        self.every_cell.on = not off

    def misplaced(self, line: str) -> None:
        """Stands for ``%%spot`` anywhere but on the first line of a cell."""
        raise OptionError(
            "%%spot is not on the first line of its cell",
            why="IPython takes a cell magic only there, and a comment counts as a line",
            todo=f"Move it to the top, or write %spot {line} there: comments may precede that"
            if line
            else "Move it up",
        )
