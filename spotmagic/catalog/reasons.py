"""Why runs were no hits, worked out when the catalog is brought up to date: a call does not wait for it."""

from __future__ import annotations

from bisect import bisect_left

from spotmagic.catalog.instance import Cursor
from spotmagic.engine.explain import VERSION, Near, Trace, explain, why
from spotmagic.engine.postings import Postings

_SEPARATOR = "\x1f"
MOST = 5_000  # runs of one look, the newest first: many at once would take all the memory of the catalog, and long
_KNOWN = 20_000  # results of a name that a call is compared with, the newest


def tell(cursor: Cursor, database: str) -> None:
    """Give runs that have none a reason: what differs from the nearest result before it.

    Those that are too many for one look get theirs when the tables are brought up to date again.
    """
    main = f"{database}.main"
    if not cursor.execute(f"SELECT 1 FROM {main}.runs WHERE {_UNTOLD} LIMIT 1").fetchall():
        return
    cursor.execute(_DIFFERENCES.replace("{main}", main).replace("{most}", str(MOST))).fetchall()
    kinds = cursor.execute(f"SELECT DISTINCT {_FACTS} FROM untold WHERE NOT together").fetchall()
    told = [(*kind, _reason(*kind)) for kind in kinds]
    columns = [list(column) for column in zip(*told, strict=True)] or [[]] * 7
    cursor.execute(_TEXTS, columns).fetchall()
    cursor.execute(_UPDATE.replace("{main}", main)).fetchall()
    names = [name for (name,) in cursor.execute("SELECT DISTINCT name FROM untold WHERE together").fetchall()]
    if names:
        reasons = [one for name in names for one in _together(cursor, main, name)]
        cursor.execute(
            _UPDATE_EACH.replace("{main}", main), [list(one) for one in zip(*reasons, strict=True)]
        ).fetchall()


def _reason(kind: str, first: bool, same_code: bool, differing: str, alone: str, unseen: str) -> str:
    if first:
        return "first run"
    return why(kind, same_code, _names(differing), _names(alone), _names(unseen)).reason


def _names(joined: str) -> list[str]:
    return joined.split(_SEPARATOR) if joined else []


def _together(cursor: Cursor, main: str, name: str) -> list[tuple[str, str]]:
    """The keys of runs of a name whose arguments were all there before, and not together, each with its reason."""
    wanted = cursor.execute("SELECT key, stamp FROM untold WHERE together AND name = $1", [name]).fetchall()
    known, stamps, traces = Postings(), [], {}
    for key, stamp, *made in cursor.execute(_RESULTS.replace("{main}", main), [name]).fetchall():
        trace = traces[key.encode()] = _trace(*made)
        known.add(key.encode(), b"", trace.code, trace.arguments)
        stamps.append(stamp)
    reasons = []
    for key, stamp in wanted:
        now, until = traces.get(key.encode()), bisect_left(stamps, stamp)
        reason = "first call with these arguments"
        if now is not None and until:
            nearest = traces[next(known.nearest(now.code, now.arguments, until))]
            since = traces[next(known.since(now.code, until))]
            reason = explain(now, Near(nearest, (), since)).reason
        reasons.append((key, reason))
    return reasons


def _trace(kind: str, code: str, version: str, names: list[str], prints: list[str]) -> Trace:
    inputs = {name: bytes.fromhex(one) for name, one in zip(names or (), prints or (), strict=True)}
    return Trace(bytes.fromhex(code), inputs, {"version": version}, kind)


_UNTOLD = "verdict = 'ran' AND stored AND reason = ''"
_FACTS = "kind, first, same, differing, alone, unseen"


def _before(table: str, *columns: str) -> str:
    """The entries that may be the nearest before those of ``missed``, by name and more columns, as a table.

    That is the newest from before all of a group, and what was made since. A join over all entries would sort them: in
    a spot of 100,000 that took half of a question's time, for a handful of new results.
    """
    group = ", ".join(("name", *columns))
    facts = "key", "name", "asked", "code", "version", "stamp"
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


