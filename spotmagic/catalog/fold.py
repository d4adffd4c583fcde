"""Bringing the catalog up to date: records of the journals into tables, each exactly once.

A batch and the positions it was read to are one transaction, so a process killed at any moment leaves either both or
none. What happened to a key is settled by the stamps of its records and not by the order in which journals are read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from spotmagic.catalog.feed import SLOT, Intake
from spotmagic.catalog.instance import Cursor, whole
from spotmagic.catalog.rows import BROKEN, FIELD, SAID, said
from spotmagic.catalog.schema import TABLES


def _columns(table: str, names: str, **more: str) -> dict[str, str]:
    known = {**TABLES[table], **more}
    return {name: known[name] for name in names.split()}


# The columns of what comes in, in the order of its rows.
_USE = _columns("usage", "key hits seconds price last pinned pinned_at forgotten_at damage damaged_at marked_at")
_ENTRY = {
    **_columns("entries", f"{' '.join(SAID)} code asked stamp"),
    **_columns("runs", "reason waited"),
    "made": "BOOLEAN",
    "inputs": "VARCHAR[]",
    "prints": "VARCHAR[]",
}
_RUN = _columns(
    "runs",
    "key name kind verdict reason started seconds price waited stored error model input_tokens output_tokens",
)
_SLOT = _columns("runs", "key times seconds price started")
# How a field is read; where a value can be missing, an empty one is none.
_READ = {
    "VARCHAR": "{}",
    "VARCHAR[]": "string_split({}, chr(30))[2:]",
    "TIMESTAMP": "make_timestamp((nullif({}, '')::DOUBLE * 1e6)::BIGINT)",
}
_PLAIN = "nullif({}, '')::"


def positions(cursor: Cursor, database: str) -> dict[str, int]:
    """How far each file has been folded."""
    return dict(cursor.execute(f"SELECT file, position FROM {database}.main.positions").fetchall())


def apply(cursor: Cursor, database: str, batch: Intake) -> None:
    """Fold one batch, in one transaction.

    Raises:
        duckdb.Error: nothing of the batch is in the tables then.
    """
    cursor.execute("BEGIN TRANSACTION").fetchall()
    try:
        tables = _Tables(cursor, f"{database}.main")
        tables.take(batch)
        tables.uses(batch)
        tables.entries(batch)
        tables.superseded()
        tables.runs(batch)
        tables.positions(batch)
        cursor.execute("COMMIT").fetchall()
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # a commit that fails has ended the transaction
            cursor.execute("ROLLBACK").fetchall()
        raise


class _Tables:
    """The tables of a catalog during one transaction."""

    def __init__(self, cursor: Cursor, main: str) -> None:
        self._cursor, self._main = cursor, main

    def take(self, batch: Intake) -> None:
        """What comes in about keys, and the questions these have answered so far. Of a key the newest entry counts."""
        self._incoming("uses", _USE, [use.row(key.hex()) for key, use in batch.uses.items()])
        self._incoming("fresh", _ENTRY, batch.entries)
        if batch.made:
            self._do(_MADE)
        if len(batch.keys) < len(batch.entries):
            self._do(_NEWEST)
        self._do(_GROUPS)

    def uses(self, batch: Intake) -> None:
        """Hits, pins and deletions of keys."""
        if not batch.uses:
            return
        self._do(_USES)
        if any(use.forgotten_at for use in batch.uses.values()):
            gone = "SELECT e.key FROM {main}.entries e JOIN uses i ON e.key = i.key AND i.forgotten_at >= e.stamp"
            self._do("CREATE OR REPLACE TEMP TABLE gone AS " + gone)
            self._do("DELETE FROM {main}.inputs WHERE key IN (SELECT key FROM gone)")
            self._do("DELETE FROM {main}.entries WHERE key IN (SELECT key FROM gone)")
        if any(use.marked_at for use in batch.uses.values()):
            self._do(_MARKS)

    def entries(self, batch: Intake) -> None:
        """New and replaced entries, unless something later is known of their keys."""
        if not batch.entries:
            return
        if self._do("SELECT 1 FROM {main}.usage WHERE name IS NULL AND key IN (SELECT key FROM fresh) LIMIT 1"):
            self._do(_NAMES)
        nameless = "verdict = 'hit' AND name = '' AND key IN (SELECT key FROM fresh)"
        if self._do(f"SELECT 1 FROM {{main}}.runs WHERE {nameless} LIMIT 1"):
            self._do(
                "UPDATE {main}.runs r SET name = f.name, kind = f.kind FROM fresh f"
                " WHERE r.key = f.key AND r.verdict = 'hit'"
            )
        self._do("DELETE FROM fresh f USING {main}.usage u WHERE u.key = f.key AND u.forgotten_at >= f.stamp")
        self._do("DELETE FROM fresh f USING {main}.entries e WHERE e.key = f.key AND e.stamp >= f.stamp")
        if self._do("SELECT 1 FROM {main}.entries WHERE key IN (SELECT key FROM fresh) LIMIT 1"):
            self._do("DELETE FROM {main}.inputs WHERE key IN (SELECT key FROM fresh)")
            self._do("DELETE FROM {main}.entries WHERE key IN (SELECT key FROM fresh)")
        self._do(_ENTRIES)
        self._do(_INPUTS)
        if self._do("SELECT 1 FROM {main}.usage WHERE damage <> '' AND key IN (SELECT key FROM fresh) LIMIT 1"):
            self._do(_MARKS)

    def superseded(self) -> None:
        """Of entries that answer the same question the one last used is the current one.

        After an edit that is the new one, and after taking the edit back the old one again.
        """
        self._do("INSERT INTO groups SELECT name, asked FROM fresh")
        self._do(_TURNED)
        if self._do("SELECT 1 FROM turned LIMIT 1"):
            self._do("UPDATE {main}.entries e SET superseded = t.superseded FROM turned t WHERE e.key = t.key")

    def runs(self, batch: Intake) -> None:
        """What ran, and hits by name and time."""
        if batch.runs:
            self._incoming("ran", _RUN, batch.runs)
            self._do(_RUNS)
        if batch.slots:
            self._incoming("slots", _SLOT, [(of, *sums) for (of, _), sums in batch.slots.items()])
            self._do(_SLOTS)

    def positions(self, batch: Intake) -> None:
        """How far the files have been read."""
        self._incoming("reached", TABLES["positions"], [*batch.positions.items()])
        self._do(_POSITIONS)

    def _do(self, sql: str) -> list[Any]:
        rows: list[Any] = self._cursor.execute(sql.replace("{main}", self._main)).fetchall()
        return rows

    def _incoming(self, table: str, types: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> None:
        """A temporary table of these rows, which travel as one text a column; what all of them say is said once."""
        try:
            columns = _fields(types, rows)
        except BROKEN:
            rows = [row for row in rows if _fits(types, row)]
            columns = _fields(types, rows)
        if not rows:
            self._do(f"CREATE OR REPLACE TEMP TABLE {table} ({', '.join(map(' '.join, types.items()))})")
            return
        split, picked = [], []
        for place, (name, kind) in enumerate(types.items()):
            field = f"${place + 1}::VARCHAR"
            if len(columns[place]) > 1:
                split.append(f"unnest(string_split({field}, chr(31))) AS {name}")
                field = name
            picked.append(f"{_READ.get(kind, _PLAIN + kind).format(field)} AS {name}")
        source = f"SELECT {', '.join(split)}" if split else f"FROM range({len(rows)})"
        sql = f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {', '.join(picked)} FROM ({source})"
        self._cursor.execute(sql, [whole(FIELD.join(column)) for column in columns]).fetchall()


def _fields(types: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> list[list[str]]:
    return [said(kind, column) for kind, column in zip(types.values(), zip(*rows, strict=True), strict=False)]


def _fits(types: Mapping[str, str], row: tuple[Any, ...]) -> bool:
    """Whether each value goes with its column: not of a writer who broke the format."""
    try:
        return bool(_fields(types, [row]))
    except BROKEN:
        return False


_USES = """
MERGE INTO {main}.usage u USING (
  SELECT i.*, nullif(coalesce(nullif(f.name, ''), e.name), '') AS name
  FROM uses i LEFT JOIN {main}.entries e USING (key) LEFT JOIN fresh f USING (key)
) i ON u.key = i.key
WHEN MATCHED THEN UPDATE SET
  name = coalesce(u.name, i.name),
  hits = u.hits + i.hits,
  seconds = u.seconds + i.seconds,
  price = u.price + i.price,
  last = greatest(u.last, i.last),
  pinned = CASE WHEN i.pinned_at > coalesce(u.pinned_at, -1) THEN i.pinned ELSE u.pinned END,
  pinned_at = greatest(u.pinned_at, i.pinned_at),
  forgotten_at = greatest(u.forgotten_at, i.forgotten_at),
  damage = CASE WHEN i.marked_at > coalesce(u.marked_at, -1) THEN i.damage ELSE u.damage END,
  damaged_at = CASE WHEN i.marked_at > coalesce(u.marked_at, -1) THEN i.damaged_at ELSE u.damaged_at END,
  marked_at = greatest(u.marked_at, i.marked_at)
