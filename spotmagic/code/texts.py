"""What code names in text and by key: shell lines, magics, queries, evaluated code, modules by their name.

With them stand the calls that nobody can see through, such as ``exec(text)`` and ``globals()``.

``df.query("a > @limit")``, ``eval("rate * 3")`` and ``importlib.import_module("plug")`` name things that no name in the
code stands for; ``os.environ["MODEL"]`` reads one item of what ``os.environ`` is.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from string import Formatter
from typing import Any

from spotmagic.code.normal import parsed

_DOLLAR = re.compile(r"(?<![\\$])\$([A-Za-z_]\w*)")
_FROM = re.compile(r"\b(?:from|join)\s+([A-Za-z_]\w*)|\b(?:from|join)\s+[\w\s,\"]*?,\s*([A-Za-z_]\w*)", re.IGNORECASE)
_AT = re.compile(r"(?<![\w@])@([A-Za-z_]\w*)")
_FORMULA = re.compile(r"[\w\s~+\-*/:^|().,='\"\[\]@<>]+")
WORD = re.compile(r"(?<![\w.'\"])[A-Za-z_]\w*")

# Magics that run the rest of their line, or the cell below, as code of the notebook.
_CODE_MAGICS = frozenset({"time", "timeit", "prun", "memit", "mprun", "lprun", "capture", "pyinstrument", "snakeviz"})
# Magics that neither read nor bind a variable, but for what the shell puts into their line. Others may do anything.
_QUIET_MAGICS = frozenset({
    "bookmark", "cd", "conda", "debug", "dhist", "dirs", "env", "gui",
    "html", "HTML", "javascript", "js", "JavaScript", "latex", "logoff", "logon",
    "logstart", "logstate", "logstop", "ls", "mamba", "markdown", "matplotlib", "micromamba",
    "mkdir", "notebook", "page", "pastebin", "pdoc", "pinfo", "pinfo2", "pip", "popd", "precision",
    "pprint", "psearch", "psource", "pushd", "pwd", "pycat", "quickref", "rm", "rmdir",
    "set_env", "spot", "spot_load_ext", "subplots", "svg", "SVG", "sx", "system", "tb",
    "uv", "writefile", "file", "cat", "cp", "mv", "man",
    "less", "more", "clear", "perl", "ruby", "bash", "sh", "script", "cmd", "lk", "ll", "lf", "ldir",
    "lx",
})  # fmt: skip
# Magics that set up the shell itself: a hit runs them again, as it does definitions.
_SHELL_MAGICS = frozenset({
    "aimport", "alias", "alias_magic", "autoawait", "autocall", "autoindent", "automagic", "autoreload", "colors",
    "config", "load_ext", "pdb", "reload_ext", "unalias", "unload_ext", "xmode",
})  # fmt: skip
# Calls that set up a library for all cells to come, as people write them: a hit runs them again, too.
_SETUPS = frozenset({
    "alt.data_transformers.disable_max_rows", "alt.data_transformers.enable", "alt.renderers.enable",
    "alt.themes.enable", "atexit.register", "colormaps.register", "copyreg.pickle", "faulthandler.enable",
    "gc.disable", "gc.enable", "gc.set_threshold", "hv.extension", "init_notebook_mode", "jax.config.update",
    "mimetypes.add_type", "nest_asyncio.apply", "nest_asyncio2.apply", "output_notebook", "pandarallel.initialize",
    "pn.extension", "register_matplotlib_converters", "requests_cache.install_cache", "set_matplotlib_formats",
    "socket.setdefaulttimeout", "structlog.configure", "sys.set_int_max_str_digits", "sys.setswitchinterval",
    "tqdm.pandas", "tqdm_notebook.pandas", "yaml.add_constructor", "yaml.add_representer",
})  # fmt: skip
_TOGGLES = frozenset({"autocall", "autoindent", "automagic", "pdb"})  # alone they turn what is there
_SCRIPTS = frozenset({"bash", "sh", "script", "perl", "ruby", "cmd", "sx", "system", "python", "python3", "pypy"})
# What of the shell leads to variables by names that stand in no code, or tells what ran before.
_NAMESPACES = frozenset({
    "user_ns", "user_global_ns", "push", "ev", "ex", "run_cell", "run_cell_async", "run_code",
    "safe_execfile", "execution_count", "history_manager",
})  # fmt: skip
# What leads to the frames of callers, and so to all their names.
_FRAMES = frozenset({"_getframe", "currentframe", "f_globals", "f_locals", "f_back", "_current_frames"})


@dataclass(frozen=True, slots=True)
class Hidden:
    """What a call reads and binds besides its arguments.

    Attributes:
        code: what it runs that is given as text.
        reason: what cannot be seen of it, such as ``"exec"``; ``None`` where all is.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    code: ast.Module | None = None
    reason: str | None = None