# Of entries made before it the newest that was asked the same; else of the same code, else of its name, which tells
# edits, and beside them the arguments that no call had. A version stands for the code and all that it reaches.
_DIFFERENCES = f"""
CREATE OR REPLACE TEMP TABLE untold AS
WITH missed AS (
  SELECT DISTINCT e.key, e.kind, e.name, e.asked, e.code, e.version, e.stamp
  FROM (
    SELECT key FROM {{main}}.runs WHERE {_UNTOLD} AND key IN (SELECT key FROM {{main}}.entries)
    ORDER BY started DESC LIMIT {{most}}
  ) r JOIN {{main}}.entries e USING (key)
), {_before("alike", "asked")}, {_before("coded", "code")}, {_before("named")}, pairs AS (
  SELECT m.key, m.kind, m.name, m.stamp, coalesce(a.key, c.key, n.key) AS near, a.key IS NOT NULL AS alike,
         coalesce(coalesce(a.version, c.version, n.version) <> m.version, false) AS versions,
         m.version <> '' OR versions AS versioned,
         versioned OR coalesce(coalesce(a.code, c.code, n.code) = m.code, false) AS same
  FROM missed m
  ASOF LEFT JOIN alike a ON m.name = a.name AND m.asked = a.asked AND m.stamp > a.stamp
  ASOF LEFT JOIN coded c ON m.name = c.name AND m.code = c.code AND m.stamp > c.stamp
  ASOF LEFT JOIN named n ON m.name = n.name AND m.stamp > n.stamp
), sides AS (
  SELECT p.key, p.kind, p.versioned, i.name, i.fingerprint
  FROM pairs p JOIN {{main}}.inputs i ON i.key = p.key WHERE p.near IS NOT NULL
  UNION ALL
  SELECT p.key, p.kind, p.versioned, i.name, i.fingerprint FROM pairs p JOIN {{main}}.inputs i ON i.key = p.near
), compared AS (
  SELECT key, name, count(*) = 2 AS shared, min(fingerprint) <> max(fingerprint) AS differs
  FROM sides WHERE NOT versioned OR kind <> 'function' OR name NOT LIKE '% %' OR name LIKE 'closure %'
  GROUP BY key, name
  UNION ALL
  SELECT key, '{VERSION}', true, true FROM pairs WHERE versions
), differences AS (
  SELECT key, string_agg(name, chr(31) ORDER BY name) FILTER (WHERE shared AND differs) AS differing,
         string_agg(name, chr(31) ORDER BY name) FILTER (WHERE NOT shared) AS alone
  FROM compared GROUP BY key
), asked_with AS (
  SELECT p.key, p.stamp, p.name AS whose, i.name, i.fingerprint
  FROM pairs p JOIN {{main}}.inputs i USING (key)
  WHERE p.near IS NOT NULL AND NOT p.alike AND p.kind = 'function' AND i.name NOT LIKE '% %'
), seen AS (
  SELECT e.name AS whose, i.name, i.fingerprint, min(e.stamp) AS least
  FROM {{main}}.inputs i SEMI JOIN asked_with w ON i.name = w.name AND i.fingerprint = w.fingerprint
  JOIN {{main}}.entries e ON e.key = i.key GROUP BY ALL
), unseen AS (
  SELECT w.key, string_agg(w.name, chr(31) ORDER BY w.name) AS names
  FROM asked_with w JOIN seen s USING (whose, name, fingerprint) WHERE s.least >= w.stamp GROUP BY w.key
)
SELECT p.key, p.name, p.stamp, p.kind, p.near IS NULL AS first, p.same,
       coalesce(d.differing, '') AS differing, coalesce(d.alone, '') AS alone, coalesce(u.names, '') AS unseen,
       p.near IS NOT NULL AND NOT p.alike AND p.kind = 'function' AND u.names IS NULL AS together
FROM pairs p LEFT JOIN differences d USING (key) LEFT JOIN unseen u USING (key)
"""

_TEXTS = """
CREATE OR REPLACE TEMP TABLE texts AS
SELECT unnest($1::VARCHAR[]) AS kind, unnest($2::BOOLEAN[]) AS first, unnest($3::BOOLEAN[]) AS same,
       unnest($4::VARCHAR[]) AS differing, unnest($5::VARCHAR[]) AS alone, unnest($6::VARCHAR[]) AS unseen,
       unnest($7::VARCHAR[]) AS reason
"""

_UPDATE = f"""
UPDATE {{main}}.runs r SET reason = t.reason
FROM untold u JOIN texts t USING ({_FACTS})
WHERE r.key = u.key AND NOT u.together AND {_UNTOLD.replace("reason", "r.reason")}
"""

_RESULTS = f"""
SELECT * FROM (
  SELECT e.key, e.stamp, e.kind, e.code, e.version, list(i.name) FILTER (i.name IS NOT NULL),
         list(i.fingerprint) FILTER (i.name IS NOT NULL)
  FROM (SELECT * FROM {{main}}.entries WHERE name = $1 ORDER BY stamp DESC LIMIT {_KNOWN}) e
  LEFT JOIN {{main}}.inputs i USING (key) GROUP BY ALL
) ORDER BY stamp
"""

_UPDATE_EACH = f"""
UPDATE {{main}}.runs r SET reason = t.reason
FROM (SELECT unnest($1::VARCHAR[]) AS key, unnest($2::VARCHAR[]) AS reason) t
WHERE r.key = t.key AND {_UNTOLD.replace("reason", "r.reason")}
"""
