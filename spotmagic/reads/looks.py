"""What a run asks of the system without opening a file: lists of folders, patterns, whether a path is there.

Each question and its answer is an input of the run. A result holds as long as the same question has the same answer.
"""

from __future__ import annotations

import functools
import genericpath
import glob
import importlib.machinery
import os
import pathlib
import stat
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import xxhash

from spotmagic.reads import standing

# What was asked. Stands in the place of a file's size, which is never negative.
LISTED, GLOBBED, GLOBBED_BELOW, PATH_GLOBBED, PRESENT, VARIABLE, LINKED, TIMED, MODED, CHOSEN = range(-2, -12, -1)
NAMED, CODE = -12, -13
VARIABLES = (VARIABLE, CHOSEN, NAMED)  # these are asked by the name of a variable, not by a path
BY_NAME = (*VARIABLES, CODE)  # and these by a name of any sort
UNKNOWN = "?"  # begins an answer that nobody can know; why follows

_listdir, _scandir, _stat, _lstat, _access, _open = os.listdir, os.scandir, os.stat, os.lstat, os.access, os.open
_mkdir, _readlink, _replace, _rename = os.mkdir, os.readlink, os.replace, os.rename
_remove, _unlink, _rmdir = os.remove, os.unlink, os.rmdir
_get_data: Any = importlib.machinery.SourceFileLoader.get_data
_iglob, _path_glob = glob.iglob, pathlib.Path.glob
# Who finds code and shows it asks for no data.
OF_IMPORTS = frozenset({
    "importlib", "importlib_metadata", "importlib_resources", "linecache", "inspect", "tokenize", "pkgutil",
    "pkg_resources", "traceback", "warnings", "zipimport", "site", "sysconfig", "sys", "IPython", "ipykernel",
    "spotmagic",
})  # fmt: skip
# These ask for others: who called them counts.
_BETWEEN = frozenset({"os", "posixpath", "genericpath", "pathlib", "glob", "shutil", "tempfile", "contextlib"})
_BETWEEN |= {"collections"}
_PRESENCE = frozenset(
    getattr(space, name).__code__
    for space, names in (
        (genericpath, "exists isfile isdir"), (os.path, "lexists"), (pathlib.Path, "exists is_file is_dir"),
    )
    for name in names.split()
    if hasattr(getattr(space, name, None), "__code__")
)  # fmt: skip

_within = threading.local()  # ``deep``: inside a question that is noted as a whole
_placed = False  # the noting functions stand in their classes


def names(kind: int, path: str) -> list[str]:
    """The answer to a question now, sorted. One that cannot be asked has none."""
    try:
        if kind == LISTED:
            return sorted(_listdir(path or "."))
        if kind in _OF_ONE:
            return _OF_ONE[kind](path)
        _within.deep = True
        try:
            if kind == PATH_GLOBBED:
                base = pathlib.Path(os.sep if path.startswith(os.sep) else ".")
                return sorted(map(os.fspath, _path_glob(base, path.lstrip(os.sep))))
            return sorted(_iglob(path, recursive=kind == GLOBBED_BELOW))
        finally:
            _within.deep = False
    except (OSError, ValueError, NotImplementedError, IndexError, KeyError):
        return []


def digest(found: Iterable[str], folder: str = "") -> str:
    """What stands for an answer. Paths below a folder count from there."""
    below = os.path.join(folder, "") if folder else ""  # noqa: PTH118
    text = "\0".join(sorted(one[len(below) :] if below and one.startswith(below) else one for one in found))
    told: str = xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogateescape"))
    return told


def _kind_of(path: str) -> str:
    try:
        mode = _stat(path).st_mode
    except (OSError, ValueError):
        return ""
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"


_OF_ONE: dict[int, Callable[[str], list[str]]] = {
    PRESENT: lambda path: [_kind_of(path)],
    LINKED: lambda path: [_readlink(path)],
    TIMED: lambda path: [str(_stat(path).st_mtime_ns)],
    MODED: lambda path: [str(_stat(path).st_mode)],
}
"""What is answered by one thing, by the question."""


def add_answers(answers: dict[int, Callable[[str], list[str]]]) -> None:
    """Take what answers questions of other kinds, by the question."""
    _OF_ONE.update(answers)


def install_looks() -> None:
    """Put the noting functions of classes in place, to stay there: Python forgets what it knew of a changed one."""
    global _placed
    if not _placed:
        _placed = True
        for owner, name, true, ours in _IN_CLASSES:
            if getattr(owner, name) is true:
                setattr(owner, name, ours)


