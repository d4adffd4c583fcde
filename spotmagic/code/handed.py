"""What code hands to others without keeping what they give back: so things get into a register.

``yaml.add_constructor("!x", make)`` as a statement, ``@event.listens_for(Engine, "connect")`` over a function, and
``units.registry[Money] = Converter()``. ``vf = np.vectorize(f)`` keeps what came of it, so nothing was registered.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from spotmagic.code.normal import normal_form
from spotmagic.code.scope import arguments_of, dotted
from spotmagic.code.texts import Chain

_Role = Literal["given", "asked", "made"]  # as it is, by a lambda, or an object of it
_Functions = ast.FunctionDef | ast.AsyncFunctionDef
_NOBODY = ("", ())


class HandedName(NamedTuple):
    """A name that is handed over.

    Attributes:
        through: who is called with it inside the statement, as ``functools.partial``; an empty name for nobody.
    """

    root: str
    chain: Chain
    role: _Role
    through: tuple[str, Chain]


@dataclass(frozen=True)
class Handed:
    """A statement that hands something over.

    Attributes:
        node: the statement, or the decorator.
        to: who is called, or where it is put.
        way: how: a call, an item or attribute that is set, or a decorator.
        given: what is handed over.
        said: what it is registered as, as far as that can be told.
        within: the function around it all, or "".
        own: parameters of the functions around it.
        named: a decorator is told a name or kind.
        shows: its value is shown, where it ends a cell.
    """

    node: ast.AST
    to: tuple[str, Chain]
    way: Literal["call", "set", "decorator"]
    given: tuple[HandedName, ...]
    said: str = ""
    within: str = ""
    own: frozenset[str] = frozenset()
    named: bool = False
    shows: bool = False

    @functools.cached_property
    def text(self) -> str:
        """Its normal form."""
        return normal_form(self.node)

    @property
    def place(self) -> str:
        """Of two statements of one place the later one holds."""
        return f"{self.to} {self.said}" if self.said else self.text


class Handing(NamedTuple):
    """What a text hands over, and where its names come from: the module of each, with its level."""

    statements: list[Handed]
    imports: dict[str, tuple[str, int]]


def handing(tree: ast.Module) -> Handing:
    """All that a module or cell hands over, in the order in which it says so."""
    imports: dict[str, tuple[str, int]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports |= {one.asname or one.name.partition(".")[0]: (one.name, 0) for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            imports |= {one.asname or one.name: (node.module or "", node.level) for one in node.names}
    found = list(_statements(tree.body, "", frozenset(), ()))
    last = tree.body[-1] if tree.body else None
    return Handing([replace(one, shows=True) if one.node is last else one for one in found], imports)


def _statements(
    body: Sequence[ast.stmt], within: str, own: frozenset[str], loops: tuple[ast.expr, ...]
) -> Iterator[Handed]:
    for node in body:
        if isinstance(node, _Functions | ast.ClassDef):
            for decorator in [] if within else node.decorator_list:
                yield from _decorated(node, decorator)
        if isinstance(node, _Functions):
            names = {one.arg for one in arguments_of(node.args)}
            yield from _statements(node.body, within or node.name, own | names, ())
        elif isinstance(node, ast.Expr):
            yield from _called(node, within, own, loops)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                yield from _set(node, target, node.value, within, own, loops)
        elif not isinstance(node, ast.ClassDef):
            more = (*loops, node.iter) if isinstance(node, ast.For) else loops
            for part in ast.iter_child_nodes(node):
                inner = [part] if isinstance(part, ast.stmt) else getattr(part, "body", None)
                if isinstance(inner, list):  # a handler of errors and a case have statements of their own
                    yield from _statements(inner, within, own, more)


def _called(node: ast.Expr, within: str, own: frozenset[str], loops: tuple[ast.expr, ...]) -> Iterator[Handed]:
    calls = _calls(node.value)
    to = dotted(calls[-1].func) if calls else None
    if to is None:
        return
    arguments = [one for call in calls for one in (*call.args, *(each.value for each in call.keywords))]
    given = tuple(one for each in (*arguments, *map(_looped, loops)) for one in _given(each, _NOBODY))
    if given or any(isinstance(one, ast.Lambda) for each in arguments for one in ast.walk(each)):
        said = [repr(one.value) for one in arguments if isinstance(one, ast.Constant)]
        yield Handed(node, to, "call", given, ", ".join(said), within, own)


def _calls(node: ast.expr) -> list[ast.Call]:
    """The call of an expression, and those of which it calls what they give: ``dispatch.register(C)(f)``."""
    found: list[ast.Call] = []
    while isinstance(node, ast.Call):
        found.append(node)
        node = node.func
    return found


def _decorated(node: _Functions | ast.ClassDef, decorator: ast.expr) -> Iterator[Handed]:
    calls = _calls(decorator)
    to = dotted(calls[-1].func if calls else decorator)
    if to is not None:
        own = HandedName(node.name, (), "given", _NOBODY)
        yield Handed(decorator, to, "decorator", (own,), named=any(call.args for call in calls))


def _set(
    node: ast.stmt, target: ast.expr, value: ast.expr, within: str, own: frozenset[str], loops: tuple[ast.expr, ...]
) -> Iterator[Handed]:
    to = dotted(target.value if isinstance(target, ast.Subscript) else target)
    if isinstance(target, ast.Attribute | ast.Subscript) and to is not None:
        given = tuple(one for each in (value, *map(_looped, loops)) for one in _given(each, _NOBODY))
        if given or isinstance(value, ast.Lambda):
            yield Handed(node, to, "set", given, ast.dump(target), within, own)


def _looped(loop: ast.expr) -> ast.expr:
    """What a loop goes through: the table of ``table.items()``."""
    if isinstance(loop, ast.Call) and isinstance(loop.func, ast.Attribute) and not loop.args:
        return loop.func.value
    return loop


def _given(node: ast.expr, through: tuple[str, Chain]) -> Iterator[HandedName]:
    """What an argument hands over. What it calls itself is not handed over, but of a class an object is."""
    if (named := dotted(node)) is not None:
        yield HandedName(*named, "given", through)
    elif isinstance(node, ast.Lambda):
        names = {one.arg for one in arguments_of(node.args)}
        for inner in ast.walk(node.body):
            if isinstance(inner, ast.expr) and (asked := dotted(inner)) is not None and asked[0] not in names:
                yield HandedName(*asked, "asked", through)
    elif isinstance(node, ast.Call):
        called = dotted(node.func)
        if called is not None and through == _NOBODY:
            yield HandedName(*called, "made", through)
        for one in (*node.args, *(each.value for each in node.keywords)) if called is not None else ():
            yield from _given(one, called or _NOBODY)
    elif isinstance(node, ast.Dict):
        for one in node.values:
            yield from _given(one, through)
    elif isinstance(node, ast.Tuple | ast.List | ast.Set):
        for one in node.elts:
            yield from _given(one, through)
    elif isinstance(node, ast.Starred):
        yield from _given(node.value, through)
    elif isinstance(node, ast.IfExp):
        yield from (one for each in (node.body, node.orelse) for one in _given(each, through))
