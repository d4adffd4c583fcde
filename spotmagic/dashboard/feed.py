"""The live counters of a spot, pushed while cells run.

They have a model of their own that answers nothing. A kernel hands the requests of a comm to the thread that last sent
on it, so numbers pushed on the panel's own comm by a running cell would make the panel wait for that cell.
"""

from __future__ import annotations

import threading
import weakref
from pathlib import Path

import anywidget
import traitlets

from spotmagic import threads
from spotmagic.catalog.glimpse import Counting
from spotmagic.dashboard.backend import Backend
from spotmagic.dashboard.watch import EVERY, REST, News


class Feed(anywidget.AnyWidget):  # type: ignore[misc]
    """A push-only model: ``beat`` holds what is new, whenever any kernel wrote to the folder or runs something."""

    _esm = "export default {};"
    beat = traitlets.Dict().tag(sync=True)


class Pulse:
    """Watches a spot's folder and pushes what is new to a feed, while anybody looks. Without news nothing is asked."""

    def __init__(self, folder: Path, backend: Backend) -> None:
        self.feed = Feed()
        self.backend = backend
        self._stop = threading.Event()
        self._watch = News(folder)
        self._thread: threading.Thread | None = None

    def start(self, seen: object = None) -> None:
        """Begin to watch, in a daemon thread. Nothing happens when it already does.

        Args:
            seen: the mark of what is shown already; what was written since is news.
        """
        if self._thread is None or not self._thread.is_alive():
            self._watch.settle(seen)
            self._stop = threading.Event()  # a new one: the thread that rests may not have seen the old one yet
            self._thread = threads.spawn("spotmagic-feed", _watch, weakref.ref(self), self._stop)

    def rest(self) -> None:
        """Watch no more, until somebody looks again."""
        self._stop.set()
        self._thread = None

    def close(self) -> None:
        """End the watch and the feed."""
        self.rest()
        self.feed.close()

    def look(self) -> float | None:
        """Push what is new. Returns the seconds until the next look; ``None`` when the folder is gone."""
        if self._watch.gone:
            return None
        beat = self._watch.look(self.backend)
        if beat is not None:
            self.feed.beat = beat
        return self._watch.wait


def _watch(pulse: weakref.ref[Pulse], stop: threading.Event) -> None:
    """Look again and again. Holds no reference, so that a panel nobody has any more can go."""
    wait: float | None = EVERY
    while wait is not None and not stop.wait(wait):
        here = pulse()
        if here is None:
            return
        try:
            wait = here.look()
        except Counting:
            wait = EVERY
        except Exception:  # the catalog is locked or the folder gone: the numbers stand still until it answers again
            wait = REST
        del here  # or the panel would be held while this rests
