"""The live counters of a spot, pushed while cells run.

They have a model of their own that answers nothing. A kernel hands the requests of a comm to the thread that last sent
on it, so numbers pushed on the panel's own comm by a running cell would make the panel wait for that cell.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

import anywidget
import traitlets

from spotmagic.dashboard.backend import Backend
from spotmagic.dashboard.watch import EVERY, REST, Watch
from spotmagic.dashboard.wire import clean

if TYPE_CHECKING:
    from spotmagic.spot import Spot


class Feed(anywidget.AnyWidget):  # type: ignore[misc]
    """A push-only model: ``beat`` holds the totals, new whenever any kernel wrote to the folder."""

    _esm = "export default {};"
    beat = traitlets.Dict().tag(sync=True)


class Pulse:
    """Watches a spot's folder and pushes its totals to a feed. The catalog is asked only when there is news."""

    def __init__(self, spot: Spot, backend: Backend) -> None:
        self.feed = Feed()
        self._backend = backend
        self._stop = threading.Event()
        self._watch = Watch(spot.folder)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch, in a daemon thread. Nothing happens when it already does."""
        if self._thread is None:
            self._watch.settle()
            given = (weakref.ref(self), self._stop)
            self._thread = threading.Thread(target=_watch, args=given, name="spotmagic-feed", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the watch and the feed."""
        self._stop.set()
        self.feed.close()

    def look(self) -> float:
        """Push the totals if anything was written. Returns the seconds until the next look."""
        if self._watch.look():
            try:
                self.feed.beat = {"totals": clean(self._backend.totals())}
            except Exception:
                self._watch.again()
                raise
        return self._watch.wait


def _watch(pulse: weakref.ref[Pulse], stop: threading.Event) -> None:
    """Look again and again. Holds no reference, so that a panel nobody has any more can go."""
    wait = EVERY
    while not stop.wait(wait):
        here = pulse()
        if here is None:
            return
        try:
            wait = here.look()
        except Exception:  # the catalog is locked or the folder gone: the numbers stand still until it answers again
            wait = REST
        del here
