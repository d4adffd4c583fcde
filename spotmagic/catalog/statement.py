"""What a user's query may be: one SELECT over the catalog.

DuckDB itself refuses files, extensions and settings (``instance.py``) and writing (the transaction is read only). What
is left are table functions that act,
such as a forced checkpoint that ends other transactions, so only those are let through that compute from what they are
given.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from spotmagic.catalog.instance import Cursor
from spotmagic.errors import OptionError

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
            "Entries are changed with spot.forget, spot.pin and spot.gc",
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
