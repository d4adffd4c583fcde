"""``%spot``: the commands of the table, and those that only a notebook needs."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spotmagic import words
from spotmagic.commands import COMMANDS, Command, Session
from spotmagic.commands.command import argument, command
from spotmagic.errors import OptionError, unknown
from spotmagic.notebook.options import split
from spotmagic.options import parse_amount
from spotmagic.spot import Spot, choose, current, last
from spotmagic.view import Number, View
from spotmagic.words import duration, money, percent, size

if TYPE_CHECKING:
    from spotmagic.notebook.cells import Cells

NOTEBOOK: dict[str, Command] = {}
_command = functools.partial(command, table=NOTEBOOK)


class Notebook(Session):
    """The session of a notebook: its spot, and the cells that ran in this kernel."""

    def __init__(self, cells: Cells) -> None:
        super().__init__(_opened)
        self._cells = cells

    def account(self, name: str | None) -> Any:
        """What differs between the last run of a cell, or of a function, and the nearest result."""
        return self._cells.account(self.spot, name) or super().account(name)


def _opened(**settings: Any) -> Any:
    spot = current()
    return Spot(spot.name, root=spot.folder.parent, **settings) if settings else spot


def available() -> dict[str, Command]:
    """The commands of a notebook by their names."""
    return {**NOTEBOOK, **COMMANDS}


def offers() -> Mapping[str, Sequence[str]]:
    """The commands, each with the words that may follow it."""
    return {name: list(_offered(command)) for name, command in available().items()}


def _offered(command: Command) -> Iterator[str]:
    for taken in command.takes:
        if taken.form == "flag":
            yield taken.name
        elif taken.form == "option":
            yield from (f"{taken.name}={choice}" for choice in taken.choices or ("",))
        else:
            yield from taken.choices


def answer(line: str, cells: Cells) -> Any:
    """What a line of ``%spot`` shows.

    Raises:
        OptionError: for a word that does not exist, with the nearest right one, or for wrong arguments.
    """
    name, _, rest = line.strip().partition(" ")
    session = Notebook(cells)
    if not name:
        return status(session)
    known = available()
    if name not in known:
        raise unknown("word of %spot", name, known)
    from spotmagic.commands.parsing import parser, read, undashed

    command = known[name]
    try:
        given = read(parser(command), undashed(command, split(rest), rest.strip()), name)
    except OptionError as error:
        raise OptionError(
            f"%spot {name}: {error.what}", error.why, error.todo or f"Write %spot {command.usage}"
        ) from None
    return command.run(session, **given)


def status(session: Notebook) -> View:
    """The spot in one screen."""
    spot, stats, outcome = session.spot, session.spot.stats(), last()
    lines = [
        f"{words.results(stats.entries)}, {size(stats.bytes)} in {spot.folder}",
        f"{words.counted(stats.hits, 'hit')}, {words.counted(stats.misses, 'run')}, "
        f"hit rate {percent(stats.hits, stats.hits + stats.misses)}",
        f"saved: run time {duration(stats.seconds_saved)}, cost {money(stats.price_saved)}; "
        f"cost of the runs {money(stats.price_paid)}",
        f"mode {spot.mode_of('')}",
    ]
    if outcome is not None:
        reason = f", {outcome.reason}" if outcome.reason else ""
        lines.append(f"last: {outcome.kind} {outcome.name}: {outcome.verdict}{reason}")
    return View(f"spot {spot.name}", [*lines, "%spot help lists the words, %%spot? the options of a cell"])


@_command()
def panel(session: Notebook) -> Any:
    """Show the panel of this spot."""
    return session.spot.panel()


@_command(argument("NAME", "of a function, cell or key"))
def accept(session: Notebook, name: str | None = None) -> View:
    """Say that a drift, or the last edit of function NAME, does not matter: kept results stand for it."""
    names = session.spot.accept(name)
    return View(lines=[f"accepted: {', '.join(names)}" if names else "nothing has drifted in this kernel"])


@_command(argument("AMOUNT", "such as 5.00, or off"))
def budget(session: Notebook, amount: str = "") -> View:
    """Tell what was spent, by day and model, and tell or set what this kernel's spot may spend, or off."""
    budget = session.spot.budget
    if amount:
        budget.total = None if amount == "off" else parse_amount(amount.removeprefix("$"), "budget")
    told = f"spent {money(budget.spent())} of {'any amount' if budget.total is None else money(budget.total)}"
    spent = [(by, row) for by in ("day", "model") for row in session.spot.stats(by=by).rows if row[-2]]
    rows = [(by, row[0], f"{row[1]:,}", f"{row[3] + row[4]:,}", money(row[-2])) for by, row in spent]
    return View("", [told], ("by", "", Number("runs"), Number("tokens"), Number("cost")), rows)


@_command(argument("AMOUNT", "such as 1.00, or off"))
def ask_(session: Notebook, amount: str = "") -> View:
    """Ask before an edit makes results be paid again that cost more than AMOUNT, or off."""
    edits = session.spot.edits
    if amount:
        edits.over = None if amount == "off" else parse_amount(amount.removeprefix("$"), "ask")
    told = "nothing is asked" if edits.over is None else f"an edit is asked about over {money(edits.over)}"
    return View(lines=[f"{told} before results are paid again"])


@_command(argument("NAME", "of the spot", needed=True))
def open_(_: Notebook, name: str) -> View:
    """Make another spot the notebook's."""
    spot = Spot(name, root=current().folder.parent)
    choose(spot)
    return View(lines=[f"now {spot!r}"])


@_command()
def help_(session: Notebook) -> View:
    """Show this list."""
    rows = [("%spot", f"the spot {session.spot.name} in one screen")]
    rows += [(f"%spot {command.usage}", command.about) for command in available().values()]
    return View("%spot", rows=[*rows, ("%%spot?", "the options of a cell")])
