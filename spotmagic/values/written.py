"""Credentials that are written in source: in texts, f-strings, shell lines, magics, defaults and comments."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from spotmagic.code.normal import parse
from spotmagic.code.scope import nodes_of
from spotmagic.values.secrets import (
    HIDDEN,
    SHORTEST,
    in_text,
    is_credible,
    is_drawn,
    is_private,
    is_surely_secret,
    may_name_key,
    random_in,
)


@lru_cache(maxsize=256)
def mask(source: str) -> str:
    """A source without the credentials in it, wherever they stand."""
    return _without(source, _held(source))


@lru_cache(maxsize=256)
def as_written(normal: str, text: str) -> str:
    """A source as its user wrote it, without the credentials in it.

    Args:
        normal: its normal form, which is given instead where the text spells a credential in a way of its own.
    """
    held = _held(normal)
    return _without(mask(text), held) if all(one in text for one in held) else mask(normal)


def _held(source: str) -> set[str]:
    drawn = (one for text in texts_of(source) for one in random_in(text))
    return {*literals(source), *drawn, *in_text(source)}


def _without(source: str, found: set[str]) -> str:
    for secret in sorted({*found, *(repr(one)[1:-1] for one in found)}, key=len, reverse=True):
        source = source.replace(secret, HIDDEN)
    return source


@lru_cache(maxsize=256)
def literals(source: str) -> tuple[str, ...]:
    """The credentials that a source holds in its texts: by their form, or by the name that they are given."""
    tree = _tree(source)
    if tree is None:
        return tuple(in_text(source))
    found = [one for text in texts_of(source) for one in in_text(text)]
    for name, value in _named(tree):
        if is_private(name):
            sure = is_surely_secret(name)
            found += [one for one in _inside(value) if (sure and len(one) >= SHORTEST) or is_credible(one, sure=False)]
        elif may_name_key(name):
            found += filter(is_drawn, _inside(value))
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=8)
def _tree(source: str) -> ast.Module | None:
    try:
        return parse(source)  # type: ignore[no-any-return]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=8)
def texts_of(source: str) -> tuple[str, ...]:
    """The texts that stand in Python code."""
    tree = _tree(source)
    nodes = () if tree is None else nodes_of(tree)
    return tuple(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def _named(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Each expression with the name that it is given: of a variable, attribute, item, argument or default."""
    for node in nodes_of(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from ((_name(target), value) for target in targets)
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value):
                yield _name(target), value
            case ast.keyword(arg=str(name), value=value):
                yield name, value
            case ast.Dict(keys=keys, values=values):
                yield from ((_name(key), value) for key, value in zip(keys, values, strict=True) if key)
            case ast.Compare(left=left, comparators=[value]):
                yield _name(left), value
            case ast.arguments():
                every = [*node.posonlyargs, *node.args]
                with_default = every[len(every) - len(node.defaults) :]
                yield from ((one.arg, value) for one, value in zip(with_default, node.defaults, strict=True))
                pairs = zip(node.kwonlyargs, node.kw_defaults, strict=True)
                yield from ((one.arg, value) for one, value in pairs if value is not None)


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=key):
            return _name(key)
        case ast.Constant(value=str(name)):
            return name
    return ""


def _inside(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may give: not those that a call is asked with, but for ``SecretStr("…")``."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Tuple(elts=[ast.Constant(value=str()), second]):
            yield from _inside(second)  # the first one names the user
        case ast.Tuple(elts=nodes) | ast.List(elts=nodes) | ast.Set(elts=nodes) | ast.Dict(values=nodes):
            yield from (one for each in nodes for one in _inside(each))
        case ast.JoinedStr(values=nodes) | ast.BoolOp(values=nodes):
            yield from (one for each in nodes for one in _inside(each))
        case ast.BinOp(left=left, right=right) | ast.IfExp(body=left, orelse=right):
            yield from (*_inside(left), *_inside(right))
        case ast.Call(func=called, args=nodes) if is_private(_name(called)):
            yield from (one for each in nodes for one in _inside(each))
