"""The commands: each takes the parsed words and gives the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spotmagic import words
from spotmagic.catalog import Row
from spotmagic.catalog.filters import STATUSES
from spotmagic.cli import completion as shells
from spotmagic.cli import show
from spotmagic.cli.place import spot_at
from spotmagic.cli.preview import lines
from spotmagic.errors import OptionError
from spotmagic.options import Mode
from spotmagic.store.entry import MADE_BY_OLD

FINE, WRONG = 0, 1

Argument = tuple[tuple[str, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what runs it, the words it takes, and whether it lists something (``--json``)."""

    run: Callable[[Any], int]
    arguments: tuple[Argument, ...] = ()
    lists: bool = False
    needs_spot: bool = True


COMMANDS: dict[str, Command] = {}


def command(
    *arguments: Argument, lists: bool = False, needs_spot: bool = True
) -> Callable[[Callable[[Any], int]], Callable[[Any], int]]:
    """Make a function a command under its own name."""

    def decorate(run: Callable[[Any], int]) -> Callable[[Any], int]:
        COMMANDS[run.__name__.rstrip("_")] = Command(run, arguments, lists, needs_spot)
        return run

    return decorate


def argument(*flags: str, **settings: Any) -> Argument:
    """A word that a command takes."""
    return flags, settings


YES = argument("--yes", action="store_true", help="do not ask")


@command(
    argument("like", nargs="?", metavar="PATTERN", help="names such as 'summ*', or the start of a key"),
    argument("--kind", choices=("function", "cell", "http")),
    argument("--status", choices=(*STATUSES, "all"), default="live"),
    argument("--order", default="-created", metavar="COLUMN", help="-created (the default), name, -size, -seconds …"),
    argument("--limit", type=int, default=50, help="at most so many (50)"),
    lists=True,
)
def ls(args: Any) -> int:
    """List the kept results, newest first."""
    with spot_at(args.spot) as spot:
        status = None if args.status == "all" else args.status
        rows = spot.entries(args.like, kind=args.kind, status=status, order=args.order, limit=args.limit)
        if args.json:
            show.as_json(rows)
            return FINE
        now = spot.clock.now()
        columns = ("KEY", "NAME", "KIND", "MADE", "TOOK", "PAID", "SIZE", "HITS")
        old = {key for (key,) in spot.sql(f"SELECT key FROM inputs WHERE name = '{MADE_BY_OLD}'").rows}
        listed = [_line(row, now, MADE_BY_OLD if row.key in old else "") for row in rows]
        if any(row.status != "live" for row in rows):
            show.table((*columns, "STATUS"), [(*line, row.status) for line, row in zip(listed, rows, strict=True)])
        else:
            show.table(columns, listed)
        if status == "live" and (damaged := spot.catalog.count(args.like, kind=args.kind, status="corrupt")):
            show.write(f"{damaged} damaged: ls --status corrupt lists them, verify --repair lets them run again")
    return FINE


def _line(row: Row, now: float, remark: str) -> tuple[object, ...]:
    return (
        row.key[:12],
        f"{row.name} ({remark})" if remark else row.name,
        row.kind,
        f"{words.duration(max(0.0, now - row.created))} ago",
        words.duration(row.seconds),
        words.money(row.price),
        words.size(row.size),
        row.hits,
    )


