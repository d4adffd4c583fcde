"""What runs now: the call that the user's code is inside of, and all calls of a folder for whoever looks at it.

A process writes its calls on one small page of memory that is mapped to a file. That costs no system call, so that
calls of microseconds can afford it. It holds the lock of its page: what one that died has left there counts for
nothing, and whoever reads next removes it.
"""

from __future__ import annotations

import functools
import os
import secrets
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar
from mmap import mmap
from pathlib import Path
from typing import NamedTuple, Protocol

from spotmagic import files


class Running:
    """The call being run. Outside a call its methods do nothing."""

    __slots__ = ()

    def cost(self, *, tokens: float) -> None:
        """Tell the limit what the call did cost, once that is known."""

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Tell how far the call is; whoever follows it as a job sees that."""


class Follower(Protocol):
    """Who follows a call that runs."""

    def follow(self, done: float, total: float | None, note: str) -> None:
        """How far the call is. Raises ``KeyboardInterrupt`` when the call is to stop."""
        ...


class Attempt(Running):
    """One attempt of a call.

    Attributes:
        actual: the cost the user's code told, or ``None``.
        priced: it has a price, which calls inside it are a part of.
        spent_inside: what calls inside it cost.
        follower: who is told how far it is.
        asked_inside: it called what is kept: the answers of these are not its own.
    """

    __slots__ = ("actual", "asked_inside", "follower", "priced", "spent_inside")

    def __init__(self, priced: bool = False) -> None:
        self.actual: float | None = None
        self.priced, self.spent_inside, self.asked_inside = priced, 0.0, False
        self.follower: Follower | None = None

    def cost(self, *, tokens: float) -> None:
        self.actual = (self.actual or 0.0) + tokens

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        if self.follower is not None:
            self.follower.follow(done, total, note)


_OUTSIDE = Running()
now_running: ContextVar[Running] = ContextVar("spotmagic_running", default=_OUTSIDE)


def outer() -> Attempt | None:
    """The attempt that this code runs in, or ``None`` outside of a call."""
    found = now_running.get()
    return found if isinstance(found, Attempt) else None


def asked_inside() -> None:
    """Tell the call around, if there is one, that what is kept was asked inside it."""
    around = outer()
    if around is not None:
        around.asked_inside = True


def running() -> Running:
    """The call being run: ``running().cost(tokens=n)`` inside a limited function. Outside a call it does nothing."""
    return now_running.get()


PAGES = "running"
LINES = 64  # calls of one process that are shown at once
_LINE = struct.Struct("<d8s112s")  # since when, 0 for a free line; the kind; the name, cut
_BLANK = bytes(8)


class Runs(NamedTuple):
    """A call that runs.

    Attributes:
        since: seconds since 1970.
    """

    name: str
    kind: str
    since: float


class Sign(NamedTuple):
    """Where a call stands on a page. A page that was left behind in a fork is not written to."""

    page: mmap | bytearray
    line: int


class Board:
    """What this process runs in a folder. Without a folder that can be written to, it is told to this process alone."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        files.reopen_after_fork(self)
        self._fresh()

    def _fresh(self) -> None:
        self._guard = threading.Lock()
        self._page: mmap | bytearray | None = None
        self._free: list[int] = []
        self._path: Path | None = None
        self._fd = -1

    def begin(self, name: str, kind: str, now: float) -> Sign | None:
        """Tell that a call runs. ``None`` where too many do already."""
        page = self._page
        if page is None:
            page = self._open()
        try:
            line = self._free.pop()
        except IndexError:
            return None
        # Whoever reads while this is written may see half a name for a moment. Nothing is decided by it.
        _LINE.pack_into(page, line, now, *_packed(name, kind))
        return Sign(page, line)

    def end(self, sign: Sign | None) -> None:
        """Tell that it has ended."""
        if sign is not None and sign.page is self._page:
            sign.page[sign.line : sign.line + 8] = _BLANK
            self._free.append(sign.line)

    def running(self) -> list[Runs]:
        """What runs in every process of the folder, the longest first."""
        found = [] if self._page is None else list(_lines(self._page))
        for path in self._others():
            found += _read(path)
        return sorted(found, key=lambda one: one.since)

    def close(self) -> None:
        """Take the page away."""
        fd, path = self._fd, self._path
        self._fresh()
        if path is not None:
            path.unlink(missing_ok=True)
        if fd >= 0:
            os.close(fd)

    def forked(self) -> None:
        """Start anew in a forked child: the page is the parent's."""
        fd = self._fd
        self._fresh()
        if fd >= 0:
            os.close(fd)

    def _others(self) -> list[Path]:
        try:
            pages = [] if self._folder is None else list((self._folder / PAGES).iterdir())
        except OSError:
            return []
        return [path for path in pages if path.suffix == ".page" and path != self._path]

    def _open(self) -> mmap | bytearray:
        with self._guard:
            if self._page is None:
                self._free = [line * _LINE.size for line in reversed(range(LINES))]
                page: mmap | bytearray = bytearray(LINES * _LINE.size)
                with suppress(OSError):
                    page = self._mapped()
                self._page = page
            return self._page

    def _mapped(self) -> mmap:
        """A page that others see. It gets its name when it is locked, so that nobody takes it for a dead one's."""
        if self._folder is None or not self._folder.is_dir():
            raise FileNotFoundError
        files.make_folder(self._folder / PAGES)
        path = self._folder / PAGES / f"{os.getpid()}-{secrets.token_hex(4)}.page"
        fd = files.open_private(path.with_suffix(".new"), os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            files.write_at(fd, bytes(LINES * _LINE.size), 0)  # memory over a hole ends the process on a full disk
            page = files.map_shared(fd, LINES * _LINE.size)
            files.lock_byte(fd, 0)
            path.with_suffix(".new").rename(path)
        except BaseException:
            os.close(fd)
            raise
        self._path, self._fd = path, fd
        return page

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()


@functools.lru_cache(512)
def _packed(name: str, kind: str) -> tuple[bytes, bytes]:
    return kind.encode(errors="replace"), name.encode(errors="replace")


def _lines(page: bytes | bytearray | mmap) -> Iterator[Runs]:
    for since, kind, name in _LINE.iter_unpack(page[: LINES * _LINE.size]):
        if since > 0:
            yield Runs(name.rstrip(b"\0").decode(errors="ignore"), kind.rstrip(b"\0").decode(errors="ignore"), since)


def _read(path: Path) -> list[Runs]:
    """What the process of a page runs; nothing, and the page is gone, when it has died."""
    try:
        fd = files.open_private(path, os.O_RDONLY)
    except OSError:
        return []
    try:
        if not files.byte_is_locked(fd, 0):
            path.unlink(missing_ok=True)
            return []
        page = files.read_at(fd, LINES * _LINE.size, 0)
    except OSError:
        return []
    finally:
        os.close(fd)
    return list(_lines(page)) if len(page) == LINES * _LINE.size else []
