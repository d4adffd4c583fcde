"""Streams that the garbage collector closes: what is left to be written for them is written by a thread of its own.

The collector runs anywhere, in the midst of a write of the same thread too: the store's lock, which a thread may enter
twice, would not keep the two writes apart.
"""

from __future__ import annotations

import atexit
import gc
import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from spotmagic import files, threads

_here = threading.local()
_left: SimpleQueue[Callable[[], None]] = SimpleQueue()  # whose ``put`` may interrupt a ``put``
_guard = files.ForkLock()
_writer: threading.Thread | None = None


def watch() -> None:
    """Tell from now on what is closed by the collector. Cheap, and to be called before there is something to close."""
    global _writer
    if _writer is not None and _writer.is_alive():  # not in the child of a fork
        return
    with _guard:
        if _mark not in gc.callbacks:
            gc.callbacks.append(_mark)
            atexit.register(_finish)
        _writer = threads.spawn("spotmagic-collected", _write)  # without one it is done at exit


def is_collecting() -> bool:
    """Whether the collector runs in this thread, and with it whoever asks."""
    return getattr(_here, "collecting", False)


def later(work: Callable[[], None]) -> None:
    """Let something be done as soon as it cannot disturb anybody; at exit before the stores are closed."""
    _left.put(work)


def _mark(phase: str, _: dict[str, Any]) -> None:
    _here.collecting = phase == "start"


def _write() -> None:
    while True:
        _do(_left.get())


def _finish() -> None:
    while True:
        try:
            _do(_left.get_nowait())
        except Empty:
            return


def _do(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:
        logging.getLogger("spotmagic").exception("a stream that was left could not be kept as partial")
