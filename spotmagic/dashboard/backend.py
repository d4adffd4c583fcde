"""Answers of a spot to its panel. One set of named methods, whatever carries the requests."""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import fields
from itertools import islice
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spotmagic.catalog.filters import STATUSES, FunctionUse, Row
from spotmagic.codecs import decode
from spotmagic.dashboard.brief import SMALL, brief
from spotmagic.dashboard.export import Exports
from spotmagic.dashboard.gauges import gauges
from spotmagic.dashboard.health import Health
from spotmagic.dashboard.outputs import OUTPUTS
from spotmagic.dashboard.preview import Preview
from spotmagic.dashboard.wire import Params, clean
from spotmagic.engine.explain import remarks
from spotmagic.errors import OptionError, SpotError, told, unknown
from spotmagic.store.entry import Bad, Entry, Part
from spotmagic.store.store import FolderStore

if TYPE_CHECKING:
    from spotmagic.spot import Spot

Answer = tuple[dict[str, Any], list[bytes]]
Result = dict[str, Any]

PAGE = 50
HOURS = 24
DIFF_LINES = 400


class Backend:
    """What the panel may ask about a spot.

    Nothing here names a transport or takes SQL, and nothing loads a pickle but ``load``, which the reader asks for.

    Args:
        names: the variables of the notebook, for values to be loaded into; a page has none.
        exports: where archives of entries go; nothing is exported without.
    """

    def __init__(
        self, spot: Spot, names: MutableMapping[str, Any] | None = None, exports: Exports | None = None
    ) -> None:
        self._spot, self._names, self._exports = spot, names, exports
        self._health = Health(spot)
        self._methods: dict[str, Callable[[Params], Result]] = {
            "totals": lambda _: self._fresh_totals(),
            "entries": self._entries,
            "entry": self._entry,
            "forget": self._forget,
            "pin": self._pin,
            "accept": self._accept,
            "functions": self._functions,
            "function": self._function,
            "set_mode": self._set_mode,
            "runs": self._runs,
            "limits": self._limits,
            "rebuild": self._rebuild,
            "health": lambda _: self._health.tell(self._facets()[1]),
            "check": self._check,
        }
        if names is not None:
            self._methods["load"] = self._load
        if exports is not None:
            self._methods["export"] = self._export

    @property
    def methods(self) -> tuple[str, ...]:
        """What may be asked."""
        return (*self._methods, "preview")

    def dispatch(self, method: object, params: object) -> Answer:
        """The answer to a request: plain JSON, and the buffers that it refers to by index.

        Raises:
            OptionError: for a method or parameter there is not.
        """
        given = Params(params)
        if method == "preview":
            return self._preview(given)
        if not isinstance(method, str) or method not in self._methods:
            raise unknown("method", str(method)[:100], self.methods)
        return clean(self._methods[method](given)), []

    def first(self) -> Result:
        """What a panel shows before it has asked anything. A notebook may save it, so no value is in it."""
        page, _ = self.dispatch("entries", {})
        for row in page["rows"]:
            row["brief"] = ""
        return {"totals": clean(self._fresh_totals()), "page": page}

    def totals(self) -> Result:
        """What the spot holds and has saved in all."""
        catalog, now = self._spot.catalog, self._spot.clock.now()
        stats = catalog.stats()
        kinds, statuses = self._facets()
        return {
            "spot": {"name": self._spot.name, "folder": self._folder()},
            "at": now,
            **{name: getattr(stats, name) for name in _TOTALS},
            "paid_today": self._paid_since(_midnight(now)),
            "series": self._series(),
            "mode": self._spot.mode_of(""),
            "loads": self._names is not None,
            "kinds": kinds,
            "statuses": list(statuses),
            "views": ["entries", "runs", "functions", *(["limits"] if self._has_limits() else [])],
            "health": self._health.tell(statuses),
        }

    def _fresh_totals(self) -> Result:
        """The totals with the hits of this kernel that are still counted in memory."""
        self._spot.store.flush()
        return self.totals()

    # entries

    def _entries(self, params: Params) -> Result:
        filters = _filters(params)
        limit, offset = params.number("limit", PAGE, 1, 500), params.number("offset", 0, 0, 2**40)
        order = params.text("order", "-created")
        rows = self._spot.catalog.entries(**filters, order=order, limit=limit, offset=offset)
        total = len(rows) if not offset and len(rows) < limit else self._spot.catalog.count(**filters)
        return {
            "rows": [self._row(row) | {"brief": self._brief(row)} for row in rows],
            "total": total,
            "offset": offset,
        }

    def _row(self, row: Row) -> Result:
        shown = _fields(row)
        shown["shared"] = self._is_shared(shown.pop("writer"))
        return {**shown, "version": row.version or None, "content_type": row.content_type or None}

    def _brief(self, row: Row) -> str:
        entry = self._spot.store.get(bytes.fromhex(row.key)) if row.size <= SMALL else None
        return brief(entry) if isinstance(entry, Entry) else ""

    def _is_shared(self, writer: str) -> bool:
        return bool(writer) and writer != self._spot.ring.kid.hex()

    def _entry(self, params: Params) -> Result:
        key = params.key()
        row = self._spot.catalog.entry(key)
        if row is None:
            raise SpotError("this entry is not there any more", todo="It was forgotten, or made anew under another key")
        found = self._spot.store.get(bytes.fromhex(key))
        entry = found if isinstance(found, Entry) else None
        inputs = self._spot.catalog.inputs(key)
        source = entry.notes.get("source") if entry else None
        remarked = [{"name": said, "fingerprint": ""} for said in remarks(entry.notes)] if entry else []
        return {
            "row": self._row(row),
            "parts": list(map(_part, _worth_showing(entry.parts))) if entry else [],
            "inputs": [{"name": name, "fingerprint": _hex(fingerprint)} for name, fingerprint in inputs.items()]
            + remarked,
            "runs": [_run(run) for run in self._spot.catalog.runs(key=key, limit=20)],
            "source": source,
            "diff": self._diff(entry) if entry and source else None,
            "missing": _missing(found),
            "drifted": entry is not None and entry.trusted and key in self._spot.drifted().values(),
        }

    def _diff(self, entry: Entry) -> Result | None:
        """How the code of an entry differs from that of the result of its name before it."""
        for before in self._spot.store.recent(entry.name):
            if before.created >= entry.created or before.key == entry.key:
                continue
            old, new = before.notes.get("source", ""), entry.notes.get("source", "")
            if not old or old == new:
                return None
            return {"lines": list(islice(_compare(old, new), DIFF_LINES)), "than": before.created}
        return None

    def _preview(self, params: Params) -> Answer:
        key, name = params.key(), params.text("part")
        found = self._spot.store.get(bytes.fromhex(key))
        if not isinstance(found, Entry):
            return {"view": "none", "why": clean(_missing(found))}, []
        part = next((part for part in found.parts if part.name == name), None)
        if part is None:
            return {"view": "none", "why": "There is no such part."}, []
        preview = Preview(found, part, more=params.flag("all"))
        return clean(preview.shape), preview.buffers

    def _load(self, params: Params) -> Result:
        """Give a variable of the notebook a fresh copy of a kept value, by the rules of a hit."""
        key, name = params.key(), params.text("name").strip()
        if not name.isidentifier() or iskeyword(name) or self._names is None:
            raise OptionError(f"{name or 'nothing'} cannot name a variable", todo="Say letters, digits and '_'")
        found = self._spot.store.get(bytes.fromhex(key))
        if not isinstance(found, Entry):
            raise SpotError(str(_missing(found)))
        part = next((part for part in found.parts if part.name == params.text("part")), None)
        if part is None:
            raise OptionError("there is no such part", todo=f"It has {', '.join(one.name for one in found.parts)}")
        self._names[name] = decode(part.codecs, part.head, part.buffers, trusted=found.trusted)
        return {"name": name}

    def _forget(self, params: Params) -> Result:
        keys = [bytes.fromhex(key) for key in params.many()]
        return {"forgotten": self._spot.store.forget(keys) if keys else 0}

    def _pin(self, params: Params) -> Result:
        keys = [bytes.fromhex(key) for key in params.many()]
        self._spot.store.pin(keys, params.flag("pinned"))
        return {"pinned": len(keys)}

    def _export(self, params: Params) -> Result:
        """Write the chosen entries to an archive, or all that a filter shows where no keys are given."""
        if self._exports is None or not isinstance(self._spot.store, FolderStore):
            raise OptionError("results that are in no folder cannot be exported")
        keys = params.many() if params.has("keys") else self._shown(params)
        known = self._exports.write(
            self._spot.store.transfer, [bytes.fromhex(key) for key in keys], params.text("file")
        )
        return _fields(known)

    def _shown(self, params: Params) -> list[str]:
        return [row.key for row in self._spot.catalog.entries(**_filters(params), limit=None)]

    def _accept(self, params: Params) -> Result:
        """Keep a result that has drifted for the code and inputs it was last asked with."""
        key = params.key()
        names = [name for name, drifted in self._spot.drifted().items() if drifted == key]
        accepted = [known for name in names for known in self._spot.accept(name)]
        if not accepted:
            raise SpotError("this result has not drifted in this kernel", todo="Call it there again, then look anew")
        return {"accepted": accepted}

    # functions, runs, limits

    def _functions(self, _: Params) -> Result:
        return {"rows": list(map(self._use, self._spot.catalog.functions()))}

    def _function(self, params: Params) -> Result:
        """All about one name: its counts, its mode, and what came of its latest calls."""
        name = params.text("name")
        use = next((use for use in self._spot.catalog.functions() if use.name == name), None)
        if use is None:
            raise SpotError(f"nothing is known of {name or 'a function without a name'}", todo="Call it once")
        runs = self._spot.catalog.runs(name=name, limit=params.number("limit", 20, 1, 1000))
        return {"row": self._use(use), "runs": [_run(run) for run in runs]}

    def _use(self, use: FunctionUse) -> Result:
        known, given = self._spot.modes().get(use.name), self._spot.given_modes().get(use.name)
        return _fields(use) | {"mode": self._spot.mode_of(use.name, given), "set": known or "", "given": given or ""}

    def _set_mode(self, params: Params) -> Result:
        """Set the mode of a name, or of the spot where none is given. An empty mode unsets it."""
        name = params.text("name")
        self._spot.set_mode(params.text("mode") or None, name)
        return {"name": name, "mode": self._spot.mode_of(name)}

    def _runs(self, params: Params) -> Result:
        limit = params.number("limit", 100, 1, 1000)
        return {"rows": [_run(run) for run in self._spot.catalog.runs(limit=limit)]}

    def _limits(self, _: Params) -> Result:
        return {"rows": self._limit_states()}

    def _has_limits(self) -> bool:
        limits = self._spot.limits
        return bool(len(limits) or limits.states(everywhere=True))

    def _rebuild(self, _: Params) -> Result:
        """Make the table about the entries anew from the entries themselves."""
        self._spot.rebuild()
        why = told().get(f"catalog {self._spot.folder}")
        if why is not None:
            raise SpotError("the catalog was not rebuilt", why, "Set it right, then rebuild it")
        return {"entries": self._spot.stats().entries}

    def _check(self, _: Params) -> Result:
        """Begin to read all entries. What is found stands in the health when it is done."""
        self._health.checkup.start(self._spot.verify, self._spot.clock)
        return self._health.tell(self._facets()[1])

    def _limit_states(self) -> list[Result]:
        return list(map(gauges, self._spot.limits.states(everywhere=True)))

    # the parts of the totals

    def _facets(self) -> tuple[list[str], dict[str, int]]:
        """The kinds that there are to filter by, and how many entries there are of each status."""
        rows = self._spot.catalog.sql("SELECT kind, status, count(*) FROM entries GROUP BY ALL").rows
        counts = {status: sum(n for _, one, n in rows if one == status) for status in STATUSES}
        return sorted({kind for kind, *_ in rows} - {""}), {status: n for status, n in counts.items() if n}

    def _series(self) -> Result:
        buckets = self._spot.catalog.series(HOURS, HOURS)
        return {"step": 3600, "buckets": [{"at": one.start, "hits": one.hits, "ran": one.misses} for one in buckets]}

    def _paid_since(self, then: float) -> float:
        """What the runs since a time cost."""
        paid = "SELECT coalesce(sum(price), 0) FROM runs WHERE verdict = 'ran' AND epoch(started) >= ?"
        return float(self._spot.catalog.sql(paid, [then]).rows[0][0])

    def _folder(self) -> str:
        """The folder as short as it is clear: relative where it lies below the working directory."""
        folder = self._spot.folder
        try:
            return str(folder.relative_to(Path.cwd()))
        except (ValueError, OSError):
            return str(folder)


