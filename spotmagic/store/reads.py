"""Files that a run opens for reading, noted while it runs.

Thin functions stand in the places of ``open`` while anything is being noted, and only then. Who kept one of them calls
the true ``open`` through it for ever.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
import stat
import sys
import sysconfig
import threading
import time
from contextvars import ContextVar, Token
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from spotmagic.store import readers

_true_open = io.open
# Where tools keep caches and settings of their own: matplotlib writes the list of fonts in the first run that draws.
_OF_TOOLS = (
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "MPLCONFIGDIR",
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
)
_IN_HOME = (".cache", ".config", ".ipython", ".jupyter", ".local/share/jupyter", ".matplotlib")
# Who looks at source does not read data; the rest is Python's, ours, or the user's cells.
_LEFT_ALONE = frozenset({"tokenize", "linecache", "builtins", "io", "_io", "spotmagic", "__main__"})


class State(NamedTuple):
    """What the file system says of a file: as long as this stays, the content does."""

    size: int
    mtime: int
    inode: int


class Noting:
    """What one run reads. It is entered around each attempt.

    Attributes:
        files: the state of each file before it was opened, ``None`` for one that was not there.
        rewritten: files that were read and then written.
        folder: the working directory when the run began.
        pool: the executor in whose worker the run began, or empty.
        trouble: why nobody can know all that it read, or empty.
    """

    def __init__(self) -> None:
        self.files: dict[str, State | None] = {}
        self.rewritten: dict[str, None] = {}
        self.began, self.folder, self.trouble = time.time_ns(), _working_directory(), ""
        self.pool = _pool()
        self._written: set[str] = set()
        self._tokens: list[Token[Noting | None]] = []
        self._above: tuple[Noting, ...] = ()

    def __enter__(self) -> Self:
        self._above = _takers()
        self._tokens.append(_here.set(self))
        _install(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        _remove(self)
        _here.reset(self._tokens.pop())
        for above in self._above:  # what a call inside reads is read by the run around it too
            for path, state in list(self.files.items()):
                above.read(path, state)
            for path in [*self._written, *self.rewritten]:
                above.write(path)
            above.trouble = above.trouble or self.trouble
        _shorten(error)

    def read(self, path: str, state: State | None) -> None:
        """Note a file that is about to be read. What the run itself wrote is no input."""
        if path not in self._written:
            self.files.setdefault(path, state)

    def write(self, path: str) -> None:
        """Note a file that is about to be written."""
        if path in self.files:
            self.rewritten[path] = None
        else:
            self._written.add(path)


_here: ContextVar[Noting | None] = ContextVar("spotmagic_reads", default=None)
_open: list[Noting] = []
_guard = threading.Lock()
_places: list[tuple[dict[str, Any], str]] = []
_searched: dict[str, int] = {}
_spots: set[str] = set()


def _takers() -> tuple[Noting, ...]:
    """Whose a read is: of the run around it. A plain thread knows of none, so it may be of any that is under way."""
    known = _here.get()
    if known is not None:
        return (known,)
    pool = _pool()
    return tuple(noting for noting in list(_open) if not pool or noting.pool != pool)


def _pool() -> str:
    """The executor whose worker this thread is: what the other workers run has not started what runs here."""
    return threading.current_thread().name.rpartition("_")[0]


def is_noting() -> bool:
    """Whether a run around this is being noted."""
    return bool(_open) and bool(_takers())


def note(path: Any, *, missing: bool = True) -> None:
    """Note a file that is read now.

    Args:
        missing: that it is not there counts too.
    """
    takers = _takers() if _open else ()
    where = _path(path) if takers else None
    if where is None:
        return
    try:
        found = os.stat(where)  # noqa: PTH116 (three times as fast)
    except (OSError, ValueError):
        state = None
    else:
        if not stat.S_ISREG(found.st_mode):
            return
        state = State(found.st_size, found.st_mtime_ns, found.st_ino)
    if state is not None or missing:
        for taker in takers:
            taker.read(where, state)


def note_written(path: Any) -> None:
    """Note a file that is written now."""
    takers = _takers() if _open else ()
    where = _path(path) if takers else None
    if where is not None:
        for taker in takers:
            taker.write(where)


def spoil(why: str) -> None:
    """Say that what the run around this reads cannot be known."""
    for taker in _takers() if _open else ():
        taker.trouble = taker.trouble or why


def leave_out(folder: Path) -> None:
    """Never note files in a folder: it is ours."""
    _spots.add(os.path.join(os.path.abspath(folder), ""))  # noqa: PTH118, PTH100


def _path(path: Any) -> str | None:
    """The whole path of a file that counts. Files of the system, of Python, of packages and of caches do not."""
    if isinstance(path, int) or not isinstance(path, str | bytes | os.PathLike):
        return None
    try:
        where = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
    except Exception:  # the true ``open`` says what is wrong with it
        return None
    return None if where.startswith((*_elsewhere(_working_directory()), *_spots)) or ".spotmagic" in where else where


def _working_directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:  # it was deleted
        return os.sep


@functools.lru_cache(maxsize=16)
def _elsewhere(folder: str) -> tuple[str, ...]:
    home = os.path.expanduser("~")  # noqa: PTH111
    packages = [*sysconfig.get_paths().values(), *_site_packages()]
    prefixes = [sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()]
    kept = [one for one in prefixes if (one in packages and "packages" in one) or not _is_in(folder, one)]
    said = [os.environ.get(name) for name in _OF_TOOLS]
    own = [*(os.path.abspath(one) for one in said if one), *(f"{home}/{one}" for one in _IN_HOME)]  # noqa: PTH100
    system = ["/dev", "/proc", "/sys", "/etc", "/usr/lib", "/usr/share", "/usr/local/lib"]
    return tuple({os.path.join(one, "") for one in [*kept, *_site_packages(), *own, *system]})  # noqa: PTH118


def _site_packages() -> list[str]:
    return [one for one in sys.path if one.endswith(("site-packages", "dist-packages"))]


def _is_in(folder: str, other: str) -> bool:
    return folder.startswith(os.path.join(other, ""))  # noqa: PTH118


@functools.wraps(_true_open)
def _noting_open(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    if _open and mode.__class__ is str:
        if "w" in mode or "x" in mode:
            note_written(file)
        elif "a" not in mode:
            note(file)
            if "+" in mode:
                note_written(file)
    return _true_open(file, mode, buffering, encoding, errors, newline, closefd, opener)


def _install(noting: Noting) -> None:
    with _guard:
        _open.append(noting)
        if len(_open) > 1:
            return
        for space, name in [(vars(builtins), "open"), (vars(io), "open"), *_taken()]:
            if space.get(name) is _true_open:
                space[name] = _noting_open
                _places.append((space, name))
        readers.install(note)


def _remove(noting: Noting) -> None:
    with _guard:
        _open.remove(noting)
        if _open:
            return
        for space, name in _places:
            if space.get(name) is _noting_open:
                space[name] = _true_open
        _places.clear()
        readers.remove()


_found: list[tuple[dict[str, Any], str]] = []
_modules: tuple[int, str] = 0, ""  # how many were loaded at the last search, and which of them last


def _taken() -> list[tuple[dict[str, Any], str]]:
    """Where modules keep an ``open`` of their own, such as ``bz2`` and IPython, cells left out."""
    global _modules
    now = len(sys.modules), next(reversed(sys.modules))
    if now == _modules:
        return _found
    _modules = now
    for module_name, module in list(sys.modules.items()):
        if _searched.get(module_name) == id(module):
            continue
        _searched[module_name] = id(module)
        space = getattr(module, "__dict__", None)
        if type(space) is dict and module_name.partition(".")[0] not in _LEFT_ALONE:
            _found.extend((space, name) for name, value in list(space.items()) if value is _true_open)
    return _found


def _shorten(error: BaseException | None) -> None:
    """Take our frames out of the traceback of a user's error."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = _without_ours(error.__traceback__)
        error = error.__cause__ or error.__context__


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    first = trace
    while first is not None and first.tb_frame.f_code in _OURS:
        first = first.tb_next
    at = first
    while at is not None:
        while at.tb_next is not None and at.tb_next.tb_frame.f_code in _OURS:
            at.tb_next = at.tb_next.tb_next
        at = at.tb_next
    return first


_OURS: frozenset[Any] = frozenset({_noting_open.__code__, *readers.CODES})  # type: ignore[attr-defined]
