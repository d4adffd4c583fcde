"""Running the body of a cell as IPython would: node by node, in the notebook's namespace."""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
import tokenize
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any

from spotmagic.code.cell import is_definition
from spotmagic.code.origin import file_of, is_user_file, is_user_module
from spotmagic.code.scope import bound_names
from spotmagic.code.wrapped import closed_over
from spotmagic.errors import SpotError, Uncacheable
from spotmagic.keys import fingerprint
from spotmagic.notebook.graph import is_code, levels
from spotmagic.values.patience import TooLong, patience

_WAKE = 0.2  # seconds
_LOOK = 0.2  # seconds of work for a look at what the definitions of a cell hold
_SKIPPED = (tokenize.ENDMARKER, tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.DEDENT)


@dataclass(frozen=True, slots=True)
class Statement:
    """A top-level statement: whether it shows its value, and whether a hit runs it again."""

    node: ast.stmt
    shows: bool
    defines: bool


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a cell, parsed.

    Attributes:
        source: the body as plain Python, after IPython's transformations.
        text: the body as it was typed.
        filename: what tracebacks call the cell.
        awaits: whether running it needs an event loop.
        changed: why a hit cannot define again what the last run defined, by the names concerned.
        written: names that a hit assigns again where the cell does, as definitions need what is written out there.
    """

    source: str
    text: str
    filename: str
    statements: tuple[Statement, ...]
    awaits: bool
    changed: dict[str, str] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)

    @property
    def hides(self) -> list[int]:
        """The expressions that show no value although they would by themselves, or do although they would not."""
        last = len(self.statements) - 1
        return [
            place
            for place, each in enumerate(self.statements)
            if each.shows != (place == last) and isinstance(each.node, ast.Expr)
        ]


class _Latest:
    """The last body that was transformed and parsed: a cell's is looked at before it runs, and once is enough."""

    of: tuple[int, str] = (0, "")
    source = ""
    padded = ""
    tree: ast.Module | None = None
    inside = False  # a body is being transformed, which is no cell by itself


def transform(shell: Any, text: str) -> str:
    """The body of a cell as plain Python, by the transformations of the shell."""
    if _Latest.of != (id(shell), text):
        _Latest.inside = True
        try:
            _Latest.source, _Latest.of = shell.transform_cell(text), (id(shell), text)
        finally:
            _Latest.inside = False
    return _Latest.source


def transforms_body() -> bool:
    """Whether what the shell transforms now is the body of a cell of ours."""
    return _Latest.inside


def parse_cell(shell: Any, text: str, above: int) -> ast.Module:
    """The parsed body of a cell. Raises ``SyntaxError`` or ``ValueError``."""
    padded = "\n" * above + transform(shell, text)
    if _Latest.tree is None or _Latest.padded != padded:
        _Latest.tree, _Latest.padded = shell.compile.ast_parse(padded), padded
    return _Latest.tree


def prepare(shell: Any, text: str, above: int = 1) -> Body:
    """The parsed body of a cell. Raises ``SyntaxError`` as IPython would; nothing has run.

    Args:
        above: lines above the body, such as the magic's own, so that tracebacks name the lines the user sees.
    """
    awaits = needs_await(shell, text)
    source = transform(shell, text)
    try:
        tree = parse_cell(shell, text, above)
    finally:
        _Latest.of, _Latest.tree = (0, ""), None  # the next run may find the shell changed
    padded = "\n" * above + source
    filename = shell.compile.cache(padded, shell.displayhook.prompt_count, raw_code="\n" * above + text)
    nodes = _nodes(shell.transform_ast(tree).body, "none" if ends_quietly(source) else shell.ast_node_interactivity)
    statements = tuple(Statement(node, shows, is_definition(node)) for node, shows in nodes)
    return Body(source, text, filename, statements, awaits)


def run(shell: Any, body: Body, needed: Collection[str] = (), literal: Collection[str] = ()) -> None:
    """Run the statements. The user's errors pass through.

    Args:
        needed: names that other statements bind and definitions use while they are made.
        literal: those that are bound to what is written out.
    """
    made = _Definitions(shell.user_ns, body, needed, literal)
    for code, each in zip(_compiled(shell, body, body.statements), body.statements, strict=True):
        made.before(each)
        exec(code, shell.user_global_ns, shell.user_ns)
    made.end()


