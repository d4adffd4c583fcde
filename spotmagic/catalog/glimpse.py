"""A look at the tables as they are, while they are brought up to date: nobody who looks waits for a large backlog."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from spotmagic import threads
from spotmagic.catalog.catalog import Catalog
from spotmagic.catalog.connection import DATABASE
from spotmagic.catalog.instance import Busy, CatalogError, Cursor, Opened
from spotmagic.errors import SpotError

SOME = 1_000_000  # bytes that the first question takes in itself, of which a reader sees nothing meanwhile
LITTLE = 2_000_000  # ... and any other
OPENINGS, OPENING = 20, 0.005  # looks, and seconds between them, until a file is opened
MOMENT = 0.12  # seconds that a look waits for more

T = TypeVar("T")


class Counting(SpotError):
    """What a folder holds is being counted, and nothing can be told before."""


class Glimpse(Catalog):
    """The tables as they were last brought up to date. A question waits for nobody, and raises ``Counting``."""

    def __init__(self, catalog: Catalog) -> None:
        self.__dict__.update(catalog.__dict__)

    def _ask(self, question: Callable[[Opened], T]) -> T:
        cursor = self._had()
        try:
            return self._answer(question, cursor, DATABASE)
        finally:
            self._connection.leave(cursor)

    def _had(self) -> Cursor:
        """A connection to the tables, also when the file is being opened by who brings them up to date."""
        left = OPENINGS
        while True:
            try:
                return self._connection.glimpse()
            except CatalogError as error:
                if not left or not isinstance(error, Busy):
                    raise Counting("the results are being counted", str(error), "Look again in a moment") from None
            left -= 1
            self._clock.sleep(OPENING)


class Lookout:
    """Gives those who look the best that can be had in a moment: a large backlog is taken in by a thread.

    Args:
        catalog: gives the catalog, when it is first needed.
        backlog: bytes that were written since a time, about, given how far journals had been read by then.

    Attributes:
        counting: what was written is still being counted: answers may lack it.
    """

    def __init__(self, catalog: Callable[[], Catalog], backlog: Callable[[float, Mapping[str, int]], int]) -> None:
        self._get, self._backlog = catalog, backlog
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._held = threading.local()
        self.counting = False

    def look(self, moment: float = MOMENT) -> None:
        """See to it that no question waits for a large backlog."""
        with self._guard:
            if self._thread is not None and self._thread.is_alive():
                return
            self.counting = False
            if self._behind() <= LITTLE:
                return
            self.counting = True  # before the thread may say that it has done
            thread = self._thread = threads.spawn("spotmagic-fold", self._catch_up)
            if thread is None:  # then the question waits
                self.counting = False
                return
        thread.join(moment)
        self.counting = thread.is_alive()

    def _behind(self) -> int:
        """Bytes that the tables lack, about."""
        catalog = self._get()
        if not isinstance(catalog, Catalog):
            return 0  # somebody's own
        then: tuple[float, Mapping[str, int]] = 0.0, {}
        with contextlib.suppress(OSError):
            then = catalog.folded()
        try:
            return self._backlog(*then)
        except OSError:
            return 0

    @property
    def catalog(self) -> Catalog:
        """The catalog; while it is being brought up to date, as it is."""
        held: Catalog | None = getattr(self._held, "catalog", None)
        if held is not None:
            return held
        catalog = self._get()
        if self.counting and self._thread is not None and not self._thread.is_alive():
            self.counting = False
        return Glimpse(catalog) if self.counting else catalog

    def at_once(self, answer: Callable[[], T]) -> T:
        """As :meth:`together`, for a reader who has nothing to look at yet: of tables that lack more than a little, as
        they are. The next look brings them up to date."""
        with self._guard:
            if self._thread is None or not self._thread.is_alive():
                self._thread, self.counting = None, self._behind() > SOME
        return self.together(answer)

    def together(self, answer: Callable[[], T]) -> T:
        """An answer that takes several questions of :attr:`catalog`, all of them to the same tables."""

        def ask(held: Catalog) -> T:
            self._held.catalog = held
            try:
                return answer()
            finally:
                self._held.catalog = None

        catalog = self.catalog
        return catalog.together(ask) if isinstance(catalog, Catalog) else answer()

    def _catch_up(self) -> None:
        try:
            self._get().fold()
        except Exception:  # the next question of the catalog itself meets it too, and tells it to who asks
            return
