"""Whose code it is, and where it was written.

The user's (notebook, project) counts by what it says, installed packages and Python by name. In code that came from
another process its files and cells have other names or none.
"""

from __future__ import annotations

import functools
import linecache
import os
import sys
import sysconfig
import types
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from spotmagic.code.wrapped import closed_over, unwrapped

MAINS = ("__main__", "__mp_main__", None)
"""The names of the module that a notebook or script is: its own, what it is called in a process that it spawned."""
_INSTALLED_FOLDERS = frozenset({"site-packages", "dist-packages"})
_OWN = str(Path(__file__).resolve().parent.parent)


@functools.cache
def _python_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {paths.get("stdlib"), paths.get("platstdlib"), str(Path(functools.__file__).parent)}
    return tuple(folder for found in folders if found for folder in {found, str(Path(found).resolve())})


@functools.lru_cache(4096)
def is_user_file(filename: str) -> bool:
    """Whether code in this file is the user's. Names that are no files (cells, ``<string>``) are."""
    if filename.startswith("<"):
        return not filename.startswith(("<frozen ", "<__array_function__", "<attrs generated", "<decorator-gen"))
    path = Path(filename)
    if not _INSTALLED_FOLDERS.isdisjoint(path.parts):
        return False
    return not any(_inside(filename, folder) for folder in (*_python_folders(), _OWN))


def is_user_module(name: str | None) -> bool:
    """Whether the module of this name is the user's: ``__main__``, or loaded from a file that is."""
    if name in MAINS[:2]:
        return True
    module = sys.modules.get(name or "")
    return isinstance(module, ModuleType) and is_user(module)


def is_user(module: ModuleType) -> bool:
    """Whether a module object is the user's. One made by hand (no loader, no file) is."""
    if module.__name__ in MAINS:
        return True
    filename = getattr(module, "__file__", None)
    if filename:
        return is_user_file(filename)
    folders = getattr(module, "__path__", None)  # a namespace package
    if folders:
        return all(is_user_file(str(Path(folder) / "x.py")) for folder in folders)
    # they have no file either
    if module.__name__ in sys.builtin_module_names or module.__name__.startswith("_cython_"):
        return False
    return getattr(module, "__spec__", None) is None


def _inside(filename: str, folder: str) -> bool:
    return filename.startswith(folder) and filename[len(folder) : len(folder) + 1] in ("/", "\\")


# -- code from another process ----------------------------------------------------------------------------------------

_Code = tuple[str, int, bytes, tuple[str, ...]]


class Written(NamedTuple):
    """Where functions were written.

    Attributes:
        files: the file name of each code.
        texts: what is written in the user's files and cells, by file name.
        process: what tells the process that says so from others.
    """

    files: dict[_Code, str]
    texts: dict[str, str]
    process: bytes


_PROCESS = os.urandom(16)
_files: dict[_Code, str] = {}
_travelled: weakref.WeakSet[types.FunctionType] = weakref.WeakSet()


def file_of(code: types.CodeType) -> str:
    """The name of the file or cell that a code was written in, also if it was taken apart on its way here."""
    return _files.get(_known(code), code.co_filename) if _files else code.co_filename


def written(value: Any) -> Written:
    """Where a function was written, and all that its notebook or script holds: what it is called with comes along."""
    files = {_known(one.__code__): file_of(one.__code__) for one in _functions(value)}
    names = filter(is_user_file, dict.fromkeys(files.values()))
    texts = {name: "".join(linecache.getlines(name)) for name in names}
    return Written(files, {name: text for name, text in texts.items() if text}, _PROCESS)


def arrived(here: Written, function: Callable[..., Any]) -> None:
    """Take in a function that comes from another process, and where it and what it uses were written."""
    one = unwrapped(function)
    if isinstance(one, types.FunctionType) and here.process != _PROCESS:  # a copy within this process comes from here
        _travelled.add(one)
    _files.update(here.files)
    for name, text in here.texts.items():
        # A file of that name here may say something else, and tracebacks of this process are about that one.
        if name not in linecache.cache and not Path(name).exists():
            linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name


def is_elsewhere(name: str) -> bool:
    """Whether a name of the notebook or script is known where a function here came from, and not here.

    cloudpickle brings the classes of a notebook into a worker without putting them into its ``__main__``.
    """
    return bool(_travelled) and name not in vars(sys.modules["__main__"])


def brought(path: str) -> Iterator[Any]:
    """What a name of the notebook or script (``Doc``, ``Doc.Part``) may stand for in what came here from there."""
    if not _travelled:
        return
    name, *steps = path.split(".")
    for place in {id(one.__globals__): one.__globals__ for one in list(_travelled)}.values():
        if name in place:
            yield functools.reduce(lambda found, step: getattr(found, step, None), steps, place[name])
    todo: list[type] = [object]  # an argument brings its class alone
    while todo:
        kinds: list[type] = type.__subclasses__(todo.pop())
        yield from (kind for kind in kinds if kind.__module__ in MAINS and kind.__qualname__ == path)
        todo += kinds


def _known(code: types.CodeType) -> _Code:
    return code.co_qualname, code.co_firstlineno, code.co_code, code.co_names


def _functions(value: Any) -> Iterator[types.FunctionType]:
    """The functions of a value and of the module that a notebook or script is, with those inside them."""
    todo, seen = [value], set[int]()
    if getattr(unwrapped(value), "__module__", None) in MAINS:
        todo += list(vars(sys.modules["__main__"]).values())
    while todo:
        one = unwrapped(todo.pop())
        if id(one) in seen:
            continue
        seen.add(id(one))
        if issubclass(type(one), types.FunctionType):
            yield one
            todo += [*closed_over(one).values(), vars(one).get("__wrapped__")]
        elif issubclass(type(one), type):
            todo += list(vars(one).values()) if one.__module__ in MAINS else []
        elif issubclass(type(one), staticmethod | classmethod | types.MethodType):
            todo.append(one.__func__)
        elif issubclass(type(one), property):
            todo += [one.fget, one.fset]
