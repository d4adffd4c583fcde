"""Bringing the catalog up to date: records of the journals into tables, each exactly once.

A batch and the positions it was read to are one transaction, so a process killed at any moment leaves either both or none. What happened to a
key is settled by the stamps of its records and not by the order in which journals are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from spotmagic.catalog.batch import Batch, columns
from spotmagic.catalog.instance import Cursor
from spotmagic.catalog.schema import TABLES

_USE = ("key", "hits", "seconds", "price", "last", "pinned", "pinned_at", "forgotten_at")
_USE_TYPES = {**TABLES["usage"], "last": "DOUBLE"}
_ENTRY = (
    "key",
    "name",
    "kind",
    "version",
    "holds",
    "created",
    "expires",
    "seconds",
    "price",
    "size",
    "parts",
    "content_type",
    "writer",
    "code",
    "asked",
    "stamp",
)
_RUN = tuple(TABLES["runs"])


def positions(cursor: Cursor, database: str) -> dict[str, int]:
    """How far each file has been folded."""
    return dict(cursor.execute(f"SELECT file, position FROM {database}.main.positions").fetchall())


def apply(cursor: Cursor, database: str, batch: Batch) -> None:
    """Fold one batch, in one transaction.

    Raises:
        duckdb.Error: nothing of the batch is in the tables then.
    """
    cursor.execute("BEGIN TRANSACTION").fetchall()
    try:
        for statement, values in _statements(batch, f"{database}.main"):
            cursor.execute(statement, values).fetchall()
        cursor.execute("COMMIT").fetchall()
    except BaseException:
        cursor.execute("ROLLBACK").fetchall()
        raise


def _statements(batch: Batch, main: str) -> Iterator[tuple[str, list[Any]]]:
    if batch.uses:
        yield _incoming(
            "uses",
            _USE,
            _USE_TYPES,
            (
                (key, u.hits, u.seconds, u.price, u.last, u.pinned, u.pinned_at, u.forgotten_at)
                for key, u in batch.uses.items()
            ),
        )
        yield _USES.format(main=main), []
        yield (
            f"DELETE FROM {main}.inputs WHERE key IN (SELECT e.key FROM {main}.entries e JOIN uses i ON e.key = i.key AND i.forgotten_at >= e.stamp)",
            [],
        )
        yield f"DELETE FROM {main}.entries e USING uses i WHERE e.key = i.key AND i.forgotten_at >= e.stamp", []
    if batch.entries:
        yield _incoming(
            "fresh", _ENTRY, {**TABLES["entries"], "created": "DOUBLE", "expires": "DOUBLE"}, batch.entries.values()
        )
        yield f"DELETE FROM fresh f USING {main}.usage u WHERE u.key = f.key AND u.forgotten_at >= f.stamp", []
        yield f"DELETE FROM fresh f USING {main}.entries e WHERE e.key = f.key AND e.stamp >= f.stamp", []
        yield f"DELETE FROM {main}.inputs WHERE key IN (SELECT key FROM fresh JOIN {main}.entries USING (key))", []
        yield _ENTRIES.format(main=main), []
        given = ((key, name, value.hex()) for key, inputs in batch.inputs.items() for name, value in inputs.items())
        yield _incoming("given", ("key", "name", "fingerprint"), TABLES["inputs"], given)
        yield f"INSERT INTO {main}.inputs SELECT * FROM given WHERE key IN (SELECT key FROM fresh)", []
        yield f"UPDATE {main}.usage u SET name = f.name FROM fresh f WHERE u.key = f.key AND u.name IS NULL", []
    if batch.uses or batch.entries:
        touched = " UNION ".join(
            f"SELECT key FROM {name}" for name, there in (("uses", batch.uses), ("fresh", batch.entries)) if there
        )
        yield _SUPERSEDED.format(main=main, touched=touched), []
    if batch.runs:
        yield _incoming("ran", _RUN, {**TABLES["runs"], "started": "DOUBLE"}, batch.runs)
        yield (
            f"INSERT INTO {main}.runs SELECT * REPLACE (make_timestamp((started * 1e6)::BIGINT) AS started) FROM ran",
            [],
        )
    if batch.slots:
        rows = ((name, started, *sums) for (name, started), sums in batch.slots.items())
        yield _incoming(
            "slots", ("key", "started", "times", "seconds", "price"), {**TABLES["runs"], "started": "DOUBLE"}, rows
        )
        yield _SLOTS.format(main=main), []
    yield _incoming("reached", ("file", "position"), TABLES["positions"], batch.positions.items())
    yield _POSITIONS.format(main=main), []


def _incoming(
    table: str, names: tuple[str, ...], types: dict[str, str], rows: Iterable[tuple[Any, ...]]
) -> tuple[str, list[Any]]:
    """A temporary table of these rows. They travel as JSON by columns, several times faster than as parameters."""
    shape = ", ".join(
        f'"{name}": ["{types[name].removesuffix("[]")}"]'
        if not types[name].endswith("[]")
        else f'"{name}": [["{types[name][:-2]}"]]'
        for name in names
    )
    picked = ", ".join(f"unnest(j.{name}) AS {name}" for name in names)
    return f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {picked} FROM (SELECT from_json($1, '{{{shape}}}') AS j)", [
        columns(names, rows)
    ]


_USES = """
MERGE INTO {main}.usage u USING (
  SELECT i.* REPLACE (make_timestamp((i.last * 1e6)::BIGINT) AS last), e.name FROM uses i LEFT JOIN {main}.entries e USING (key)
) i ON u.key = i.key
WHEN MATCHED THEN UPDATE SET
  name = coalesce(u.name, i.name), hits = u.hits + i.hits, seconds = u.seconds + i.seconds, price = u.price + i.price, last = greatest(u.last, i.last),
  pinned = CASE WHEN i.pinned_at > coalesce(u.pinned_at, -1) THEN i.pinned ELSE u.pinned END, pinned_at = greatest(u.pinned_at, i.pinned_at),
  forgotten_at = greatest(u.forgotten_at, i.forgotten_at)
