"""The words of ``%spot``: what each prints or does. A word exists when the spot can do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spotmagic.errors import OptionError, unknown
from spotmagic.notebook.line import split
from spotmagic.notebook.view import View, duration, money, size
from spotmagic.options import Mode, parse_mode
from spotmagic.spot import choose, current, last

if TYPE_CHECKING:
    from spotmagic.notebook.cells import Cells
    from spotmagic.spot import Spot

Answer = Any  # a View, something with a display of its own, or None


@dataclass(frozen=True, slots=True)
class Command:
    """One word of ``%spot``.

    Attributes:
        usage: the word with its arguments.
        needs: the method or attribute of the spot it stands on.
    """

    usage: str
    about: str
    needs: str
    answer: Callable[[Session, list[str]], Answer]
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """What a command works on."""

    spot: Spot
    cells: Cells


_ALL: dict[str, Command] = {}


def _command(usage: str, about: str, *, needs: str, raw: bool = False) -> Callable[[Any], Any]:
    def register(answer: Callable[[Session, list[str]], Answer]) -> Any:
        _ALL[usage.split()[0]] = Command(usage, about, needs, answer, raw)
        return answer

    return register


def available(spot: Any) -> dict[str, Command]:
    """The commands that a spot can answer."""
    return {word: command for word, command in _ALL.items() if hasattr(type(spot), command.needs) or hasattr(spot, command.needs)}


def names() -> Iterator[str]:
    """The words that exist, for completion: no spot is opened for it."""
    from spotmagic.spot import Spot

    return (word for word, command in _ALL.items() if hasattr(Spot, command.needs))


def answer(line: str, cells: Cells) -> Answer:
    """What a line of ``%spot`` shows.

    Raises:
        OptionError: for a word that does not exist, with the nearest right one.
    """
    word, _, rest = line.strip().partition(" ")
    session = Session(current(), cells)
    if not word:
        return status(session)
    known = available(session.spot)
    if word not in known:
        raise unknown("word of %spot", word, known)
    command = known[word]
    return command.answer(session, [rest.strip()] if command.raw else [w.text for w in split(rest)])


def status(session: Session) -> View:
    """The spot in one screen."""
    spot, stats = session.spot, session.spot.stats()
    lines = [
        f"{stats.entries:,} results, {size(stats.bytes)} in {spot.folder}",
        f"{stats.hits:,} hits, {stats.misses:,} runs ({stats.hit_rate:.0%} hits); "
        f"saved {duration(stats.seconds_saved)} and {money(stats.price_saved)}, paid {money(stats.price_paid)}",
        f"mode {spot.mode_of('')}",
    ]
    outcome = last()
    if outcome is not None:
        lines.append(f"last: {outcome.kind} {outcome.name}: {outcome.verdict}{', ' + outcome.reason if outcome.reason else ''}")
    lines.append("%spot help lists the words, %%spot? the options of a cell")
    return View(f"spot {spot.name}", lines)


def _one(words: list[str], what: str) -> str:
    if len(words) != 1:
        raise OptionError(f"one {what} is needed, {len(words)} given", todo="Quotes keep words together")
    return words[0]


@_command("panel", "the panel of this spot", needs="panel")
def _panel(session: Session, words: list[str]) -> Answer:
    return session.spot.panel()


@_command("ls [PATTERN]", "the kept results, newest first", needs="entries")
def _ls(session: Session, words: list[str]) -> Answer:
    pattern = _one(words, "pattern") if words else None
    rows = session.spot.entries(pattern, limit=50)
    now = session.spot.clock.now()
    table = [
        (row.name, row.kind, f"{duration(now - row.created)} ago", duration(row.seconds), money(row.price) if row.price else "", size(row.size), row.hits)
        for row in rows
    ]
    title = f"{len(rows)} results" if len(rows) < 50 else "the newest 50 results"
    return View(title, (), ("name", "kind", "made", "took", "paid", "size", "hits"), table)


@_command("explain [NAME]", "why the last cell, or what NAME names, ran: each input before and now, and the edit", needs="explain")
def _explain(session: Session, words: list[str]) -> Answer:
    return session.cells.explain(session.spot, _one(words, "name") if words else None)


@_command("forget PATTERN", "delete results by name, such as 'summ*', or by key", needs="forget")
def _forget(session: Session, words: list[str]) -> Answer:
    pattern = _one(words, "pattern")
    rows = session.spot.entries(pattern, limit=None)
    count = session.spot.forget(pattern)
    took, paid = sum(row.seconds for row in rows), sum(row.price for row in rows)
    return View("", [f"forgot {count} results that took {duration(took)} and {money(paid)} to make" if count else f"no result is named {pattern}"])


@_command("accept [NAME]", "this drift does not matter: the kept result stands for the code and inputs as they are now", needs="drive")
def _accept(session: Session, words: list[str]) -> Answer:
    return session.cells.accept(session.spot, _one(words, "name") if words else None)


@_command("pin PATTERN [off]", "keep results from ever being collected", needs="pin")
def _pin(session: Session, words: list[str]) -> Answer:
    pinned = words[1:] != ["off"]
    count = session.spot.pin(_one(words if pinned else words[:1], "pattern"), pinned)
    return View("", [f"{'pinned' if pinned else 'unpinned'} {count} results"])


@_command("mode [MODE [TARGET]]", "auto, record, replay, mock or off; for the spot, or for one function or cell", needs="set_mode")
def _mode(session: Session, words: list[str]) -> Answer:
    if len(words) > 2:
        raise OptionError(f"{' '.join(words)!r} is no mode and target", todo="Write %spot mode replay summarise")
    if words:
        session.spot.set_mode(parse_mode(words[0]), words[1] if len(words) == 2 else None)
    target = words[1] if len(words) == 2 else ""
    return View("", [f"mode of {target or session.spot.name}: {session.spot.mode_of(target)}", f"modes: {', '.join(Mode)}"])


@_command("stats [NAME]", "hits, runs, time and money, in all or of one name", needs="stats")
def _stats(session: Session, words: list[str]) -> Answer:
    name = _one(words, "name") if words else None
    stats = session.spot.stats(name)
    rows = [
        ("results", f"{stats.entries:,}"), ("size", size(stats.bytes)), ("hits", f"{stats.hits:,}"), ("runs", f"{stats.misses:,}"),
        ("hit rate", f"{stats.hit_rate:.0%}"), ("time saved", duration(stats.seconds_saved)),
        ("money saved", money(stats.price_saved)), ("money paid", money(stats.price_paid)), ("errors", f"{stats.errors:,}"),
    ]  # fmt: skip
    return View(name or session.spot.name, (), ("", ""), rows)


@_command("limits", "the limits of this kernel's spot and where they stand", needs="limits")
def _limits(session: Session, words: list[str]) -> Answer:
    return View("limits", [f"{name}: {session.spot.limits[name].state()}" for name in session.spot.limits] or ["none yet"])


@_command("jobs", "calls in the background", needs="jobs")
def _jobs(session: Session, words: list[str]) -> Answer:
    return View("jobs", [str(job) for job in session.spot.jobs()] or ["none"])


@_command("budget [AMOUNT]", "what may be spent, and what was", needs="budget")
def _budget(session: Session, words: list[str]) -> Answer:
    if words:
        session.spot.budget = float(_one(words, "amount"))
    return View("", [f"budget: {session.spot.budget}"])


@_command("gc", "let go of what no result needs", needs="gc")
def _gc(session: Session, words: list[str]) -> Answer:
    return View("", [str(session.spot.gc())])


@_command("verify [repair]", "read every result and tell what is damaged", needs="verify")
def _verify(session: Session, words: list[str]) -> Answer:
    if words not in ([], ["repair"]):
        raise unknown("word of %spot verify", words[0], ["repair"])
    return View("", [str(session.spot.verify(repair=bool(words)))])


@_command("sql QUERY", "ask the catalog, read-only: tables entries, inputs, usage, runs", needs="sql", raw=True)
def _sql(session: Session, words: list[str]) -> Answer:
    return session.spot.sql(words[0])


@_command("open NAME", "make another spot the notebook's", needs="drive")
def _open(session: Session, words: list[str]) -> Answer:
    from spotmagic.spot import Spot

    spot = Spot(_one(words, "name"), root=session.spot.folder.parent)
    choose(spot)
    return View("", [f"now {spot!r}"])


@_command("help", "this list", needs="drive")
def _help(session: Session, words: list[str]) -> Answer:
    rows = [("%spot", "the spot in one screen")]
    rows += [(f"%spot {command.usage}", command.about) for command in available(session.spot).values()]
    return View("%spot", (), ("", ""), [*rows, ("%%spot?", "the options of a cell")])
