"""What a piece of syntax says by itself: whether a loop runs at least once, what an ``except`` catches."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable

from spotmagic.code.bindings import State
from spotmagic.code.scope import Bindings

_SWALLOWING = frozenset({"suppress", "raises", "assertRaises", "assertRaisesRegex"})
_NEVER_A_NAME_ERROR = frozenset({"JSONDecodeError", "HTTPError"}) | {
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and not issubclass(NameError, kind)
}


def sure_on_leaving(state: State, body: Iterable[ast.AST]) -> State:
    """What stays sure wherever an exception leaves ``body``."""
    return None if state is None else state - Bindings.of(body).deleted


def methods(node: ast.AST) -> Iterable[ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda]:
    """The functions of a class body, those of classes inside it too, without functions inside functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
        else:
            yield from methods(child)


def calls_own(node: ast.ClassDef) -> bool:
    """Whether a class body calls a function that it defines itself: ``TABLE = _made()``, ``@_counted``."""
    own, called = set[str](), set[str]()
    for part in _run_with(node):
        match part:
            case ast.FunctionDef(name=name, decorator_list=decorators):
                own.add(name)
                called |= {one.id for one in decorators if isinstance(one, ast.Name)}
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda()):
                own.add(name)
            case ast.Call(func=ast.Name(id=name)):
                called.add(name)
    return not own.isdisjoint(called)


def _run_with(node: ast.AST) -> Iterable[ast.AST]:
    """What of a class body runs with it: all but the bodies of functions."""
    for child in ast.iter_child_nodes(node):
        yield child
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            for part in (*child.decorator_list, child.args):
                yield part
                yield from _run_with(part)
        elif not isinstance(child, ast.Lambda):
            yield from _run_with(child)


def never_empty(node: ast.expr) -> bool:
    """Whether a loop over this runs at least once."""
    match node:
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return any(not isinstance(part, ast.Starred) for part in parts)
        case ast.Constant(value=str(text)):
            return bool(text)
        case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=int(stop))], keywords=[]):
            return stop > 0
        case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=int(start)), ast.Constant(value=int(stop))]):
            return stop > start
        case ast.Call(func=ast.Name(id="enumerate" | "sorted" | "reversed" | "list" | "tuple"), args=[inner, *_]):
            return never_empty(inner)
    return False


def swallows_errors(node: ast.expr) -> bool:
    """Whether a ``with`` over this goes on after an error in its body, as far as its name tells."""
    return _last_name(node) in _SWALLOWING


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Call(func=func):
            return _last_name(func)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def catches_name_error(node: ast.expr | None) -> bool:
    """Whether an ``except`` of this may catch that a name is missing."""
    match node:
        case ast.Tuple(elts=parts):
            return any(catches_name_error(part) for part in parts)
        case ast.Name() | ast.Attribute():
            return _last_name(node) not in _NEVER_A_NAME_ERROR
    return True


def irrefutable(pattern: ast.pattern) -> bool:
    """Whether a ``case`` pattern always matches."""
    match pattern:
        case ast.MatchAs(pattern=None):
            return True
        case ast.MatchAs(pattern=ast.pattern() as inner):
            return irrefutable(inner)
        case ast.MatchOr(patterns=parts):
            return any(irrefutable(part) for part in parts)
    return False
