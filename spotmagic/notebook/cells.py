"""The cells of one shell: running them, and what is remembered of each for ``explain`` and ``accept``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from spotmagic.errors import OptionError, RecordMissing
from spotmagic.notebook import badge, executor
from spotmagic.notebook.cell import Cell
from spotmagic.notebook.options import CellOptions, parse
from spotmagic.notebook.replay import Replay
from spotmagic.notebook.view import View
from spotmagic.options import is_off
from spotmagic.spot import current, last

if TYPE_CHECKING:
    from spotmagic.engine.call import Outcome
    from spotmagic.spot import Spot


class Cells:
    """Runs the ``%%spot`` cells of a shell.

    Args:
        defaults: what holds for options that a cell does not name (``%config SpotMagics``).
    """

    def __init__(self, shell: Any, defaults: Callable[[], CellOptions] = CellOptions) -> None:
        self._shell, self._defaults = shell, defaults
        self._replay = Replay(shell)
        self._last: dict[str, Cell] = {}
        self._latest = ""

    def run(self, line: str, text: str) -> Coroutine[Any, Any, None] | None:
        """Run or restore a cell. Gives something to await where its body awaits.

        Raises:
            OptionError: for an option that cannot be used; the cell has not run.
        """
        if is_off():
            return self._as_it_is(text)
        options = parse(line, self._shell.user_ns, self._defaults())
        cell = Cell(self._shell, current(), options, text, self._replay)
        self._last[cell.name], self._latest = cell, cell.name
        return self._adrive(cell, options) if cell.body.awaits else self._drive(cell, options)

    def _drive(self, cell: Cell, options: CellOptions) -> None:
        try:
            outcome = cell.drive()
        except BaseException as error:
            self._failed(cell, options, error)
            raise
        self._came(outcome, options)

    async def _adrive(self, cell: Cell, options: CellOptions) -> None:
        try:
            outcome = await cell.adrive()
        except BaseException as error:
            self._failed(cell, options, error)
            raise
        self._came(outcome, options)

    def _came(self, outcome: Outcome, options: CellOptions) -> None:
        if not options.quiet:
            badge.publish(self._shell, outcome)

    def _failed(self, cell: Cell, options: CellOptions, error: BaseException) -> None:
        executor.show_only_users_lines(self._shell, error, cell.body.filename)

    def _as_it_is(self, text: str) -> Coroutine[Any, Any, None] | None:
        body = executor.prepare(self._shell, text)
        if body.awaits:
            return executor.arun(self._shell, body)
        try:
            executor.run(self._shell, body)
        except BaseException as error:
            executor.show_only_users_lines(self._shell, error, body.filename)
            raise
        return None

    # explain and accept ------------------------------------------------------------------------------------------------

    def explain(self, spot: Spot, name: str | None) -> View:
        """What differs between the last run of a cell, or of a function, and the nearest result."""
        name = name or self._latest
        if not name:
            raise OptionError("no cell has run yet", todo="Write %spot explain NAME")
        cell = self._last.get(name)
        told = cell.explanation if cell is not None and cell.explanation is not None else spot.explain(name)
        rows = [(change.name, change.before[:8] or "none", change.now[:8] or "none") for change in told.changes]
        return View(f"{told.name}: {told.reason}", (), ("what", "before", "now"), rows, told.edit)

    def accept(self, spot: Spot, name: str | None) -> View:
        """Let the kept result of a cell stand for its code and inputs as they are now."""
        name = name or self._latest
        cell = self._last.get(name)
        if cell is None:
            raise RecordMissing(f"no cell named {name or '…'} has run in this kernel", todo="Run it once, then accept")
        return View("", [cell.accept()])
