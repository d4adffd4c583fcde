"""What is logged inside the calls of a batch, and what those of one in the background print, for its log."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING

from spotmagic.values.credentials import Credentials
from spotmagic.values.secrets import masked

if TYPE_CHECKING:
    from spotmagic.batch.folder import RunFolder


class CallLog:
    """What one call of a batch is heard with.

    Args:
        folder: of the batch.
        prints: whether what it prints goes to the log: its cell has ended, and the one that runs is another.
        hidden: gives the credentials of the call.
    """

    __slots__ = ("_folder", "_hidden", "_rest", "_secrets", "prints")

    def __init__(self, folder: RunFolder, prints: bool, hidden: Callable[[], Credentials]) -> None:
        self._folder, self.prints, self._rest = folder, prints, ""
        self._hidden = hidden
        self._secrets: set[str] | None = None

    def log(self, at: float, **said: str) -> None:
        """Log what was said, without the credentials of the call."""
        if self._secrets is None:
            self._secrets = self._hidden().all
        shown = {name: masked(text, self._secrets) for name, text in said.items()}
        self._folder.log(json.dumps({"at": at, **shown}))

    def write(self, text: str) -> int:
        """Log what was printed, line by line."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self.log(time.time(), printed=line)
        return len(text)

    def end(self) -> None:
        """Log the last line, if no end of line came."""
        if self._rest:
            self.write("\n")


here: ContextVar[CallLog | None] = ContextVar("spotmagic_batch", default=None)
"""Who hears the call that runs in this context."""


class _BatchHandler(logging.Handler):
    """Writes each record to the log of the batch whose call it comes from, and no other."""

    def emit(self, record: logging.LogRecord) -> None:
        log = here.get()
        if log is None:
            return
        try:
            log.log(record.created, level=record.levelname, logger=record.name, message=record.getMessage())
        except Exception:
            self.handleError(record)


_handler = _BatchHandler()
_listening: set[object] = set()
_guard = threading.Lock()


def listen(batch: object) -> None:
    """Hear what is logged, until :func:`unlisten` was called for the same batch."""
    with _guard:
        _listening.add(batch)
        logging.getLogger().addHandler(_handler)  # which has it once however often it is said


def unlisten(batch: object) -> None:
    """One batch less. Twice is the same as once."""
    with _guard:
        _listening.discard(batch)
        if not _listening:
            logging.getLogger().removeHandler(_handler)