async def arun(shell: Any, body: Body, needed: Collection[str] = (), literal: Collection[str] = ()) -> None:
    """Run the statements of a body that awaits."""
    made = _Definitions(shell.user_ns, body, needed, literal)
    with _awake():
        for code, each in zip(_compiled(shell, body, body.statements), body.statements, strict=True):
            made.before(each)
            if _is_async(code):
                await eval(code, shell.user_global_ns, shell.user_ns)
            else:
                exec(code, shell.user_global_ns, shell.user_ns)
    made.end()


class _Definitions:
    """What the definitions of a cell hold and need, while its statements run: a hit makes them anew, as they were.

    ``def add(x, seen=[])`` holds a list, and so may what a decorator gives: nothing else may change that. And what a
    definition that runs code needs, as a decorator does a table, must be then what it will be on a hit: as it is
    written out (``tools = {}``), if nothing else has changed it since, or as the cell leaves it in the end.
    """

    def __init__(self, ns: dict[str, Any], body: Body, needed: Collection[str], literal: Collection[str]) -> None:
        self._ns, self._body, self._names = ns, body, set[str]()
        self._needed, self._literal = {*needed, *literal}, frozenset(literal)
        self._before: dict[str, list[Any]] = {}
        self._uses: list[dict[str, Any]] = []  # what is needed, before each definition that may run code
        self._known: dict[str, Any] = {}  # the same after the last definition or assignment
        self._open: set[str] = set()  # what to look at when the statement that runs has ended
        self._disturbed, self._filled = set[str](), set[str]()
        body.changed.clear()
        body.written.clear()

    def before(self, statement: Statement) -> None:
        """A statement is about to run."""
        self._settle()
        bound = bound_names([statement.node])
        if not statement.defines:
            self._open = {*(self._literal & bound)}
            if self._names and not self._before:
                self._before = self._look()
            return
        self.compare()
        if not isinstance(statement.node, ast.Import | ast.ImportFrom):
            self._names |= bound
            if self._needed and _calls(statement.node):
                self._uses.append(self._prints(self._needed))
                self._disturbed |= self._differing(self._known, self._uses[-1])
                self._open = self._needed

    def compare(self) -> None:
        """Note what definitions hold that is different since the last one."""
        now = self._look() if self._before else {}
        # One that is bound anew is another matter.
        changed = [name for name in now if self._before.get(name, now[name])[1:] != now[name][1:]]
        self._body.changed.update(dict.fromkeys(changed, "what it holds changed after it was defined"))
        self._before = {}

    def end(self) -> None:
        """All statements have run."""
        self._settle()
        self.compare()
        self._body.written.update(self._literal - self._disturbed)
        other = self._needed - self._body.written
        late = {name for use in self._uses for name in self._differing(use, self._prints(other))}
        self._body.changed.update(dict.fromkeys(late, "the cell changes it after a definition has used it"))
        self._body.changed.update(dict.fromkeys(other & self._filled, "a definition of the cell changes it"))

    def _settle(self) -> None:
        """The statement before this one has ended."""
        now = self._prints(self._open)
        if self._open is self._needed:
            self._filled |= self._differing(self._uses[-1], now)
        self._known |= now
        self._open = set()

    def _prints(self, names: Iterable[str]) -> dict[str, Any]:
        """What definitions need, each with its fingerprint, if it has one."""
        found = dict[str, Any]()
        for name in names:
            try:
                with patience(_LOOK):
                    found[name] = fingerprint(self._ns[name]) if name in self._ns else None
            except (Exception, TooLong):
                found[name] = None
        return found

    def _differing(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
        return {name for name in one.keys() & other.keys() if one[name] != other[name]}

    def _look(self) -> dict[str, list[Any]]:
        known = {id(one) for one in list(self._ns.values())}
        try:
            with patience(_LOOK):
                return {name: _held(self._ns[name], known) for name in sorted(self._names & self._ns.keys())}
        except (Exception, TooLong):  # of something of the user's that cannot be looked at
            self._names = set()
            return {}


def _calls(node: ast.stmt) -> bool:
    """Whether a definition may run code of the user's: by a call, a decorator, or a base that hears of its classes.

    A call that sets up a library keeps what it is given, which is there when a hit calls it again.
    """
    return not isinstance(node, ast.Expr | ast.Assign) and any(
        isinstance(one, ast.Call) or getattr(one, "decorator_list", ()) or getattr(one, "bases", ())
        for one in ast.walk(node)
    )


def _held(value: Any, known: set[int]) -> list[Any]:
    """A definition, and what its functions hold that no variable has: an equal list as long as it is so."""
    found: list[Any] = [value]
    for one in (one for level in levels(value) for one in level):
        if isinstance(one, FunctionType) and is_user_file(file_of(one.__code__)):
            kept = [*closed_over(one).values(), *(one.__defaults__ or ()), *(one.__kwdefaults__ or {}).values()]
            parts = [*kept, *vars(one).values()]
        elif one is value and is_user_module(type(one).__module__):  # an object that a decorator made
            parts = list(vars(one).values()) if hasattr(one, "__dict__") else []
        else:
            continue
        for part in parts:
            if id(part) not in known and not is_code(part):
                try:
                    found.append(fingerprint(part))
                except Uncacheable:
                    continue
    return found


@contextmanager
def _awake() -> Iterator[None]:
    """Wake the loop a few times a second: a kernel's loop that only waits does not notice an interrupt."""
    loop = asyncio.get_running_loop()

    timers: list[asyncio.TimerHandle] = []

    def wake() -> None:
        timers[:] = [loop.call_later(_WAKE, wake)]

    wake()
    try:
        yield
    finally:
        timers[0].cancel()


def _compiled(shell: Any, body: Body, statements: Iterable[Statement]) -> list[CodeType]:
    """The code of statements, all before the first one runs. Futures of the cell hold in the shell as always."""
    with shell.compile.extra_flags(ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if shell.autoawait else 0):
        try:
            return [
                shell.compile(ast.Interactive([each.node]), body.filename, "single")
                if each.shows
                else shell.compile(ast.Module([each.node], []), body.filename, "exec")
                for each in statements
            ]
        except SyntaxError as error:  # such as a return outside of a function: nothing ran, so there is no stack
            raise error.with_traceback(None) from None


def definer(shell: Any, body: Body, sources: tuple[str, ...]) -> Callable[[str], None]:
    """What runs one of the definitions again, as the very code of the cell: its tracebacks and sources are the same.

    Args:
        sources: the definitions in order, as the analysis gives them.
    """
    # The number of statements differs where a transformer of the user changed the tree: then the text is run.
    codes = _compiled(shell, body, [each for each in body.statements if each.defines])
    own = dict(zip(sources, codes, strict=True)) if len(sources) == len(codes) else {}

    def define(source: str) -> None:
        code = own.get(source) or shell.compile(source, body.filename, "exec")
        if _is_async(code):
            raise SpotError("a definition that awaits cannot be run again")
        exec(code, shell.user_global_ns, shell.user_ns)

    return define


def needs_await(shell: Any, text: str) -> bool:
    """Whether the body of a cell has a top-level await, in a shell that allows it."""
    if not shell.autoawait or ("await" not in text and "async" not in text):
        return False
    try:
        code = compile(transform(shell, text), "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return _is_async(code)


def ends_quietly(source: str) -> bool:
    """Whether the last token of the source is a semicolon, which keeps the last result from showing."""
    if ";" not in source:
        return False
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return False
    last = next((token for token in reversed(tokens) if token.type not in _SKIPPED), None)
    return last is not None and last.string == ";"


def _nodes(nodes: list[ast.stmt], interactivity: str) -> list[tuple[ast.stmt, bool]]:
    """The statements with whether each one shows its value, by IPython's ``ast_node_interactivity``."""
    if not nodes:
        return []
    if interactivity == "last_expr_or_assign":
        nodes = [*nodes, *_assigned(nodes[-1])]
    if interactivity.startswith("last_expr"):
        interactivity = "last" if isinstance(nodes[-1], ast.Expr) else "none"
    last = len(nodes) - 1
    return [(node, interactivity == "all" or (interactivity == "last" and i == last)) for i, node in enumerate(nodes)]


def _assigned(node: ast.stmt) -> list[ast.stmt]:
    """An expression of the name that the last statement assigned, if it assigned one."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    if (
        not isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
        or len(targets) != 1
        or not isinstance(targets[0], ast.Name)
    ):
        return []
    return [ast.copy_location(ast.Expr(ast.copy_location(ast.Name(targets[0].id, ast.Load()), node)), node)]


def _is_async(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_COROUTINE)
