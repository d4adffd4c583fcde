"""Why runs were no hits, worked out when the catalog is brought up to date: a call does not wait for it."""

from __future__ import annotations

from spotmagic.catalog.instance import Cursor
from spotmagic.engine.explain import why

_SEPARATOR = "\x1f"
MOST = 5_000  # runs of one look, the newest first: many at once would take all the memory of the catalog, and long


def tell(cursor: Cursor, database: str) -> None:
    """Give runs that have none a reason: what differs from the nearest result before it.

    Those that are too many for one look get theirs when the tables are brought up to date again.
    """
    main = f"{database}.main"
    if not cursor.execute(f"SELECT 1 FROM {main}.runs WHERE {_UNTOLD} LIMIT 1").fetchall():
        return
    cursor.execute(_DIFFERENCES.replace("{main}", main).replace("{most}", str(MOST))).fetchall()
    kinds = cursor.execute("SELECT DISTINCT * EXCLUDE (key) FROM untold").fetchall()
    told = [(*kind, _reason(*kind)) for kind in kinds]
    columns = [list(column) for column in zip(*told, strict=True)] or [[]] * 7
    cursor.execute(_TEXTS, columns).fetchall()
    cursor.execute(_UPDATE.replace("{main}", main)).fetchall()


def _reason(kind: str, first: bool, same_code: bool, alike: bool, differing: str, alone: str) -> str:
    if first:
        return "first run"
    return why(kind, same_code, alike, _names(differing), _names(alone)).reason


def _names(joined: str) -> list[str]:
    return joined.split(_SEPARATOR) if joined else []


_UNTOLD = "verdict = 'ran' AND stored AND reason = ''"


def _before(table: str, *columns: str) -> str:
    """The entries that may be the nearest before those of ``missed``, by name and more columns, as a table.

    That is the newest from before all of a group, and what was made since. A join over all entries would sort them: in
    a spot of 100,000 that took half of a question's time, for a handful of new results.
    """
    group = ", ".join(("name", *columns))
    facts = "key", "name", "asked", "code", "stamp"
    whole = ", ".join(f"'{fact}': e.{fact}" for fact in facts)
    return f"""{table}_since AS (
  SELECT {group}, min(stamp) AS least FROM missed GROUP BY {group}
), {table} AS (
  SELECT {", ".join(f"e.{fact}" for fact in facts)} FROM {{main}}.entries e JOIN {table}_since g USING ({group})
  WHERE e.stamp >= g.least
  UNION ALL
  SELECT {", ".join(f"newest.{fact}" for fact in facts)} FROM (
    SELECT max_by({{{whole}}}, e.stamp) AS newest FROM {{main}}.entries e JOIN {table}_since g USING ({group})
    WHERE e.stamp < g.least GROUP BY {group}
  )
)"""


# Of entries made before it the newest that was asked the same, else of the same code, else of its name.
_DIFFERENCES = f"""
CREATE OR REPLACE TEMP TABLE untold AS
WITH missed AS (
  SELECT DISTINCT e.key, e.kind, e.name, e.asked, e.code, e.stamp
  FROM (
    SELECT key FROM {{main}}.runs WHERE {_UNTOLD} AND key IN (SELECT key FROM {{main}}.entries)
    ORDER BY started DESC LIMIT {{most}}
  ) r JOIN {{main}}.entries e USING (key)
), {_before("alike", "asked")}, {_before("coded", "code")}, {_before("named")}, pairs AS (
  SELECT m.key, m.kind, coalesce(a.key, c.key, n.key) AS near, a.key IS NOT NULL AS alike,
         coalesce(coalesce(a.code, c.code, n.code) = m.code, false) AS same
  FROM missed m
  ASOF LEFT JOIN alike a ON m.name = a.name AND m.asked = a.asked AND m.stamp > a.stamp
  ASOF LEFT JOIN coded c ON m.name = c.name AND m.code = c.code AND m.stamp > c.stamp
  ASOF LEFT JOIN named n ON m.name = n.name AND m.stamp > n.stamp
), sides AS (
  SELECT p.key, i.name, i.fingerprint FROM pairs p JOIN {{main}}.inputs i ON i.key = p.key WHERE p.near IS NOT NULL
  UNION ALL
  SELECT p.key, i.name, i.fingerprint FROM pairs p JOIN {{main}}.inputs i ON i.key = p.near
), compared AS (
  SELECT key, name, count(*) = 2 AS shared, min(fingerprint) <> max(fingerprint) AS differs
  FROM sides GROUP BY key, name
), differences AS (
  SELECT key, string_agg(name, chr(31) ORDER BY name) FILTER (WHERE shared AND differs) AS differing,
         string_agg(name, chr(31) ORDER BY name) FILTER (WHERE NOT shared) AS alone
  FROM compared GROUP BY key
)
SELECT p.key, p.kind, p.near IS NULL AS first, p.same, p.alike,
       coalesce(d.differing, '') AS differing, coalesce(d.alone, '') AS alone
FROM pairs p LEFT JOIN differences d USING (key)
"""

_TEXTS = """
CREATE OR REPLACE TEMP TABLE texts AS
SELECT unnest($1::VARCHAR[]) AS kind, unnest($2::BOOLEAN[]) AS first, unnest($3::BOOLEAN[]) AS same,
       unnest($4::BOOLEAN[]) AS alike, unnest($5::VARCHAR[]) AS differing, unnest($6::VARCHAR[]) AS alone,
       unnest($7::VARCHAR[]) AS reason
"""

_UPDATE = f"""
UPDATE {{main}}.runs r SET reason = t.reason
FROM untold u JOIN texts t USING (kind, first, same, alike, differing, alone)
WHERE r.key = u.key AND {_UNTOLD.replace("reason", "r.reason")}
"""
