"""What a function says, read once per code object: its normal form, the names it can reach, what it changes."""

from __future__ import annotations

import ast
import dis
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from types import CodeType, FunctionType
from typing import Any

from spotmagic import files
from spotmagic.code.logins import Login, credentials
from spotmagic.code.normal import normal_form, parsed
from spotmagic.code.scope import annotations_of, bound_names, dotted
from spotmagic.code.source import Definition, find, nested
from spotmagic.code.texts import NO_TEXTS, Chain, Key, Texts, asked, may_be_paths, texts
from spotmagic.code.writes import Write, memo, writes
from spotmagic.errors import Uncacheable

_READS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_OF_METHODS = (("property", ()), ("staticmethod", ()), ("classmethod", ()))
_OUR_DECORATORS = frozenset({"mark", "limiter"})


@dataclass(frozen=True, slots=True)
class Import:
    """A module that the function imports when it runs, and the names it takes from it (none: the module itself).

    ``import a.b`` binds ``a``, which is its ``first``; ``chains`` are the attributes used of what is bound, or of the
    module for names that are taken from it.
    """

    module: str
    level: int
    names: tuple[str, ...]
    chains: frozenset[Chain] = frozenset({()})
    first: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What can be known of a function without running it.

    Of ``def f(x): LOG.append(x); return cfg.rate * helper(x)`` the names are ``{"cfg": {("rate",)}, "helper": {()}}``:
    one attribute of ``cfg`` counts, ``helper`` as a whole. ``LOG`` is in ``writes`` alone: what it holds is no input.

    Attributes:
        text: its normal form, without our own decorators.
        names: the outside names it can read, each with the attribute chains used; an empty chain is a use as a whole.
        imports: modules it imports when it runs.
        writes: what it only writes of outside values, in order: those names are not read by that.
        parameters: attributes of each parameter that it only writes; None of one that it uses as a whole.
        memo: the closure name in which it keeps its own answers, or "".
        texts: what it names in text.
        keys: the items it asks of what a name with attributes stands for; an empty key for any other use of it.
        passed: its first parameter, if it is never bound anew: what it asks by that, its callers name.
        credentials: what it only logs in with, by name and ``env NAME``.
        loads: every attribute that it reads, of anything; ``*`` where the name is made while it runs.
        paths: texts in it that may be paths of files.
        trouble: "" or why what was read may not be what runs.
    """

    text: str
    names: dict[str, frozenset[Chain]]
    imports: tuple[Import, ...] = ()
    writes: tuple[Write, ...] = ()
    parameters: dict[str, frozenset[str] | None] = field(default_factory=dict)
    memo: str = ""
    texts: Texts = NO_TEXTS
    keys: Mapping[Chain, frozenset[Key]] = field(default_factory=dict)
    loads: frozenset[str] = frozenset({"*"})
    passed: str = ""
    credentials: Mapping[str, frozenset[Login]] = field(default_factory=dict)
    paths: frozenset[str] = frozenset()
    trouble: str = ""


_known: dict[int, tuple[weakref.ref[CodeType], Facts]] = {}
_lock = files.ForkLock()


def facts(function: FunctionType) -> Facts:
    """The facts of a function. Those without trouble are kept as long as its code lives."""
    code = function.__code__
    held = _known.get(id(code))
    if held is not None and held[0]() is code:  # an id is given again when its code is gone
        return held[1]
    found = find(function)
    if found.node is None:
        return _without_source(code, found.trouble)
    try:
        read = _Definition(found.node, code).facts()
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
    names: dict[str, frozenset[Chain]] = {name: frozenset({()}) for name in (*_outside(code), *code.co_freevars)}
    return Facts(f"compiled {digest.hexdigest()}", names, trouble=trouble)


def _outside(code: CodeType) -> frozenset[str]:
    """The globals that the code and all functions in it read."""
    steps = (step for one in nested(code) for step in dis.get_instructions(one))
    return frozenset(step.argval for step in steps if step.opname in _READS) - {"__name__"}


def imported_by(node: ast.AST, used: Mapping[str, Collection[Chain]]) -> Iterator[Import]:
    """The modules of an import statement, none for any other node.

    Args:
        used: the attributes that are used of each name.
    """
    if isinstance(node, ast.Import):
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            yield Import(alias.name, 0, (), frozenset(used.get(name, ())), alias.asname is None)
    elif isinstance(node, ast.ImportFrom):
        taken = [(alias.name, used.get(alias.asname or alias.name, ())) for alias in node.names]
        chains = frozenset({()} if taken[0][0] == "*" else ((name, *chain) for name, of in taken for chain in of))
        yield Import(node.module or "", node.level, tuple(name for name, _ in taken), chains)


def chains_of(tree: ast.Module) -> dict[str, set[Chain]]:
    """The attributes that a module uses of each name; an empty chain is a use as a whole."""
    found: dict[str, set[Chain]] = {}
    inner: set[int] = set()
    for node in ast.walk(tree):  # what is around comes before what is in it
        rooted = dotted(node) if isinstance(node, ast.expr) and id(node) not in inner else None
        if rooted is not None:
            found.setdefault(rooted[0], set()).add(rooted[1])
        if isinstance(node, ast.Attribute):
            inner.add(id(node.value))
    return found


def plain_imports(tree: ast.Module) -> dict[str, tuple[str, int, str]] | None:
    """Where a module has each name from that it imports, if it does nothing else than define and name plain values.

    The module, its level and the name in it, or "" for the module itself. Such a module holds what its text says, until
    somebody puts something else into it. None for any other.
    """
    found: dict[str, tuple[str, int, str]] = {}
    for node in tree.body:
        match node:
            case ast.Import(names):
                for alias in names:
                    first = alias.name.partition(".")[0]
                    found[alias.asname or first] = (alias.name if alias.asname else first, 0, "")
            case ast.ImportFrom(module, names, level):
                found |= {one.asname or one.name: (module or "", level or 0, one.name) for one in names}
            case _ if not _is_plain(node):
                return None
    return None if "*" in found else found


def _is_plain(node: ast.stmt) -> bool:
    """Whether a statement defines a function or class without asking others, or names a plain value."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            asks = [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
            return all(isinstance(one, ast.Constant) or dotted(one) in _OF_METHODS for one in asks)
        case ast.ClassDef(keywords=[], decorator_list=[]):
            return all(map(_is_plain, node.body))
        case ast.Assign(targets=[ast.Name()], value=ast.Constant()):
            return True
        case ast.AnnAssign(target=ast.Name(), value=None | ast.Constant()):
            return True
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


