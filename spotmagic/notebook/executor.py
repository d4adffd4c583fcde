"""Running the body of a cell as IPython would: node by node, in the notebook's namespace."""

from __future__ import annotations

import ast
import inspect
import io
import tokenize
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType
from typing import Any

from IPython.utils.capture import capture_output

from spotmagic.code.cell import is_definition
from spotmagic.errors import SpotError

_SKIPPED = (tokenize.ENDMARKER, tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.DEDENT)


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a cell, compiled.

    Attributes:
        source: the body as plain Python, after IPython's transformations.
        filename: what tracebacks call the cell.
        codes: its statements in order.
        definitions: those that a hit runs again.
        awaits: whether running it needs an event loop.
    """

    source: str
    filename: str
    codes: tuple[CodeType, ...]
    definitions: tuple[CodeType, ...]
    awaits: bool


def prepare(shell: Any, text: str) -> Body:
    """The compiled body of a cell. Raises ``SyntaxError`` as IPython would; nothing has run.

    The magic's own line is counted, so that tracebacks name the lines the user sees.
    """
    source = shell.transform_cell(text)
    padded = "\n" + source
    filename = shell.compile.cache(padded, shell.displayhook.prompt_count, raw_code="\n" + text)
    tree = shell.transform_ast(shell.compile.ast_parse(padded, filename))
    codes, definitions = [], []
    for node, shows in _nodes(tree.body, "none" if ends_quietly(source) else shell.ast_node_interactivity):
        module = ast.Interactive([node]) if shows else ast.Module([node], [])
        with shell.compile.extra_flags(ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if shell.autoawait else 0):
            codes.append(shell.compile(module, filename, "single" if shows else "exec"))
        if is_definition(node):
            definitions.append(codes[-1])
    return Body(source, filename, tuple(codes), tuple(definitions), any(map(_is_async, codes)))


def run(shell: Any, body: Body) -> None:
    """Run the statements. The user's errors pass through."""
    for code in body.codes:
        exec(code, shell.user_global_ns, shell.user_ns)


async def arun(shell: Any, body: Body) -> None:
    """Run the statements of a body that awaits."""
    for code in body.codes:
        if _is_async(code):
            await eval(code, shell.user_global_ns, shell.user_ns)
        else:
            exec(code, shell.user_global_ns, shell.user_ns)


def definer(shell: Any, body: Body, sources: tuple[str, ...]) -> Callable[[str], None]:
    """What runs one of the definitions again, as the very code of the cell: its tracebacks and sources are the same.

    What a definition puts out is among the cell's kept outputs, so it is not shown a second time.

    Args:
        sources: the definitions in order, as the analysis gives them.
    """
    own = dict(zip(sources, body.definitions, strict=True)) if len(sources) == len(body.definitions) else {}

    def define(source: str) -> None:
        code = own.get(source) or shell.compile(source, body.filename, "exec")
        if _is_async(code):
            raise SpotError("a definition that awaits cannot be run again")
        with capture_output():
            exec(code, shell.user_global_ns, shell.user_ns)

    return define


def needs_await(shell: Any, text: str) -> bool:
    """Whether the body of a cell has a top-level await, in a shell that allows it."""
    if not shell.autoawait or ("await" not in text and "async" not in text):
        return False
    try:
        code = compile(shell.transform_cell(text), "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
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


def show_only_users_lines(shell: Any, error: BaseException, filename: str) -> None:
    """Let the traceback of an error begin at the user's own lines, without the frames that led there."""
    if isinstance(error, SyntaxError) or hasattr(error, "_render_traceback_"):
        return

    def render() -> list[str]:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != filename:
            trace = trace.tb_next
        lines: list[str] = shell.InteractiveTB.structured_traceback(
            type(error), error, trace or error.__traceback__, tb_offset=0 if trace else 1
        )
        return lines

    error._render_traceback_ = render  # type: ignore[attr-defined]


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
