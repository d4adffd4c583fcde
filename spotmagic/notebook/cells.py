"""The cells of one shell: running them, and what is remembered of each for ``explain`` and ``accept``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from spotmagic.engine.call import Call, Outcome
from spotmagic.errors import OptionError, SpotError, tell
from spotmagic.notebook import badge, executor
from spotmagic.notebook.cell import Cell
from spotmagic.notebook.events import Replay
from spotmagic.notebook.options import CellOptions, parse
from spotmagic.options import is_off
from spotmagic.spot import current
from spotmagic.words import counted

if TYPE_CHECKING:
    from spotmagic.spot import Spot


class _Seen(NamedTuple):
    """What is remembered of the last execution of a cell: its call, and why it ran if it did."""

    call: Call
    explanation: Any


class Cells:
    """Runs the ``%%spot`` cells of a shell.

    Args:
        defaults: what holds for options that a cell does not name (``%config SpotMagics``).
    """

    def __init__(self, shell: Any, defaults: Callable[[], CellOptions] = CellOptions) -> None:
        self._shell, self._defaults = shell, defaults
        self._replay = Replay(shell)
        self._seen: dict[str, _Seen] = {}
        self._latest = ""
        self._quick: set[str] = set()

    def run(self, line: str, text: str, unasked: CellOptions | None = None) -> Coroutine[Any, Any, None] | None:
        """Run or restore a cell. Gives something to await where its body awaits.

        Args:
            unasked: the options of a cell on which nobody wrote any. A quick one is looked at once.

        Raises:
            OptionError: for an option that cannot be used; the cell has not run.
        """
        if is_off():
            return self._as_it_is(text)
        if unasked is not None and text in self._quick:
            return self._as_it_is(text, 0)
        options = unasked or parse(line, self._shell.user_ns, self._defaults())
        try:
            cell = Cell(self._shell, current(), options, text, self._replay)
        except (SpotError, SyntaxError):
            raise
        except Exception as error:  # of ours, as nothing of the cell has run
            tell("this cell runs uncached", f"looking at it raised {type(error).__name__}: {error}", "Please report it")
            return self._as_it_is(text)
        self._latest = cell.name  # before it runs: explain is asked of one that failed, too
        if cell.body.awaits:
            return self._adrive(cell, options, text)
        self._drive(cell, options, text)
        return None

    def _drive(self, cell: Cell, options: CellOptions, text: str) -> None:
        try:
            outcome = cell.drive()
        except BaseException as error:
            self._failed(cell, options, error)
            raise
        finally:
            self._ended(cell)
        self._told(text, outcome, options)

    async def _adrive(self, cell: Cell, options: CellOptions, text: str) -> None:
        try:
            outcome = await cell.adrive()
        except BaseException as error:
            self._failed(cell, options, error)
            raise
        finally:
            self._ended(cell)
        self._told(text, outcome, options)

    def _told(self, text: str, outcome: Outcome, options: CellOptions) -> None:
        """Show what came of a cell, and remember a quick one, which costs less to run than to look at."""
        if options.unasked and outcome.verdict == "ran" and outcome.seconds < options.least_seconds:
            self._quick.add(text)  # by its text: an edited cell is looked at again
        self._show(outcome, options)

    def _ended(self, cell: Cell) -> None:
        """Remember what `explain` needs of a cell, and nothing that would keep the notebook's values alive."""
        call = replace(cell.call, run=_over, encode=_over, decode=_over, ticket=None)  # these hold the cell
        self._seen[cell.name] = _Seen(call, cell.explanation)
        cell.release()

    def _show(self, outcome: Outcome, options: CellOptions, note: str = "") -> None:
        saves = outcome.verdict not in ("ran", "bypassed") and outcome.saved_seconds >= options.least_seconds
        if not options.quiet and (saves or not options.unasked):
            badge.publish(self._shell, outcome, note=note)

    def _failed(self, cell: Cell, options: CellOptions, error: BaseException) -> None:
        """A cell that failed ends with a verdict too. One that may not run (``RecordMissing``, …) tells so itself."""
        outcome = cell.outcome()
        if not isinstance(error, Exception):
            outcome = Outcome(
                verdict="ran",
                stored=False,
                kind="cell",
                name=cell.name,
                reason="interrupted, not stored",
                key=cell.call.key.hex(),
                seconds=cell.elapsed(),
            )
        if outcome is None:
            return
        kept = cell.kept_inside() if outcome.verdict == "ran" else 0
        self._show(outcome, options, f"{counted(kept, 'call')} inside will not be paid again" if kept else "")

    def _as_it_is(self, text: str, above: int = 1) -> Coroutine[Any, Any, None] | None:
        body = executor.prepare(self._shell, text, above)
        if body.awaits:
            return executor.arun(self._shell, body)
        executor.run(self._shell, body)
        return None

    def account(self, spot: Spot, name: str | None) -> Any:
        """What differs between the last run of a cell, the latest when none is named, and the nearest result; inputs
        and notes of both. ``None`` where the name is no cell that ran here.
        """
        name = name or self._latest
        if not name:
            raise OptionError("no cell has run yet", todo="Write %spot explain NAME")
        seen = self._seen.get(name)
        if seen is None:
            return None
        kept = [(entry.inputs, entry.notes) for entry in spot.store.recent(name)]
        return seen.explanation or spot.explain_call(seen.call), [(seen.call.inputs, seen.call.notes), *kept]


def _over(*_: Any) -> Any:
    raise AssertionError("this execution is over")
