"""The commands that look at what a spot holds, did and saved."""

from __future__ import annotations

import datetime
import glob
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from spotmagic import words
from spotmagic.commands.command import Session, argument, command, known_name, option
from spotmagic.errors import OptionError, RecordMissing
from spotmagic.view import Number, View

if TYPE_CHECKING:
    from spotmagic.catalog import Row, Stats
    from spotmagic.spot import Spot

_DAMAGED = "corrupt"
_STATUSES = (*words.STATUSES.values(), *(field for field, said in words.STATUSES.items() if field != said), "all")
_NUMBERS = ("int", "uint", "float", "Int", "UInt", "Float", "double", "decimal")
_ORDERS = {"made": "created", "cost": "price", "run-time": "seconds"}
PATTERN = "names such as 'summ*', the start of a key, or arguments such as 'what is the*'"
NAME = "a function or cell, by its whole name or its last words"


@command(
    argument("PATTERN", PATTERN),
    option("kind", "of one kind alone", choices=words.KINDS),
    option("status", "current (the default), damaged, expired …, or all", choices=_STATUSES, shown="STATUS"),
    option(
        "order", "by name, made, cost, run-time, size, hits …; -made, the newest first, when not said", default="-made"
    ),
    option("limit", "at most so many (50)", default=50, number=True),
    listed=True,
)
def ls(
    session: Session,
    pattern: str | None = None,
    kind: str | None = None,
    status: str | None = None,
    order: str = "-made",
    limit: int = 50,
) -> View:
    """List the kept results, newest first."""
    if limit < 1:
        raise OptionError(f"limit={limit} is not a number of results", todo="Say a whole number from 1 on")
    spot, wanted = session.spot, _status(status)
    down, by = order[:1] == "-", order.removeprefix("-")
    order = f"{'-' if down else ''}{_ORDERS.get(by, by)}"
    found = spot.entries(pattern, kind=kind, status=wanted, order=order, limit=limit + 1)  # one more tells of a rest
    rows, now = found[:limit], spot.clock.now()
    from spotmagic.store.entry import MADE_BY_OLD

    old = spot.catalog.noted(MADE_BY_OLD)
    listed = [_line(row, now, MADE_BY_OLD if row.key in old else "") for row in rows]
    heads: tuple[str, ...] = ("key", "call", *map(Number, ("made", "run time", "cost", "size", "hits")))
    for head, usual, said in (
        ("kind", "function", [row.kind for row in rows]),
        ("status", words.STATUSES["live"], [words.STATUSES[row.status] for row in rows]),
    ):
        if {*said} - {usual}:  # what all have goes without saying
            heads = (*heads, head)
            listed = [(*line, one) for line, one in zip(listed, said, strict=True)]
    notes = []
    if not rows:
        notes.append("no result is named so" if pattern else "no results yet")
    elif len(found) > limit:
        notes.append(f"and more: limit={limit} are listed")
    if wanted == "live" and (damaged := spot.catalog.count(pattern, kind=kind, status=_DAMAGED)):
        notes.append(f"{damaged} damaged: status damaged lists them, verify with repair lets them run again")
    return View(columns=heads, rows=listed, parts=[View(lines=notes)], data=list(rows))


def _status(said: str | None) -> str | None:
    """The status that a person names."""
    if said is None:
        return "live"
    return None if said == "all" else next((field for field, word in words.STATUSES.items() if word == said), said)


def _line(row: Row, now: float, remark: str) -> tuple[object, ...]:
    return (
        row.key[:8],
        f"{row.name} ({remark})" if remark else words.shorten(row.call, 90),
        words.ago(row.created, now),
        words.duration(row.seconds),
        words.money(row.price),
        words.size(row.size),
        f"{row.hits:,}",
    )


@command(
    argument("KEY", "a key, or its first 8 digits or more; or a function or cell: its newest", needed=True), listed=True
)
def show(session: Session, key: str) -> View:
    """Show one result: what it was asked with, what it cost, and the value where it can be shown.

    Of a function or cell, by its whole name or its last words, the newest result is shown.
    """
    from spotmagic.dashboard.backend import Backend  # as the panel shows it, and loaded for this command alone

    spot = session.spot
    row, notes = _meant(spot, key)
    backend = Backend(spot)
    details = backend.dispatch("entry", {"key": row.key})[0]
    names = [part["name"] for part in details["parts"]] or row.parts  # of a cell without its book-keeping
    previews = [backend.dispatch("preview", {"key": row.key, "part": name})[0] for name in names]
    notes += [words.DRIFTED] if details.get("drifted") else []
    parts = [View("arguments", rows=list(row.arguments.items()))] if row.arguments else []
    parts += [_previewed(name, shown) for name, shown in zip(names, previews, strict=True)]
    if made_from := sorted(spot.catalog.inputs(row.key).items()):
        parts.append(View("made from", rows=[(name, print_[:8]) for name, print_ in made_from]))
    facts = list(_facts(row, spot.clock.now()))
    return View(row.call, notes, rows=facts, parts=parts, data={**details, "previews": previews})