WHEN NOT MATCHED THEN INSERT (key, name, hits, seconds, price, last, pinned, pinned_at, forgotten_at)
  VALUES (i.key, i.name, i.hits, i.seconds, i.price, i.last, i.pinned, i.pinned_at, i.forgotten_at)
"""

_ENTRIES = (
    """
MERGE INTO {main}.entries e USING (
  SELECT * REPLACE (make_timestamp((created * 1e6)::BIGINT) AS created, make_timestamp((expires * 1e6)::BIGINT) AS expires), false AS superseded FROM fresh
) f ON e.key = f.key
WHEN MATCHED THEN UPDATE SET """
    + ", ".join(f"{name} = f.{name}" for name in _ENTRY[1:])
    + """
WHEN NOT MATCHED THEN INSERT ("""
    + ", ".join((*_ENTRY, "superseded"))
    + """) VALUES ("""
    + ", ".join(f"f.{name}" for name in (*_ENTRY, "superseded"))
    + """)
"""
)

# Of entries that answer the same question the one last used is the current one: after an edit the new, after taking the edit back the old.
_SUPERSEDED = """
UPDATE {main}.entries e SET superseded = now.superseded FROM (
  SELECT key, row_number() OVER (PARTITION BY name, asked ORDER BY used DESC, stamp DESC, key) > 1 AS superseded FROM (
    SELECT e.key, e.name, e.asked, e.stamp, greatest(e.created, u.last) AS used
    FROM {main}.entries e
    SEMI JOIN (SELECT DISTINCT name, asked FROM {main}.entries WHERE key IN ({touched})) g ON e.name = g.name AND e.asked = g.asked
    LEFT JOIN {main}.usage u ON u.key = e.key)
) now WHERE e.key = now.key AND e.superseded <> now.superseded
"""

_SLOTS = """
MERGE INTO {main}.runs r USING (
  SELECT coalesce(u.name, '') AS name, any_value(e.kind) AS kind, make_timestamp((s.started * 1e6)::BIGINT) AS started, sum(s.times)::BIGINT AS times,
         sum(s.seconds) AS seconds, sum(s.price) AS price
  FROM slots s LEFT JOIN {main}.usage u USING (key) LEFT JOIN {main}.entries e USING (key) GROUP BY 1, 3
) s ON r.verdict = 'hit' AND r.started = s.started AND r.name = s.name
WHEN MATCHED THEN UPDATE SET times = r.times + s.times, seconds = r.seconds + s.seconds, price = r.price + s.price
WHEN NOT MATCHED THEN INSERT VALUES ('', s.name, coalesce(s.kind, ''), 'hit', '', s.started, s.seconds, s.price, 0, true, '', s.times)
"""

_POSITIONS = """
MERGE INTO {main}.positions p USING reached r ON p.file = r.file
WHEN MATCHED THEN UPDATE SET position = r.position
WHEN NOT MATCHED THEN INSERT VALUES (r.file, r.position)
"""
