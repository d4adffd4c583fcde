"""What code names in text and by key: queries and evaluated code, modules imported by their name, items that are asked.

``df.query("a > @limit")``, ``eval("rate * 3")`` and ``importlib.import_module("plug")`` name things that no name in the
code stands for; ``os.environ["MODEL"]`` reads one item of what ``os.environ`` is.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from spotmagic.code.hidden import WORD, names_in_formula, names_in_queries

Chain = tuple[str, ...]

QUERIES = frozenset({"sql", "query", "execute", "eval", "from_query", "sql_expr", "read_sql", "read_sql_query"})
_FORMULAS = frozenset(
    {"ols", "gls", "wls", "glm", "logit", "probit", "poisson", "mixedlm", "rlm", "quantreg", "gee", "mnlogit"}
)
_FORMULAS |= {"negativebinomial", "phreg", "from_formula", "dmatrix", "dmatrices", "model_matrix"}
_EVALUATING = frozenset({"eval", "exec"})
IMPORTING = frozenset({"import_module", "__import__"})
_PARSING = frozenset({"parse_args", "parse_known_args", "parse_intermixed_args"})
_LONGEST, _MOST = 1024, 100  # of a path, and of paths in a list
_PATH = re.compile(r"[/\\]|\.\w+$")


@dataclass(frozen=True, slots=True)
class Key:
    """A text that code gives: as it stands, or by the name of what holds it, ``*`` if it is made while it runs."""

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
        return cls(name="*")


@dataclass(frozen=True, slots=True)
class Texts:
    """What a function names in text.

    Attributes:
        words: names that its formulas and evaluated expressions may take from outside.
        quoted: names that its texts would mean as queries, ``@limit`` and ``from df``.
        holding: names of what may hold a query, if it makes any.
        evaluated: the texts that it evaluates as Python.
        modules: the modules that it imports by their name.
        parses: whether it parses the arguments of the command line, as ``parse_args()`` does that is given none.
    """

    words: frozenset[str] = frozenset()
    quoted: frozenset[str] = frozenset()
    holding: frozenset[str] = frozenset()
    evaluated: tuple[Key, ...] = ()
    modules: tuple[Key, ...] = ()
    parses: bool = False


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
    words = {name for text in constants for name in names_in_formula(text)}
    quoted = {name for text in constants for name in names_in_queries(text)}
    holding: set[str] = set()
    evaluated: list[Key] = []
    modules: list[Key] = []
    parses = False
    for call in (one for one in nodes if isinstance(one, ast.Call)):
        given = [*call.args, *(one.value for one in call.keywords if one.arg == "name")]
        called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if not given:
            parses = parses or called in _PARSING
            continue
        first = Key.of(given[0])
        if isinstance(call.func, ast.Name) and called in _EVALUATING:
            evaluated.append(first)
        elif called in QUERIES or called in _FORMULAS:
            holding.update(one.id for one in nodes if isinstance(one, ast.Name))
            words.update(WORD.findall(first.text) if called == "eval" and first.text else ())
        if called in IMPORTING:
            modules.append(_absolute(call, first))
    return Texts(frozenset(words), frozenset(quoted), frozenset(holding), tuple(evaluated), tuple(modules), parses)


def may_be_paths(values: Iterable[Any]) -> frozenset[str]:
    """The texts and paths in values that may lead to a file: a name alone, with no ending, is any word."""
    found: list[str] = []
    for value in values:
        for one in value[:_MOST] if type(value) in (list, tuple) else (value,):
            text = os.fspath(one) if isinstance(one, PurePath) else one
            if type(text) is str and len(text) < _LONGEST and _PATH.search(text) and "\n" not in text:
                found.append(text)
    return frozenset(found)


def asked(body: Sequence[ast.AST]) -> dict[int, Key]:
    """The items that are asked of what an expression gives, by the ``id`` of the expression.

    ``x["a"]``, ``x.get("a")``, ``getenv("a")`` and ``"a" in x`` ask for one; the expressions are ``x``, ``x.get`` and
    ``getenv``.
    """
    found: dict[int, Key] = {}
    for node in (inner for top in body for inner in ast.walk(top)):
        match node:
            case (
                ast.Subscript(value=place, slice=key, ctx=ast.Load())
                | ast.Call(func=place, args=[key, *_])
                | ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[place])
            ):
                found[id(place)] = Key.of(key)
    return found
