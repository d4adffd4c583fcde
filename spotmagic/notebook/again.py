"""What a hit brings back by running code of the cell again: definitions and handles. Credentials are never kept."""

from __future__ import annotations

import abc
import ast
import functools
import io
import os
import re
import sys
import types
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

from spotmagic.code.cell import CellCode
from spotmagic.code.normal import parse
from spotmagic.code.origin import is_user_module
from spotmagic.code.scope import bound_names, dotted, nodes_of
from spotmagic.code.source import binds_outside, nested
from spotmagic.code.wrapped import unwrapped
from spotmagic.code.writes import steered
from spotmagic.codecs.references import has_own_name, reference
from spotmagic.codecs.registry import refusal
from spotmagic.errors import SpotError, Uncacheable
from spotmagic.keys.owned import is_users
from spotmagic.notebook.events import CellOutput, fold
from spotmagic.notebook.graph import is_atom, is_code, levels
from spotmagic.notebook.in_place import in_use
from spotmagic.values.credentials import Credentials
from spotmagic.values.handles import handle_settings, reaches_out
from spotmagic.values.scheme import Unfit
from spotmagic.values.secrets import environment, is_private, is_secret, issued_in
from spotmagic.values.written import literals

CONSTANTS = frozenset({type(None), bool, int, float, str})
_MISSING = object()
_ASKS = re.compile(r"\b(input|getpass)\(")
_TICK = 10_000_000  # nanoseconds by which the time of a file may lie behind the clock
_PLAIN_DECORATOR = re.compile(r"^(dataclasses\.)?dataclass\b|^(functools\.)?total_ordering$")
_FLAGS = ("closed", "is_closed", "_closed", "_shutdown")


def refuse_changed(changed: Mapping[str, str]) -> None:
    """Raise for a cell that changed what its definitions hold, such as a default that is a list, or are given.

    Args:
        changed: by name, in what way.
    """
    for name, why in sorted(changed.items()):
        anew = f"{why}, and a hit would define that anew"
        raise Uncacheable(f"`{name}` cannot be kept", anew, "Define it in a cell of its own", path=name)


def refuse_changed_definition(name: str, value: Any, code: CellCode) -> None:
    """Raise :class:`Uncacheable` if the cell changed a class or function after defining it."""
    held = vars(value) if isinstance(value, types.FunctionType) and _is_bare(name, code) else {}
    if (name in code.touched and not _is_set_again(value)) or held:
        raise Uncacheable(f"`{name}` cannot be kept", "the cell sets attributes on it after defining it", path=name)
    if not isinstance(value, type):
        return
    for source in code.definitions:
        node = parse(source).body[0]
        if isinstance(node, ast.ClassDef) and node.name == name:
            _compare(name, value, node)


def _is_set_again(value: Any) -> bool:
    """Whether a hit sets again what a cell sets on something that it imports: a module, an installed class, or what the
    process has one of."""
    if isinstance(value, types.ModuleType) or (isinstance(value, type) and not is_users(value)):
        return True
    return value is os.environ or value is vars(sys.modules.get("matplotlib", os)).get("rcParams", _MISSING)


def is_made_by_code(value: Any) -> bool:
    """Whether a call that is named like one that makes classes made a class, a function or a form of types."""
    return isinstance(value, type | types.FunctionType) or type(value).__module__ in ("typing", "typing_extensions")


def _compare(name: str, value: type, node: ast.ClassDef) -> None:
    if (
        type(value) in (type, abc.ABCMeta)
        and "__slots__" not in vars(value)
        and all(map(_PLAIN_DECORATOR.search, map(ast.unparse, node.decorator_list)))
        and not node.keywords
        and not any("__init_subclass__" in vars(base) for base in value.__mro__[1:-1])
    ):
        own = {one for one in vars(value) if not one.startswith("__")} - bound_names(node.body) - {"_abc_impl"}
        if own:
            why = f"`{name}.{min(own)}` was put on it after it was defined"
            raise Uncacheable(f"`{name}` cannot be kept", why, path=name)
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=attribute)], value=written):
                pass
            case ast.AnnAssign(target=ast.Name(id=attribute), value=ast.expr() as written):
                pass
            case _:
                continue
        try:
            literal = ast.literal_eval(written)
        except ValueError:
            continue
        now = vars(value).get(attribute, literal)
        if type(now) is type(literal) and now != literal:
            raise Uncacheable(
                f"`{name}` cannot be kept", f"`{name}.{attribute}` changed after it was defined", path=name
            )


