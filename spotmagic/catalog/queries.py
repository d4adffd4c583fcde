"""The questions that people and the panel ask: which entries are meant, in which order, and what is known of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from spotmagic.catalog.instance import Opened
from spotmagic.catalog.rows import SHOWN, Row
from spotmagic.errors import OptionError, unknown
from spotmagic.values.short import unpack
from spotmagic.words import KINDS

STATUSES = ("live", "superseded", "expired", "partial", "refused", "corrupt")
_ORDERS = {
    name: shown.removeprefix("epoch(").removesuffix(")") if "epoch" in shown else shown for name, shown in SHOWN.items()
}
_ORDERS |= {"parts": "len(e.parts)"}
_KEY = re.compile(r"[0-9a-fA-F]{8,32}")

_OF_CALLS = re.compile(r"[\s(]")
_BETWEEN = "[^\x02\x03]"  # of two arguments, as they are packed
# A name without its module, and its arguments, each with what begins it.
CALL = "regexp_extract(e.name, '[^.]*$') || chr(2) || e.arguments || chr(2)"

# The time of the question is $now, a number of seconds since 1970.
STATUS = """CASE WHEN e.damage <> '' THEN 'corrupt' WHEN e.status IN ('partial', 'refused', 'corrupt') THEN e.status
     WHEN e.expires <= make_timestamp(($now * 1e6)::BIGINT) THEN 'expired'
     WHEN e.superseded THEN 'superseded' ELSE 'live' END"""

TAGS = {
    "pinned": "e.key IN (SELECT key FROM {main}.usage WHERE pinned)",
    "damaged": "(e.damage <> '' OR e.status = 'corrupt')",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entries are meant.

    Args:
        like: a glob over names (``"summ*"``; of a dotted name the last words alone may be given), or the first eight or
            more digits of a key. One with a space or a bracket in it is one over arguments too, and over whole calls:
            ``"what is the capital*"``, ``"ask(*paris*)"``.
        kind: ``"function"``, ``"cell"`` or ``"http"``.
        status: one of :data:`STATUSES`, or ``None`` for all.
        search: text to find in names, arguments, results, content types and keys, in any case.
        model: what answered.
        tag: ``"pinned"`` or ``"damaged"``.
        keys: only these, as hexadecimal digits.

    Raises:
        OptionError: for a kind or a status there is not.
    """

    like: str | None = None
    kind: str | None = None
    status: str | None = "live"
    search: str | None = None
    model: str | None = None
    tag: str | None = None
    keys: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KINDS:
            raise unknown("kind", str(self.kind), KINDS)
        if self.status is not None and self.status not in STATUSES:
            raise unknown("status", self.status, STATUSES)
        if self.tag is not None and self.tag not in TAGS:
            raise unknown("tag", self.tag, TAGS)

    def where(self) -> tuple[str, dict[str, Any]]:
        """The condition over ``entries AS e`` in SQL, and the values of its parameters."""
        parts: list[str] = []
        values: dict[str, Any] = {}
        if self.like:
            by_key = " OR starts_with(e.key, lower($like))" if _KEY.fullmatch(self.like) else ""
            if _OF_CALLS.search(self.like):
                by_key += f" OR regexp_matches({CALL}, $called, 'is')"
                values["called"] = called(self.like)
            parts.append(f"(e.name GLOB $like OR e.name GLOB '*.' || $like{by_key})")
            values["like"] = self.like
        if self.kind:
            parts.append("e.kind = $kind")
            values["kind"] = self.kind
        if self.search:
            columns = "name", "arguments", "result", "content_type"
            found = " OR ".join(f"contains(lower(e.{column}), $search)" for column in columns)
            parts.append(f"({found} OR starts_with(e.key, $search))")
            values["search"] = self.search.lower()
        if self.model:
            parts.append("e.model = $model")
            values["model"] = self.model
        if self.tag:
            parts.append(TAGS[self.tag])
        if self.keys is not None:
            parts.append("list_contains($keys, e.key)")
            values["keys"] = list(self.keys)
        if self.status:
            parts.append(f"{STATUS} = $status")
            values["status"] = self.status
        return " AND ".join(parts) or "true", values


def called(pattern: str) -> str:
    """The regular expression over :data:`CALL` of a glob over one argument, or over a call: ``ask(*paris*)``."""
    whole = re.fullmatch(r"([\w.*?]+)\((.*)\)", pattern, re.DOTALL)
    if whole is None:
        return rf"\x03\"?{_glob(pattern)}\"?\x02"
    name, argument = whole[1].rpartition(".")[2], whole[2].strip('"')
    return rf"^{_glob(name)}\x02(.*\x02)?{_BETWEEN}*\x03\"?{_glob(argument)}\"?\x02"


def _glob(pattern: str) -> str:
    return "".join({"*": f"{_BETWEEN}*", "?": _BETWEEN}.get(sign) or re.escape(sign) for sign in pattern)


def page(limit: int | None, offset: int) -> str:
    """``LIMIT`` and ``OFFSET`` of whole numbers."""
    if (limit is not None and limit < 0) or offset < 0:
        raise OptionError(
            f"limit={limit!r}, offset={offset!r}",
            "rows are counted from 0",
            "Give numbers that are not negative, or limit=None for all",
        )
    return (f" LIMIT {int(limit)}" if limit is not None else "") + (f" OFFSET {int(offset)}" if offset else "")


