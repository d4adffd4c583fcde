"""Modules that a function imports when it runs: read from their files, so that no key needs to import anything.

The text of the module and of all of the user's modules it imports, by name or by text, counts whole. Once a module is
loaded, what was changed in it since by assignment counts too, and what was edited on disk since is trouble.
"""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from spotmagic.code.function import Import, chains_of, imported_by, plain_imports
from spotmagic.code.normal import normal_form, parse
from spotmagic.code.origin import is_user_file, is_user_module
from spotmagic.code.source import find
from spotmagic.code.texts import IMPORTING
from spotmagic.code.wrapped import unwrapped
from spotmagic.errors import Uncacheable
from spotmagic.keys.guards import MISSING, Guards
from spotmagic.keys.owned import is_users
from spotmagic.originals import time_ns
from spotmagic.reads import imports as asked
from spotmagic.reads import looks
from spotmagic.reads.noting import FileState
from spotmagic.reads.supposed import RECENT, state_now
from spotmagic.values.encode import SCALARS
from spotmagic.values.notes import Notes

RUNS = "uses `runpy`, which runs files that cannot be seen before"
FUNCTION = object()  # what a text says of a name that it defines as a function
_ABSENT = "absent"


class LoadedModules(NamedTuple):
    """What a look at loaded modules needs and takes.

    Attributes:
        guards: notices what changes in them later.
        trouble: takes why they cannot be told.
        ref: gives what stands for a function.
    """

    guards: Guards
    trouble: Callable[[str], None]
    ref: Callable[[Any], Any]

    def changed(self, name: str, text: _FileText) -> list[Any]:
        """What is otherwise in the loaded module than its text says."""
        module = sys.modules.get(name)
        # that it is loaded, or loaded anew, is a change
        self.guards.name(sys.modules, name, MISSING if module is None else module)
        return self._otherwise(name, vars(module), text.said) if isinstance(module, ModuleType) else []

    def _otherwise(self, name: str, space: Mapping[str, Any], said: list[tuple[str, Any]]) -> list[Any]:
        """What is otherwise in a module, or in a class of it, than its text says."""
        found: list[Any] = []
        for known, one in said:
            value = space.get(known, MISSING)
            self.guards.name(space, known, value)
            if isinstance(one, list):
                if isinstance(value, type) and value.__module__ == name:
                    found += [[known, *each] for each in self._otherwise(name, vars(value), one)]
            elif one is FUNCTION:
                value = value.__func__ if isinstance(value, staticmethod | classmethod) else value
                value = value.fget if isinstance(value, property) else value
                if not isinstance(value, FunctionType):
                    continue
                if type(space) is not dict:  # a class, whose methods are all in the file, or made by others
                    if value.__code__.co_filename == getattr(sys.modules[name], "__file__", None):
                        self.trouble(find(value).trouble)
                elif value.__module__ == name:
                    self.trouble(find(value).trouble)
                else:
                    found.append([known, self.ref(value)])
            elif type(value) in SCALARS and (type(value), value) != (type(one), one):
                found.append([known, value])
        return found


def imported(one: Import, namespace: dict[str, Any], loaded: LoadedModules, uses: Callable[[str], None]) -> list[Any]:
    """What stands for an import inside a function: the text of the user's modules it loads, names of others.

    Args:
        uses: takes the names of all modules that are imported.
    """
    names = [absolute(one, namespace), *(f"{absolute(one, namespace)}.{name}" for name in one.names)]
    parts: list[Any] = ["import", one.module, one.level, list(one.names)]
    seen: set[Path] = set()
    if "runpy" in names:
        loaded.trouble(f"code {RUNS}")
    for name in names:
        uses(name)
        for module, text in texts_of(name, seen):
            for used in text.used:
                uses(used)
            loaded.trouble(text.unseen)
            parts.append([module, text.normal, loaded.changed(module, text)])
    return parts


@lru_cache(maxsize=256)
def named_in(source: str) -> tuple[str, ...]:
    """The modules that a cell imports, by name or by text, wherever in it."""
    if "import" not in source and source.isascii():  # to Python wide letters are the same
        return ()
    named = (name for said, by_text in _imports(parse(source), "") for name in (*said, *(by_text or ())))
    return tuple(dict.fromkeys(named))


def of_cell(names: Iterable[str], ref: Callable[[Any], Any]) -> Iterator[tuple[str, list[Any]]]:
    """The user's modules that a cell imports, each with what stands for it: its text, and what was changed in it since.

    Raises:
        Uncacheable: what a module runs cannot be seen before, or was edited after it was imported.
    """
    yield from _whole(names, ref, Guards(), set())


