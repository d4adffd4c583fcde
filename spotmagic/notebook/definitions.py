"""Whether a class or function is still what its definition makes, so that running it again brings it back."""

from __future__ import annotations

import ast
import types
from typing import Any

from spotmagic.code.cell import CellCode
from spotmagic.code.scope import bound_names
from spotmagic.errors import Uncacheable


def refuse_changed_definition(name: str, value: Any, code: CellCode) -> None:
    """Raise :class:`Uncacheable` if the cell changed a class or function after defining it."""
    held = vars(value) if isinstance(value, types.FunctionType) and _is_bare(name, code) else {}
    if (name in code.touched and not isinstance(value, types.ModuleType)) or held:
        raise Uncacheable(f"`{name}` cannot be kept", "the cell sets attributes on it after defining it", path=name)
    if not isinstance(value, type):
        return
    for source in code.definitions:
        node = ast.parse(source).body[0]
        if isinstance(node, ast.ClassDef) and node.name == name:
            _compare(name, value, node)


def is_made_by_code(value: Any) -> bool:
    """Whether a call that is named like one that makes classes made a class, a function or a form of types."""
    return isinstance(value, type | types.FunctionType) or type(value).__module__ in ("typing", "typing_extensions")


def _compare(name: str, value: type, node: ast.ClassDef) -> None:
    if (
        type(value) is type
        and "__slots__" not in vars(value)
        and not (node.decorator_list or node.bases or node.keywords)
    ):
        own = {one for one in vars(value) if not one.startswith("__")} - bound_names(node.body)
        if own:
            why = f"`{name}.{min(own)}` was put on it after it was defined"
            raise Uncacheable(f"`{name}` cannot be kept", why, path=name)
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


def _is_bare(name: str, code: CellCode) -> bool:
    """Whether the cell defines the function without a decorator, so that it has no attribute by itself."""
    nodes = [ast.parse(source).body[0] for source in code.definitions]
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name and not node.decorator_list
        for node in nodes
    )