def _previewed(name: str, preview: Mapping[str, Any]) -> View:
    """One preview of the panel as people read it in a terminal, under the name of its part."""
    kind = preview["view"]
    if kind == "table":
        return _table(name, preview)
    if kind == "tree":
        return View(name, list(_tree("", preview["tree"], "  ")))
    if kind == "list":
        return View(name, parts=[_previewed("", item) for item in preview["items"]])
    if text := preview.get("text"):
        return View(name, [f"  {line}" for line in text.splitlines()])
    facts = [preview.get("type") or preview.get("mime"), preview.get("why")]
    if "first" in preview:
        facts += [words.counted(preview["size"], "number"), f"{', '.join(preview['first'])} …"]
    elif isinstance(preview.get("size"), int):
        facts.append(words.size(preview["size"]))
    return View(name, ["  " + (", ".join(str(fact) for fact in facts if fact) or kind)])


def _table(name: str, preview: Mapping[str, Any]) -> View:
    columns = [
        Number(one["name"]) if one["type"].startswith(_NUMBERS) else str(one["name"]) for one in preview["columns"]
    ]
    rows = [[label, *row] for label, row in zip(preview["labels"], preview["rows"], strict=True)]
    return View(f"{name}: {preview['height']:,} x {preview['width']:,}", (), ("", *columns), rows)


def _tree(name: str, node: Mapping[str, Any], indent: str) -> Iterator[str]:
    label = f"{name}: " if name else ""
    if "children" not in node:
        first, *more = str(node.get("text", node["type"])).splitlines() or [""]
        yield f"{indent}{label}{first}"
        yield from (f"{indent}  {line}" for line in more)
        return
    yield f"{indent}{label}{node['type']} of {node['size']}"
    for child, inner in node["children"]:
        yield from _tree(child, inner, indent + "  ")


def _meant(spot: Spot, key: str) -> tuple[Row, list[str]]:
    """The result of a key, else the newest of a name; and a word on which one it is."""
    rows = [row for row in spot.entries(key, status=None, limit=2) if row.key.startswith(key.lower())]
    if len(rows) == 1:
        return rows[0], []
    if rows:
        raise OptionError(f"{key} names several results", todo="Say more digits of the key")
    try:
        name = known_name(spot, key)
    except RecordMissing as error:
        raise OptionError(
            f"{key} names no result", todo=f"{error.todo}; or say 8 digits or more of a key that ls lists"
        ) from None
    for status in "live", None:  # what no longer counts is shown where nothing else is left
        for most in 50, None:  # those of other modules whose last words are these come with them
            for row in spot.entries(glob.escape(name), status=status, limit=most):
                if row.name == name:
                    return row, [f"the newest result of {name}: ls {name} lists all"]
    raise OptionError(f"nothing is kept of {name}", todo="stats has its runs")


def _facts(row: Row, now: float) -> Iterator[tuple[str, str]]:
    """What is known of a result, in the units of people."""
    yield "key", row.key
    yield "name", row.name
    yield "kind", row.kind
    yield "status", words.STATUSES[row.status]
    if row.damage:
        yield "damage", row.damage
    yield "made", f"{_moment(row.created)}, {words.ago(row.created, now)}"
    if row.expires is not None:
        yield "expires", _moment(row.expires)
    yield "run time", words.duration(row.seconds)
    yield "cost", words.money(row.price)
    yield "size", words.size(row.size)
    yield "hits", f"{row.hits:,}"
    if row.last is not None:
        yield "last used", f"{_moment(row.last)}, {words.ago(row.last, now)}"
    if row.type:
        yield "type", row.type
    if row.tokens is not None:
        yield "tokens", f"{row.tokens:,}"
    for field in ("model", "version", "content_type"):
        if said := getattr(row, field):
            yield words.heading(field), said
    yield "pinned", "yes" if row.pinned else "no"