def _is_bare(name: str, code: CellCode) -> bool:
    """Whether the cell defines the function without a decorator, so that it has no attribute by itself."""
    nodes = [parse(source).body[0] for source in code.definitions]
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name and not node.decorator_list
        for node in nodes
    )


def is_made_again(name: str, value: Any, source: str, began: int) -> bool:
    """Whether a hit runs the assignment of a variable again: a handle that the run did no more to, or a secret.

    Args:
        began: when the run did, in nanoseconds: a database that is younger was changed by it.
    """
    if is_secret(name, value):
        return True
    kind: Any = type(value)
    if not (reaches_out(kind) or refusal(kind) in ("a lock", "an executor")):
        return False
    try:
        path = (handle_settings(value) or {}).get("path")
    except Unfit:  # a database in memory would come back empty
        return False
    if in_use(value, source):
        raise Uncacheable(f"`{name}` cannot be kept", "the cell uses it, and a hit would make a new one", path=name)
    set_up, changes = steered(source, {name}), False
    if isinstance(path, str) and Path(path).is_file():
        changes = Path(path).stat().st_mtime_ns > began - _TICK
    if set_up or changes:
        why = "the cell sets it up after it is made, and what it holds is not watched"
        why = why if set_up else "the cell changes its database, and a hit would not"
        raise Uncacheable(f"`{name}` cannot be kept", why, path=name)
    return True


class HandleClosed(SpotError, AttributeError):
    """A handle was used that its cell closed, and that the cache therefore has no copy of."""


class Closed:
    """Stands for a handle that its cell closed: whatever it is used for, it says so."""

    def __init__(self, name: str, kind: str) -> None:
        self.__dict__.update(_name=name, _kind=kind, closed=True, is_closed=True)

    def __getattr__(self, attribute: str) -> NoReturn:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        raise HandleClosed(
            f"`{self._name}` is closed",
            f"this {self._kind} was closed when its cell ended, and the cell came out of the cache",
            "Run the cell with refresh to have it",
        )

    def __repr__(self) -> str:
        return f"<{self._kind}, closed>"

    def close(self) -> None:
        """Nothing, as of whatever is closed already."""


def is_closed(value: Any, entered: bool = True) -> bool:
    """Whether a library's handle was closed and can do no more: at the end of a ``with``, or by a call."""
    kind: Any = type(value)
    module = kind.__module__
    if not (entered or reaches_out(kind) or refusal(kind)):
        return False
    if module.partition(".")[0] == "tqdm":
        return entered or bool(value.disable) or value.n == value.total
    if is_user_module(module):
        return False
    if module == "zipfile":
        return getattr(value, "fp", value) is None
    own = getattr(value, "__dict__", {})
    for flag in (one for one in _FLAGS if one in own or hasattr(kind, one)):  # a mock would make what it is asked for
        try:
            if getattr(value, flag, None) is True:
                return True
        except Exception:  # a property of somebody else's that fails says nothing
            continue
    return False


def described(value: Any) -> list[str]:
    """A closed handle in plain texts, for :func:`made`."""
    kind = type(value)
    about = [f"{kind.__module__}.{kind.__qualname__}"]
    if kind in (io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.BufferedRandom):
        mode, name = getattr(value, "mode", None), getattr(value, "name", None)
        if isinstance(mode, str) and isinstance(name, str):  # one over a compressed file has no mode
            about += [mode, name, str(getattr(value, "encoding", ""))]
    return about


def made(name: str, about: list[str]) -> Any:
    """The closed handle again: a real closed file for a file, a stand-in for others."""
    kind, *rest = about
    if kind.startswith("_io.") and len(rest) == 3:
        mode, path, encoding = rest
        return _closed_file(path, mode, encoding)
    return Closed(name, kind)


