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
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self

from spotmagic.originals import time_ns
from spotmagic.reads import imports, looks, memories, natives, stand_ins, standing, typed, variables
from spotmagic.reads.paths import whole_path, working_directory

_true_open, true_stat, _true_symlink, _true_link = stand_ins.true_open, os.stat, os.symlink, os.link
# In the place of the size of a file to which a run added: it removed the file, or the file was there and a library or a
# child process wrote it unseen, which may have kept a part of what was there; or the run made a link there, and wrote
# through it.
REMOVED, UNSEEN, CHILDS, LINK, THROUGH = range(-1, -6, -1)


class FileState(NamedTuple):
    """What the file system says of a file: as long as this stays, the content does."""

    size: int
    mtime: int
    inode: int
    changed: int

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        """The state that the system tells."""
        return cls(found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns)


class Seen(NamedTuple):
    """What one run noted, as it goes to the run around it."""

    files: dict[str, FileState | None]
    looks: dict[tuple[int, str], list[str]]
    written: tuple[str, ...]
    trouble: str
    added: Mapping[str, int] = MappingProxyType({})


class Noting:
    """What one run reads. It is entered around each attempt.

    Attributes:
        files: the state of each file before it was opened, ``None`` for one that was not there.
        looks: the questions it asked of the file system and their answers, by question and path (see ``looks.py``).
        rewritten: files that were read and then written, or added to and then read.
        folder: the working directory when the run began.
        thread: in which it began.
        trouble: why nobody can know all that it read, or empty.
    """

    def __init__(self) -> None:
        self.files: dict[str, FileState | None] = {}
        self.looks: dict[tuple[int, str], list[str]] = {}
        self.rewritten: dict[str, None] = {}
        self.began, self.folder, self.trouble = time_ns(), working_directory(), ""
        self.thread = threading.current_thread()
        self._written: set[str] = set()
        self._added: dict[str, int] = {}
        self.supposed: dict[str, FileState | None] = {}
        self.outdated: dict[str, str] = {}  # files that changed since a function read them, which keeps what it gave
        self._before: Noting | None = None
        self.around: tuple[Noting, ...] = ()

    def __enter__(self) -> Self:
        self.around = _takers()
        with _guard:
            _users.add(self)
            if len(_users) == 1:
                _install()
        self.resume()
        return self

    def resume(self) -> None:
        """Go on after a pause."""
        self._before = _here.get()
        _here.set(self)
        _open.append(self)

    def pause(self) -> None:
        """Leave off, as a stream does between two items: what others read meanwhile is not read by it."""
        if self in _open:
            _open.remove(self)
        if _here.get() is self:
            _here.set(self._before)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Leave off for good. Twice is the same as once, for whoever was interrupted."""
        self.pause()
        if self in _users:
            for above in self.around:  # what a call inside reads is read by the run around it too
                above.take(self.seen())
            with _guard:
                if len(_users) == 1:
                    _remove()
                _users.discard(self)
        if error is not None:
            _shorten(error)

    def seen(self) -> Seen:
        """What was noted so far."""
        written = *self._written, *self.rewritten
        return Seen(dict(self.files), dict(self.looks), written, self.trouble, dict(self._added))

    def wrote(self) -> dict[str, int | None]:
        """What it wrote, each path with the size that a file had to which it only added, or ``REMOVED``."""
        links = {path: size for path, size in self._added.items() if size in (LINK, THROUGH)}
        return {**self._added, **dict.fromkeys((*self._written, *self.rewritten)), **links}

    def take(self, seen: Seen) -> None:
        """Note what a part of the run noted."""
        for path, state in seen.files.items():
            self.read(path, state)
        for question, answer in seen.looks.items():
            self.ask(*question, answer)
        for path in seen.written:
            self.write(path)
        for path, size in seen.added.items():
            self.add(path, size)
        self.trouble = self.trouble or seen.trouble

    def read(self, path: str, state: FileState | None) -> None:
        """Note a file that is about to be read. What the run itself wrote is no input, but what it added to is."""
        path = self._beyond(path)
        if path not in self._written:
            self.files.setdefault(path, state)
            self.rewritten |= {path: None} if self._added.get(path, -1) >= 0 else {}

    def ask(self, kind: int, path: str, answer: list[str]) -> None:
        """Note a question and its first answer.

        In what the run itself made there is nothing to ask, and the folders above the working directory say where
        somebody works, not what with.
        """
        path = path if kind in looks.BY_NAME else self._beyond(path)
        above = kind == looks.PRESENT and (path == self.folder or self.folder.startswith(os.path.join(path, "")))  # noqa: PTH118
        if (kind, path) not in self.looks and not above and not self.made(path):
            self.looks[kind, path] = answer

    def made(self, path: str) -> bool:
        """Whether the run wrote a file or made a folder, or the folder around it."""
        if path in self._written or self._added.get(path) in (LINK, THROUGH):
            return True
        return any(path.startswith(os.path.join(one, "")) for one in self._written)  # noqa: PTH118

    def write(self, path: str) -> None:
        """Note a file that is about to be written."""
        if path in self._added and self._added[path] in (LINK, THROUGH):
            self._added[path] = THROUGH
        elif path in self.files:
            self.rewritten[path] = None
        else:
            self._written.add(path)

    def add(self, path: str, size: int) -> None:
        """Note a file of this size to which something is about to be added, or that is ``REMOVED`` or ``UNSEEN``."""
        known = self._added.get(path)
        if size == LINK or known is None:
            self._added[path] = size
        elif known == LINK and size >= 0:
            self._added[path] = THROUGH

    def _beyond(self, path: str) -> str:
        """The file that a path leads to over a link that the run made: the link is not there before a hit."""
        links = [one for one, size in self._added.items() if size == LINK]
        over = any(path == one or path.startswith(os.path.join(one, "")) for one in links)  # noqa: PTH118
        return os.path.realpath(path) if over else path


_here: ContextVar[Noting | None] = ContextVar("spotmagic_reads", default=None)
_open: list[Noting] = []
_users: set[Noting] = set()  # who holds the thin functions in their places, paused ones too
_guard = threading.Lock()


def _takers() -> tuple[Noting, ...]:
    """Whose a read is: of the run around it. A plain thread knows of none, so it may be of any that is under way."""
    if not _open:
        return ()
    known = _here.get()
    if known is not None:
        return (known,)
    pool = _pool(threading.current_thread())
    return tuple(noting for noting in list(_open) if not pool or _pool(noting.thread) != pool)


def _pool(thread: threading.Thread) -> str:
    """The executor whose worker a thread is, or empty: what the other workers run has not started what runs here."""
    return thread.name.rpartition("_")[0]


def is_noting() -> bool:
    """Whether a run around this is being noted."""
    return bool(_open) and bool(_takers())


def note(path: Any, *, missing: bool = True) -> None:
    """Note a file that is read now.

    Args:
        missing: that it is not there counts too.
    """
    takers = _takers() if _open else ()
    where = whole_path(path) if takers else None
    if where is None:
        return
    try:
        found = true_stat(where)
    except (OSError, ValueError):
        state = None
    else:
        if not stat.S_ISREG(found.st_mode):
            return
        state = FileState.of(found)
    if state is not None or missing:
        if not any(taker.made(where) for taker in takers):
            memories.remember(where, state)
        for taker in takers:
            taker.read(where, state)


def ask(kind: int, path: str, answer: list[str]) -> None:
    """Note a question that is asked of the system now."""
    takers = _takers() if _open else ()
    where = (path if kind in looks.BY_NAME else whole_path(path)) if takers else None
    if where is not None:
        memories.remember((kind, where), answer)
        for taker in takers:
            taker.ask(kind, where, answer)


def _each(path: Any) -> list[tuple[Noting, str]]:
    """Whose a change of this file is, each with its whole path."""
    takers = _takers() if _open else ()
    where = whole_path(path) if takers else None
    return [] if where is None else [(taker, where) for taker in takers]


def note_written(path: Any) -> None:
    """Note a file that is written now."""
    for taker, where in _each(path):
        taker.write(where)


def note_removed(path: Any) -> None:
    """Note a file that was removed now."""
    for taker, where in _each(path):
        if not taker.made(where):
            taker.add(where, REMOVED)


@functools.wraps(os.symlink)
def _noting_symlink(src: Any, dst: Any, *more: Any, dir_fd: int | None = None, **options: Any) -> None:
    _true_symlink(src, dst, *more, dir_fd=dir_fd, **options)
    for taker, where in _each(dst) if dir_fd is None else ():
        taker.add(where, LINK)


@functools.wraps(os.link)
def _noting_link(src: Any, dst: Any, **options: Any) -> None:
    _true_link(src, dst, **options)
    if options.get("dst_dir_fd") is None:
        note_written(dst)


def note_filled(path: Any) -> None:
    """Note what a library writes now: a file as a whole, or into a folder, unseen what if that is there."""
    for taker, where in _each(path):
        if not os.path.isdir(where) or taker.made(where):  # noqa: PTH112
            taker.write(where)
        else:
            taker.add(where, UNSEEN)


def note_added(path: Any) -> None:
    """Note a file to which something is added now."""
    for taker, where in _each(path):
        taker.add(where, true_stat(where).st_size if os.path.exists(where) else 0)  # noqa: PTH110


def here() -> Noting | None:
    """What notes the run around this."""
    return _here.get()


def note_elsewhere(seen: Seen) -> None:
    """Let the run around this have read and written what a part of it did in another process."""
    for taker in _takers() if _open else ():
        taker.take(seen)


def spoil(why: str) -> None:
    """Say that what the run around this reads cannot be known."""
    for taker in _takers() if _open else ():
        taker.trouble = taker.trouble or why


@functools.wraps(_true_open)
def _noting_open(
    file: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None, errors: str | None = None,
    newline: str | None = None, closefd: bool = True, opener: Any = None,
) -> Any:  # fmt: skip
    if _open and mode.__class__ is str:
        if "w" in mode or "x" in mode:
            note_written(file)
        else:
            typed.note_device(file)
            (note_added if "a" in mode else note)(file)
            if "+" in mode:
                (note if "a" in mode else note_written)(file)
    return _true_open(file, mode, buffering, encoding, errors, newline, closefd, opener)


def _install() -> None:
    typed.install_typed()
    stand_ins.install()  # it sees which modules have come
    natives.install()
    looks.install_looks()
    variables.install_variables()
    imports.install_imports()
    standing.noting = True


def _remove() -> None:
    standing.noting = False
    stand_ins.remove()
    natives.remove()
    imports.remove_imports()
    variables.remove_variables()


def _after_fork() -> None:
    """In a forked child: of those who noted only the runs go on that the forking thread was in."""
    global _guard
    _guard = threading.Lock()
    stand_ins.forked()
    own, at = list[Noting](), _here.get()
    while at is not None and at not in own:
        own.append(at)
        at = at._before
    _open[:] = [noting for noting in _open if noting in own]
    _users.intersection_update(own)
    if not _users:
        _remove()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


standing.ask, standing.note, standing.spoil, standing.note_filled = ask, note, spoil, note_filled
standing.note_written, standing.note_removed, standing.here = note_written, note_removed, here
stand_ins.add([(space, "open", _true_open, _noting_open) for space in (vars(builtins), vars(io))])
stand_ins.add(looks.IN_MODULES)
_LINKS = ((_true_symlink, _noting_symlink), (_true_link, _noting_link))
stand_ins.add([(vars(os), true.__name__, true, ours) for true, ours in _LINKS])
for _able in (os.supports_dir_fd, os.supports_follow_symlinks):
    _able.update({ours for true, ours in _LINKS if true in _able})


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


_ours: tuple[Any, ...] = (_noting_open, _noting_symlink, _noting_link)
_CODES = (natives.CODES, looks.CODES, variables.CODES, typed.CODES)
_OURS: frozenset[Any] = frozenset({one.__code__ for one in _ours}.union(*_CODES))
