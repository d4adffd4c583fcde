"""Which names a piece of code binds in its own scope, and to which scope a name belongs."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass(slots=True)
class Bindings:
    """The names one scope binds, unbinds and declares, without those of the scopes inside it."""

    bound: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, nodes: Iterable[ast.AST]) -> Bindings:
        """What these statements or expressions bind where they stand."""
        found = cls()
        for node in nodes:
            found._walk(node)
        return found

    def _walk(self, node: ast.AST) -> None:
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                self.bound.add(name)
            case ast.Name(id=name, ctx=ast.Del()) | ast.ExceptHandler(name=str(name)):
                self.bound.add(name)
                self.deleted.add(name)
            case ast.Global(names=names):
                self.globals.update(names)
            case ast.Nonlocal(names=names):
                self.nonlocals.update(names)
            case ast.Import() | ast.ImportFrom():
                self.bound.update(imported(node))
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                self.bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                self.bound.add(name)
        for child in _same_scope(node):
            self._walk(child)


def _same_scope(node: ast.AST) -> Iterable[ast.AST]:
    """The children of a node whose bindings belong to the node's own scope."""
    if isinstance(node, _COMPREHENSIONS):
        yield from (inner.target for inner in nodes_of(node) if isinstance(inner, ast.NamedExpr))
        return
    if not isinstance(node, _NESTED):
        yield from ast.iter_child_nodes(node)
        return
    if isinstance(node, ast.ClassDef):
        yield from (*node.decorator_list, *node.bases, *(word.value for word in node.keywords))
        return
    yield from getattr(node, "decorator_list", ())
    yield from (*node.args.defaults, *(value for value in node.args.kw_defaults if value is not None))


def nodes_of(node: ast.AST) -> list[ast.AST]:
    """A node and all below it; ``ast.walk`` takes three times as long."""
    found = [node]
    for one in found:  # which grows meanwhile
        for name in one._fields:
            value = getattr(one, name, None)
            if isinstance(value, ast.AST):
                found.append(value)
            elif isinstance(value, list):
                found += [item for item in value if isinstance(item, ast.AST)]
    return found


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The names an import statement binds, as far as the statement tells."""
    if isinstance(node, ast.Import):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    return [alias.asname or alias.name for alias in node.names if alias.name != "*"]


def bound_names(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The names these nodes bind in the scope where they stand."""
    return frozenset(Bindings.of(nodes).bound)


def dotted(node: ast.expr) -> tuple[str, tuple[str, ...]] | None:
    """The name and the attributes of ``name.a.b``, or ``None`` for anything else."""
    chain: list[str] = []
    while isinstance(node, ast.Attribute):
        chain.insert(0, node.attr)
        node = node.value
    return (node.id, tuple(chain)) if isinstance(node, ast.Name) else None


def root_name(node: ast.expr) -> str:
    """The name that ``name.a[0].b`` starts from, or empty."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def arguments_of(taken: ast.arguments) -> list[ast.arg]:
    """A function's parameters in the order in which its code names them, ``*args`` and ``**kwargs`` last."""
    every = [*taken.posonlyargs, *taken.args, *taken.kwonlyargs, taken.vararg, taken.kwarg]
    return [one for one in every if one is not None]


def parameters(taken: ast.arguments) -> frozenset[str]:
    """The names of a function's parameters."""
    return frozenset(one.arg for one in arguments_of(taken))


def annotations_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[ast.expr]:
    """The annotations of a function's parameters, and of what it returns."""
    found = [*(one.annotation for one in arguments_of(node.args)), getattr(node, "returns", None)]
    return [annotation for annotation in found if annotation is not None]


def type_parameters(node: ast.AST) -> frozenset[str]:
    """The names of a function's, class's or alias's type parameters (Python 3.12)."""
    return frozenset(parameter.name for parameter in getattr(node, "type_params", ()))


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """One scope: where a name that is used in it lives."""

    kind: Literal["module", "function", "class"]
    local: frozenset[str] = frozenset()
    globals: frozenset[str] = frozenset()
    parent: Scope | None = None

    @classmethod
    def of(
        cls,
        kind: Literal["function", "class"],
        body: Sequence[ast.AST],
        parent: Scope,
        own: frozenset[str] = frozenset(),
    ) -> Scope:
        """The scope that a function or class body opens inside ``parent``, with the names ``own`` besides."""
        found = Bindings.of(body)
        local = (found.bound | own) - found.globals - found.nonlocals
        return cls(kind, frozenset(local), frozenset(found.globals), parent)

    def owner(self, name: str) -> Scope:
        """The scope a name belongs to. Class scopes are seen from their own body alone."""
        scope = self
        while scope.parent is not None:
            seen = scope is self or scope.kind == "function"
            if seen and name in scope.globals:
                return scope.module
            if seen and name in scope.local:
                return scope
            scope = scope.parent
        return scope

    @property
    def module(self) -> Scope:
        """The outermost scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope
