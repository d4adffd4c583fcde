"""The thread that tells of a running batch a few times a second."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spotmagic.batch.batch import Batch

from spotmagic import threads

EVERY = 0.25
"""Seconds between two looks."""
AT_EXIT = 10.0
"""Seconds that calls under way get at the end of the process, so that what was paid for is kept."""


class Heartbeat:
    """Calls a batch a few times a second, from a thread of its own, until it is told to stop."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin."""
        _running.add(self._batch)
        threads.spawn("spotmagic batch_ticker", self._run)  # without one its end alone is told

    def stop(self) -> None:
        """End."""
        self._stop.set()
        _running.discard(self._batch)

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            try:
                self._batch.tick()
            except Exception:  # a display of the user may raise, and the batch goes on
                logging.getLogger("spotmagic").exception("the progress of a batch cannot be told")


_running: set[Batch] = set()


@atexit.register
def _at_exit() -> None:
    """Take no new inputs, and let calls under way come to their end for a while."""
    for batch in tuple(_running):
        batch.end("the process ends")
    until = time.monotonic() + AT_EXIT
    while time.monotonic() < until and not all(batch.done() for batch in tuple(_running)):
        time.sleep(0.02)
        for batch in tuple(_running):
            batch.tick()
