"""Reading all results of a folder, beside everything else: it may take minutes, and nobody waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from spotmagic import threads
from spotmagic.clock import Clock


class Checkup:
    """A check of one folder, one at a time in this process.

    Attributes:
        since: when the one that runs was begun, else ``None``.
        trouble: why the last one did not end, as at most one sentence.
    """

    def __init__(self) -> None:
        self.since: float | None = None
        self.trouble: list[str] = []
        self._lock = threading.Lock()

    def start(self, check: Callable[[], object], clock: Clock) -> None:
        """Begin one in a thread, unless one runs."""
        with self._lock:
            if self.since is not None:
                return
            self.since, self.trouble = clock.now(), []
            if threads.spawn("spotmagic-check", self._run, check) is None:
                self._run(check)

    def _run(self, check: Callable[[], object]) -> None:
        try:
            check()
        except Exception as error:  # whatever it is, somebody asked and wants to know
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            self.trouble = [f"Not all results could be checked: {why}. Set it right, then check again."]
        finally:
            self.since = None  # last: who sees that none runs sees its trouble too


_checkups: dict[Path, Checkup] = {}
_guard = threading.Lock()


def checkup(folder: Path) -> Checkup:
    """The checkup of a folder, the same for all of this process."""
    with _guard:
        return _checkups.setdefault(folder, Checkup())