def _is_asked() -> bool:
    """Whether who calls is after data."""
    return standing.noting and not is_deep() and asker(3)[0] not in OF_IMPORTS


def is_deep() -> bool:
    """Whether who asks is part of a question that is noted as a whole."""
    return getattr(_within, "deep", False)


def asker(depth: int = 2) -> tuple[str, Any]:
    """Who asks: the package, empty for the last one of all, and the frame."""
    frame: Any = sys._getframe(depth)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        root = name.partition(".")[0] if isinstance(name, str) else ""
        if root not in _BETWEEN:
            return root, frame
        frame = frame.f_back
    return "", None


def is_package(root: str, frame: Any) -> bool:
    """Whether it is an installed package: neither the user nor Python."""
    if frame is None or root in sys.stdlib_module_names:
        return False
    return "site-packages" in frame.f_code.co_filename or "dist-packages" in frame.f_code.co_filename


def users(root: str, frame: Any) -> Any:
    """The code of a frame whose module is of this package, if it is the user's."""
    mine = frame is not None and root not in OF_IMPORTS | sys.stdlib_module_names and not is_package(root, frame)
    return frame.f_code if mine else None


def _told(kind: int, path: Any, answer: Callable[[], list[str]]) -> None:
    """Note a question. Our trouble is never the user's."""
    try:
        if isinstance(path, str | bytes | os.PathLike):
            standing.ask(kind, os.fsdecode(path), answer())
    except (OSError, ValueError, TypeError):
        pass


@functools.wraps(_listdir)
def _noting_listdir(path: Any = None) -> Any:
    found = _listdir(path)
    if _is_asked():
        _told(LISTED, "." if path is None else path, lambda: sorted(os.fsdecode(one) for one in found))
    return found


@functools.wraps(_scandir)
def _noting_scandir(path: Any = None) -> Any:
    found = _scandir(path)
    if _is_asked():
        _told(LISTED, "." if path is None else path, lambda: names(LISTED, os.fsdecode("." if path is None else path)))
    return found


@functools.wraps(_stat)
def _noting_stat(path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> Any:
    if dir_fd is None and _is_asked():
        _told_of_stat(path)
    return _stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)


@functools.wraps(_lstat)
def _noting_lstat(path: Any, *, dir_fd: int | None = None) -> Any:
    if dir_fd is None and sys._getframe(1).f_code in _PRESENCE and _is_asked():  # not ``realpath``
        _told_present(path)
    return _lstat(path, dir_fd=dir_fd)


@functools.wraps(_readlink)
def _noting_readlink(path: Any, *, dir_fd: int | None = None) -> Any:
    if dir_fd is None and standing.noting and users(*asker()) is not None:
        _told(LINKED, path, lambda: names(LINKED, os.fsdecode(path)))
    return _readlink(path, dir_fd=dir_fd)


@functools.wraps(_access)
def _noting_access(path: Any, mode: int, **options: Any) -> Any:
    if not options and _is_asked():
        _told_present(path)
        if mode != os.F_OK and users(*asker()) is not None:
            _told(MODED, path, lambda: names(MODED, os.fsdecode(path)))
    return _access(path, mode, **options)


