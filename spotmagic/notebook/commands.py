"""The words of ``%spot``: what each shows or does. A word exists when the spot can do it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spotmagic.errors import OptionError, unknown
from spotmagic.notebook.line import split
from spotmagic.notebook.view import View
from spotmagic.options import Mode
from spotmagic.spot import Spot, choose, current, last
from spotmagic.words import duration, money, percent, size

if TYPE_CHECKING:
    from spotmagic.notebook.cells import Cells


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works on: the notebook's spot, and the cells that ran in this kernel."""

    spot: Any
    cells: Cells


@dataclass(frozen=True, slots=True)
class Command:
    """One word of ``%spot``.

    Attributes:
        usage: the word with its arguments.
        needs: the method or attribute of the spot it stands on.
        answer: takes the session and the words that follow; gives what to show.
        raw: the rest of the line is one argument.
    """

    usage: str
    about: str
    needs: str
    answer: Callable[..., Any]
    raw: bool = False


COMMANDS: dict[str, Command] = {}


def available() -> dict[str, Command]:
    """The commands that spots can answer."""
    return {word: command for word, command in COMMANDS.items() if hasattr(Spot, command.needs)}


def answer(line: str, cells: Cells) -> Any:
    """What a line of ``%spot`` shows.

    Raises:
        OptionError: for a word that does not exist, with the nearest right one, or for wrong arguments.
    """
    word, _, rest = line.strip().partition(" ")
    if not word:
        return status(Session(current(), cells))
    known = available()
    if word not in known:
        raise unknown("word of %spot", word, known)
    command = known[word]
    words = [rest.strip()] if command.raw and rest.strip() else [each.text for each in split(rest)]
    session = Session(current(), cells)
    try:
        inspect.signature(command.answer).bind(session, *words)
    except TypeError:
        raise OptionError(
            f"%spot {word} cannot be used with {rest.strip() or 'nothing'!r}", todo=f"Write %spot {command.usage}"
        ) from None
    return command.answer(session, *words)


def status(session: Session) -> View:
    """The spot in one screen."""
    spot, stats, outcome = session.spot, session.spot.stats(), last()
    lines = [
        f"{_results(stats.entries)}, {size(stats.bytes)} in {spot.folder}",
        f"{stats.hits:,} hits, {stats.misses:,} runs ({percent(stats.hits, stats.hits + stats.misses)} hits); "
        f"saved {duration(stats.seconds_saved)} and {money(stats.price_saved)}, paid {money(stats.price_paid)}",
        f"mode {spot.mode_of('')}",
    ]
    if outcome is not None:
        reason = f", {outcome.reason}" if outcome.reason else ""
        lines.append(f"last: {outcome.kind} {outcome.name}: {outcome.verdict}{reason}")
    return View(f"spot {spot.name}", [*lines, "%spot help lists the words, %%spot? the options of a cell"])


