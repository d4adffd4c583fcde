"""The way into a folder, which may be closed today and open tomorrow."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from spotmagic.clock import Clock
from spotmagic.store.memo import Memo
from spotmagic.store.shelf import Shelf

RETRY = 1.0  # seconds before a folder that could not be opened is tried again by somebody who only reads
SURE_FOR = 0.05  # seconds for which what was there is taken to be there


def barred(folder: Path) -> OSError | None:
    """Why a folder can surely not be made or used, as far as that can be told without making it."""
    place = folder
    try:
        while not place.exists():  # its root does
            place = place.parent
        if not place.is_dir():
            return NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(place))
        if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
            return PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
    except OSError as error:
        return error
    return None


class Door:
    """Opens a folder when it is needed and can be.

    Attributes:
        shelf: the folder, while it is open.
        trouble: why it could not be opened.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.shelf: Shelf | None = None
        self.trouble: OSError | None = None
        self._folder = folder
        self._clock = clock
        self._retry_at = 0.0
        self._sure_until = 0.0

    def open(self, memo: Memo, *, retry: bool) -> Shelf | None:
        """The folder, or ``None``.

        Args:
            memo: told of every change of its index.
            retry: try though it failed a moment ago.
        """
        now = self._clock.monotonic()
        if self.trouble is not None and not retry and now < self._retry_at:
            return None
        try:
            shelf = Shelf(self._folder, self._clock, memo)
            try:
                shelf.catch_up()
            except BaseException:
                shelf.close()
                raise
        except OSError as error:
            if error.errno and not error.filename:
                error.filename = str(self._folder)
            self.trouble = error
            self._retry_at = now + RETRY
            return None
        self.shelf, self.trouble = shelf, None
        return shelf

    def gone(self, surely: bool = False) -> bool:
        """Whether the folder is another one now, or none, as when somebody removed it.

        Args:
            surely: look, though it was there a moment ago.
        """
        now = self._clock.monotonic()
        if not surely and now < self._sure_until:
            return False
        self._sure_until = now + SURE_FOR
        if self.shelf is None:
            return False
        return self.shelf.journal.lost() if self.shelf.journal is not None else not self.shelf.epoch.stands()

    def close(self) -> None:
        """Let go of the folder."""
        shelf, self.shelf = self.shelf, None
        if shelf is not None:
            shelf.close()