WHEN NOT MATCHED THEN INSERT BY NAME
"""

# An entry that cannot be read has no name.
_NAMES = """
UPDATE {main}.usage u SET name = nullif(f.name, '') FROM fresh f WHERE u.key = f.key AND u.name IS NULL
"""

_ENTRIES = """
INSERT INTO {main}.entries BY NAME
SELECT * EXCLUDE (prints, inputs, reason, waited, made), false AS superseded FROM fresh
"""

# A check judged one record of the key; what was stored since then is another one.
_MARKS = """
UPDATE {main}.entries e SET damage = u.damage FROM {main}.usage u
WHERE e.key = u.key AND u.damaged_at = e.stamp AND e.damage <> u.damage
"""

_INPUTS = """
INSERT INTO {main}.inputs
SELECT key, unnest(inputs) AS name, unnest(prints) AS fingerprint FROM fresh WHERE len(inputs) > 0
"""

_RUNS = """
INSERT INTO {main}.runs BY NAME
SELECT *, 1 AS times FROM ran
"""

# The runs of which an entry says all. What a foreign writer sealed may be any number.
_MADE = """
INSERT INTO {main}.runs BY NAME
SELECT key, name, kind, 'ran' AS verdict, reason, true AS stored, '' AS error, seconds, price, waited, 1 AS times,
       make_timestamp(greatest(0, least(253402300799000000,
         epoch_us(created) - (greatest(-1e12, least(1e12, seconds)) * 1e6)::BIGINT))) AS started, '' AS model