def in_magic(node: ast.Call) -> Hidden | None:
    """What a magic or shell line hides, as IPython's transform leaves it: ``get_ipython().run_line_magic('time', …)``.

    ``None`` for any other call.
    """
    texts = [arg.value if isinstance(arg, ast.Constant) and isinstance(arg.value, str) else None for arg in node.args]
    match node.func:
        case ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=method):
            match method, texts:
                case (("system" | "getoutput" | "getoutput_pexpect" | "system_raw" | "system_piped"), [str(line), *_]):
                    return Hidden(names_in_shell(line))
                case "run_line_magic", [str(name), str(line), *_]:
                    return _of_magic(f"%{name}", line, "")
                case "run_cell_magic", [str(name), str(line), str(body)]:
                    return _of_magic(f"%%{name}", line, body)
                case (("run_line_magic" | "run_cell_magic" | "magic"), _):
                    return Hidden(reason="a magic chosen while running")
    return None


def sets_up(node: ast.stmt) -> bool:
    """Whether a statement sets up the shell or a library: a magic, by a line that takes nothing from the notebook,
    ``get_ipython().autocall = 1``, or a call such as ``tqdm.pandas()``."""
    match node:
        case ast.Expr(
            ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr="run_line_magic"),
                args=[ast.Constant(value=name), ast.Constant(value=str(line))],
            )
        ):
            asks = name == "config" and "=" not in line
            return name in _SHELL_MAGICS and not asks and not names_in_shell(line)
        case ast.Assign(targets=[ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")))], value=ast.Constant()):
            return True
        case ast.Expr(ast.Call(func=ast.Name() | ast.Attribute() as func, args=args, keywords=keywords)):
            called = f".{ast.unparse(func)}"
            given = [part for one in (*args, *keywords) for part in ast.walk(one)]
            plain = not any(isinstance(part, ast.Call | ast.Await | ast.NamedExpr) for part in given)
            return plain and any(called.endswith(f".{one}") for one in _SETUPS)
    return False


def _of_magic(magic: str, line: str, body: str) -> Hidden:
    reads, name, of_cell = names_in_shell(line), magic.lstrip("%"), magic.startswith("%%")
    if name in _CODE_MAGICS:
        keeps = of_cell and name == "capture"  # the rest of its line is names
        code = parsed(body if keeps else f"{_without_options(line)}\n{body}")
        writes = tuple(word for word in line.split() if word.isidentifier()) if keeps else ()
        return Hidden(reads, writes, code, None if code else magic)
    if of_cell and name in _SCRIPTS:
        return Hidden(reads, tuple(re.findall(r"--(?:out|err|proc)[ =]([A-Za-z_]\w*)", line)))
    known = name in _QUIET_MAGICS or (name in _SHELL_MAGICS and (line or name not in _TOGGLES))
    return Hidden(reads, reason=None if known else magic)


def unseen_call(node: ast.Call, *, inside: bool) -> Hidden | None:
    """What a call of ``exec``, ``globals`` and their kind hides.

    Args:
        inside: the call stands in a function, whose ``locals()`` are its own.
    """
    match node:
        case ast.Call(func=ast.Name(id="exec" | "eval" as name), args=[ast.Constant(value=str(text))]):
            code = parsed(text)
            return Hidden(code=code) if code and not inside else Hidden(reason=name)
        case ast.Call(func=ast.Name(id="exec" | "eval" as name)):
            return Hidden(reason=name)
        case ast.Call(func=ast.Name(id="globals")):
            return Hidden(reason="globals")
        case ast.Call(func=ast.Name(id="locals" | "vars" | "dir" as name), args=[]):
            return None if inside else Hidden(reason=name)
        case ast.Call(
            func=ast.Name(id="__import__") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value="__main__"), *_],
        ):
            return Hidden(reason="__main__")
    return None


