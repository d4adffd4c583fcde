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

# Magics that run the rest of their line, or the cell below, as code of the notebook.
_CODE_MAGICS = frozenset({"time", "timeit", "prun", "memit", "mprun", "lprun", "capture", "pyinstrument", "snakeviz"})
# Magics that neither read nor bind a variable, but for what the shell puts into their line. Others may do anything.
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
# What of the shell leads to variables by names that stand in no code, or tells what ran before.
_NAMESPACES = frozenset(
    {
        "user_ns", "user_global_ns", "push", "ev", "ex", "run_cell", "run_cell_async", "run_code",
        "safe_execfile", "execution_count", "history_manager",
    }
)  # fmt: skip
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


def _of_magic(magic: str, line: str, body: str) -> Hidden:
    reads, name, of_cell = names_in_shell(line), magic.lstrip("%"), magic.startswith("%%")
    if name in _CODE_MAGICS:
        keeps = of_cell and name == "capture"  # the rest of its line is names
        code = _parsed(body if keeps else f"{_without_options(line)}\n{body}")
        writes = tuple(word for word in line.split() if word.isidentifier()) if keeps else ()
        return Hidden(reads, writes, code, None if code else magic)
    if of_cell and name in _SCRIPTS:
        return Hidden(reads, tuple(re.findall(r"--(?:out|err|proc)[ =]([A-Za-z_]\w*)", line)))
    return Hidden(reads, reason=None if name in _QUIET_MAGICS else magic)


def unseen_call(node: ast.Call, *, inside: bool) -> Hidden | None:
    """What a call of ``exec``, ``globals`` and their kind hides.

    Args:
        inside: the call stands in a function, whose ``locals()`` are its own.
    """
    match node:
        case ast.Call(func=ast.Name(id="exec" | "eval" as name), args=[ast.Constant(value=str(text))]):
            code = _parsed(text)
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
    try:
        tree = parse(text.strip())
    except (SyntaxError, ValueError):
        return None
    return sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})


def _parsed(code: str) -> ast.Module | None:
    try:
        tree: ast.Module = parse(code)
    except SyntaxError:
        return None
    return tree


def _without_options(line: str) -> str:
    """A line magic's code without the options before it (``-n 10 -r3``)."""
    return re.sub(r"^(?:\s*-[A-Za-z]+(?:\s*[\w.]+(?=\s))?(?:\s+|$))*", "", line).strip()