def _whole(
    names: Iterable[str], ref: Callable[[Any], Any], guards: Guards, seen: set[Path]
) -> Iterator[tuple[str, list[Any]]]:
    """The user's modules of these names and those they import. Raises what :func:`of_cell` raises.

    Args:
        seen: takes the files of them.
    """
    for name in names:
        for module, text in texts_of(name, seen):
            troubles = [text.unseen]
            changed = LoadedModules(guards, troubles.append, ref).changed(module, text)
            for why in filter(None, troubles):
                raise Uncacheable(f"`{module}` cannot be fingerprinted", why, "Reload it, or leave it out", path=module)
            yield module, [text.normal, changed]


class _Told(NamedTuple):
    """What stood for a module, and what tells whether it still does."""

    answer: list[str]
    holds: Callable[[], bool]
    files: dict[str, FileState | None]


_modules: dict[str, _Told] = {}


def _code_now(path: str) -> list[str]:
    """What stands for a user's module with all it imports, or for a name of one without a file (``__main__:Scaler``).

    Nothing for a package's, which counts by its name. One that cannot be told has the answer ``UNKNOWN``, and why.
    """
    module, of_name, name = path.partition(":")
    try:
        return _of_name(module, name) if of_name else _of_module(module)
    except Uncacheable as error:
        return [looks.UNKNOWN, f"it reads `{name or module}` while it runs: {error.why}"]
    except Exception as error:  # of a class on the way, or ours: nobody knows
        return [looks.UNKNOWN, f"`{name or module}` cannot be looked at: {type(error).__name__}: {error}"]


def _of_name(module: str, name: str) -> list[str]:
    value = unwrapped(vars(sys.modules[module]).get(name)) if module in sys.modules else None
    if not is_users(value):
        return []
    from spotmagic.keys.fingerprint import fingerprint  # which comes to this file on its way

    notes = Notes()
    found = fingerprint(value, path=name, notes=notes)
    if notes.trouble or notes.secret:
        return [looks.UNKNOWN, f"it reads `{name}` while it runs: {notes.trouble or 'it holds a secret'}"]
    return [found.hex()]


def _of_module(name: str) -> list[str]:
    if name in sys.modules and not is_user_module(name):
        return []
    known = _modules.get(name)
    if known is not None and known.holds() and all(state_now(file) == state for file, state in known.files.items()):
        return known.answer
    if name not in sys.modules and _file(name) is None:
        return [_ABSENT]
    from spotmagic.keys.fingerprint import fingerprint, packed

    began, guards, files = time_ns(), Guards(), set[Path]()
    found = list(_whole([name], fingerprint, guards, files))
    if not found:
        return []
    answer = [fingerprint(found).hex()]
    states = {str(file): state_now(str(file)) for file in files}
    if all(state is not None and began - state.changed > RECENT for state in states.values()):
        _modules[name] = _Told(answer, guards.close(lambda value: packed(value, name, None, None)), states)
    return answer


asked.know_users(is_user_file)
looks.add_answers({looks.CODE: _code_now})


def absolute(one: Import, namespace: dict[str, Any]) -> str:
    """The whole name of a module that is imported in this namespace."""
    package = namespace.get("__package__") or ""
    return importlib.util.resolve_name("." * one.level + one.module, package) if one.level and package else one.module


class _FileText(NamedTuple):
    """What the file of a module says.

    Attributes:
        normal: its normal form.
        used: the modules that its imports name.
        imports: the modules that it imports, by name or by text.
        unseen: why code that it runs cannot be seen before, or "".
        said: its functions, and its names that are given a plain value once.
        package: the package that its imports are told from.
        taken: what it imports, with what it uses of that.
        plain: where each name that it imports comes from, if all else in it are definitions and plain values.
    """

    normal: str
    used: list[str]
    imports: list[str]
    unseen: str
    said: list[tuple[str, Any]]
    package: str
    taken: list[Import]
    plain: dict[str, tuple[str, int, str]] | None


@lru_cache(maxsize=256)
def _read_text(source: bytes, module: str, package: str) -> _FileText:
    tree = parse(importlib.util.decode_source(source))
    found = _imports(tree, package)
    used = [other for said, _ in found for other in said]
    imports = [other for said, by_text in found for other in (*said, *(by_text or ()))]
    unseen = "imports a module that is chosen while it runs" if any(by_text is None for _, by_text in found) else ""
    why = unseen or (RUNS if "runpy" in used else "")
    chains = chains_of(tree)
    taken = [one for node in ast.walk(tree) for one in imported_by(node, chains)]
    told = normal_form(tree), used, [*dict.fromkeys(imports)], why and f"`{module}` {why}", _said(tree)
    return _FileText(*told, package, taken, plain_imports(tree))