def _closed_file(path: str, mode: str, encoding: str) -> Any:
    """A closed file object with this name and mode. The file itself is not touched."""
    binary = "b" in mode
    plain = "r+" if "+" in mode else "w" if set(mode) & set("wxa") else "r"
    with Path(os.devnull).open(plain + ("b" if binary else ""), encoding=None if binary else encoding) as opened:
        file: Any = opened
    raw = (file if binary else file.buffer).raw
    raw.name = path  # a text file and a buffer ask the raw one for it
    if not binary:
        file.mode = mode
    return file


def refuse_what_only_code_makes(
    name: str, value: Any, ns: Mapping[str, Any], comes_back: Callable[[str], bool], cells: Collection[int]
) -> None:
    """Raise :class:`Uncacheable` if a variable holds a class or a tie of functions that nothing makes again.

    Args:
        comes_back: whether a top-level name of the notebook is there on a hit.
        cells: ids of the cells of functions that were there before.
    """
    found = [one for level in levels(value) for one in level]
    functions = [one for one in found if isinstance(one, types.FunctionType)] if cells else ()
    for function in (one for one in functions if not has_own_name(one, ())):
        for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            if id(cell) in cells and _may_be_bound_anew(function, variable, ns):
                why = f"it shares `{variable}` with a function that was there before, and a copy would not"
                raise Uncacheable(f"`{name}` cannot be kept", why, "Make both in one cell", path=name)
    made = {type(one) for one in found if "<locals>" in type(one).__qualname__}
    for one in (*(one for one in found if isinstance(one, type)), *made):
        top, *rest = one.__qualname__.split(".")
        place = ns.get(top)
        for step in rest:
            place = getattr(place, step, None)
        if one.__module__ == "__main__" and not (place is one and comes_back(top)) and not _has_name(one, comes_back):
            why = f"it is or holds the class {one.__qualname__}, which was made while the cell ran"
            raise Uncacheable(f"`{name}` cannot be kept", why, "Define the class at the top level of a cell", path=name)


def _may_be_bound_anew(function: types.FunctionType, variable: str, ns: Mapping[str, Any]) -> bool:
    """Whether code beside a function binds a variable that it closes over: as far as can be told, if it cannot."""
    outer = unwrapped(ns.get(function.__qualname__.partition(".")[0]))
    codes = list(nested(outer.__code__)) if isinstance(outer, types.FunctionType) else []
    inner = [one for one in codes if variable in one.co_freevars]
    return function.__code__ not in codes or any(variable in binds_outside(one) for one in inner)


def _has_name(kind: type, comes_back: Callable[[str], bool]) -> bool:
    """Whether a class of a factory was given to a name of the notebook that is there on a hit."""
    home, _, path = (reference(kind) or "").partition("#")[0].partition(":")
    return bool(path) and (home != "__main__" or comes_back(path.partition(".")[0]))


def held_elsewhere(value: Any, named: Iterable[Any]) -> str:
    """Where an installed module holds this very object, such as ``os:environ``, or empty: a copy would be another.

    Args:
        named: what the cell names, whose modules are looked at beside the one of the object's class.
    """
    if is_atom(value) or is_code(value) or is_users(type(value)):
        return ""
    if (decimal := sys.modules.get("decimal")) and value is decimal.getcontext():
        what = "decimal.getcontext()"
        raise Uncacheable(f"`{what}` cannot be kept", "it is the context in use, and a copy is not", path=what)
    for module in (sys.modules.get(type(value).__module__), *named):
        loaded = isinstance(module, types.ModuleType) and sys.modules.get(module.__name__) is module
        for name, one in list(vars(module).items()) if loaded and not is_users(module) else ():
            if one is value:
                return f"{module.__name__}:{name}"
    return ""


