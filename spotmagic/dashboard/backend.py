"""Answers of a spot to its panel. One set of named methods, whatever carries the requests."""

from __future__ import annotations

import builtins
import glob
import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import fields, replace
from functools import partial
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from spotmagic.catalog.glimpse import Lookout
from spotmagic.catalog.queries import Filters
from spotmagic.catalog.rows import Row, Unkept
from spotmagic.codecs import decode
from spotmagic.dashboard.batches import ask_batch, batch_failed, batch_rows
from spotmagic.dashboard.detail import detail, missing
from spotmagic.dashboard.export import Exports
from spotmagic.dashboard.jobs import cancel_job, job_rows
from spotmagic.dashboard.overview import Overview, row_fields
from spotmagic.dashboard.preview import Preview
from spotmagic.dashboard.wire import Params, Result, clean, failure
from spotmagic.errors import OptionError, SpotError, unknown
from spotmagic.store.entry import Entry, Part
from spotmagic.store.store import FolderStore

if TYPE_CHECKING:
    from spotmagic.spot import Spot

Answer = tuple[Result, list[bytes]]

PAGE = 50
VERSION = 1


class Backend:
    """What the panel may ask about a spot.

    Nothing here names a transport or takes SQL, and nothing loads a pickle but ``load``, which the reader asks for.

    Args:
        spot: the one that is asked about.
        names: the variables of the notebook, for values to be loaded into; a page has none.
        exports: where archives of entries go; nothing is exported without.
        beside: gives the names of the spots that can be shown in its place.
    """

    def __init__(
        self,
        spot: Spot,
        names: MutableMapping[str, Any] | None = None,
        exports: Exports | None = None,
        beside: Callable[[], list[str]] = list,
    ) -> None:
        self.spot, self._names, self._exports = spot, names, exports
        self._lookout = Lookout(lambda: spot.catalog, self._written_since)
        self.overview = Overview(spot, self._lookout, loads=names is not None)
        self._methods: dict[str, Callable[[Params], Result]] = {
            **self.overview.methods,
            "spots": lambda _: {"names": beside()},
            "entries": self._entries,
            "facets": self._facets,
            "entry": self._entry,
            "forget": self._forget,
            "pin": self._pin,
            "accept": self._accept,
            "batches": partial(batch_rows, spot),
            "batch_failed": partial(batch_failed, spot),
            "ask_batch": partial(ask_batch, spot),
            "jobs": partial(job_rows, spot),
            "cancel_job": partial(cancel_job, spot),
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
        self._lookout.look()
        if method == "preview":
            return self._preview(given)
        if not isinstance(method, str) or method not in self._methods:
            raise unknown("method", str(method)[:100], self.methods)
        if method in _LOOKS:  # in one look at the catalog, so that the answers to its questions fit each other
            return clean(self._lookout.together(lambda: self._methods[method](given))), []
        return clean(self._methods[method](given)), []

    def reply(self, content: object) -> Answer | None:
        """The reply to a message of a page, and its buffers; ``None`` for a message that asks nothing.

        Whatever goes wrong becomes a reply too, as nobody else would hear of it.
        """
        if not isinstance(content, Mapping) or content.get("t") != "request":
            return None
        head = {"t": "reply", "v": VERSION, "rid": content.get("rid")}
        try:
            result, buffers = self.dispatch(content.get("method", ""), content.get("params") or {})
        except Exception as error:
            return {**head, "ok": False, "error": failure(error)}, []
        return {**head, "ok": True, "result": result}, buffers

    def first(self) -> Result:
        """What a panel shows before it has asked anything. A notebook may save it, so no value is in it."""
        totals, page = clean(self._lookout.at_once(lambda: [self.overview.totals(), self._entries(Params({}))]))
        for row in page["rows"]:  # who is given the notebook may not be who may see the results
            row |= {"result": "", "call": row["name"], "arguments": [], "thumb": ""}
        return {"totals": totals, "page": page}

    def _written_since(self, then: float, read: Mapping[str, int]) -> int:
        store = self.spot.store
        return store.transfer.written_since(then, read) if isinstance(store, FolderStore) else 0

    def beat(self) -> Result:
        """The totals, for who is told of news."""
        self._lookout.look()
        totals: Result = clean(self._lookout.together(self.overview.totals))
        return totals

    # results

    def _entries(self, params: Params) -> Result:
        limit, offset = params.number("limit", PAGE, 1, 500), params.number("offset", 0, 0, 2**40)
        if params.text("tag") == NEVER_KEPT:
            rows = self._rows([_unkept(found) for found in self._never_kept()])
            return {"rows": rows, "total": len(rows), "offset": 0}
        filters = self._filters(params)
        order = params.text("order", "-created")
        known = self._lookout.catalog.entries(**_said(filters), order=order, limit=limit, offset=offset)
        # A first page that is not full is all there is, and need not be counted.
        total = len(known) if not offset and len(known) < limit else self._lookout.catalog.count(**_said(filters))
        return {"rows": self._rows(known), "total": total, "offset": offset}

    def _facets(self, params: Params) -> Result:
        """How many results each value of each filter has, under the other filters."""
        filters = self._filters(params)
        found = self._lookout.catalog.facets(filters)
        drifted = tuple(self.spot.drifted().values())
        more = {
            DRIFTED: self._lookout.catalog.count(**_said(replace(filters, tag=None, keys=drifted))) if drifted else 0,
            NEVER_KEPT: len(self._never_kept()),
        }
        return {**found, "tag": [*found.get("tag", []), *((tag, number) for tag, number in more.items() if number)]}

    def _never_kept(self) -> list[Unkept]:
        return [one for one in self._lookout.catalog.unkept() if one.never]

    def _filters(self, params: Params) -> Filters:
        """Which entries are meant. Every status has damaged ones, so a tag is looked for in all of them."""
        status, tag = params.text("status", "live"), params.text("tag")
        return Filters(
            like=glob.escape(params.text("name")) or None,
            kind=params.text("kind") or None,
            status=None if status == "all" or tag == "damaged" else status,
            search=params.text("search").strip() or None,
            model=params.text("model") or None,
            tag=None if tag in (DRIFTED, NEVER_KEPT) else tag or None,
            keys={DRIFTED: tuple(self.spot.drifted().values()), NEVER_KEPT: ()}.get(tag),
        )

    def _rows(self, rows: list[Row]) -> list[Result]:
        thumbs = self._lookout.catalog.thumbs([row.key for row in rows]) if rows else {}
        drifted = set(self.spot.drifted().values())
        return [self._row(row, thumbs) | {"drifted": row.key in drifted} for row in rows]

    def _row(self, row: Row, thumbs: Mapping[str, str]) -> Result:
        shown = row_fields(row)
        thumb = thumbs.get(row.key, "")
        return {
            **shown,
            "shared": self._is_shared(shown.pop("writer")),
            "arguments": list(row.arguments.items()),
            "call": row.call,
            "thumb": thumb if _BASE64.fullmatch(thumb) else "",
            "version": row.version or None,
            "content_type": row.content_type or None,
        }

    def _is_shared(self, writer: str) -> bool:
        return bool(writer) and writer != self.spot.ring.kid.hex()

    def _entry(self, params: Params) -> Result:
        key = params.key()
        row = self._lookout.catalog.entry(key)
        if row is None:
            why = "It was forgotten, or made anew under another key"
            raise SpotError("this result is not there any more", todo=why)
        names = {*(self._names or ()), *vars(builtins)}
        return {"row": self._rows([row])[0], **detail(self.spot, self._lookout.catalog, key, names)}

    def _preview(self, params: Params) -> Answer:
        key, name = params.key(), params.text("part")
        found = self.spot.store.get(bytes.fromhex(key))
        if not isinstance(found, Entry):
            return {"view": "none", "why": clean(missing(found))}, []
        part = _part(found, name)
        if part is None:
            return {"view": "none", "why": "There is no such part."}, []
        preview = Preview(found, part, more=params.flag("all"))
        return clean(preview.shape), preview.buffers

    def _load(self, params: Params) -> Result:
        """Give a variable of the notebook a fresh copy of a kept value, by the rules of a hit."""
        key, name = params.key(), params.text("name").strip()
        if not name.isidentifier() or iskeyword(name) or self._names is None:
            raise OptionError(f"{name or 'nothing'} cannot name a variable", todo="Say letters, digits and '_'")
        found = self.spot.store.get(bytes.fromhex(key))
        if not isinstance(found, Entry):
            raise SpotError(str(missing(found)))
        part = _part(found, params.text("part"))
        if part is None:
            raise OptionError("there is no such part", todo=f"It has {', '.join(one.name for one in found.parts)}")
        if not params.flag("over") and (name in self._names or hasattr(builtins, name)):
            taken = self._names.get(name, getattr(builtins, name, None))
            return {"name": name, "taken": type(taken).__name__}  # nothing is written over unasked
        self._names[name] = decode(part.codecs, part.head, part.buffers, trusted=found.trusted)
        return {"name": name, "taken": ""}

    def _forget(self, params: Params) -> Result:
        keys = [bytes.fromhex(key) for key in params.many()]
        return {"forgotten": self.spot.store.forget(keys) if keys else 0}

    def _pin(self, params: Params) -> Result:
        keys = [bytes.fromhex(key) for key in params.many()]
        self.spot.store.pin(keys, params.flag("pinned"))
        return {"pinned": len(keys)}

    def _export(self, params: Params) -> Result:
        """Write the chosen entries to an archive, or all that a filter shows where no keys are given."""
        if self._exports is None or not isinstance(self.spot.store, FolderStore):
            raise OptionError("results that are in no folder cannot be exported")
        keys = params.many() if params.has("keys") else self._shown(params)
        chosen = [bytes.fromhex(key) for key in keys]
        return row_fields(self._exports.write(self.spot.store.transfer, chosen, params.text("file")))

    def _shown(self, params: Params) -> list[str]:
        return [row.key for row in self._lookout.catalog.entries(**_said(self._filters(params)), limit=None)]

    def _accept(self, params: Params) -> Result:
        """Keep a result that has drifted for the code and inputs it was last asked with."""
        key = params.key()
        names = [name for name, drifted in self.spot.drifted().items() if drifted == key]
        accepted = [known for name in names for known in self.spot.accept(name)]
        if not accepted:
            raise SpotError("this result has not drifted in this kernel", todo="Call it there again, then look anew")
        return {"accepted": accepted}


_LOOKS = frozenset({"totals", "entries", "facets", "entry", "functions", "function"})  # of several questions each
DRIFTED, NEVER_KEPT = "drifted", "never kept"
_BASE64 = re.compile(r"[A-Za-z0-9+/]{1,2000}={0,2}")


def _unkept(found: Unkept) -> Row:
    """Calls that were never kept, as a row of results: why, how often, and what they cost in all."""
    return Row(
        key="",
        name=found.name,
        kind=found.kind,
        version="",
        status=NEVER_KEPT,
        created=found.last,
        expires=None,
        seconds=found.seconds,
        price=found.paid,
        size=0,
        parts=(),
        content_type="",
        writer="",
        pinned=False,
        hits=found.runs,
        last=found.last,
        result=found.reason,
    )


def _part(entry: Entry, name: str) -> Part | None:
    return next((part for part in entry.parts if part.name == name), None)


def _said(filters: Filters) -> dict[str, Any]:
    return {each.name: getattr(filters, each.name) for each in fields(filters)}
