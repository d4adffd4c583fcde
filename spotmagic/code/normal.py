"""The normal form of code: one text for all ways to write the same program.

It is ``ast.unparse`` with two things taken out of its hands, because they differ between Python 3.11 and 3.14: the
quotes of f-strings (so an f-string is written as ``f''(pieces)``) and which characters count as printable (so text is
ASCII).
"""

from __future__ import annotations

import ast
import contextlib
from typing import Any, Literal

from spotmagic import files
from spotmagic.errors import Uncacheable

# An empty f-string is itself written f''(), so a call of one is f''()().
_MARKS = {"JoinedStr": "f''", "TemplateStr": "t''"}
_LEFT_OUT = frozenset({"kind", "type_comment"})
_AGAIN = 9

parsing = files.ForkLock()


def parse(text: str, mode: Literal["exec", "eval"] = "exec") -> Any:
    """The tree of a text: a module, or an expression. Raises SyntaxError or ValueError for what is not Python.

    One thread at a time, and again where a thread that is none of ours came between, as one that formats a traceback:
    Python 3.11 counts how deep a tree is for all threads together.
    """
    with parsing:
        for _ in range(_AGAIN):
            with contextlib.suppress(SystemError):
                return ast.parse(text, mode=mode)
        return ast.parse(text, mode=mode)


def parsed(text: str, mode: Literal["exec", "eval"] = "exec") -> Any:
    """The tree of a text, or None for what is not Python."""
    try:
        return parse(text, mode)
    except (SyntaxError, ValueError):
        return None


def normal_form(source: str | ast.AST) -> str:
    """The code without what does not matter: comments, spaces, line breaks, quotes, brackets that change nothing.

    Docstrings and annotations stay: they become prompts and schemas.

    Raises:
        SyntaxError: for a text that is not Python.
        Uncacheable: for code nested too deeply to be read.
    """
    try:
        tree = parse(source) if isinstance(source, str) else source
        return ast.unparse(_settled(tree)).strip()
    except RecursionError:
        raise Uncacheable("this code is nested too deeply to be read", todo="Split the expression into steps") from None


def _settled(node: Any) -> Any:
    """A copy of the tree in which everything that Python versions write differently is already a name."""
    kind = type(node)
    if kind is list:
        return [_settled(item) for item in node]
    if not isinstance(node, ast.AST):
        return node
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _name(ascii(node.value))
    if kind.__name__ in _MARKS:
        return _call(_MARKS[kind.__name__], [_settled(piece) for piece in _joined(node.values)])  # type: ignore[attr-defined]
    if isinstance(node, ast.FormattedValue) or kind.__name__ == "Interpolation":
        return _formatted(node)
    fields = {name: _settled(getattr(node, name, None)) for name in node._fields if name not in _LEFT_OUT}
    copy = kind(**fields)
    if "lineno" in kind._attributes:
        copy.lineno, copy.col_offset = 0, 0  # unparse asks for a line
    return copy


def _formatted(node: Any) -> ast.AST:
    spec = _call("f''", [_settled(piece) for piece in _joined(node.format_spec.values)]) if node.format_spec else None
    text = getattr(node, "str", None)  # only in t-strings, where the program can read it
    pieces = [_settled(node.value), _name("" if node.conversion == -1 else "!" + chr(node.conversion))]
    return _call("{}", [*pieces, *([spec] if spec else []), *([_name(ascii(text))] if text else [])])


def _joined(values: list[ast.expr]) -> list[ast.expr]:
    """The pieces of an f-string with texts that stand side by side made one, and empty ones left out."""
    pieces: list[ast.expr] = []
    for value in values:
        if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
            pieces.append(value)
            continue
        last = pieces[-1] if pieces else None
        if isinstance(last, ast.Constant):
            pieces[-1] = ast.Constant(str(last.value) + value.value)
        elif value.value:
            pieces.append(value)
    return pieces


def _name(text: str) -> ast.Name:
    return ast.Name(text, ast.Load())


def _call(mark: str, args: list[Any]) -> ast.Call:
    return ast.Call(_name(mark), args, [])
