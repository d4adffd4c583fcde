"""Clients and other handles that a cell sets up. What they hold is not watched, so its code has to tell."""

from __future__ import annotations

import ast
from collections.abc import Collection

from spotmagic.code.writes import MUTATORS


def steered(source: str, handles: Collection[str]) -> str:
    """The first of these handles of which the cell sets an attribute or changes a container, or empty.

    ``client.timeout = 5`` and ``session.headers.update(…)`` are seen. ``connection.execute(…)`` is use, not set-up.
    """
    for node in ast.walk(ast.parse(source)) if handles else ():
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            name = _root(node)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in MUTATORS
            and isinstance(node.func.value, ast.Attribute | ast.Subscript)
        ):
            name = _root(node.func.value)
        else:
            continue
        if name in handles:
            return name
    return ""


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
