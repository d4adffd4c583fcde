"""A journal: the one file that a process appends its records to, and how its readers see it."""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from spotmagic import files
from spotmagic.store.entry import Piece
from spotmagic.store.layout import NewerFormatError
from spotmagic.store.record import FILE_MAGIC, Frame, scan


class Journal:
    """A journal that this process owns: it holds the file's lock until it closes it or dies.

    Attributes:
        end: where the next record begins; all before it is whole.
        synced: up to where it is known to outlast a power cut.
        unsure: an append did not come to its end; :meth:`settle` finds out what became of it.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, folder: Path, started: int) -> None:
        while True:
            self.path = folder / f"{started:016x}-{os.getpid()}-{secrets.token_hex(6)}.log"
            self.fd = files.open_private(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            try:
                files.lock(self.fd)
                files.write_at(self.fd, FILE_MAGIC, 0)
                if files.identity(self.path.lstat()) == files.identity(os.fstat(self.fd)):
                    break
            except FileNotFoundError:  # a kernel that tidied up took it for a dead one before it was locked
                pass
            except BaseException:
                os.close(self.fd)
                self.path.unlink(missing_ok=True)
                raise
            os.close(self.fd)
        self.name = self.path.stem
        self.end = len(FILE_MAGIC)
        self.synced = 0
        self.unsure = False
        self.closed = False
        self._syncing = threading.Lock()
        self._waiting: list[Future[None]] = []
        self._guard = threading.Lock()

    def append(self, pieces: list[Piece]) -> None:
        """Write records after ``end``. The journal is ``unsure`` until the caller has moved that on.

        Raises:
            OSError: they could not be written whole.
        """
        self.unsure = True
        at = self.end
        for piece in pieces:
            files.write_at(self.fd, piece, at)
            at += len(piece)

    def settle(self) -> tuple[list[Frame], int]:
        """Make the file end with a whole record again. Returns those of an unfinished append that were whole, and where
        they end: the journal stays ``unsure`` until the caller has moved its own end there.
        """
        size = os.fstat(self.fd).st_size
        data = files.read_at(self.fd, max(0, size - self.end), self.end)
        result = scan(data, self.end, growing=True)
        end = self.end + result.used
        os.ftruncate(self.fd, end)
        return result.frames, end

    def lost(self) -> bool:
        """Whether somebody removed the file: what is written to it goes nowhere."""
        return os.fstat(self.fd).st_nlink == 0

    def sync(self) -> None:
        """Make all that was appended outlast a power cut.

        Raises:
            OSError: that is not known. The records may still be lost.
        """
        end = self.end  # as it is before the wait: one sync may serve all who came while another ran
        with self._syncing:
            if self.synced >= end:
                return
            if self.closed:
                raise OSError(f"{self.path} was closed before it was durable")
            target = self.end
            if not self.synced:
                files.sync_folder(self.path.parent)
            files.sync(self.fd)
            self.synced = target

    def sync_soon(self, soon: Callable[..., Any], sync: Callable[[Journal], object]) -> Future[None]:
        """What is done when all that was appended so far outlasts a power cut. One sync serves all who wait.

        Args:
            soon: lets a thread do something.
            sync: calls :meth:`sync`, and sees to what happens when that fails.
        """
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()  # so that a waiter who is cancelled twice cannot cancel it for the others
        with self._guard:
            self._waiting.append(future)
            if len(self._waiting) > 1:  # who came first has asked for a sync, which has not begun
                return future
        soon(self._serve, sync)
        return future

    def _serve(self, sync: Callable[[Journal], object]) -> None:
        with self._guard:
            waiting, self._waiting = self._waiting, []
        try:
            sync(self)
        except BaseException as error:
            for future in waiting:
                future.set_exception(error)
        else:
            for future in waiting:
                future.set_result(None)

    def close(self) -> None:
        """Let go of the file and its lock: from here on it is a dead kernel's journal."""
        with self._syncing:
            self.closed = True
            files.unlock(self.fd)
            os.close(self.fd)

    def abandon(self) -> None:
        """In a forked child: let go of the file while the parent keeps its lock."""
        os.close(self.fd)


CHUNK = 1 << 20
ENDLESS = 1 << 62
NAME = re.compile(r"[0-9a-f]{16}-[0-9]{1,10}-[0-9a-f]{12}")


class Log:
    """A journal, open for reading.

    Attributes:
        number: what the index calls the file.
        read_to: offset up to which its records are known.
        live: its writer may still add to it.
        damaged: bytes met that belong to no record.
        stop: offset up to which to read.

    Raises:
        OSError: it is gone, cannot be read or is a symbolic link.
    """

    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        self.name = path.stem
        self.number = number
        self.read_to = len(FILE_MAGIC)
        self.live = True
        self.damaged = 0
        self.stop = ENDLESS
        self._chunk = b""  # what tail has just read, and from where: whoever walks the records reads each file once
        self._chunk_at = 0
        self._fd: int | None = files.open_private(path, os.O_RDONLY)
        begin = files.read_at(self._fd, len(FILE_MAGIC), 0)
        if begin.startswith(FILE_MAGIC[:-4]) and begin != FILE_MAGIC:
            self.rest()
            raise NewerFormatError(f"{path} was written by a newer spotmagic")

    def dead(self) -> bool:
        """Whether the writer is gone: the system let go of its lock."""
        fd = self._opened()
        if os.fstat(fd).st_size < len(FILE_MAGIC):
            return False  # just made, and not locked yet
        # Shared, so that several who look at once do not take each other for the writer, which has it alone.
        if not files.lock(fd, wait=False, shared=True):
            return False
        files.unlock(fd)
        return True

    def grew(self) -> bool:
        """Whether there is more in it than was read, as far as that can be told without opening it."""
        return self._fd is None or os.lseek(self._fd, 0, os.SEEK_END) > self.read_to

    def tail(self) -> Iterator[Frame]:
        """The whole records that were added since the last time. A torn one at the end stays unread.

        A record counts as read when the next one is asked for.
        """
        grown = os.lseek(self._opened(), 0, os.SEEK_END) - self.read_to
        size = min(max(grown, 0) + 1, CHUNK)  # one more than there is, to see the end: mostly it is one record
        while data := self.read(self.read_to, min(size, self.stop - self.read_to)):
            at_end = len(data) < size
            result = scan(data, self.read_to, growing=self.live and at_end)
            after = self.read_to + result.used
            self._chunk, self._chunk_at = data, self.read_to
            for found in result.frames:
                yield found
                self.read_to = found.end
            self._chunk = b""
            self.read_to = after
            self.damaged += result.damaged
            if at_end:
                if self.stop < ENDLESS:
                    self.damaged += self.stop - after
                return
            size = max(CHUNK, result.need)
            if size > CHUNK and os.fstat(self._opened()).st_size - after < size:
                return

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the file."""
        begin = offset - self._chunk_at
        if self._chunk and begin >= 0 and begin + length <= len(self._chunk):
            return self._chunk[begin : begin + length]
        if self._fd is not None:
            return files.read_at(self._fd, length, offset)
        fd = files.open_private(self.path, os.O_RDONLY)
        try:
            return files.read_at(fd, length, offset)
        finally:
            os.close(fd)

    def _opened(self) -> int:
        if self._fd is None:
            self._fd = files.open_private(self.path, os.O_RDONLY)
        return self._fd

    def rest(self) -> None:
        """Let go of the file until it is needed: a process may have only so many open."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    close = rest
