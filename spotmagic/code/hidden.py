"""Names that code mentions inside text: shell lines, magics, queries; and the calls nobody can see through."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from string import Formatter

from spotmagic.code.normal import parse

_DOLLAR = re.compile(r"(?<![\\$])\$([A-Za-z_]\w*)")
_FROM = re.compile(r"\b(?:from|join)\s+([A-Za-z_]\w*)|\b(?:from|join)\s+[\w\s,\"]*?,\s*([A-Za-z_]\w*)", re.IGNORECASE)
_AT = re.compile(r"(?<![\w@])@([A-Za-z_]\w*)")
_FORMULA = re.compile(r"[\w\s~+\-*/:^|().,='\"\[\]@<>]+")
WORD = re.compile(r"(?<![\w.'\"])[A-Za-z_]\w*")

_CODE_MAGICS = frozenset({"time", "timeit", "prun", "memit", "mprun", "lprun", "capture", "pyinstrument", "snakeviz"})
_QUIET_MAGICS = frozenset(
    {
        "alias", "autoawait", "autocall", "autoindent", "automagic", "autoreload", "aimport", "bookmark",
        "cd", "colors", "conda", "config", "debug", "dhist", "dirs", "doctest_mode", "env", "gui",
        "html", "HTML", "javascript", "js", "JavaScript", "latex", "load_ext", "logoff", "logon",
        "logstart", "logstate", "logstop", "ls", "mamba", "markdown", "matplotlib", "micromamba",
        "mkdir", "notebook", "page", "pastebin", "pdb", "pdoc", "pinfo", "pinfo2", "pip", "popd", "precision",
        "pprint", "psearch", "psource", "pushd", "pwd", "pycat", "quickref", "reload_ext", "rm", "rmdir",
        "set_env", "spot", "spot_load_ext", "subplots", "svg", "SVG", "sx", "system", "tb", "unalias",
        "unload_ext", "uv", "writefile", "file", "xmode", "cat", "cp", "mv", "man",
        "less", "more", "clear", "perl", "ruby", "bash", "sh", "script", "cmd", "lk", "ll", "lf", "ldir",
        "lx",
    }
)  # fmt: skip
_SCRIPTS = frozenset({"bash", "sh", "script", "perl", "ruby", "cmd", "sx", "system", "python", "python3", "pypy"})
_NAMESPACES = frozenset(
    {
        "user_ns", "user_global_ns", "push", "ev", "ex", "run_cell", "run_cell_async", "run_code",
        "safe_execfile",
    }
)  # fmt: skip
_FRAMES = frozenset({"_getframe", "currentframe", "stack", "f_globals", "f_locals", "f_back", "_current_frames"})


@dataclass(frozen=True, slots=True)
class Magic:
    """One magic or shell line, as IPython's transform leaves it: ``get_ipython().run_line_magic('time', 'f()')``."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    code: ast.Module | None = None
    reason: str | None = None

    @classmethod
    def of(cls, node: ast.Call) -> Magic | None:
        """The magic that this call runs, or None."""
        match node.func:
            case ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=method):
                pass
            case _:
                return None
        texts = [
            arg.value if isinstance(arg, ast.Constant) and isinstance(arg.value, str) else None for arg in node.args
        ]
        match method, texts:
            case (("system" | "getoutput" | "getoutput_pexpect" | "system_raw" | "system_piped"), [str(line), *_]):
                return cls(reads=names_in_shell(line))
            case "run_line_magic", [str(name), str(line), *_]:
                return cls._line(name, line)
            case "run_cell_magic", [str(name), str(line), str(body)]:
                return cls._cell(name, line, body)
            case (("run_line_magic" | "run_cell_magic" | "magic"), _):
                return cls(reason="a magic chosen while running")
        return None

    @classmethod
    def _line(cls, name: str, line: str) -> Magic:
        reads = names_in_shell(line)
        if name in _CODE_MAGICS:
            code = _parsed(_without_options(line))
            return cls(reads, code=code, reason=None if code else f"%{name}")
        if name in _QUIET_MAGICS:
            return cls(reads)
        return cls(reads, reason=f"%{name}")

    @classmethod
    def _cell(cls, name: str, line: str, body: str) -> Magic:
        reads = names_in_shell(line)
        if name == "capture":
            code = _parsed(body)
            return cls(reads, _words(line), code, None if code else f"%%{name}")
        if name in _CODE_MAGICS:
            code = _parsed(_without_options(line) + "\n" + body)
            return cls(reads, code=code, reason=None if code else f"%%{name}")
        if name in _SCRIPTS:
            return cls(reads, tuple(re.findall(r"--(?:out|err|proc)[ =]([A-Za-z_]\w*)", line)))
        if name in _QUIET_MAGICS:
            return cls(reads)
        return cls(reads, reason=f"%%{name}")


