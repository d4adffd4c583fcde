"""The cells of one shell: running them, and what is remembered of each for ``explain`` and ``accept``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from spotmagic.engine.call import Call, Outcome
from spotmagic.errors import OptionError, SpotError, tell
from spotmagic.notebook import badge, executor
from spotmagic.notebook.cell import Cell
from spotmagic.notebook.options import CellOptions, parse
from spotmagic.notebook.replay import Replay
from spotmagic.notebook.view import View
from spotmagic.options import is_off
from spotmagic.spot import current

if TYPE_CHECKING:
    from spotmagic.spot import Spot


@dataclass(frozen=True, slots=True)
class _Seen:
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
        self._latest = cell.name
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
            self._quick.add(text)
        self._show(outcome, options)

    def _ended(self, cell: Cell) -> None:
        """Remember what `explain` needs of a cell, and nothing that would keep the notebook's values alive."""
        call = replace(cell.call, run=_over, encode=_over, decode=_over, ticket=None)
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
        self._show(outcome, options, f"{kept} call{'s' * (kept > 1)} inside will not be paid again" if kept else "")

    def _as_it_is(self, text: str, above: int = 1) -> Coroutine[Any, Any, None] | None:
        body = executor.prepare(self._shell, text, above)
        if body.awaits:
            return executor.arun(self._shell, body)
        executor.run(self._shell, body)
        return None

    def explain(self, spot: Spot, name: str | None) -> View:
        """What differs between the last run of a cell, or of a function, and the nearest result."""
        name = name or self._latest
        if not name:
            raise OptionError("no cell has run yet", todo="Write %spot explain NAME")
        seen = self._seen.get(name)
        told = spot.explain(name) if seen is None else seen.explanation or spot.explain_call(seen.call)
        kept = [(entry.inputs, entry.notes) for entry in spot.store.recent(name)]
        if seen is not None:
            kept.insert(0, (seen.call.inputs, seen.call.notes))
        rows = [
            (each.name, _told(each.name, each.before, kept), _told(each.name, each.now, kept)) for each in told.changes
        ]
        return View(f"{told.name}: {told.reason}", (), ("what", "before", "now"), rows, told.diff)


def _over(*_: Any) -> Any:
    raise AssertionError("this execution is over")


def _told(name: str, print_: str, kept: Iterable[tuple[Mapping[str, bytes], Mapping[str, str]]]) -> str:
    """An input as it was: in words, with the beginning of its fingerprint to tell like from like."""
    if not print_:
        return "not there"
    words = (notes.get(f"input {name}") for inputs, notes in kept if inputs.get(name, b"").hex() == print_)
    return " ".join(filter(None, [next(words, None), print_[:6]]))
