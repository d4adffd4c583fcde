"""What a function says, read once per code object: its normal form, the names it can reach, what it changes."""

from __future__ import annotations

import ast
import dis
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from types import CodeType, FunctionType
from typing import Any

from spotmagic.code.normal import normal_form
from spotmagic.code.source import Definition, find, nested
from spotmagic.errors import Uncacheable

Chain = tuple[str, ...]

_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_WRITES = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL"})
_OUR_DECORATORS = frozenset({"mark", "limiter"})
MUTATORS = frozenset(
    {
        "append",
        "extend",
        "insert",
        "add",
        "update",
        "setdefault",
        "pop",
        "popitem",
        "clear",
        "remove",
        "discard",
        "sort",
    }
    | {"reverse", "appendleft", "extendleft", "popleft", "rotate", "subtract", "move_to_end", "intersection_update"}
    | {"difference_update", "symmetric_difference_update"}
)


@dataclass(frozen=True, slots=True)
class Change:
    """Something from outside that the function changes.

    Attributes:
        root: the global, closure name or first parameter.
        path: the attributes from there to what is changed; empty when it is the named value itself.
        method: the mutating method called, or "" for an assignment, which changes a value of any type.
    """

    root: str
    path: Chain = ()
    method: str = ""


@dataclass(frozen=True, slots=True)
class Import:
    """A module that the function imports when it runs, and the names it takes from it (none: the module itself)."""

    module: str
    level: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What can be known of a function without running it.

    Attributes:
        text: its normal form, without our own decorators.
        names: the outside names it can read, each with the attribute chains used; an empty chain is a use as a whole.
        rebinds: outside names that it assigns.
        changes: what it changes of outside values.
        own: what it changes of its first parameter.
        own_calls: methods of its first parameter that it calls.
        imports: modules it imports when it runs.
        trouble: "" or why what was read may not be what runs.
    """

    text: str
    names: dict[str, frozenset[Chain]]
    rebinds: frozenset[str] = frozenset()
    changes: frozenset[Change] = frozenset()
    own: frozenset[Change] = frozenset()
    own_calls: frozenset[str] = frozenset()
    imports: tuple[Import, ...] = ()
    trouble: str = ""


_known: dict[int, tuple[weakref.ref[CodeType], Facts]] = {}
_lock = threading.Lock()


def facts(function: FunctionType) -> Facts:
    """The facts of a function. Those without trouble are kept as long as its code lives."""
    code = function.__code__
    held = _known.get(id(code))
    if held is not None and held[0]() is code:
        return held[1]
    found = find(function)
    if found.node is None:
        return _without_source(code, found.trouble)
    try:
        read = _Reading(found.node, code).facts()
    except Uncacheable as error:
        return _without_source(code, str(error))
    with _lock:
        key = id(code)
        _known[key] = (weakref.ref(code, lambda _: _known.pop(key, None)), read)
    return read


def _without_source(code: CodeType, trouble: str) -> Facts:
    """The facts that the compiled code alone gives. Its text is good for one version of Python, so it is not stored."""
    digest = blake2b(digest_size=16)
    for one in nested(code):
        values = [value for value in one.co_consts if not isinstance(value, CodeType)]
        digest.update(repr((one.co_code, values, one.co_names, one.co_varnames, one.co_freevars)).encode())
    reads, writes = _outside(code)
    names: dict[str, frozenset[Chain]] = {name: frozenset({()}) for name in (*reads, *code.co_freevars)}
    return Facts(f"compiled {digest.hexdigest()}", names, rebinds=writes, trouble=trouble)


def _outside(code: CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """The globals that the code and all functions in it read, and those they assign."""
    reads, writes = set(), set()
    for one in nested(code):
        for step in dis.get_instructions(one):
            if step.opname in _READS:
                reads.add(step.argval)
            elif step.opname in _WRITES:
                writes.add(step.argval)
    return frozenset(reads - {"__name__"}), frozenset(writes)


class _Reading:
    """One walk through a definition."""

    def __init__(self, node: Definition, code: CodeType) -> None:
        self.node = node
        self.reads, self.writes = _outside(code)
        self.free = frozenset(code.co_freevars)
        self.first = code.co_varnames[0] if code.co_argcount else ""
        self.names: dict[str, set[Chain]] = {}
        self.changes: set[Change] = set()
        self.own: set[Change] = set()
        self.own_calls: set[str] = set()
        self.imports: list[Import] = []
        self.nonlocals: set[str] = set()

    def facts(self) -> Facts:
        body = [self.node.body] if isinstance(self.node, ast.Lambda) else self.node.body
        known = self.reads | self.free
        for part in body:
            self._visit(part, known)
        for annotation in _annotations(self.node):
            for expression in _expressions(annotation):
                self._visit(expression, None)
        for name in known - self.names.keys():
            self.names[name] = {()}
        return Facts(
            normal_form(_undecorated(self.node)),
            {name: frozenset(chains) for name, chains in sorted(self.names.items())},
            self.writes | (self.nonlocals & self.free),
            frozenset(change for change in self.changes if change.root in known),
            frozenset(self.own),
            frozenset(self.own_calls),
            tuple(self.imports),
        )

    def _visit(self, node: ast.AST, known: frozenset[str] | None) -> None:
        """Note what a node reads and changes. ``known`` are the outside names; None means that all names are."""
        if isinstance(node, ast.Attribute | ast.Name):
            self._read(node, known)
        elif isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.Import):
            self.imports += [Import(alias.name, 0, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            self.imports.append(Import(node.module or "", node.level, tuple(alias.name for alias in node.names)))
        elif isinstance(node, ast.Nonlocal):
            self.nonlocals.update(node.names)
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            self._change(node, "")
        if isinstance(node, ast.Attribute):
            if _rooted(node) is None:
                self._visit(node.value, known)
            return
        for child in ast.iter_child_nodes(node):
            self._visit(child, known)

    def _read(self, node: ast.Attribute | ast.Name, known: frozenset[str] | None) -> None:
        rooted = _rooted(node)
        if rooted and (known is None or rooted[0] in known):
            self.names.setdefault(rooted[0], set()).add(rooted[1])

    def _call(self, node: ast.Call) -> None:
        method = node.func
        if not isinstance(method, ast.Attribute):
            return
        if method.attr in MUTATORS:
            self._change(method.value, method.attr)
        if isinstance(method.value, ast.Name) and method.value.id == self.first:
            self.own_calls.add(method.attr)

    def _change(self, node: ast.AST, method: str) -> None:
        """Note that what the expression gives is changed: by an assignment to it, or by a method of it."""
        steps: list[str] = []  # "" is a subscript
        while isinstance(node, ast.Attribute | ast.Subscript):
            steps.insert(0, node.attr if isinstance(node, ast.Attribute) else "")
            node = node.value
        if not isinstance(node, ast.Name):
            return
        path = tuple(steps[: steps.index("")] if "" in steps else steps)
        target = self.own if node.id == self.first else self.changes
        target.add(Change(node.id, path, method))


def _rooted(node: ast.expr) -> tuple[str, Chain] | None:
    """The name and the attributes of ``name.a.b``, or None for anything else."""
    chain: list[str] = []
    while isinstance(node, ast.Attribute):
        chain.insert(0, node.attr)
        node = node.value
    return (node.id, tuple(chain)) if isinstance(node, ast.Name) else None


def _annotations(node: Definition) -> Iterator[ast.expr]:
    args = node.args
    for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg):
        if arg is not None and arg.annotation is not None:
            yield arg.annotation
    if not isinstance(node, ast.Lambda):
        if node.returns is not None:
            yield node.returns
        yield from (bound for one in getattr(node, "type_params", ()) if (bound := getattr(one, "bound", None)))


def _expressions(annotation: ast.expr) -> Iterator[ast.expr]:
    """The annotation, and the ones written as text inside it."""
    yield annotation
    for node in ast.walk(annotation):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                yield ast.parse(node.value, mode="eval").body
            except (SyntaxError, ValueError):
                continue


def names_in(annotation: str) -> list[str]:
    """The names that an annotation written as text uses."""
    try:
        tree = ast.parse(annotation, mode="eval")
    except (SyntaxError, ValueError):
        return []
    return sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})


def _undecorated(node: Definition) -> Definition:
    """The definition without our own decorators: their options do not change what the function gives."""
    if isinstance(node, ast.Lambda):
        return node
    kept = [decorator for decorator in node.decorator_list if not _is_ours(decorator)]
    if len(kept) == len(node.decorator_list):
        return node
    fields: dict[str, Any] = {name: getattr(node, name, None) for name in node._fields}
    return type(node)(**{**fields, "decorator_list": kept})


def _is_ours(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Attribute) and called.attr in _OUR_DECORATORS and _rooted(called) is not None