@dataclass(frozen=True, slots=True)
class Hidden:
    """What a call reads besides its arguments."""

    reason: str | None = None
    reads: tuple[str, ...] = ()
    code: ast.Module | None = None


def unseen_call(node: ast.Call, *, inside: bool) -> Hidden | None:
    """What a call of ``exec``, ``globals`` and their kind hides.

    Args:
        inside: the call stands in a function, whose ``locals()`` are its own.
    """
    match node:
        case ast.Call(func=ast.Name(id="exec" | "eval" as name), args=[ast.Constant(value=str(text))]):
            code = _parsed(text)
            return Hidden(code=code) if code and not inside else Hidden(name)
        case ast.Call(func=ast.Name(id="exec" | "eval" as name)):
            return Hidden(name)
        case ast.Call(func=ast.Name(id="globals")):
            return Hidden("globals")
        case ast.Call(func=ast.Name(id="locals" | "vars" | "dir" as name), args=[]):
            return None if inside else Hidden(name)
        case ast.Call(
            func=ast.Name(id="__import__") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value="__main__"), *_],
        ):
            return Hidden("__main__")
    return None


def namespace_key(node: ast.AST) -> str | None:
    """The name that ``globals()["x"]``, ``globals().get("x")`` or ``"x" in globals()`` looks up, or None."""
    match node:
        case ast.Subscript(value=where, slice=ast.Constant(value=str(name))):
            pass
        case ast.Compare(left=ast.Constant(value=str(name)), ops=[ast.In() | ast.NotIn()], comparators=[where]):
            pass
        case ast.Call(func=ast.Attribute(value=where, attr="get"), args=[ast.Constant(value=str(name)), *_]):
            pass
        case _:
            return None
    match where:
        case ast.Call(func=ast.Name(id="globals"), args=[], keywords=[]):
            return name
    return None


def unseen_attribute(value: ast.expr, attribute: str) -> str | None:
    """Why ``value.attribute`` gives a way to names that analysis cannot see, or None."""
    if attribute in _NAMESPACES:
        shell = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "get_ipython"
        return attribute if shell or attribute.startswith("user_") else None
    if attribute in _FRAMES and attribute != "stack":
        return attribute
    return None


def names_in_shell(line: str) -> tuple[str, ...]:
    """The names that IPython puts into a shell or magic line: ``{x}``, ``{f(x)}``, ``$y``, ``$y.attr``."""
    found: dict[str, None] = {}
    for expression in _braces(line):
        for name in _names(expression):
            found[name] = None
    for name in _DOLLAR.findall(line):
        found[name] = None
    return tuple(found)


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


def _names(expression: str) -> Iterator[str]:
    try:
        tree = parse(expression.strip(), mode="eval")
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _parsed(code: str) -> ast.Module | None:
    try:
        tree: ast.Module = parse(code)
    except SyntaxError:
        return None
    return tree


def _without_options(line: str) -> str:
    """A line magic's code without the options before it (``-n 10 -r3``)."""
    return re.sub(r"^(?:\s*-[A-Za-z]+(?:\s*[\w.]+(?=\s))?(?:\s+|$))*", "", line).strip()


def _words(line: str) -> tuple[str, ...]:
    return tuple(word for word in line.split() if word.isidentifier())
