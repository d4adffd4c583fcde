"""What code names in text and by key: queries and evaluated code, modules imported by their name, items that are asked.

``df.query("a > @limit")``, ``eval("rate * 3")`` and ``importlib.import_module("plug")`` name things that no name in the
code stands for; ``os.environ["MODEL"]`` reads one item of what ``os.environ`` is.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spotmagic.code.hidden import names_in_queries

Chain = tuple[str, ...]

QUERIES = frozenset({"sql", "query", "execute", "eval", "from_query", "sql_expr", "read_sql", "read_sql_query"})
_EVALUATING = frozenset({"eval", "exec"})
IMPORTING = frozenset({"import_module", "__import__"})
_WORD = re.compile(r"(?<![\w.'\"])[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Key:
    """A text that code gives: as it stands, or by the name of what holds it; neither where it is made while it runs."""

    text: str | None = None
    name: str = ""

    @classmethod
    def of(cls, node: ast.expr) -> Key:
        """The text that an expression gives."""
        match node:
            case ast.Constant(value=str(text)):
                return cls(text)
            case ast.Name(id=name):
                return cls(name=name)
        return cls()


@dataclass(frozen=True, slots=True)
class Texts:
    """What a function names in text.

    Attributes:
        words: names that its formulas and evaluated expressions may take from outside.
        quoted: names that its texts would mean as queries, ``@limit`` and ``from df``.
        holding: names of what may hold a query, if it makes any.
        evaluated: the texts that it evaluates as Python.
        modules: the modules that it imports by their name.
    """

    words: frozenset[str] = frozenset()
    quoted: frozenset[str] = frozenset()
    holding: frozenset[str] = frozenset()
    evaluated: tuple[Key, ...] = ()
    modules: tuple[Key, ...] = ()


NO_TEXTS = Texts()


def _absolute(call: ast.Call, name: Key) -> Key:
    """The module of ``import_module(".deep", "pack")``; without a package it is one of the function's own."""
    said = [*call.args[1:2], *(one.value for one in call.keywords if one.arg == "package")]
    package = Key.of(said[0]) if said else Key()
    if not (name.text or "").startswith(".") or package.text is None:
        return name
    try:
        return Key(importlib.util.resolve_name(name.text or "", package.text))
    except ImportError:
        return name  # it fails when it runs, too


def texts(body: Sequence[ast.AST]) -> Texts:
    """What the statements of a function name in text."""
    nodes = [inner for top in body for inner in ast.walk(top)]
    constants = [one.value for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    words = {name for text in constants if _is_formula(text) for name in _WORD.findall(text)}
    quoted = {name for text in constants for name in names_in_queries(text)}
    holding: set[str] = set()
    evaluated: list[Key] = []
    modules: list[Key] = []
    for call in (one for one in nodes if isinstance(one, ast.Call)):
        given = [*call.args, *(one.value for one in call.keywords if one.arg == "name")]
        if not given:
            continue
        first = Key.of(given[0])
        called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if isinstance(call.func, ast.Name) and called in _EVALUATING:
            evaluated.append(first)
        elif called in QUERIES:
            holding.update(one.id for one in nodes if isinstance(one, ast.Name))
            words.update(_WORD.findall(first.text) if called == "eval" and first.text else ())
        if called in IMPORTING:
            modules.append(_absolute(call, first))
    return Texts(frozenset(words), frozenset(quoted), frozenset(holding), tuple(evaluated), tuple(modules))


def names_in_code(text: str) -> list[str] | None:
    """The names that a text reads when it is evaluated, or None if it is no Python."""
    try:
        tree = ast.parse(text.strip())
    except (SyntaxError, ValueError):
        return None
    return sorted({one.id for one in ast.walk(tree) if isinstance(one, ast.Name)})


def _is_formula(text: str) -> bool:
    """Whether a text is a formula of patsy's kind, ``y ~ np.log(x) + C(group)``, and no prose."""
    return "~" in text and len(text) < 500 and re.fullmatch(r"[\w\s~+\-*/:^|().,='\"\[\]@<>]+", text) is not None


def asked(body: Sequence[ast.AST]) -> dict[int, Key]:
    """The items that are asked of what an expression gives, by the ``id`` of the expression.

    ``x["a"]``, ``x.get("a")``, ``getenv("a")`` and ``"a" in x`` ask for one; the expressions are ``x``, ``x.get`` and
    ``getenv``.
    """
    return {id(place): Key.of(key) for top in body for place, key in _asked(top)}


def _asked(top: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in ast.walk(top):
        match node:
            case ast.Subscript(value=place, slice=key, ctx=ast.Load()):
                yield place, key
            case ast.Call(func=place, args=[key, *_]):
                yield place, key
            case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[place]):
                yield place, key
