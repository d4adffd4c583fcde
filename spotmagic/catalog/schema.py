"""The tables of a catalog, and whether a file holds exactly them."""

from __future__ import annotations

import re

from spotmagic.catalog.instance import Cursor
from spotmagic.catalog.rows import COLUMNS

# Readable by every DuckDB since 1.2, so kernels with different versions can share a folder.
STORAGE_VERSION = "v1.2.0"


def _table(columns: str) -> dict[str, str]:
    return dict(re.findall(r"(\w+) ([A-Z]+(?:\[\])?)", columns))


# entries: a row per key that the store holds. Times are UTC; status is value, error, partial, refused or corrupt; asked
#   is a digest of the arguments: entries of one name that ask the same supersede each other; damage is what a check
#   found wrong, or empty.
# inputs: the fingerprints an entry was made from.
# usage: what became of a key over time. The row outlives the entry, as saved money stays saved. damage is what was
#   found wrong with the record stamped damaged_at; marked_at orders what was found.
# runs: everything that happened: a row per run, and for hits a row per name and five minutes.
# positions: how far each journal has been read.
TABLES = {
    "entries": {**COLUMNS, **_table("code VARCHAR, asked VARCHAR, superseded BOOLEAN, stamp BIGINT")},
    "inputs": _table("key VARCHAR, name VARCHAR, fingerprint VARCHAR"),
    "usage": _table(
        "key VARCHAR, name VARCHAR, hits BIGINT, seconds DOUBLE, price DOUBLE, last TIMESTAMP, pinned BOOLEAN,"
        "pinned_at BIGINT, forgotten_at BIGINT, damage VARCHAR, damaged_at BIGINT, marked_at BIGINT"
    ),
    "runs": _table(
        "key VARCHAR, name VARCHAR, kind VARCHAR, verdict VARCHAR, reason VARCHAR, started TIMESTAMP, seconds DOUBLE,"
        "price DOUBLE, waited DOUBLE, stored BOOLEAN, error VARCHAR, times BIGINT, model VARCHAR, input_tokens BIGINT,"
        "output_tokens BIGINT"
    ),
    "positions": _table("file VARCHAR, position BIGINT"),
}


def create(cursor: Cursor, database: str) -> None:
    """Make the tables in an empty database."""
    for table, columns in TABLES.items():
        cursor.execute(
            f"CREATE TABLE {database}.main.{table} ({', '.join(f'{n} {t}' for n, t in columns.items())})"
        ).fetchall()


def difference(cursor: Cursor, database: str) -> str:
    """What keeps a database from being a catalog of ours, or empty.

    A view, a default or a check in a planted file would run with our queries, so exactly our plain tables are taken.
    """
    found: dict[str, dict[str, str]] = {}
    for schema, table, column, kind, default in cursor.execute(
        "SELECT c.schema_name, c.table_name, c.column_name, c.data_type, c.column_default"
        " FROM duckdb_columns() c JOIN duckdb_tables() t USING (database_name, schema_name, table_name)"
        " WHERE c.database_name = $1 ORDER BY c.column_index",
        [database],
    ).fetchall():
        given = f" {default}" if default is not None else ""
        found.setdefault(table if schema == "main" else f"{schema}.{table}", {})[column] = kind + given
    if found != TABLES:
        return "its tables are not those of this version"
    ((beside,),) = cursor.execute(
        "SELECT (SELECT count(*) FROM duckdb_views() WHERE database_name = $1 AND NOT internal)"
        " + (SELECT count(*) FROM duckdb_indexes() WHERE database_name = $1)"
        " + (SELECT count(*) FROM duckdb_constraints() WHERE database_name = $1)",
        [database],
    ).fetchall()
    return "it holds views, indexes or constraints" if beside else ""
