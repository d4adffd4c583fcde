"""The questions about calls: what ran and hit, what that cost and saved, and how long it took."""

from __future__ import annotations

from typing import Any

from spotmagic.catalog.instance import Opened
from spotmagic.catalog.queries import STATUS, page
from spotmagic.catalog.rows import FunctionUse, Stats, TimeSlice, Unkept
from spotmagic.catalog.table import Table
from spotmagic.errors import unknown

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


def runs(session: Opened, key: str | None = None, name: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """What happened to a key, to a name, or at all, the newest first: runs one by one.

    Hits are counted: those of a name by five minutes, those of a key in one line; their ``seconds`` and ``price`` are
    what they saved.
    """
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


def stats(session: Opened, name: str | None = None) -> Stats:
    """Counts, sizes, time and money, of all or of one name."""
    named, values = ("name = $name", {"name": name}) if name is not None else ("true", {})
    ((number, size, hits, misses, seconds, saved, paid, errors),) = session.rows(
        _STATS % (named, named, named), **values
    )
    asked = hits + misses
    return Stats(number, size, hits, misses, hits / asked if asked else 0.0, seconds, saved, paid, errors)


BY = {"model": "model", "day": "strftime(started, '%Y-%m-%d')", "name": "name"}
_SPENT = """
SELECT {by}, count(*) FILTER (verdict = 'ran') AS runs,
       coalesce(sum(times) FILTER (verdict = 'hit'), 0)::BIGINT AS hits,
       coalesce(sum(input_tokens), 0)::BIGINT AS input_tokens, coalesce(sum(output_tokens), 0)::BIGINT AS output_tokens,
       coalesce(sum(price) FILTER (verdict = 'ran'), 0) AS paid,
       coalesce(sum(price) FILTER (verdict = 'hit'), 0) AS saved
FROM ({from}) WHERE {where} GROUP BY 1 ORDER BY {order}
"""
# Hits are counted by name and time; of models by the keys that they were of.
_OF_MODELS = """
SELECT 'ran' AS verdict, model, name, 1 AS times, input_tokens, output_tokens, price FROM {main}.runs
WHERE verdict = 'ran' AND model <> ''
UNION ALL
SELECT 'hit', e.model, e.name, u.hits, NULL, NULL, u.price
FROM {main}.usage u JOIN {main}.entries e USING (key) WHERE e.model <> '' AND u.hits > 0
"""


def spent(session: Opened, by: str, name: str | None = None) -> Table:
    """Runs, hits, tokens and money by model, day (UTC) or name. Raises ``OptionError`` for another word."""
    if by not in BY:
        raise unknown("by=", str(by), BY)
    order = "1 DESC" if by == "day" else "paid DESC, input_tokens DESC, 1"
    rows = _OF_MODELS if by == "model" else "SELECT * FROM {main}.runs"
    where, values = ("name = $name", {"name": name}) if name is not None else ("name <> ''", {})
    sql = _SPENT.replace("{by}", f"{BY[by]} AS {by}").replace("{order}", order)
    columns = by, "runs", "hits", "input_tokens", "output_tokens", "paid", "saved"
    return Table(columns, session.rows(sql.replace("{where}", where).replace("{from}", rows), **values))


_FUNCTIONS = f"""
WITH kept AS (
  SELECT name, any_value(kind) AS kind, count(*) FILTER (is_live) AS kept,
         coalesce(sum(size) FILTER (is_live), 0)::BIGINT AS size, max(created) AS last
  FROM (SELECT e.*, {STATUS} = 'live' AS is_live FROM {{main}}.entries e) GROUP BY 1
), used AS (
  SELECT name, sum(hits)::BIGINT AS hits, sum(seconds) AS seconds, sum(price) AS price, max(last) AS last
  FROM {{main}}.usage GROUP BY 1
), ran AS (
  SELECT name, any_value(kind) AS kind, count(*) FILTER (verdict = 'ran') AS misses, sum(seconds) AS seconds,
         sum(price) FILTER (verdict = 'ran') AS price, count(*) FILTER (error <> '') AS errors, max(started) AS last
  FROM {{main}}.runs WHERE verdict <> 'hit' GROUP BY 1
)
SELECT name, coalesce(ran.kind, kept.kind, ''), coalesce(kept.kept, 0), coalesce(size, 0), coalesce(hits, 0),
       coalesce(misses, 0), coalesce(ran.seconds, 0), coalesce(used.seconds, 0), coalesce(ran.price, 0),
       coalesce(used.price, 0), coalesce(errors, 0), epoch(greatest(kept.last, used.last, ran.last)) AS last
FROM kept FULL JOIN used USING (name) FULL JOIN ran USING (name)
WHERE name <> '' ORDER BY last DESC NULLS LAST, name
"""


def functions(session: Opened) -> list[FunctionUse]:
    """What is known of each function, cell and wrapped client, the last asked first."""
    return [
        FunctionUse(name, kind, number, size, hits + misses, hits, misses, seconds, saved, paid, kept, errors, last)
        for name, kind, number, size, hits, misses, seconds, saved, paid, kept, errors, last in session.rows(_FUNCTIONS)
    ]


_SERIES = """
SELECT name, floor(epoch(started) / $step) AS slot,
       coalesce(sum(times) FILTER (verdict = 'hit'), 0)::BIGINT, count(*) FILTER (verdict = 'ran'),
       coalesce(sum(price) FILTER (verdict = 'ran'), 0), coalesce(sum(price) FILTER (verdict = 'hit'), 0),
       coalesce(sum(seconds) FILTER (verdict = 'ran'), 0), coalesce(sum(seconds) FILTER (verdict = 'hit'), 0)
FROM (SELECT * REPLACE (started + to_seconds($offset) AS started) FROM {main}.runs)
WHERE verdict IN ('hit', 'ran') AND epoch(started) >= $since + $offset
GROUP BY 1, 2 ORDER BY 2, 1
"""


def series(session: Opened, since: float = 0.0, step: float = 86_400.0, offset: float = 0.0) -> list[TimeSlice]:
    """What ran and hit by name and in steps of equal length, the oldest first; steps without any are left out.

    Args:
        since: seconds since 1970.
        step: its length in seconds.
        offset: seconds by which the reader's clock is before UTC, so that days begin at their midnight.
    """
    found = session.rows(_SERIES, since=since, step=step, offset=offset)
    return [TimeSlice(name, slot * step - offset, *rest) for name, slot, *rest in found]


_UNKEPT = """
WITH kept AS (
  SELECT name, max(started) FILTER (stored) AS last FROM {main}.runs WHERE verdict = 'ran' AND error = '' GROUP BY 1
)
SELECT name, any_value(kind), arg_max(reason, started), any_value(last) IS NULL, count(*), sum(price), sum(seconds),
       epoch(max(started))
FROM {main}.runs JOIN kept USING (name)
WHERE verdict = 'ran' AND error = '' AND NOT stored AND (last IS NULL OR started > last)
GROUP BY name HAVING count(*) > 1 ORDER BY sum(price) DESC, sum(seconds) DESC, name
"""


def unkept(session: Opened) -> list[Unkept]:
    """The names whose latest runs, more than one, were all not stored, the dearest first."""
    return [Unkept(*found) for found in session.rows(_UNKEPT)]


_LATENCY = """
SELECT quantile_cont(seconds, 0.5), quantile_cont(seconds, 0.9), max(seconds) FROM {main}.runs
WHERE name = $name AND verdict = 'ran' AND error = ''
"""


def latency(session: Opened, name: str) -> tuple[float, float, float] | None:
    """The seconds that half of the runs of a name took at most, nine in ten, and all; ``None`` where none succeeded."""
    ((median, slow, most),) = session.rows(_LATENCY, name=name)
    return None if median is None else (median, slow, most)


_OUTCOMES = """
SELECT CASE WHEN error <> '' THEN 'failed' WHEN verdict = 'ran' AND NOT stored THEN 'not stored' ELSE verdict END,
       sum(times)::BIGINT
FROM {main}.runs WHERE name = $name GROUP BY 1 ORDER BY 2 DESC
"""


def outcomes(session: Opened, name: str) -> dict[str, int]:
    """How many calls of a name ended how, the most frequent first."""
    return dict(session.rows(_OUTCOMES, name=name))


def paid_since(session: Opened, then: float) -> float:
    """What the runs since a time (seconds since 1970) cost."""
    sql = "SELECT coalesce(sum(price), 0) FROM {main}.runs WHERE verdict = 'ran' AND epoch(started) >= $then"
    return float(session.rows(sql, then=then)[0][0])


def began(session: Opened) -> float | None:
    """When the first run was, in seconds since 1970."""
    found: float | None = session.rows("SELECT epoch(min(started)) FROM {main}.runs WHERE epoch(started) > 0")[0][0]
    return found