def _command(
    usage: str, about: str, needs: str, *, raw: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        COMMANDS[usage.split()[0]] = Command(usage, about, needs, function, raw)
        return function

    return register


@_command("panel", "the panel of this spot", "panel")
def _panel(session: Session) -> Any:
    return session.spot.panel()


@_command("ls [PATTERN]", "the kept results, newest first", "entries")
def _ls(session: Session, pattern: str | None = None) -> View:
    rows = session.spot.entries(pattern, limit=51)
    now = session.spot.clock.now()
    table = [
        (
            row.name,
            row.kind,
            f"{duration(max(0.0, now - row.created))} ago",
            duration(row.seconds),
            money(row.price) if row.price else "",
            size(row.size),
            row.hits,
        )
        for row in rows[:50]
    ]
    title = _results(len(rows)) if len(rows) < 51 else "the newest 50 results"
    return View(title, (), ("name", "kind", "made", "took", "paid", "size", "hits"), table)


@_command(
    "explain [NAME]", "why the last cell, or what NAME names, ran: inputs before and now, and the edit", "explain"
)
def _explain(session: Session, name: str | None = None) -> View:
    return session.cells.explain(session.spot, name)


@_command("forget PATTERN", "delete results by name, such as 'summ*', or by key", "forget")
def _forget(session: Session, pattern: str) -> View:
    rows = session.spot.entries(pattern, limit=None)
    count = session.spot.forget(pattern)
    if not count:
        return View("", [f"no result is named {pattern}"])
    took, paid = sum(row.seconds for row in rows), sum(row.price for row in rows)
    return View("", [f"forgot {_results(count)} that took {duration(took)} and {money(paid)} to make"])


@_command(
    "accept [NAME]", "a drift, or the last edit of function NAME, does not matter: kept results stand for it", "accept"
)
def _accept(session: Session, name: str | None = None) -> View:
    names = session.spot.accept(name)
    return View("", [f"accepted: {', '.join(names)}" if names else "nothing has drifted in this kernel"])


@_command("pin PATTERN [off]", "keep results from ever being collected", "pin")
def _pin(session: Session, pattern: str, off: str = "") -> View:
    if off not in ("", "off"):
        raise unknown("word of %spot pin", off, ["off"])
    count = session.spot.pin(pattern, not off)
    return View("", [f"{'unpinned' if off else 'pinned'} {_results(count)}"])


@_command(
    "mode [MODE [TARGET]]",
    "auto, record, replay, mock, off, or clear to unset it; of the spot, or of a function or cell",
    "set_mode",
)
def _mode(session: Session, mode: str = "", target: str = "") -> View:
    if mode:
        session.spot.set_mode(None if mode == "clear" else mode, target or None)
    given = session.spot.given_modes().get(target)
    told = f"mode of {target or session.spot.name}: {session.spot.mode_of(target, given)}"
    own = [f"{name}: {kept}" for name, kept in session.spot.modes().items() if name]
    return View("", [told, *own, f"modes: {', '.join(Mode)}; clear unsets one"])


@_command("budget [AMOUNT]", "what was spent, and what may be spent by this kernel's spot", "drive")
def _budget(session: Session, amount: str = "") -> View:
    budget = session.spot.budget
    if amount:
        try:
            budget.total = float(amount)
        except ValueError:
            raise OptionError(f"{amount!r} is not an amount", todo="Write %spot budget 5.00") from None
    return View(
        "", [f"spent {money(budget.spent())} of {'any amount' if budget.total is None else money(budget.total)}"]
    )


@_command("limits", "the limits that kernels on this machine use, and where they stand", "drive")
def _limits(session: Session) -> View:
    return View("limits", [str(state) for state in session.spot.limits.states(everywhere=True)] or ["none yet"])


@_command("stats [NAME]", "hits, runs, time and money, in all or of one name", "stats")
def _stats(session: Session, name: str | None = None) -> View:
    stats = session.spot.stats(name)
    rows = [
        ("results", f"{stats.entries:,}"),
        ("size", size(stats.bytes)),
        ("hits", f"{stats.hits:,}"),
        ("runs", f"{stats.misses:,}"),
        ("hit rate", percent(stats.hits, stats.hits + stats.misses)),
        ("time saved", duration(stats.seconds_saved)),
        ("money saved", money(stats.price_saved)),
        ("money paid", money(stats.price_paid)),
        ("errors", f"{stats.errors:,}"),
    ]
    return View(name or session.spot.name, (), ("", ""), rows)


@_command("jobs", "calls in the background", "jobs")
def _jobs(session: Session) -> View:
    return View("jobs", [str(job) for job in session.spot.jobs()] or ["none"])


@_command("gc [dry]", "remove what has expired, and blobs that no result holds; dry only says what would go", "gc")
def _gc(session: Session, dry: str = "") -> View:
    if dry not in ("", "dry"):
        raise unknown("word of %spot gc", dry, ["dry"])
    swept = session.spot.gc(dry_run=bool(dry))
    rows = [(name, key.hex()[:8], size(count), reason) for key, name, count, reason in swept.entries]
    return View("", [str(swept)], ("name", "key", "size", "why"), rows)


@_command(
    "verify [repair]",
    "read every result and tell what is damaged; repair removes it, so that it is run again",
    "verify",
)
def _verify(session: Session, repair: str = "") -> View:
    if repair not in ("", "repair"):
        raise unknown("word of %spot verify", repair, ["repair"])
    found = session.spot.verify(repair=bool(repair))
    rows = [(name, key.hex()[:8], bad.kind, bad.why) for key, name, bad in (*found.bad, *found.refused)]
    rows += [(file, "", "damaged", f"{count:,} bytes belong to no record") for file, count in found.damaged.items()]
    state = "all is well" if found.good else "damage was removed" if found.repaired else "there is damage"
    return View("", [f"{_results(found.checked)} checked: {state}"], ("name", "key", "what", "why"), rows)


@_command("sql QUERY", "ask the catalog, read-only: tables entries, inputs, usage, runs", "sql", raw=True)
def _sql(session: Session, query: str) -> Any:
    return session.spot.sql(query)


@_command("open NAME", "make another spot the notebook's", "drive")
def _open(session: Session, name: str) -> View:
    spot = Spot(name, root=session.spot.folder.parent)
    choose(spot)
    return View("", [f"now {spot!r}"])


@_command("help", "this list", "drive")
def _help(session: Session) -> View:
    rows = [("%spot", f"the spot {session.spot.name} in one screen")]
    rows += [(f"%spot {command.usage}", command.about) for command in available().values()]
    return View("%spot", (), ("", ""), [*rows, ("%%spot?", "the options of a cell")])


def _results(count: int) -> str:
    return f"{count:,} result{'' if count == 1 else 's'}"
