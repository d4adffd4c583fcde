"""What a cell reads, writes, deletes and defines, found without running it.

A name is an *input* when the cell may read it before it has surely written it. The walk in :mod:`spotmagic.code.flow`
decides that along every path; here its findings become one :class:`CellCode`.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from spotmagic.code.flow import Flow
from spotmagic.code.logins import Login, credentials
from spotmagic.code.normal import normal_form, parse
from spotmagic.code.scope import bound_names, nodes_of
from spotmagic.code.texts import sets_up

_EMPTY = frozenset({"dict", "list", "set", "OrderedDict", "Counter", "deque", "defaultdict"})
_CLASS_MAKERS = frozenset({
    "namedtuple", "NamedTuple", "TypedDict", "NewType", "TypeVar", "ParamSpec", "TypeVarTuple", "make_dataclass",
    "make_class", "create_model", "Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "new_class",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class CellCode:
    """The static side of one cell.

    Attributes:
        source: the cell's body as plain Python, after IPython's transform.
        normal: the code without comments, spaces and quotes: what the key holds.
        reads: names read before they are surely written, in functions of the cell too. Builtins are among them, as a
            notebook may rebind ``list``: take those that the namespace has.
        maybe: the reads that the cell may have written itself by the time it reads them (``for x in xs: last = x``,
            then ``last``). If such a name was absent and the cell still ran to its end, the result holds whatever the
            name is bound to later: so a second run does not take the first run's outputs for inputs.
        before: names the cell has surely bound wherever it loads a read. A helper among the reads meets the cell's own
            values of those, whatever they were before.
        stars: reads that a ``from module import *`` of the cell may bind, with the modules.
        writes: names bound on some path, imports and definitions included.
        always: names surely bound when the cell ends.
        deletes: names unbound on some path.
        definitions: source of the top-level imports, functions, classes and named lambdas, in order.
        makers: those of them that are calls, by the name they bind: they define something if that is a class.
        attributes: all that stands after a dot.
        defined: names those bind.
        rebound: defined names that other statements bind too.
        early: names the cell makes otherwise and that a definition needs while it is made (a default, a base, a
            decorator and what that reads, a class body), but for those in ``steps``.
        steps: the definitions in order, each after an empty name, and where they need a name to which something is
            assigned that is written out, that name and the assignment: ``("tools", "tools = {}")``.
        entered: names that a ``with`` binds.
        touched: defined names whose attributes the cell sets afterwards (``f.calls = 1``): running the definition
            again would not bring those back.
        opaque: what analysis cannot see through, such as ``"exec"``; empty when it sees all.
        starred: the modules of every ``from module import *``, which binds names that only the run knows.
        credentials: what the cell only logs in with, by name.
    """

    source: str
    normal: str
    reads: frozenset[str] = frozenset()
    maybe: frozenset[str] = frozenset()
    before: Mapping[str, frozenset[str]] = field(default_factory=dict)
    stars: Mapping[str, frozenset[str]] = field(default_factory=dict)
    writes: frozenset[str] = frozenset()
    always: frozenset[str] = frozenset()
    deletes: frozenset[str] = frozenset()
    definitions: tuple[str, ...] = ()
    makers: Mapping[str, str] = field(default_factory=dict)
    attributes: frozenset[str] = frozenset()
    defined: frozenset[str] = frozenset()
    rebound: frozenset[str] = frozenset()
    early: frozenset[str] = frozenset()
    steps: tuple[tuple[str, str], ...] = ()
    entered: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()
    opaque: tuple[str, ...] = ()
    starred: tuple[str, ...] = ()
    credentials: Mapping[str, frozenset[Login]] = field(default_factory=dict)

    @property
    def literal(self) -> frozenset[str]:
        """The names among the steps."""
        return frozenset(name for name, _ in self.steps if name)


@lru_cache(maxsize=256)
def analyse(source: str) -> CellCode:
    """What the cell reads, writes, deletes and defines.

    Args:
        source: the body after IPython's transform, with top-level ``await`` allowed.

    Raises:
        SyntaxError: the source is not Python.
    """
    tree = parse(source)
    flow = Flow(tree.body)
    flow.run()
    names = flow.names
    pieces = [node for node in tree.body if is_definition(node)]
    defined = bound_names(pieces)
    others = bound_names(node for node in tree.body if node not in pieces)  # nodes compare by identity
    early = _early(pieces, others - defined)
    literal = {name: made for name, made in singles(source).items() if name in early and _is_literal(made)}
    steps = _steps(source, tree.body, literal)
    return CellCode(
        source=source,
        normal=normal_form(tree),
        reads=frozenset(names.reads),
        maybe=frozenset(name for name in names.reads if name in names.writes and name not in names.guarded),
        before=MappingProxyType({name: _plain(names.before[name]) for name in names.reads}),
        stars=MappingProxyType({name: modules for name, modules in names.stars.items() if modules}),
        writes=frozenset(names.writes),
        always=_plain(names.state or ()),
        deletes=frozenset(names.deletes),
        definitions=tuple(piece for name, piece in steps if not name),
        makers=MappingProxyType({name: _segment(source, node) for node in pieces if (name := _maker(node))}),
        attributes=frozenset(node.attr for node in nodes_of(tree) if isinstance(node, ast.Attribute)),
        defined=defined,
        rebound=defined & others,
        early=early - literal.keys(),
        steps=steps,
        entered=frozenset(flow.entered),
        touched=frozenset(flow.touched & defined),
        opaque=tuple(sorted(flow.opaque)),
        starred=tuple(sorted(flow.starred)),
        credentials=credentials(tree.body, own_names=False),
    )


def _plain(state: Iterable[str]) -> frozenset[str]:
    """The module names of a state."""
    return frozenset(key for key in state if key[0] not in "*#")


def is_definition(node: ast.stmt) -> bool:
    """Whether a hit runs this top-level statement again: it is code, and its result cannot be kept as a value."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return True
        case (
            ast.Assign(targets=[ast.Name()], value=ast.Lambda()) | ast.AnnAssign(target=ast.Name(), value=ast.Lambda())
        ):
            return True
        case ast.Assign() | ast.Expr() if _maker(node) or sets_up(node):
            return True
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
            inner = [*body, *orelse, *finalbody, *(part for handler in handlers for part in handler.body)]
        case ast.If(test=test, body=body, orelse=orelse):
            if any(isinstance(part, ast.Call | ast.Await) for part in ast.walk(test)):
                return False
            inner = [*body, *orelse]
        case _:
            return isinstance(node, getattr(ast, "TypeAlias", ()))
    if any(_maker(part) for part in inner):
        return False  # what the call gives is known when it has run
    return any(is_definition(part) for part in inner) and all(is_definition(part) or _is_light(part) for part in inner)