@command(argument("key", help="a key, or its first 8 digits or more"), lists=True)
def show_(args: Any) -> int:
    """Show one result: what it was made from, what it cost, and the value where it can be shown."""
    from spotmagic.dashboard.backend import Backend

    with spot_at(args.spot) as spot:
        rows = [row for row in spot.entries(args.key, status=None, limit=2) if row.key.startswith(args.key)]
        if len(rows) != 1:
            raise OptionError(
                f"{args.key} names {'several results' if rows else 'no result'}",
                todo="Say more digits of the key" if rows else "Say 8 digits or more; spotmagic ls lists the keys",
            )
        row = rows[0]
        details = Backend(spot).dispatch("entry", {"key": row.key})[0]
        previews = [Backend(spot).dispatch("preview", {"key": row.key, "part": name})[0] for name in row.parts]
        if args.json:
            show.as_json({**details, "previews": previews})
            return FINE
        show.facts([(name.replace("_", " "), getattr(row, name)) for name in Row.__slots__ if name != "parts"])
        for name, print_ in sorted(spot.catalog.inputs(row.key).items()):
            show.write(f"input {name}  {print_}")
        for name, preview in zip(row.parts, previews, strict=True):
            show.write(f"{name}:")
            for line in lines(preview):
                show.write(line)
    return FINE


@command(argument("name", nargs="?", help="of one function or cell"), lists=True)
def stats(args: Any) -> int:
    """Tell what is kept, and the time and money that hits have saved."""
    with spot_at(args.spot) as spot:
        known = spot.stats(args.name)
        if args.json:
            show.as_json(known)
            return FINE
        show.facts(
            [
                ("entries", known.entries),
                ("size", words.size(known.bytes)),
                ("hits", known.hits),
                ("runs", known.misses),
                ("hit rate", words.percent(known.hits, known.hits + known.misses)),
                ("time saved", words.duration(known.seconds_saved)),
                ("money saved", words.money(known.price_saved)),
                ("money paid", words.money(known.price_paid)),
                ("errors", known.errors),
            ]
        )
    return FINE


@command(argument("name", help="of a function or cell"), lists=True)
def explain(args: Any) -> int:
    """Tell what differs between the last result of a name and the nearest one before it."""
    with spot_at(args.spot) as spot:
        found = spot.explain(args.name)
        if args.json:
            show.as_json(found)
        else:
            for line in str(found).splitlines():
                show.write(line)
        return FINE if spot.store.recent(args.name) else WRONG


@command(argument("pattern", help="names such as 'summ*', or a key"), YES)
def forget(args: Any) -> int:
    """Delete results by name or key. They will be run, and paid, again."""
    with spot_at(args.spot) as spot:
        rows = spot.entries(args.pattern, status=None, limit=None)
        if not rows:
            show.write(f"no result is named {args.pattern}")
            return FINE
        took, paid = sum(row.seconds for row in rows), sum(row.price for row in rows)
        what = f"{len(rows)} results that took {words.duration(took)} and {words.money(paid)} to make"
        if not _sure(f"Delete {what}?", args.yes):
            return WRONG
        show.write(f"deleted {spot.forget(args.pattern)} of {what}")
    return FINE


@command(
    argument(
        "--rule", action="append", default=[], metavar="PATTERN=AGE", help="'draft_*=7d': older ones go; repeatable"
    ),
    argument("--dry-run", action="store_true", help="only tell what would go"),
    YES,
)
def gc(args: Any) -> int:
    """Remove what has expired, or is older than a rule allows."""
    rules = {}
    for rule in args.rule:
        pattern, equals, age = rule.rpartition("=")
        if not equals:
            raise OptionError(f"--rule {rule} is no rule", todo="Say PATTERN=AGE, such as 'draft_*=7d'")
        rules[pattern] = age
    with spot_at(args.spot) as spot:
        would = spot.gc(rules, dry_run=True)
        for _, name, size, why in would.entries:
            show.write(f"{name}  {words.size(size)}  {why}")
        show.write(str(would))
        if args.dry_run or not (would.entries or would.blobs):
            return FINE
        if not _sure("Remove them?", args.yes):
            return WRONG
        show.write(str(spot.gc(rules)))
    return FINE