def namespace_key(node: ast.AST) -> str | None:
    """The name that ``globals()["x"]``, ``globals().get("x")`` or ``"x" in globals()`` looks up, or None."""
    match node:
        case (
            ast.Subscript(value=where, slice=ast.Constant(value=str(name)))
            | ast.Compare(left=ast.Constant(value=str(name)), ops=[ast.In() | ast.NotIn()], comparators=[where])
            | ast.Call(func=ast.Attribute(value=where, attr="get"), args=[ast.Constant(value=str(name)), *_])
        ):
            match where:
                case ast.Call(func=ast.Name(id="globals"), args=[], keywords=[]):
                    return name
    return None


def unseen_attribute(value: ast.expr, attribute: str) -> str | None:
    """Why ``value.attribute`` gives a way to names that analysis cannot see, or None."""
    if attribute in _NAMESPACES:
        shell = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "get_ipython"
        return attribute if shell or attribute.startswith("user_") else None
    return attribute if attribute in _FRAMES else None


def names_in_shell(line: str) -> tuple[str, ...]:
    """The names that IPython puts into a shell or magic line: ``{x}``, ``{f(x)}``, ``$y``, ``$y.attr``."""
    in_braces = [name for expression in _braces(line) for name in names_in(expression) or ()]
    return tuple(dict.fromkeys([*in_braces, *_DOLLAR.findall(line)]))


def names_in_queries(text: str) -> tuple[str, ...]:
    """The names a query may take from the namespace: ``select * from df``, ``a > @limit``, ``y ~ half(x)``."""
    found = [name for pair in _FROM.findall(text) for name in pair if name]
    return tuple(dict.fromkeys([*found, *_AT.findall(text), *names_in_formula(text)]))


def names_in_formula(text: str) -> list[str]:
    """The names in a formula of patsy's kind, ``y ~ np.log(x) + C(group)``; none in prose."""
    is_formula = "~" in text and len(text) < 500 and _FORMULA.fullmatch(text)
    return WORD.findall(text) if is_formula else []


def _braces(line: str) -> Iterator[str]:
    try:
        for _, name, spec, _ in Formatter().parse(line):
            if name:
                yield name
            if spec:
                yield from _braces(spec)
    except ValueError:  # not a format string as a whole, so IPython leaves it as it is; what it reads is a guess
        yield from re.findall(r"\{([^{}]+)\}", line)


def names_in(text: str) -> list[str] | None:
    """The names that a text uses as Python, sorted; ``None`` if it is none."""
    tree = parsed(text.strip())
    return None if tree is None else sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})


def _without_options(line: str) -> str:
    """A line magic's code without the options before it (``-n 10 -r3``)."""
    return re.sub(r"^(?:\s*-[A-Za-z]+(?:\s*[\w.]+(?=\s))?(?:\s+|$))*", "", line).strip()


# -- what a function names --------------------------------------------------------------------------------------------

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
        for one in value[:_MOST] if type(value) is list or type(value) is tuple else (value,):
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
