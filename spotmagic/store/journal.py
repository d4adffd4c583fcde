"""The journal of this process: the one file it appends its records to."""

from __future__ import annotations

import os
import secrets
import threading
from pathlib import Path

from spotmagic import files
from spotmagic.store.frame import FILE_MAGIC, Frame, scan
from spotmagic.store.parts import Piece


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

    def settle(self) -> list[Frame]:
        """Make the journal end with a whole record again. Returns those of an unfinished append that were whole."""
        size = os.fstat(self.fd).st_size
        data = files.read_at(self.fd, max(0, size - self.end), self.end)
        result = scan(data, self.end, growing=True)
        os.ftruncate(self.fd, self.end + result.used)
        self.end += result.used
        self.unsure = False
        return result.frames

    def lost(self) -> bool:
        """Whether somebody removed the file: what is written to it goes nowhere."""
        return os.fstat(self.fd).st_nlink == 0

    def sync(self) -> None:
        """Make all that was appended outlast a power cut.

        Raises:
            OSError: that is not known. The records may still be lost.
        """
        end = self.end
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

    def close(self) -> None:
        """Let go of the file and its lock: from here on it is a dead kernel's journal."""
        with self._syncing:
            self.closed = True
            files.unlock(self.fd)
            os.close(self.fd)

    def abandon(self) -> None:
        """In a forked child: let go of the file while the parent keeps its lock."""
        os.close(self.fd)