@command(argument("--repair", action="store_true", help="remove what is damaged, so that it is run again"))
def verify(args: Any) -> int:
    """Read every result and tell what is damaged. Ends with 1 if something is."""
    with spot_at(args.spot) as spot:
        found = spot.verify(repair=args.repair)
        for key, name, bad in (*found.bad, *found.refused):
            show.write(f"{key.hex()[:12]}  {name}  {bad.kind}: {bad.why}")
        for file, size in found.damaged.items():
            show.write(f"{file}  {size} bytes belong to no record")
        noun = "result" if found.checked == 1 else "results"
        repaired = ", repaired" if args.repair else ""
        show.write(f"{found.checked} {noun} checked, {len(found.bad)} damaged{repaired}")
    return FINE if found.good or args.repair else WRONG


@command()
def rebuild(args: Any) -> int:
    """Make the table about the results anew from the results themselves."""
    with spot_at(args.spot) as spot:
        spot.rebuild()
        show.write(f"rebuilt: {spot.stats().entries} results")
    return FINE


@command(
    argument("mode", nargs="?", metavar="MODE", help=f"{', '.join(Mode)}; or clear, to unset it"),
    argument("target", nargs="?", metavar="NAME", help="a function or cell; the whole spot when not said"),
    lists=True,
)
def mode(args: Any) -> int:
    """Tell or set the mode of the spot, or of a function or cell. Running kernels see it at their next call."""
    with spot_at(args.spot) as spot:
        if args.mode:
            spot.set_mode(None if args.mode == "clear" else args.mode, args.target)
        modes = {"": spot.mode_of(""), **spot.modes()}
        if args.json:
            show.as_json(modes)
        else:
            show.table(("NAME", "MODE"), [(name or f"(spot {spot.name})", value) for name, value in modes.items()])
    return FINE


@command(lists=True)
def limits(args: Any) -> int:
    """Tell what each limit does now that a running kernel or program of yours uses on this machine."""
    with spot_at(args.spot) as spot:
        states = spot.limits.states(everywhere=True)
        if args.json:
            show.as_json(states)
        else:
            for state in states:
                show.write(str(state))
            if not states:
                show.write("no limit is in use")
    return FINE


@command(
    argument("folder", nargs="?", metavar="FOLDER", help="the spot's folder, as with --spot"),
    argument("--port", type=int, help="the port on 127.0.0.1; 0 for any that is free"),
    argument("--no-browser", action="store_true", help="only print the address"),
)
def ui(args: Any) -> int:
    """Show the panel on a page of its own, in the browser of this machine."""
    from spotmagic.dashboard.server import serve

    with spot_at(args.folder or args.spot) as spot:
        serve(spot, args.port, browse=not args.no_browser, say=show.at_once)
    return FINE


@command(
    argument("path", metavar="PATH", help="the archive to write"),
    argument("pattern", nargs="?", metavar="PATTERN", help="names such as 'summ*', or a key; all when not said"),
)
def export(args: Any) -> int:
    """Write results to one archive, to be loaded elsewhere."""
    with spot_at(args.spot) as spot:
        show.write(f"wrote {spot.export(args.path, args.pattern)} results to {args.path}")
    return FINE


@command(argument("path", metavar="PATH", help="an archive that export wrote"))
def load(args: Any) -> int:
    """Take the results of an archive. What another user made is taken as theirs. Ends with 1 if any is refused."""
    with spot_at(args.spot) as spot:
        loaded = spot.load(args.path)
        for name, why in loaded.refused:
            show.write(show.one_line(f"{name}  {why}"))
        show.write(str(loaded))
    return WRONG if loaded.refused else FINE


@command(argument("shell", choices=shells.SHELLS), needs_spot=False)
def completion(args: Any) -> int:
    """Print a script that completes these words: eval "$(spotmagic completion bash)"."""
    show.write(shells.script(args.shell, args.parser))
    return FINE


def _sure(question: str, yes: bool) -> bool:
    """Whether to go on: said with ``--yes``, or asked where somebody can answer."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise OptionError("this deletes results", why="nobody can be asked here", todo="Say --yes")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
