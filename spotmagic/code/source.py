"""Where running code was written: the syntax tree of a function object, checked to be the code that runs."""

from __future__ import annotations

import ast
import dis
import importlib.machinery
import importlib.util
import inspect
import linecache
import re
import sys
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from spotmagic import files
from spotmagic.code.normal import parse, parsing
from spotmagic.code.origin import file_of
from spotmagic.code.scope import arguments_of

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_FUTURES = 0x1FF0000  # the bits of co_flags that a "from __future__ import" sets
_MOST_TEXTS = 256
_NO_SOURCE = "{} has no source (it was made by exec, or typed where no source is kept)"
# Cells of IPython are named by a digest of what they say. Other hosts give a cell's name to its next version as well.
_HASHED = re.compile(r"<ipython-input-\d+-[0-9a-f]+>|.*[/\\]ipykernel_\d+[/\\]\d+\.py")
_CELL_OWN = re.compile(r"^_cell_[^_]+_")


@dataclass(frozen=True, slots=True)
class Found:
    """A function's definition as written, or why there is none.

    Attributes:
        node: its syntax tree, or None.
        trouble: "" or why what was read may not be what runs.
    """

    node: Definition | None
    trouble: str = ""


@dataclass(slots=True)
class _Text:
    """A parsed source: its definitions by name and first line, its code by qualified name once compiled."""

    tree: ast.Module
    places: dict[tuple[str, int], list[Definition]]
    compiled: dict[int, dict[str, list[CodeType]]] = field(default_factory=dict)


_texts: OrderedDict[tuple[str, str], _Text] = OrderedDict()
_lock = files.ForkLock()


def find(function: FunctionType) -> Found:
    """The definition of a function, from its file, its notebook cell or its interpreter line.

    What is read is compiled again and compared with the code that runs: an edit elsewhere does no harm, an edit of this
    function that was not reloaded is trouble.
    """
    code = function.__code__
    file = file_of(code)
    what, where = f"`{function.__qualname__}`", Path(file).name
    try:
        text, on_disk = _text(file, function.__globals__)
    except (SyntaxError, ValueError, RecursionError):
        return Found(None, f"{where} was edited after import and cannot be read as Python")
    if text is None:
        return Found(None, _NO_SOURCE.format(what))
    if not on_disk and _HASHED.fullmatch(file):  # the name is a digest of the text, so it is the text that runs
        node = _node(text, code)
        return Found(node, "" if node else f"the source of {what} is not where it was written")
    node = _same(text, code)
    if node is None and on_disk and _rewritten_on_import(function):
        node = _node(text, code)
        names, *stars = inspect.getargs(code)
        if node is not None and [one.arg for one in arguments_of(node.args)] != [*names, *filter(None, stars)]:
            node = None
    if node is not None:
        return Found(node)
    if on_disk:
        return Found(None, f"{where} was edited after import")
    if not any(name == code.co_name for name, _ in text.places):  # a text that only has the same file name
        return Found(None, _NO_SOURCE.format(what))
    return Found(None, f"the cell of {what} was edited after it ran")


def cell_text(filename: str) -> str:
    """What the cell of a notebook says whose file name is a digest of it; empty for any other file."""
    held = linecache.cache.get(filename)
    if held is None or len(held) != 4 or held[1] is not None or not _HASHED.fullmatch(filename):
        return ""
    return "".join(held[2])


def _text(filename: str, namespace: dict[str, Any]) -> tuple[_Text | None, bool]:
    """The parsed text of a file name, and whether it is a file on disk, which may change after it was loaded."""
    held = linecache.cache.get(filename)
    if held is not None and len(held) == 4 and held[1] is None:  # a notebook cell has no file time: it never changes
        return _parsed(filename, "".join(held[2])), False
    try:
        return _parsed(filename, importlib.util.decode_source(Path(filename).read_bytes())), True
    except OSError:
        lines = linecache.getlines(filename, namespace)
        return (_parsed(filename, "".join(lines)) if lines else None), False


