"""Whether a class or function is still what its definition makes, so that running it again brings it back."""

from __future__ import annotations

import ast
from typing import Any

from spotmagic.code.cell import CellCode
from spotmagic.errors import Uncacheable


def refuse_changed_definition(name: str, value: Any, code: CellCode) -> None:
    """Raise :class:`Uncacheable` if the cell changed a class or function after defining it."""
    if name in code.touched:
        raise Uncacheable(f"`{name}` cannot be kept", "the cell sets attributes on it after defining it", path=name)
    if not isinstance(value, type):
        return
    for source in code.definitions:
        node = ast.parse(source).body[0]
        if isinstance(node, ast.ClassDef) and node.name == name:
            _compare(name, value, node)


def _compare(name: str, value: type, node: ast.ClassDef) -> None:
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=attribute)], value=written):
                pass
            case ast.AnnAssign(target=ast.Name(id=attribute), value=ast.expr() as written):
                pass
            case _:
                continue
        try:
            literal = ast.literal_eval(written)
        except ValueError:
            continue
        now = vars(value).get(attribute, literal)
        if type(now) is type(literal) and now != literal:
            raise Uncacheable(
                f"`{name}` cannot be kept", f"`{name}.{attribute}` changed after it was defined", path=name
            )