def set_in_modules(source: str, ns: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """What a cell set in modules and in what they hold, by assignment or ``setattr``: holder, attribute and value.

    ``pd.DataFrame.total = total`` gives ``("pd.DataFrame", "total", ["code", "total"])``. Classes of the user are
    looked at as all that code holds.

    Raises:
        Uncacheable: for a value that a hit could not set again.
    """
    found = []
    for path, attribute in _stores(source):
        root = holder = ns.get(path[0])
        for step in path[1:]:
            holder = getattr(holder, step, None)
        is_module, is_class = isinstance(holder, types.ModuleType), isinstance(holder, type)
        own = vars(holder) is ns or attribute not in vars(holder) if is_module else holder is None
        if own or (not is_module and is_users(holder if is_class else type(holder))):
            continue
        if type(holder).__module__.startswith("pandas._config") or not (is_class or isinstance(root, types.ModuleType)):
            continue  # options of pandas are made again as settings
        value, told = getattr(holder, attribute, None), f"{'.'.join(path)}.{attribute}"
        name = getattr(value, "__name__", "") if is_class and is_code(value) else ""
        if type(value) not in CONSTANTS and ns.get(name, _MISSING) is not value:
            why = f"the cell sets it in a {'module' if is_module else 'library'}, to a {type(value).__name__}"
            todo = "Set it in a cell of its own, not under the spot"
            raise Uncacheable(f"`{told}` cannot be kept", why, todo, path=told)
        label = ".".join(path)
        if isinstance(holder, types.ModuleType):
            label = holder.__name__ if sys.modules.get(holder.__name__) is holder else path[0]
        found.append((label, attribute, value if type(value) in CONSTANTS else ["code", name]))
    return found


@functools.lru_cache(maxsize=256)
def _stores(source: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """The attributes that a cell sets, each with the dotted name of what holds it."""
    found = []
    for node in nodes_of(parse(source)):
        match node:
            case ast.Attribute(value=holder, attr=str(attribute), ctx=ast.Store()):
                found.append((dotted(holder), attribute))
            case ast.Call(func=ast.Name(id="setattr"), args=[holder, ast.Constant(value=str(attribute)), _]):
                found.append((dotted(holder), attribute))
    return tuple(((path[0], *path[1]), attribute) for path, attribute in found if path)


def set_again(ns: Mapping[str, Any], kept: list[list[Any]], undo: ExitStack) -> None:
    """Bind what a run bound in classes, functions and modules. Raises ``LookupError`` where they are not there."""
    for label, name, value in kept:
        holder = holder_of(ns, label)
        own = getattr(holder, "__dict__", {})
        if name in own or (not isinstance(holder, type) and hasattr(holder, name)):
            undo.callback(setattr, holder, name, own[name] if name in own else getattr(holder, name))
        else:
            undo.callback(delattr, holder, name)
        setattr(holder, name, ns[value[1]] if isinstance(value, list) else value)


def holder_of(ns: Mapping[str, Any], label: str) -> Any:
    """The module, or the function or class of the notebook, of this name. Raises ``LookupError`` if there is none."""
    holder: Any = sys.modules.get(label)
    if holder is None or label in ns:
        first, *rest = label.split(".")
        holder = ns.get(first, _MISSING)
        for step in rest:
            holder = getattr(holder, step, _MISSING)
    if holder is _MISSING:
        raise LookupError(f"{label} is not there")
    return holder


def refuse_asking(normal: str, asked: bool | None) -> None:
    """Raise for a cell that asked the user for something: what was typed is never kept.

    Args:
        asked: whether the kernel was asked for input; None where nobody can tell.
    """
    if asked or (asked is None and _ASKS.search(normal)):
        todo = "Ask in a cell of its own, which is not under the spot"
        raise Uncacheable("what is typed is not kept", "the cell asks for input", todo, path="input")


def hidden(code: CellCode, namespace: Mapping[str, Any], log: Iterable[CellOutput]) -> Credentials:
    """The credentials of a cell: in its source, its variables, the environment, and by their form in what it put out.

    Of variables that it does not read, those count that are named like a credential.
    """
    found = Credentials({**dict.fromkeys(literals(code.source), "written in the cell"), **environment()})
    for name, value in list(namespace.items()):
        if not name.startswith("_") and (name in code.reads or is_private(name)):
            found.look(name, value)
    for event in fold(log):
        shown = (one for mime, one in event.data.items() if not mime.startswith("image/") and isinstance(one, str))
        for text in (event.text, *shown):
            found.update(dict.fromkeys(issued_in(text), "printed"))
    return found


def module_name(name: str, module: types.ModuleType) -> str:
    """By which name a hit imports a module that a variable is bound to."""
    if sys.modules.get(module.__name__) is not module:
        raise Uncacheable(f"`{name}` cannot be kept", "it is a module that cannot be imported by name", path=name)
    return module.__name__
