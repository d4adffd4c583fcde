"""The commands that change what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spotmagic import words
from spotmagic.commands.command import Session, argument, command, flag, option
from spotmagic.commands.looking import PATTERN
from spotmagic.errors import OptionError
from spotmagic.view import Number, View

if TYPE_CHECKING:
    from spotmagic.store.checked import Swept


@command(argument("PATTERN", PATTERN, needed=True), asks=True)
def forget(session: Session, pattern: str) -> View:
    """Delete results by name, key or arguments. They will be run, and paid, again."""
    spot = session.spot
    if not pattern.strip():
        raise OptionError("the pattern is empty", todo="Say a name, a key, or '*' for all results")
    rows = spot.entries(pattern, status=None, limit=None)
    if not rows:
        return View(lines=[f"no result is named {pattern}"])
    what = (
        f"{words.results(len(rows))}, {words.size(sum(row.size for row in rows))}: run time "
        f"{words.duration(sum(row.seconds for row in rows))}, cost {words.money(sum(row.price for row in rows))}"
    )
    if not session.sure(f"Delete {what}?"):
        return View(lines=["nothing is deleted"], wrong=True)
    spot.forget(pattern)
    return View(lines=[f"deleted {what}"])


@command(
    argument("PATTERN", PATTERN, needed=True),
    flag("off", "let them be collected again"),
)
def pin(session: Session, pattern: str, off: bool = False) -> View:
    """Keep results from ever being collected."""
    count = session.spot.pin(pattern, not off)
    return View(lines=[f"{'unpinned' if off else 'pinned'} {words.results(count)}"])


@command(
    option("rule", "'draft_*=7d': older ones go; repeatable", many=True, shown="PATTERN=AGE"),
    flag("dry-run", "only tell what would go", also=("dry",)),
    listed=True,
    asks=True,
)
def gc(session: Session, rule: tuple[str, ...] = (), dry_run: bool = False) -> View:
    """Remove what has expired or is older than a rule allows, and what no result holds."""
    rules = {}
    for one in rule:
        pattern, equals, age = one.rpartition("=")
        if not equals:
            raise OptionError(f"rule {one} is none", todo="Say PATTERN=AGE, such as 'draft_*=7d'")
        rules[pattern] = age
    spot = session.spot
    would = spot.gc(rules, dry_run=True)
    view = _swept(would)
    if dry_run:
        return view
    if (would.entries or would.blobs) and not session.sure("Remove them?", view):
        return View(lines=["nothing is removed"], wrong=True)
    return _swept(spot.gc(rules))


def _swept(swept: Swept) -> View:
    rows = [(key.hex()[:8], name, words.size(count), why) for key, name, count, why in swept.entries]
    return View("", (), ("key", "name", Number("size"), "why"), rows, parts=[View(lines=[str(swept)])], data=swept)


@command(flag("repair", "remove what is damaged, so that it is run again"), listed=True)
def verify(session: Session, repair: bool = False) -> View:
    """Read every result and tell what is damaged; the command line ends with 1 if something is."""
    found = session.spot.verify(repair=repair)
    rows: list[tuple[Any, ...]] = [
        (key.hex()[:8], name, "damaged" if bad.kind == "corrupt" else bad.kind, bad.why)
        for key, name, bad in (*found.bad, *found.refused)
    ]
    rows += [
        ("", file, "damaged", f"{words.counted(count, 'byte')} of no record") for file, count in found.damaged.items()
    ]
    state = words.checked(found.checked, len(found.bad)) + (", repaired" if found.repaired and not found.good else "")
    left = found.checked - found.unusable.count - len(found.bad)
    use = [f"{left:,} can be used here, {found.unusable.count:,} not:", *found.unusable.lines()]
    lines = [View(lines=[state, *(use if found.unusable else [])])]
    return View("", (), ("key", "name", "what", "why"), rows, parts=lines, data=found, wrong=not (found.good or repair))


@command()
def rebuild(session: Session) -> View:
    """Make the table about the results anew from the results themselves."""
    session.spot.rebuild()
    return View(lines=[f"rebuilt: {words.results(session.spot.stats().entries)}"])
