"""What a call in the background prints and logs: it belongs to its job, not to the cell that happens to run."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from spotmagic import files

_MOST = 1_000_000  # characters


class JobLog:
    """What one job said, the last million characters."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """Add a piece."""
        with self._lock:
            self._pieces.append(text)
            self._size += len(text)
            while self._size > _MOST and len(self._pieces) > 1:
                self._size -= len(self._pieces.pop(0))

    def text(self) -> str:
        """All of it."""
        with self._lock:
            return "".join(self._pieces)


_here: ContextVar[JobLog | None] = ContextVar("spotmagic_job_log", default=None)
_guard = files.ForkLock()
_jobs: set[threading.Thread] = set()


class _Stream:
    """A standard stream, of which the jobs' part goes to their logs. Everything else passes, for ever."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> Any:
        log = _here.get()
        if log is None:
            return self._stream.write(text)
        log.write(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _JobHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        log = _here.get()
        if log is not None:
            log.write(f"{self.format(record)}\n")


_handler = _JobHandler()
_handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """While the job of this thread lasts: streams and loggers are asked whose the text is."""
    mine = threading.current_thread()
    try:
        with _guard:
            _jobs.add(mine)
            _put()
        yield
    finally:
        with _guard:
            # One that a forced end kept from coming here is gone with its thread.
            _jobs.difference_update([one for one in _jobs if one is mine or not one.is_alive()])
            if not _jobs:
                _take_away()


def _put() -> None:
    """Stand in the places of the streams and beside the other handlers, unless that is so."""
    if _handler not in logging.getLogger().handlers:
        logging.getLogger().addHandler(_handler)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, _Stream):
            setattr(sys, name, _Stream(stream))


def _take_away() -> None:
    logging.getLogger().removeHandler(_handler)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, _Stream):  # else somebody else has put theirs over it
            setattr(sys, name, stream._stream)


@contextlib.contextmanager
def heard(log: JobLog) -> Iterator[None]:
    """What is said in this context goes to a log."""
    token = _here.set(log)
    try:
        yield
    finally:
        _here.reset(token)