def _moment(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")


@command(
    argument("NAME", NAME),
    option("by", "runs, tokens and money by one of these", choices=("model", "day", "name")),
    listed=True,
)
def stats(session: Session, name: str | None = None, by: str | None = None) -> View:
    """Tell what is kept, and the time and money that hits have saved; in all, of a name, or by model, day or name."""
    spot = session.spot
    name = None if name is None else known_name(spot, name)
    title = name or spot.name
    if by is None:
        known = spot.stats(name)
        return View(title, rows=list(_counts(known)), data=known)
    found = spot.stats(name, by=by)
    data = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    rows = [
        (what, *(f"{count:,}" for count in counts), words.money(paid), words.money(saved))
        for what, *counts, paid, saved in found.rows
    ]
    first, *rest = map(words.heading, found.columns)
    none = "no run told its tokens yet" if by == "model" else "nothing ran yet"
    return View(title, () if rows else [none], (first, *map(Number, rest)), rows, data=data)


def _counts(known: Stats) -> Iterator[tuple[str, str]]:
    yield "results", f"{known.entries:,}"
    yield "size", words.size(known.bytes)
    yield "hits", f"{known.hits:,}"
    yield "runs", f"{known.misses:,}"
    yield "hit rate", words.percent(known.hits, known.hits + known.misses)
    yield "run time saved", words.duration(known.seconds_saved)
    yield "cost saved", words.money(known.price_saved)
    yield "cost", words.money(known.price_paid)
    yield "failed runs", f"{known.errors:,}"


@command(argument("NAME", NAME), listed=True)
def explain(session: Session, name: str | None = None) -> View:
    """Tell why the last cell, or what NAME names, ran: inputs before and now, and the edit."""
    told, kept = session.account(name)
    rows = [
        (each.name, _input(each.name, each.before, kept), _input(each.name, each.now, kept)) for each in told.changes
    ]
    return View(f"{told.name}: {told.reason}", told.notes, ("what", "before", "now"), rows, told.diff, data=told)


def _input(name: str, print_: str, kept: Iterable[tuple[Mapping[str, bytes], Mapping[str, str]]]) -> str:
    """An input as it was: in words, with the beginning of its fingerprint to tell like from like."""
    if not print_:
        return "not there"
    from spotmagic.values.short import unpack

    for inputs, notes in kept:
        if inputs.get(name, b"").hex() == print_:
            asked = unpack(notes.get("arguments", ""))
            if known := notes.get(f"input {name}") or asked.get(name) or asked.get(f"{name}="):
                return f"{known} {print_[:6]}"
    return print_[:6]


@command(listed=True)
def limits(session: Session) -> View:
    """Tell how each limit stands that a running kernel or program of yours uses on this machine."""
    states = session.spot.limits.states(everywhere=True)
    return View(lines=[str(state) for state in states] or ["no limit is in use"], data=states)


@command(listed=True)
def jobs(session: Session) -> View:
    """List the calls in the background, the latest first."""
    spot = session.spot
    found, now, rows = spot.jobs(), spot.clock.now(), []
    for job in found:
        far, about = job.progress, job.metadata
        done = "" if far is None else f"{far.done:g}" + (f"/{far.total:g}" if far.total else "") + f" {far.note}"
        since = words.ago(about.get("submitted", now), now)
        rows.append((job.key[:8], job.name, job.status, since, done.strip()))
    heads = ("key", "name", "status", Number("submitted"), "progress")
    data = [{"status": job.status, **job.metadata} for job in found]
    return View("", () if rows else ["no call runs in the background"], heads, rows, data=data)


@command(argument("QUERY", "SQL over the tables entries, inputs, usage and runs", needed=True, raw=True), listed=True)
def sql(session: Session, query: str) -> View:
    """Ask the table about the results, read-only."""
    found = session.spot.sql(query)
    return found.view()


@command(
    argument("MODE", "auto, record, replay, mock or off; inherit, or clear, unsets it"),
    argument("NAME", "a function or cell; the whole spot when not said"),
    listed=True,
)
def mode(session: Session, mode: str = "", name: str = "") -> View:
    """Tell or set the mode of the spot, or of a function or cell; running kernels see it at their next call."""
    spot, notes = session.spot, []
    if name and (whole_name := spot.name_of(name)) in spot.functions:
        name = whole_name
    elif name:
        try:
            name = known_name(spot, name)
        except RecordMissing as error:  # it may be yet to come, or mistyped
            notes = [str(error)]
    if mode:
        spot.set_mode(None if mode in (words.INHERIT, "clear") else mode, name or None)
    whole = spot.mode_of("")
    modes = {key: kept for key, kept in spot.modes().items() if key}
    rows = [(f"the spot {spot.name}", str(whole)), *modes.items()]
    if name and name not in modes:
        given = spot.given_modes().get(name)
        rows.append((name, f"as marked ({given})" if given else words.inherited(whole)))
    return View(lines=notes, columns=("name", "mode"), rows=rows, data={"": whole, **modes})
