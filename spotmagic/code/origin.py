"""Whose code it is: the user's (notebook, project) counts by what it says, installed packages and Python by name."""

from __future__ import annotations

import functools
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

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