FROM fresh WHERE made
"""

_NEWEST = """
DELETE FROM fresh WHERE rowid NOT IN (SELECT first(rowid ORDER BY stamp DESC, rowid) FROM fresh GROUP BY key)
"""

_GROUPS = """
CREATE OR REPLACE TEMP TABLE groups AS
SELECT DISTINCT name, asked FROM {main}.entries WHERE key IN (SELECT key FROM uses UNION ALL SELECT key FROM fresh)
"""

# Most questions have one entry, which is the current one. What answers nobody takes no place of what does.
_TURNED = """
CREATE OR REPLACE TEMP TABLE turned AS
WITH asked_anew AS (
  SELECT name, asked FROM {main}.entries WHERE asked IN (SELECT asked FROM groups)
  GROUP BY name, asked HAVING count(*) > 1 OR bool_or(superseded)
)
SELECT key, superseded FROM (
  SELECT e.key, e.superseded AS before, row_number() OVER (
    PARTITION BY e.name, e.asked
    ORDER BY e.status IN ('partial', 'refused', 'corrupt'), greatest(e.created, u.last) DESC, e.stamp DESC, e.key
  ) > 1 AS superseded
  FROM {main}.entries e JOIN asked_anew USING (name, asked) LEFT JOIN {main}.usage u USING (key)
) WHERE superseded <> before
"""

# Hits whose entry has not been read yet wait under their key for a name, and stay rows of their own. Those of one slot
# are one row, under the time of the last.
_SLOTS = f"""
MERGE INTO {{main}}.runs r USING (
  SELECT CASE WHEN u.name IS NULL THEN s.key ELSE '' END AS key, coalesce(u.name, '') AS name,
         coalesce(any_value(e.kind), '') AS kind, floor(epoch(s.started) / {SLOT}) AS slot, max(s.started) AS started,
         sum(s.times)::BIGINT AS times, sum(s.seconds) AS seconds, sum(s.price) AS price
  FROM slots s LEFT JOIN {{main}}.usage u USING (key) LEFT JOIN {{main}}.entries e USING (key) GROUP BY 1, 2, 4
) s ON r.verdict = 'hit' AND floor(epoch(r.started) / {SLOT}) = s.slot AND r.name = s.name AND r.key = s.key
WHEN MATCHED THEN UPDATE SET times = r.times + s.times, seconds = r.seconds + s.seconds, price = r.price + s.price,
  started = greatest(r.started, s.started)
WHEN NOT MATCHED THEN INSERT
  VALUES (s.key, s.name, s.kind, 'hit', '', s.started, s.seconds, s.price, 0, true, '', s.times, '', NULL, NULL)
"""

_POSITIONS = """
MERGE INTO {main}.positions p USING reached r ON p.file = r.file
WHEN MATCHED THEN UPDATE SET position = r.position
WHEN NOT MATCHED THEN INSERT VALUES (r.file, r.position)
"""
