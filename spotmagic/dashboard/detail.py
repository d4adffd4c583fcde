"""One result in full: what it was asked with, what it is made of, its history, its code and how that changed."""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterator, Mapping
from itertools import count, islice
from typing import TYPE_CHECKING

from spotmagic.catalog.told import OUTPUTS
from spotmagic.dashboard.wire import Result
from spotmagic.engine.explain import remarks
from spotmagic.keys.told import SOURCE, written
from spotmagic.store.entry import Bad, Entry, Part
from spotmagic.values.shown import TYPE

if TYPE_CHECKING:
    from spotmagic.catalog import Catalog
    from spotmagic.spot import Spot

DIFF_LINES = 400
_OWN = frozenset({"changes", "linked variables", "files written"})


def detail(spot: Spot, catalog: Catalog, key: str, names: Container[str]) -> Result:
    """All that is known of a result but its row and its arguments.

    Args:
        names: variables that there are already.
    """
    found = spot.store.get(bytes.fromhex(key))
    entry = found if isinstance(found, Entry) else None
    inputs = catalog.inputs(key)
    source = _source(spot, catalog, entry) if entry else ""
    asked = spot.asked_for(key) if entry is not None and entry.trusted else None
    return {
        "parts": [_part(entry, part, names) for part in _worth_showing(entry.parts)] if entry else [],
        "inputs": [{"name": name, "fingerprint": fingerprint} for name, fingerprint in inputs.items()],
        "remarks": list(remarks(entry.notes)) if entry else [],
        "runs": catalog.runs(key=key, limit=20),
        "source": source,
        "diff": _diff(spot, catalog, entry, source) if entry and source else None,
        "missing": missing(found),
        "drifted": asked is not None,
        "drift": list(_compare(source, asked.source or _current(spot, entry))) if asked and entry and source else [],
    }


def missing(found: Entry | Bad | None) -> str | None:
    """Why a result cannot be shown, if it cannot."""
    if isinstance(found, Entry):
        return None
    return "This result is not there any more." if found is None else f"This result cannot be used: {found.why}."


def _part(entry: Entry, part: Part, names: Container[str]) -> Result:
    kinds = [codec for codec in part.codecs if codec not in ("plain", "refs")] or ["value"]
    label = part.name.removeprefix("variables ").removeprefix("variable ")
    told = entry.notes.get(TYPE, "") if len(entry.parts) == 1 else ""
    wanted = label if label.isidentifier() and part.name.startswith("variable ") else "result"
    # A name that nothing has, to be suggested: nobody's variable is written over by a click.
    tries = (wanted if n == 1 else f"{wanted}_{n}" for n in count(1))
    free = next(name for name in tries if name not in names)
    return {"name": part.name, "label": label, "type": told or ", ".join(kinds), "size": part.size, "free": free}


def _worth_showing(parts: tuple[Part, ...]) -> list[Part]:
    """The parts a reader knows, what a cell showed before what it made. Its own book-keeping is left out."""
    return sorted((part for part in parts if part.name not in _OWN), key=lambda part: part.name != OUTPUTS)


def _source(spot: Spot, catalog: Catalog, entry: Entry) -> str:
    """The code of a result as it was written; of a function it stands with the first results of that code."""
    own = entry.notes.get(SOURCE, "")
    if own or entry.kind != "function" or not entry.code:
        return own
    keys = catalog.earliest(entry.name, entry.code.hex())
    found = [spot.store.get(bytes.fromhex(key)) for key in keys]
    others = [one for one in (*found, *spot.store.recent(entry.name)) if isinstance(one, Entry)]
    return next((one.notes[SOURCE] for one in others if one.code == entry.code and SOURCE in one.notes), "")


def _current(spot: Spot, entry: Entry) -> str:
    """The code of a function as it is in this kernel."""
    marked = spot.functions.get(entry.name)
    return written(marked.function) if marked is not None else ""


def _diff(spot: Spot, catalog: Catalog, entry: Entry, source: str) -> Result | None:
    """How the code of a result differs from that of the result of its name before it."""
    for before in spot.store.recent(entry.name):
        old = _source(spot, catalog, before) if before.created < entry.created else ""
        if old and old != source:
            return {"lines": list(_compare(old, source)), "than": before.created}
    return None


def _compare(old: str, new: str) -> Iterator[Mapping[str, str]]:
    """The lines of a unified diff, as ``{op, text}``."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=2, lineterm="")
    for line in islice(lines if new else (), 2, 2 + DIFF_LINES):  # the first two name files, which there are none of
        if line.startswith("@@"):
            yield {"op": "~", "text": ""}
        else:
            yield {"op": line[:1] or " ", "text": line[1:]}
