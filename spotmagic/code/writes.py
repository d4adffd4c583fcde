"""What code only writes: places it changes in a way whose outcome it does not see.

``log.append(x)`` as a statement, ``n += 1``, ``table[k] = v`` and ``self.calls += 1`` say nothing about what was there
before. A name that is used in no other way is no input of the code. What can fail by what is there (``pop``, ``del``)
or gives something back that is used reads it.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from spotmagic.code.normal import parse
from spotmagic.code.scope import dotted, root_name

# Methods of Python's containers that give nothing back and cannot fail by what is there.
_WRITING = frozenset(
    {"append", "extend", "insert", "add", "update", "clear", "discard", "sort", "reverse", "appendleft", "extendleft"}
    | {"rotate", "subtract", "intersection_update", "difference_update", "symmetric_difference_update"}
)
MUTATORS = _WRITING | {"setdefault", "pop", "popitem", "popleft", "remove", "move_to_end"}
"""Methods of Python's containers that change them."""


@dataclass(frozen=True, slots=True, order=True)
class Write:
    """A place that is written and not read by this statement.

    Attributes:
        root: the name it starts from.
        path: the attributes from there; the last one is what is assigned, unless ``inside``.
        inside: it is changed in place, by an item or a method of a container; else it is bound anew.
        method: the method that changes it, or "" for an assignment to an item.
    """

    root: str
    path: tuple[str, ...] = ()
    inside: bool = False
    method: str = ""


def writes(body: Sequence[ast.AST]) -> dict[int, Write]:
    """The writes in a function's own statements, each by the ``id`` of the expression that it does not read.

    Functions inside it are looked into as well: they write when they are called.
    """
    return dict(_found(body))


def _found(nodes: Sequence[ast.AST]) -> Iterator[tuple[int, Write]]:
    for top in nodes:
        for node in ast.walk(top):
            match node:
                case ast.Call(func=ast.Attribute(value=place, attr=method) as called) if method in _WRITING:
                    yield from ((id(called), write) for _, write in _place(place, inside=True, method=method))
                case ast.Expr(value=ast.Call(func=ast.Attribute(value=place, attr="setdefault") as called)):
                    yield from ((id(called), write) for _, write in _place(place, inside=True, method="setdefault"))
                case ast.AugAssign(target=target):
                    yield from _target(target)
                case ast.Assign(targets=targets):
                    for one in targets:
                        yield from _target(one)
                case ast.AnnAssign(target=target, value=ast.expr()):
                    yield from _target(target)


def _target(target: ast.expr) -> Iterator[tuple[int, Write]]:
    if isinstance(target, ast.Tuple | ast.List):
        for one in target.elts:
            yield from _target(one)
    elif isinstance(target, ast.Starred):
        yield from _target(target.value)
    elif isinstance(target, ast.Subscript):
        yield from _place(target.value, inside=True)
    else:
        yield from _place(target, inside=False)


def _place(node: ast.expr, *, inside: bool, method: str = "") -> Iterator[tuple[int, Write]]:
    """The write to what an expression ``name.a.b`` stands for. Any other expression reads something on the way."""
    rooted = dotted(node)
    if rooted is not None:
        yield id(node), Write(*rooted, inside, method)


def memo(body: Sequence[ast.AST], names: frozenset[str]) -> str:
    """The one of the names that the function keeps its own answers in, or "".

    Whatever it holds, the function gives what it would compute: each look and each store is under the same key, and
    each ``return`` gives what stands there or what is put there, as in ``if x not in memo: memo[x] = compute(x)`` and
    ``return memo[x]``. Anything else, such as ``memo[x] = memo[x] + 1``, is state.
    """
    nodes = [inner for top in body for inner in ast.walk(top)]
    return next((name for name in sorted(names.intersection(_put_into(nodes))) if _is_memo(nodes, name)), "")


def _put_into(nodes: Iterable[ast.AST]) -> list[str]:
    """The names of which some of these nodes are items that are bound."""
    items = (one.value for one in nodes if isinstance(one, ast.Subscript) and isinstance(one.ctx, ast.Store))
    return [one.id for one in items if isinstance(one, ast.Name)]


def _is_memo(nodes: list[ast.AST], name: str) -> bool:
    keys: set[str] = set()
    looks: set[str] = set()  # what gives an answer: the looks themselves, and variables with an answer in them
    uses = 0
    for node in nodes:
        match node:
            case (
                ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[ast.Name(id=found)])
                | ast.Subscript(value=ast.Name(id=found), slice=key)
                | ast.Call(func=ast.Attribute(value=ast.Name(id=found), attr="get"), args=[key, *_])
            ) if found == name:
                uses += 1
                keys.add(ast.dump(key))
                looks.add(ast.unparse(node))
    if uses != sum(isinstance(node, ast.Name) and node.id == name for node in nodes) or len(keys) != 1:
        return False
    stored = [node for node in nodes if isinstance(node, ast.Assign) and name in _put_into(node.targets)]
    for assign in stored:
        if isinstance(assign.value, ast.Constant) or any(
            isinstance(one, ast.Name) and one.id == name for one in ast.walk(assign.value)
        ):
            return False
        looks.update(ast.unparse(one) for one in (assign.value, *assign.targets) if isinstance(one, ast.Name))
    if _put_into(nodes).count(name) != len(stored):
        return False  # counted up, or unpacked into
    returned = [node.value for node in nodes if isinstance(node, ast.Return)]
    return bool(returned) and all(one is not None and ast.unparse(one) in looks for one in returned)


def steered(source: str, handles: Collection[str]) -> str:
    """The first of these handles of which the cell sets an attribute or changes a container, or empty.

    ``client.timeout = 5`` and ``session.headers.update(…)`` are seen. ``connection.execute(…)`` is use, not set-up.
    """
    for node in ast.walk(parse(source)) if handles else ():
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            name = root_name(node)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in MUTATORS
            and isinstance(node.func.value, ast.Attribute | ast.Subscript)
        ):
            name = root_name(node.func.value)
        else:
            continue
        if name in handles:
            return name
    return ""