class _Definition:
    """One walk through a definition."""

    def __init__(self, node: Definition, code: CodeType) -> None:
        self.node = node
        self.free = frozenset(code.co_freevars)
        self.known = _outside(code) | self.free
        self.parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        self.names: dict[str, set[Chain]] = {}
        self.loads: set[str] = set()
        self.whole: set[str] = set()
        self.bound: set[str] = set()
        self.imports: list[ast.Import | ast.ImportFrom] = []
        self.used: dict[str, set[Chain]] = {}
        self.written: dict[int, Write] = {}
        self.asked: dict[int, Key] = {}
        self.keys: dict[Chain, set[Key]] = {}

    def facts(self) -> Facts:
        body = [self.node.body] if isinstance(self.node, ast.Lambda) else self.node.body
        self.written, self.asked = writes(body), asked(body)
        for part in body:
            self._visit(part, self.known)
        for annotation in _annotations(self.node):
            for expression in _expressions(annotation):
                self._visit(expression, None)
        outside = sorted({write for write in self.written.values() if write.root in self.known | self.bound})
        for name in self.known - self.names.keys() - {write.root for write in outside}:
            self.names[name] = {()}
        if not {"getattr", "vars", "attrgetter", "__dict__"}.isdisjoint(self.names.keys() | self.loads):
            self.loads.add("*")  # an attribute may be read by a name that is made when it runs
        own: dict[str, set[str]] = {name: set() for name in self.parameters}
        for write in self.written.values():
            if write.root in own and len(write.path) == 1:
                own[write.root].add(write.path[0])
            elif write.root in own:
                self.whole.add(write.root)
        return Facts(
            normal_form(_undecorated(self.node)),
            {name: frozenset(chains) for name, chains in sorted(self.names.items())},
            tuple(one for node in self.imports for one in imported_by(node, self.used)),
            tuple(outside),
            {name: None if name in self.whole else frozenset(attributes) for name, attributes in own.items()},
            memo(body, self.free),
            texts(body),
            {chain: frozenset(keys) for chain, keys in self.keys.items()},
            frozenset(self.loads),
            next((name for name in self.parameters[:1] if name not in _bound(body)), ""),
            credentials(body, own_names=True),
            may_be_paths(one.value for part in body for one in ast.walk(part) if isinstance(one, ast.Constant)),
        )

    def _visit(self, node: ast.AST, known: frozenset[str] | None) -> None:
        """Note what a node reads. ``known`` are the outside names; None means that all names are."""
        if id(node) in self.written:
            return  # a name with attributes, and no more
        if isinstance(node, ast.Attribute | ast.Name):
            self._read(node, known)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self.imports.append(node)
        elif isinstance(node, ast.Global):
            self.bound.update(node.names)
        if isinstance(node, ast.Attribute):
            if dotted(node) is None:
                self.loads.add(node.attr)
                self._visit(node.value, known)
            return
        for child in ast.iter_child_nodes(node):
            self._visit(child, known)

    def _read(self, node: ast.Attribute | ast.Name, known: frozenset[str] | None) -> None:
        rooted = dotted(node)
        if rooted is None:
            return
        name, chain = rooted
        self.loads.update(chain)
        self.used.setdefault(name, set()).add(chain)
        if not chain:
            self.whole.add(name)
        if known is None or name in known:
            self.keys.setdefault((name, *chain), set()).add(self.asked.get(id(node), Key()))
            self.names.setdefault(name, set()).add(chain)


def _bound(body: Sequence[ast.AST]) -> set[str]:
    """Names that statements bind, in functions and comprehensions inside them too."""
    nodes = [node for part in body for node in ast.walk(part)]
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    return stored | {node.arg for node in nodes if isinstance(node, ast.arg)} | bound_names(body)


def _annotations(node: Definition) -> Iterator[ast.expr]:
    yield from annotations_of(node)
    yield from (bound for one in getattr(node, "type_params", ()) if (bound := getattr(one, "bound", None)))


def _expressions(annotation: ast.expr) -> Iterator[ast.expr]:
    """The annotation, and the ones written as text inside it."""
    yield annotation
    for node in ast.walk(annotation):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and (tree := parsed(node.value, "eval")):
            yield tree.body


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
    return isinstance(called, ast.Attribute) and called.attr in _OUR_DECORATORS and dotted(called) is not None