_PAGE = f"""
SELECT {", ".join(SHOWN.values())}
FROM (SELECT e.* REPLACE ({STATUS} AS status) FROM {{main}}.entries e WHERE %s) e LEFT JOIN {{main}}.usage u USING (key)
"""


def entries(
    session: Opened,
    /,
    like: str | None = None,
    *,
    order: str = "-created",
    limit: int | None = 1000,
    offset: int = 0,
    **filters: Any,
) -> list[Row]:
    """Rows of the entries that are meant: filtered first, then sorted, then cut.

    Args:
        like, filters: see :class:`Filters`; what is live when no status is said.
        order: a column of :class:`Row`, with ``-`` for the largest first. Ties go by key, so that pages do not overlap.
        limit: how many at most; ``None`` for all.

    Raises:
        OptionError: for a status, order, limit or offset there is not.
    """
    wanted, values = Filters(like, **filters).where()
    column = _ORDERS.get(str(order).removeprefix("-"))
    if column is None:
        raise unknown("order", order, [*_ORDERS, *(f"-{name}" for name in _ORDERS)])
    by = f"{column} {'DESC' if order.startswith('-') else 'ASC'} NULLS LAST, e.key"
    cut = page(limit, offset)
    if cut:  # a far page is found by its narrow columns alone
        usage = "LEFT JOIN {main}.usage u USING (key)" if "u." in column else ""
        wanted = f"""e.rowid IN (
            SELECT r FROM (
                SELECT e.* REPLACE ({STATUS} AS status), e.rowid AS r FROM {{main}}.entries e WHERE {wanted}
            ) e {usage} ORDER BY {by}{cut}
        )"""
    return [_row(found) for found in session.rows(f"{_PAGE % wanted} ORDER BY {by}", **values)]


def count(session: Opened, /, like: str | None = None, **filters: Any) -> int:
    """How many entries :func:`entries` would give without a limit."""
    return _count(session, Filters(like, **filters))


def _count(session: Opened, filters: Filters) -> int:
    wanted, values = filters.where()
    ((number,),) = session.rows(f"SELECT count(*) FROM {{main}}.entries e WHERE {wanted}", **values)
    return int(number)


_FACETS = "name", "kind", "status", "model"
_MOST_VALUES = 100


def facets(session: Opened, filters: Filters) -> dict[str, list[tuple[str, int]]]:
    """How many entries there are of each name, kind, status, model and tag, under the other filters."""
    found: dict[str, list[tuple[str, int]]] = {}
    for facet in _FACETS:
        wanted, values = replace(filters, **{"like" if facet == "name" else facet: None}).where()
        column = STATUS if facet == "status" else f"e.{facet}"
        sql = f"SELECT {column} AS one, count(*) AS n FROM {{main}}.entries e WHERE {wanted}"
        found[facet] = [
            (one, n)
            for one, n in session.rows(f"{sql} GROUP BY one ORDER BY n DESC, one LIMIT {_MOST_VALUES}", **values)
            if one
        ]
    for tag in TAGS:
        status = None if tag == "damaged" else filters.status  # damage is a status of its own
        number = _count(session, replace(filters, tag=tag, keys=None, status=status))
        if number:
            found.setdefault("tag", []).append((tag, number))
    return found


def earliest(session: Opened, name: str, code: str, limit: int = 3) -> list[str]:
    """The keys of the first results that this code (hexadecimal digits) of a name gave: one of them has its text."""
    sql = "SELECT key FROM {main}.entries WHERE name = $name AND code = $code ORDER BY created" + page(limit, 0)
    return [key for (key,) in session.rows(sql, name=name, code=code)]


def thumbs(session: Opened, keys: list[str]) -> dict[str, str]:
    """The small pictures of entries as PNG in base64, by key."""
    sql = "SELECT key, thumb FROM {main}.entries WHERE thumb <> '' AND list_contains($keys, key)"
    return dict(session.rows(sql, keys=keys))


def entry(session: Opened, key: str) -> Row | None:
    """The row of one key (hexadecimal digits), whatever its status."""
    found = session.rows(_PAGE % "e.key = $key", key=key.lower())
    return _row(found[0]) if found else None


def kinds(session: Opened) -> list[tuple[str, str, int]]:
    """How many entries there are of each kind and status."""
    return session.rows(f"SELECT kind, {STATUS}, count(*) FROM {{main}}.entries e GROUP BY ALL")


def noted(session: Opened, name: str) -> set[str]:
    """The keys of the entries that have an input of this name."""
    return {key for (key,) in session.rows("SELECT key FROM {main}.inputs WHERE name = $name", name=name)}


def inputs(session: Opened, key: str) -> dict[str, str]:
    """The fingerprints of an entry's inputs by name, as hexadecimal digits."""
    return dict(
        session.rows("SELECT name, fingerprint FROM {main}.inputs WHERE key = $key ORDER BY name", key=key.lower())
    )


def _row(found: tuple[Any, ...]) -> Row:
    values = dict(zip(SHOWN, found, strict=True))
    values |= {"parts": tuple(values["parts"]), "arguments": unpack(values["arguments"] or "")}
    return Row(**values)