@functools.wraps(_open)
def _noting_open(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    if dir_fd is None and _is_asked():
        if flags & (os.O_WRONLY | os.O_RDWR):
            if flags & (os.O_CREAT | os.O_TRUNC):
                standing.note_written(path)
        elif not flags & getattr(os, "O_DIRECTORY", 0):
            standing.note(path)
    return _open(path, flags, mode, dir_fd=dir_fd)


@functools.wraps(_get_data)
def _noting_get_data(self: Any, path: Any) -> Any:
    """Data beside a module, or its code: that of a module which no name finds counts as a file."""
    if standing.noting:
        loaded = sys.modules.get(getattr(self, "name", ""))
        if not os.fspath(path).endswith((".py", ".pyc")):
            standing.note(path)
        elif getattr(getattr(loaded, "__spec__", None), "loader", None) is not self:
            standing.note(self.path)
    return _get_data(self, path)


@functools.wraps(_mkdir)
def _noting_mkdir(path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
    _mkdir(path, mode, dir_fd=dir_fd)
    if dir_fd is None and standing.noting:
        standing.note_written(path)


def _noting_change(true: Any) -> Any:
    """What moves or removes a file: the first path that it is given is gone, and another is there."""

    @functools.wraps(true)
    def noting(*paths: Any, **options: Any) -> None:
        true(*paths, **options)
        if not any(options.values()) and _is_asked():  # `shutil.rmtree` says `dir_fd=None` of the folder itself
            standing.note_removed(paths[0])
            for path in paths[1:]:
                standing.note_written(path)

    return noting


@functools.wraps(_iglob)
def _noting_iglob(pathname: Any, **options: Any) -> Iterator[Any]:
    plain = options.get("dir_fd") is None and not options.get("include_hidden")
    if not plain or not _is_asked():
        return _iglob(pathname, **options)
    found = _whole(lambda: _iglob(pathname, **options))
    try:
        text = os.path.join(os.fsdecode(options.get("root_dir") or ""), os.fsdecode(pathname))  # noqa: PTH118
    except TypeError:
        return iter(found)
    kind = GLOBBED_BELOW if options.get("recursive") else GLOBBED
    _told(kind, text, lambda: names(kind, os.path.abspath(text)))  # noqa: PTH100
    return iter(found)


def _noting_glob(true: Any, below: str) -> Any:
    @functools.wraps(true)
    def noting(self: pathlib.Path, pattern: Any, **options: Any) -> Iterator[Any]:
        if options or not isinstance(pattern, str) or not _is_asked():
            return iter(true(self, pattern, **options))
        base = os.path.abspath(self)  # noqa: PTH100
        if glob.has_magic(base):
            return iter(true(self, pattern))
        found = _whole(lambda: true(self, pattern))
        text = f"{base.rstrip(os.sep)}/{below}{pattern}"
        _told(PATH_GLOBBED, text, lambda: names(PATH_GLOBBED, text))
        return iter(found)

    return noting


def _whole(ask: Callable[[], Iterable[Any]]) -> list[Any]:
    """The answer to a question, whose own questions do not count."""
    _within.deep = True
    try:
        return list(ask())
    finally:
        _within.deep = False


def _told_of_stat(path: Any) -> None:
    """Whether the path is there, or all of the file where its size or time may be what is asked for."""
    caller: Any = sys._getframe(2)
    if caller.f_code is pathlib.Path.stat.__code__:
        caller = caller.f_back
    _told_present(path)
    if caller.f_code not in _PRESENCE and caller.f_globals.get("__name__") not in _BETWEEN - {"genericpath"}:
        standing.note(path, missing=False)
    code = users(*asker(3))
    named = () if code is None else code.co_names
    for kind, words in _STATED.items():
        if not words.isdisjoint(named):
            _told(kind, path, functools.partial(names, kind, os.fsdecode(path)))


# Of all that a ``stat`` tells, the user's code asks for what it names.
_STATED = {TIMED: frozenset({"getmtime", "st_mtime", "st_mtime_ns"}), MODED: frozenset({"st_mode"})}


def _told_present(path: Any) -> None:
    _told(PRESENT, path, lambda: [_kind_of(os.fsdecode(path))])


IN_MODULES: tuple[tuple[dict[str, Any], str, Any, Any], ...] = (
    (vars(os), "listdir", _listdir, _noting_listdir),
    (vars(os), "scandir", _scandir, _noting_scandir),
    (vars(os), "stat", _stat, _noting_stat),
    (vars(os), "lstat", _lstat, _noting_lstat),
    (vars(os), "access", _access, _noting_access),
    (vars(os), "open", _open, _noting_open),
    (vars(os), "mkdir", _mkdir, _noting_mkdir),
    (vars(os), "readlink", _readlink, _noting_readlink),
    (vars(glob), "iglob", _iglob, _noting_iglob),
    *((vars(os), true.__name__, true, _noting_change(true)) for true in (_replace, _rename, _remove, _unlink, _rmdir)),
)
_IN_CLASSES: tuple[tuple[Any, str, Any, Any], ...] = (
    (pathlib.Path, "glob", _path_glob, _noting_glob(_path_glob, "")),
    (pathlib.Path, "rglob", pathlib.Path.rglob, _noting_glob(pathlib.Path.rglob, "**/")),
    (importlib.machinery.SourceFileLoader.__mro__[1], "get_data", _get_data, _noting_get_data),
)
_ours: list[Any] = [_whole.__code__, *(place[3].__code__ for place in (*IN_MODULES, *_IN_CLASSES))]
CODES = frozenset(_ours) | {inner for code in _ours for inner in code.co_consts if isinstance(inner, type(code))}
for _able in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):  # ours can what the true ones can
    _able.update({ours for _, _, true, ours in (*IN_MODULES, *_IN_CLASSES) if true in _able})
