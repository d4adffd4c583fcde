"""The tables of a catalog, and whether a file holds exactly them."""

from __future__ import annotations

from spotmagic.catalog.instance import Cursor

# Readable by every DuckDB since 1.2, so kernels with different versions can share a folder.
STORAGE_VERSION = "v1.2.0"

TABLES: dict[str, dict[str, str]] = {
    # One row per key that the store holds. Times are UTC.
    "entries": {
        "key": "VARCHAR",
        "name": "VARCHAR",
        "kind": "VARCHAR",
        "version": "VARCHAR",
        "holds": "VARCHAR",  # value, error, partial, refused or corrupt
        "created": "TIMESTAMP",
        "expires": "TIMESTAMP",
        "seconds": "DOUBLE",
        "price": "DOUBLE",
        "size": "BIGINT",
        "parts": "VARCHAR[]",
        "content_type": "VARCHAR",
        "writer": "VARCHAR",
        "code": "VARCHAR",
        "asked": "VARCHAR",  # digest of the arguments: entries of one name that ask the same supersede each other
        "superseded": "BOOLEAN",
        "damage": "VARCHAR",  # what a check found wrong with it, or empty
        "stamp": "BIGINT",
    },
    # The fingerprints an entry was made from.
    "inputs": {"key": "VARCHAR", "name": "VARCHAR", "fingerprint": "VARCHAR"},
    # What became of a key over time. The row outlives the entry, as saved money stays saved.
    "usage": {
        "key": "VARCHAR",
        "name": "VARCHAR",
        "hits": "BIGINT",
        "seconds": "DOUBLE",
        "price": "DOUBLE",
        "last": "TIMESTAMP",
        "pinned": "BOOLEAN",
        "pinned_at": "BIGINT",
        "forgotten_at": "BIGINT",
        "damage": "VARCHAR",  # what was found wrong with the record stamped damaged_at; marked_at orders what was found
        "damaged_at": "BIGINT",
        "marked_at": "BIGINT",
    },
    # Everything that happened: one row per run, and for hits one row per name and five minutes.
    "runs": {
        "key": "VARCHAR",
        "name": "VARCHAR",
        "kind": "VARCHAR",
        "verdict": "VARCHAR",
        "reason": "VARCHAR",
        "started": "TIMESTAMP",
        "seconds": "DOUBLE",
        "price": "DOUBLE",
        "waited": "DOUBLE",
        "stored": "BOOLEAN",
        "error": "VARCHAR",
        "times": "BIGINT",
    },
    # How far each journal has been read.
    "positions": {"file": "VARCHAR", "position": "BIGINT"},
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