def _parsed(filename: str, source: str) -> _Text:
    with _lock:
        text = _texts.get((filename, source))
        if text is not None:
            _texts.move_to_end((filename, source))
            return text
    tree = parse(source)  # without the lock: two threads may both parse it, which costs time and no more
    text = _Text(tree, {})
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            text.places.setdefault(("<lambda>", node.lineno), []).append(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            line = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            text.places.setdefault((node.name, line), []).append(node)
    with _lock:
        _texts[filename, source] = text
        while len(_texts) > _MOST_TEXTS:
            _texts.popitem(last=False)
    return text


def _node(text: _Text, code: CodeType) -> Definition | None:
    """The definition that this code was compiled from, for code whose line numbers are those of the text."""
    nodes = text.places.get((code.co_name, code.co_firstlineno), [])
    if code.co_name != "<lambda>":
        return nodes[0] if len(nodes) == 1 else None
    span = _span(code)
    if span is None:
        return nodes[0] if len(nodes) == 1 else None
    around = []
    for node in nodes:
        body: Any = node.body
        start, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
        if start <= span[0] and span[1] <= end:
            around.append((start, node))
    return max(around, key=lambda item: item[0])[1] if around else None  # of one inside another the inner one


Place = tuple[int, int]


def _span(code: CodeType) -> tuple[Place, Place] | None:
    """First and last place of the code's instructions, or None where Python keeps no columns."""
    starts: list[Place] = []
    ends: list[Place] = []
    for line, end_line, column, end_column in code.co_positions():
        if line and end_line and column is not None and end_column is not None and end_column:
            starts.append((line, column))
            ends.append((end_line, end_column))
    return (min(starts), max(ends)) if starts else None


def _same(text: _Text, running: CodeType) -> Definition | None:
    """The definition that compiles to the code that runs."""
    known = _compiled(text, running).get(_unmangled(running.co_qualname), [])
    same = [code for code in known if _bare(code) == _bare(running)]
    in_place = [code for code in same if code == running]
    nodes = [node for code in in_place or same if (node := _node(text, code)) is not None]
    # Of several in one file that compile alike, those that say more (annotations, decorators) cannot be told apart.
    return nodes[0] if len({ast.dump(node) for node in nodes}) == 1 else None


def _compiled(text: _Text, running: CodeType) -> dict[str, list[CodeType]]:
    futures = running.co_flags & _FUTURES
    with _lock:
        found = text.compiled.get(futures)
    if found is None:
        found = {}
        for tree in (text.tree, *_cells(text.tree)):
            for code in nested(_code(tree, running.co_filename, futures)):
                found.setdefault(code.co_qualname, []).append(code)
        with _lock:
            text.compiled[futures] = found
    return found


def _code(tree: ast.Module, filename: str, futures: int) -> CodeType:
    flags = futures | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        with parsing:  # reads the tree as the parser makes it
            code: CodeType = compile(tree, filename, "exec", flags=flags, dont_inherit=True)
    except (SyntaxError, ValueError):  # it can be parsed but not run, so nothing that runs came from it
        return compile("", filename, "exec", dont_inherit=True)
    return code


def _cells(tree: ast.Module) -> Iterator[ast.Module]:
    """The cells of a marimo notebook kept as a Python file: functions there, each run as a module's body."""
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        decorators = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
        if any(isinstance(one, ast.Attribute) and one.attr == "cell" for one in decorators):
            body = [statement for statement in node.body if not isinstance(statement, ast.Return)]
            yield ast.Module(body, [])


def _unmangled(name: str) -> str:
    """A name without the cell that marimo puts into those that begin with an underscore, as they are a cell's own."""
    return _CELL_OWN.sub("_", name)


def nested(code: CodeType) -> Iterator[CodeType]:
    """The code object and all that stand inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from nested(constant)


def binds_outside(code: CodeType) -> set[str]:
    """The variables of functions around it that code binds: those it says ``nonlocal`` of."""
    steps = dis.get_instructions(code)
    return {one.argval for one in steps if one.opname in ("STORE_DEREF", "DELETE_DEREF")} & {*code.co_freevars}


def _bare(code: CodeType) -> CodeType:
    """The code without its place, so that lines added above it and the cell it stands in make no difference."""
    return code.replace(
        co_consts=tuple(_bare(one) if isinstance(one, CodeType) else one for one in code.co_consts),
        co_names=tuple(map(_unmangled, code.co_names)),
        co_name=_unmangled(code.co_name),
        co_qualname=_unmangled(code.co_qualname),
        co_firstlineno=1,
        co_linetable=b"",
        co_filename="",
    )


def _rewritten_on_import(function: FunctionType) -> bool:
    """Whether the module's importer changes code as it loads it (pytest's assertions, type checkers at run time)."""
    module = sys.modules.get(function.__globals__.get("__name__", ""))
    loader = getattr(getattr(module, "__spec__", None), "loader", None)
    return loader is not None and type(loader) is not importlib.machinery.SourceFileLoader