def texts_of(name: str, seen: set[Path]) -> Iterator[tuple[str, _FileText]]:
    """The user's module of this name and those it imports, each once, with what its file says."""
    pieces = name.split(".")
    for count in range(1, len(pieces) + 1):
        module = ".".join(pieces[:count])
        path = _file(module)
        if path is not None and not is_user_file(str(path)):  # asked of each package on the way, from the outermost on
            return  # a package of somebody else's: nothing in it is the user's
        if path is None or path in seen:
            continue
        seen.add(path)
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        try:
            with io.FileIO(path) as file:  # which no run that is watched takes for a file of its own
                text = _read_text(file.readall(), module, package)
        except (OSError, SyntaxError, ValueError):
            continue
        yield module, text
        for other in text.imports:
            yield from texts_of(other, seen)


def _imports(tree: ast.Module, package: str) -> list[tuple[list[str], list[str] | None]]:
    """The modules that each node of a tree imports by name, and by text (:func:`_by_text`)."""
    return [(_named(node, package), _by_text(node, tree, package)) for node in ast.walk(tree)]


def _named(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = absolute(Import(node.module or "", node.level, ()), {"__package__": package})
        return [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return []


def _by_text(node: ast.AST, tree: ast.Module, package: str) -> list[str] | None:
    """The modules that a node imports by their name in a text, or None if that is chosen while it runs."""
    if not isinstance(node, ast.Call) or _called(node) not in IMPORTING:
        return []
    match [*node.args, *(one.value for one in node.keywords if one.arg == "name")]:
        case [ast.Constant(value=str(text)), *_]:
            pass
        case [ast.Name(id=name), *_] if held := _constant(tree, name):
            text = held
        case _:
            return None
    if not text.startswith("."):
        return [text, *(f"{text}.{name}" for name in _from_list(node))]
    match [*node.args[1:2], *(one.value for one in node.keywords if one.arg == "package")]:
        case [ast.Constant(value=str(anchor))]:
            package = anchor
        case [ast.Name(id="__package__")]:
            pass
        case _:
            return None
    try:
        return [importlib.util.resolve_name(text, package)]
    except ImportError:
        return []  # it fails when it runs, too


def _from_list(call: ast.Call) -> list[str]:
    """What ``__import__`` takes from a package, which may be modules of it."""
    lists = [*call.args[3:4], *(one.value for one in call.keywords if one.arg == "fromlist")]
    said = [inner.value for one in lists for inner in ast.walk(one) if isinstance(inner, ast.Constant)]
    return [one for one in said if isinstance(one, str)]


def _constant(tree: ast.Module, name: str) -> str | None:
    """The text that a name of the module stands for, if nothing else in the module's file binds it."""
    bound = [
        one
        for one in ast.walk(tree)
        if (isinstance(one, ast.Name) and one.id == name and not isinstance(one.ctx, ast.Load))
        or (isinstance(one, ast.arg) and one.arg == name)
        or (isinstance(one, ast.alias) and name in (one.name, one.asname))
    ]
    text = dict(_said(tree)).get(name)
    return text if len(bound) == 1 and isinstance(text, str) else None


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _file(module: str) -> Path | None:
    """The file of a module, without importing it or its package."""
    loaded = sys.modules.get(module)
    if loaded is not None:
        filename = getattr(loaded, "__file__", None)
        return Path(filename) if filename and filename.endswith(".py") else None
    where: list[str] | None = None
    spec = None
    for piece in module.split("."):
        try:
            spec = importlib.machinery.PathFinder.find_spec(piece, where)
        except (ImportError, ValueError, OSError):
            return None
        if spec is None:
            return None
        where = list(spec.submodule_search_locations or [])
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def _said(tree: ast.Module | ast.ClassDef, written: frozenset[str] = frozenset()) -> list[tuple[str, Any]]:
    """The functions of a module or class, its names that are given a plain value once, and each class in the same way.

    Args:
        written: attributes that the module writes, as it does those in which classes count: they are no constants.
    """
    if isinstance(tree, ast.Module):
        stored = (one for one in ast.walk(tree) if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store))
        written = frozenset(one.attr for one in stored)
    said: dict[str, list[Any]] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            said.setdefault(node.name, []).append(FUNCTION)
        elif isinstance(node, ast.ClassDef):
            said.setdefault(node.name, []).append(_said(node, written))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and not (isinstance(tree, ast.ClassDef) and target.id in written):
                    said.setdefault(target.id, []).append(node.value.value)
    return [(name, values[0]) for name, values in said.items() if len(values) == 1]