_TOTALS = ("entries", "bytes", "hits", "misses", "errors", "seconds_saved", "price_saved", "price_paid")
_OWN = frozenset({"changes", "linked variables"})
_RUN = ("key", "name", "kind", "verdict", "reason", "started", "seconds", "price", "waited", "stored", "error", "times")


def _fields(row: Any) -> Result:
    """A row of the catalog by field."""
    return {field.name: getattr(row, field.name) for field in fields(row)}


def _run(run: Mapping[str, Any]) -> Result:
    return {name: run[name] for name in _RUN}


def _part(part: Part) -> Result:
    kinds = [codec for codec in part.codecs if codec not in ("plain", "refs")] or ["value"]
    label = part.name.removeprefix("variables ").removeprefix("variable ")
    return {"name": part.name, "label": label, "type": ", ".join(kinds), "size": part.size}


def _worth_showing(parts: tuple[Part, ...]) -> list[Part]:
    """The parts a reader knows, what a cell showed before what it made. Its own book-keeping is left out."""
    return sorted((part for part in parts if part.name not in _OWN), key=lambda part: part.name != OUTPUTS)


def _hex(fingerprint: bytes | str) -> str:
    return fingerprint if isinstance(fingerprint, str) else fingerprint.hex()


def _missing(found: Entry | Bad | None) -> str | None:
    if isinstance(found, Entry):
        return None
    return "This entry is not there any more." if found is None else f"This entry cannot be used: {found.why}."


def _compare(old: str, new: str) -> Any:
    """The lines of a unified diff, as ``{op, text}``."""
    for line in islice(difflib.unified_diff(old.splitlines(), new.splitlines(), n=2, lineterm=""), 2, None):
        if line.startswith("@@"):
            yield {"op": "~", "text": ""}
        else:
            yield {"op": line[:1] or " ", "text": line[1:]}


def _filters(params: Params) -> dict[str, Any]:
    """Which entries are meant, for the catalog."""
    status = params.text("status", "live")
    return {
        "like": _literal(params.text("name")) or None,
        "kind": params.text("kind") or None,
        "status": None if status == "all" else status,
        "search": params.text("search").strip() or None,
    }


def _literal(name: str) -> str:
    """A glob that is only this name."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _midnight(now: float) -> float:
    """The beginning of the reader's day."""
    day = datetime.datetime.fromtimestamp(now).astimezone()
    return day.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