@lru_cache(maxsize=256)
def singles(source: str) -> Mapping[str, str]:
    """Of each name that one assignment of the top level binds and nothing else does, that assignment.

    It may be run again by itself to make a value again: ``client = OpenAI()``, ``key = os.environ["KEY"]``.
    """
    body = parse(source).body
    found: dict[str, str] = {}
    binders = Counter(name for node in body for name in bound_names([node]))  # a second one would be left out by a hit
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                waits = any(isinstance(part, ast.Await | ast.NamedExpr) for part in ast.walk(node))
                if not waits and binders[name] == 1:
                    found[name] = _segment(source, node)
    return MappingProxyType(found)


def _maker(node: ast.AST) -> str:
    """The name that a call binds which is named like one that makes classes (``Point = namedtuple(…)``), or empty."""
    match node:
        case ast.Assign(
            targets=[ast.Name(id=bound)], value=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name))
        ) if name in _CLASS_MAKERS:
            return bound
    return ""


def _is_light(node: ast.stmt) -> bool:
    """A statement beside imports that costs nothing to run again: ``pass``, ``np = None``, ``HAVE = True``."""
    match node:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=targets, value=ast.Constant()):
            return all(isinstance(target, ast.Name) for target in targets)
    return False


def _segment(source: str, node: ast.stmt) -> str:
    """The source of a statement with its decorators."""
    first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))])
    lines = source.splitlines(keepends=True)[first - 1 : node.end_lineno]
    # Another statement may stand on its lines (``a = 1; def …``): then the lines would bring that along.
    alone = first == node.lineno and (node.col_offset > 0 or len(lines[-1].encode()) > (node.end_col_offset or 0) + 1)
    return (ast.get_source_segment(source, node) if alone else "".join(lines)) or ast.unparse(node)


def _early(pieces: list[ast.stmt], made: frozenset[str]) -> frozenset[str]:
    """Those of the names made by other statements that the definitions need while they are made.

    In themselves, as ``@register(table)``, or in functions that they call, as a decorator does.
    """
    if not made or all(isinstance(piece, ast.Import | ast.ImportFrom) for piece in pieces):
        return frozenset()
    flow = Flow(pieces)
    flow.run(later=False)
    return made & flow.names.reads


def _steps(source: str, body: list[ast.stmt], literal: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The definitions in order, and between them the assignments of these names, each with its name."""
    found = []
    for node in body:
        if is_definition(node):
            found.append(("", _segment(source, node)))
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            name = getattr(node.targets[0] if isinstance(node, ast.Assign) else node.target, "id", "")
            found += [(name, literal[name])] if name in literal else []
    return tuple(found)


def _is_literal(assignment: str) -> bool:
    """Whether it is written out what is assigned: it costs nothing to make it again. ``Counter()`` is, too."""
    match parse(assignment).body:
        case [ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value)]:
            pass
        case _:
            return False
    match value:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=[]):
            return name in _EMPTY and (not args or (name == "defaultdict" and isinstance(args[0], ast.Name)))
    try:
        ast.literal_eval(value)
    except ValueError:
        return False
    return True
