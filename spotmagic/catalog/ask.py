"""A user's own SQL: one SELECT over the catalog, and the table that comes of it.

DuckDB itself refuses files, extensions and settings (``instance.py``) and writing (the transaction is read only). What
is left are table functions that act, such as a forced checkpoint that ends other transactions, so only those are let
through that compute from what they are given.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb

from spotmagic.catalog.instance import Cursor, Opened, is_damage, whole
from spotmagic.catalog.queries import STATUS
from spotmagic.catalog.rows import SHOWN
from spotmagic.catalog.table import Table
from spotmagic.errors import OptionError

_ZONED = " WITH TIME ZONE"
# What people see under the names of the tables: the status now, what was saved, and none of our bookkeeping. As these
# are found without the file being searched for names, nothing planted in it can stand in for a built-in function.
_VIEWS = (
    """
    CREATE OR REPLACE TEMP VIEW entries AS
    SELECT {facts}, e.code
    FROM {main}.entries e LEFT JOIN {main}.usage u USING (key)
    """,
    """
    CREATE OR REPLACE TEMP VIEW usage AS
    SELECT key, name, hits, seconds AS seconds_saved, price AS price_saved, last FROM {main}.usage WHERE hits > 0
    """,
    "CREATE OR REPLACE TEMP VIEW inputs AS SELECT * FROM {main}.inputs",
    "CREATE OR REPLACE TEMP VIEW runs AS SELECT * FROM {main}.runs",
)

Values = Sequence[Any] | Mapping[str, Any]


def ask(session: Opened, query: str, params: Values = ()) -> Table:
    """The answer to one SELECT over ``entries``, ``inputs``, ``usage`` and ``runs``. Times are UTC.

    Args:
        params: values for ``?`` or ``$1`` in order, or for ``$name`` by name.

    Raises:
        OptionError: it is not a single SELECT that stays inside the catalog, or DuckDB refuses it.
    """
    query = whole(query)
    facts = {**SHOWN, "status": STATUS.replace("$now", repr(session.now))}
    told = ", ".join(f"{sql.replace('epoch', '')} AS {name}" for name, sql in facts.items())
    for view in _VIEWS:
        session.cursor.execute(view.format(main=f"{session.database}.main", facts=told)).fetchall()
    checked(session.cursor, query)
    try:
        return _read(session.cursor, query, params)
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        if is_damage(error):
            raise
        raise failed(error) from None


def _read(cursor: Cursor, query: str, values: Values) -> Table:
    given = dict(values) if isinstance(values, Mapping) else list(values)
    cursor.execute("BEGIN TRANSACTION READ ONLY").fetchall()
    try:
        cursor.execute(query, given)
        columns, types = _described(cursor)
        if any(_ZONED in kind for kind in types):  # as Python objects these would need a library of time zones
            return _without_zones(cursor.cursor(), query, given, columns, types)
        return Table(columns, cursor.fetchall(), types)
    finally:
        cursor.close()


def _without_zones(cursor: Cursor, query: str, values: Any, columns: tuple[str, ...], types: tuple[str, ...]) -> Table:
    """The same query with its times as plain UTC."""
    plain = tuple(kind.replace(_ZONED, "") for kind in types)
    try:
        cursor.execute(f"CREATE TEMP TABLE answer AS {query}", values).fetchall()
        names = [found[0].replace('"', '""') for found in cursor.execute("DESCRIBE answer").fetchall()]
        picked = ", ".join(f'CAST("{name}" AS {kind})' for name, kind in zip(names, plain, strict=True))
        return Table(columns, cursor.execute(f"SELECT {picked} FROM answer").fetchall(), plain)
    finally:
        cursor.close()


def _described(cursor: Cursor) -> tuple[tuple[str, ...], tuple[str, ...]]:
    described = cursor.description or []
    return tuple(column[0] for column in described), tuple(str(column[1]) for column in described)


_FUNCTIONS = frozenset(
    {"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "summary"}
)


def checked(cursor: Cursor, query: str) -> str:
    """The query, when it is one that may be asked.

    Raises:
        OptionError: it is not a single SELECT, or calls what looks outside the catalog.
    """
    try:
        statements = cursor.extract_statements(query)
    except duckdb.Error as error:
        raise failed(error) from None
    if len(statements) != 1:
        raise OptionError(f"the query holds {len(statements)} statements", todo="Give a single SELECT")
    if statements[0].type != duckdb.StatementType.SELECT:
        raise OptionError(
            "the catalog is only for looking",
            "the query is not a SELECT",
            "Results are changed with spot.forget, spot.pin and spot.gc",
        )
    (described,) = cursor.execute("SELECT json_serialize_sql($1::VARCHAR)", [query]).fetchall()[0]
    tree = json.loads(described)
    if tree.get("error"):
        raise OptionError(
            "the query cannot be looked through", tree.get("error_message", ""), "Write it as a plain SELECT"
        )
    for name in _table_functions(tree):
        if name not in _FUNCTIONS:
            raise OptionError(
                f"{name} cannot be called in a query",
                "it does not compute from the catalog alone",
                f"Tables are {_TABLES}",
            )
    return query


_TABLES = "entries, inputs, usage and runs"


def _table_functions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "TABLE_FUNCTION":
            yield str((node.get("function") or {}).get("function_name", "")).lower()
        for value in node.values():
            yield from _table_functions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _table_functions(value)


def failed(error: duckdb.Error) -> OptionError:
    """The error of a query that DuckDB did not take, in our words and its."""
    return OptionError(
        "the query failed", str(error).strip(), f"Tables are {_TABLES}; spot.sql('DESCRIBE entries') shows the columns"
    )
