"""The questions that people and the panel ask."""

from __future__ import annotations

from typing import Any

from spotmagic.catalog.batch import SLOT
from spotmagic.catalog.filters import STATUS, Bucket, Filters, FunctionUse, Order, Row, Stats, page
from spotmagic.catalog.instance import Session

_PAGE = f"""
SELECT e.key, e.name, e.kind, e.version, e.status, epoch(e.created), epoch(e.expires), e.seconds, e.price, e.size,
       e.parts, e.content_type, e.writer, coalesce(u.pinned, false), coalesce(u.hits, 0), e.damage
FROM (SELECT e.*, {STATUS} AS status FROM {{main}}.entries e WHERE %s) e LEFT JOIN {{main}}.usage u USING (key)
"""


def entries(session: Session, filters: Filters, order: Order, limit: int | None, offset: int) -> list[Row]:
    """Rows of the entries that are meant: filtered first, then sorted, then cut."""
    where = filters.where()
    wanted = where.sql
    cut = page(limit, offset)
    if cut:  # a far page is found by its narrow columns alone
        usage = "LEFT JOIN {main}.usage u USING (key)" if order.of_usage else ""
        wanted = f"""e.rowid IN (
            SELECT r FROM (SELECT e.*, e.rowid AS r, {STATUS} AS status FROM {{main}}.entries e WHERE {wanted}) e
            {usage} ORDER BY {order.sql}{cut}
        )"""
    return [_row(found) for found in session.rows(f"{_PAGE % wanted} ORDER BY {order.sql}", **where.values)]


def count(session: Session, filters: Filters) -> int:
    """How many entries are meant."""
    where = filters.where()
    ((number,),) = session.rows(f"SELECT count(*) FROM {{main}}.entries e WHERE {where.sql}", **where.values)
    return int(number)


def entry(session: Session, key: str) -> Row | None:
    """The row of one key, whatever its status."""
    found = session.rows(_PAGE % "e.key = $key", key=key.lower())
    return _row(found[0]) if found else None


def inputs(session: Session, key: str) -> dict[str, str]:
    """The fingerprints of an entry's inputs by name, as hexadecimal digits."""
    return dict(
        session.rows("SELECT name, fingerprint FROM {main}.inputs WHERE key = $key ORDER BY name", key=key.lower())
    )


_RUN = ["key", "name", "kind", "verdict", "reason", "started", "seconds", "price", "waited", "stored", "error", "times"]
_RUNS = """
SELECT key, name, kind, verdict, reason, epoch(started) AS started, seconds, price, waited, stored, error, times
FROM {main}.runs WHERE %s
"""
_HITS_OF_KEY = """
UNION ALL
SELECT key, coalesce(name, ''), '', 'hit', '', epoch(last), seconds, price, 0, true, '', hits
FROM {main}.usage WHERE hits > 0 AND key = $key
"""


def runs(session: Session, key: str | None, name: str | None, limit: int) -> list[dict[str, Any]]:
    """What happened, newest first: runs one by one, hits of a name counted over five minutes, of a key in one line."""
    wanted, values, hits = ["true"], {}, ""
    if key is not None:
        wanted.append("key = $key AND verdict <> 'hit'")
        values["key"] = key.lower()
        hits = _HITS_OF_KEY
    if name is not None:
        wanted.append("name = $name")
        values["name"] = name
    sql = f"{_RUNS % ' AND '.join(wanted)}{hits} ORDER BY started DESC{page(limit, 0)}"
    return [dict(zip(_RUN, found, strict=True)) for found in session.rows(sql, **values)]


_STATS = f"""
WITH kept AS (
  SELECT count(*) AS entries, coalesce(sum(size), 0)::BIGINT AS size
  FROM {{main}}.entries e WHERE {STATUS} = 'live' AND %s
), used AS (
  SELECT coalesce(sum(hits), 0)::BIGINT AS hits, coalesce(sum(seconds), 0) AS seconds, coalesce(sum(price), 0) AS price
  FROM {{main}}.usage WHERE %s
), ran AS (
  SELECT count(*) FILTER (verdict = 'ran') AS misses, coalesce(sum(price) FILTER (verdict = 'ran'), 0) AS price,
         count(*) FILTER (error <> '') AS errors
  FROM {{main}}.runs WHERE verdict <> 'hit' AND %s
)
SELECT kept.entries, kept.size, used.hits, ran.misses, used.seconds, used.price, ran.price, ran.errors
FROM kept, used, ran
"""


def stats(session: Session, name: str | None) -> Stats:
    """Counts, sizes, time and money, of all or of one name."""
    named, values = ("name = $name", {"name": name}) if name is not None else ("true", {})
    ((number, size, hits, misses, seconds, saved, paid, errors),) = session.rows(
        _STATS % (named, named, named), **values
    )
    asked = hits + misses
    return Stats(number, size, hits, misses, hits / asked if asked else 0.0, seconds, saved, paid, errors)


_FUNCTIONS = f"""
WITH kept AS (
  SELECT name, any_value(kind) AS kind, count(*) FILTER ({STATUS} = 'live') AS entries, max(created) AS last
  FROM {{main}}.entries e GROUP BY 1
), used AS (
  SELECT name, sum(hits)::BIGINT AS hits, sum(seconds) AS seconds, sum(price) AS price, max(last) AS last
  FROM {{main}}.usage GROUP BY 1
), ran AS (
  SELECT name, any_value(kind) AS kind, count(*) FILTER (verdict = 'ran') AS misses, sum(seconds) AS seconds,
         sum(price) FILTER (verdict = 'ran') AS price, count(*) FILTER (error <> '') AS errors, max(started) AS last
  FROM {{main}}.runs WHERE verdict <> 'hit' GROUP BY 1
)
SELECT name, coalesce(ran.kind, kept.kind, ''), coalesce(entries, 0), coalesce(hits, 0), coalesce(misses, 0),
       coalesce(ran.seconds, 0), coalesce(used.seconds, 0), coalesce(ran.price, 0), coalesce(used.price, 0),
       coalesce(errors, 0), epoch(greatest(kept.last, used.last, ran.last)) AS last
FROM kept FULL JOIN used USING (name) FULL JOIN ran USING (name)
WHERE name <> '' ORDER BY last DESC NULLS LAST, name
"""


def functions(session: Session) -> list[FunctionUse]:
    """What is known of each name, the last asked first."""
    return [
        FunctionUse(name, kind, number, hits + misses, hits, misses, seconds, saved, paid, kept, errors, last)
        for name, kind, number, hits, misses, seconds, saved, paid, kept, errors, last in session.rows(_FUNCTIONS)
    ]


_SERIES = f"""
SELECT least(floor((greatest(epoch(started), $start) - $start) / $step), $last)::BIGINT,
       coalesce(sum(times) FILTER (verdict = 'hit'), 0)::BIGINT,
       coalesce(sum(times) FILTER (verdict = 'ran'), 0)::BIGINT
FROM {{main}}.runs
WHERE verdict IN ('hit', 'ran') AND epoch(started) <= $now
  AND epoch(started) + CASE verdict WHEN 'hit' THEN {SLOT} ELSE 0 END > $start AND %s
GROUP BY 1
"""


def series(session: Session, hours: float, buckets: int, name: str | None) -> list[Bucket]:
    """Hits and misses over the last hours in steps of equal length, the oldest first."""
    step = hours * 3600 / buckets
    start = session.now - hours * 3600
    named, values = ("name = $name", {"name": name}) if name is not None else ("true", {})
    found = session.rows(_SERIES % named, start=start, step=step, last=buckets - 1, **values)
    counted = {bucket: (hits, misses) for bucket, hits, misses in found}
    return [Bucket(start + step * number, *counted.get(number, (0, 0))) for number in range(buckets)]


def _row(found: tuple[Any, ...]) -> Row:
    return Row(*(*found[:10], tuple(found[10] or ()), *found[11:]))
