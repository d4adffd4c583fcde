"""The table about the entries of a store: for people, the panel and SQL. Calls never wait for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spotmagic.catalog import ask, queries
from spotmagic.catalog.access import Access, Records
from spotmagic.catalog.filters import Filters, Order
from spotmagic.catalog.rows import Bucket, FunctionUse, Row, Stats
from spotmagic.catalog.session import Session
from spotmagic.catalog.table import Table
from spotmagic.clock import SYSTEM, Clock


class Catalog:
    """What a store holds, as tables. Each answer has everything in it that any kernel wrote before the question.

    The tables are in ``spot.duckdb``, which can be thrown away at any time. When it cannot be had (another program has
    it open, the disk is full,
    it is damaged), the answer comes from memory and one warning says why.

    Args:
        folder: where the file lies; a folder that is not there gives a catalog in memory.
        store: gives the records.
    """

    def __init__(self, folder: Path, store: Records, *, clock: Clock = SYSTEM) -> None:
        self._access = Access(folder, store, clock)

    # questions --------------------------------------------------------------------------------------------------------

    def entries(
        self,
        like: str | None = None,
        *,
        kind: str | None = None,
        status: str | None = "live",
        order: str = "-created",
        limit: int | None = 1000,
        offset: int = 0,
        search: str | None = None,
    ) -> list[Row]:
        """The entries that are meant, one row each.

        Args:
            like: a glob over names (``"summ*"``; of a dotted name the last words alone may be given), or the first
                eight or more digits of a key.
            kind: ``"function"``, ``"cell"`` or ``"http"``.
            status: ``"live"``, ``"superseded"``, ``"expired"``, ``"partial"``, ``"refused"``, ``"corrupt"``, or
                ``None`` for all.
            order: a column of :class:`Row`, with ``-`` for the largest first.
            limit: how many at most; ``None`` for all.
            search: text to find in names, content types and keys.

        Raises:
            OptionError: for a status, order, limit or offset there is not.
        """
        filters, by = Filters(like, kind, status, search), Order(order)
        return self._access.ask(lambda session: queries.entries(session, filters, by, limit, offset))

    def count(
        self,
        like: str | None = None,
        *,
        kind: str | None = None,
        status: str | None = "live",
        search: str | None = None,
    ) -> int:
        """How many entries :meth:`entries` would give without a limit."""
        filters = Filters(like, kind, status, search)
        return self._access.ask(lambda session: queries.count(session, filters))

    def entry(self, key: str) -> Row | None:
        """The row of one key (hexadecimal digits), whatever its status."""
        return self._access.ask(lambda session: queries.entry(session, key))

    def inputs(self, key: str) -> dict[str, str]:
        """Fingerprints of an entry's inputs by name, as hexadecimal digits."""
        return self._access.ask(lambda session: queries.inputs(session, key))

    def runs(self, key: str | None = None, name: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """What happened to a key, to a name, or at all, the newest first.

        Each has ``key name kind verdict reason started seconds price waited stored error times``. Hits are counted:
        those of a name by five minutes,
        those of a key in one line; their ``seconds`` and ``price`` are what they saved.
        """
        return self._access.ask(lambda session: queries.runs(session, key, name, limit))

    def stats(self, name: str | None = None) -> Stats:
        """Counts, sizes, time and money: of all, or of one name."""
        return self._access.ask(lambda session: queries.stats(session, name))

    def functions(self) -> list[FunctionUse]:
        """What is known of each function, cell and wrapped client, the last asked first."""
        return self._access.ask(queries.functions)

    def series(self, hours: float = 24.0, buckets: int = 48, name: str | None = None) -> list[Bucket]:
        """Hits and misses over the last hours in equal steps, the oldest first."""
        return self._access.ask(lambda session: queries.series(session, hours, buckets, name))

    def sql(self, query: str, params: ask.Values = ()) -> Table:
        """The answer to one SELECT over ``entries``, ``inputs``, ``usage`` and ``runs``. Times are UTC.

        Args:
            params: values for ``?`` or ``$1`` in order, or for ``$name`` by name.

        Raises:
            OptionError: it is anything but one SELECT that stays inside the catalog, or DuckDB refuses it.
        """
        return self._access.ask(lambda session: ask.ask(session, query, params))

    # upkeep -----------------------------------------------------------------------------------------------------------

    def fold(self) -> None:
        """Bring the tables up to date now."""
        self._access.ask(_nothing)

    def folded_at(self) -> float:
        """When its file was last brought up to date, in seconds since 1970. Raises ``OSError`` where there is none."""
        return self._access.folded_at()

    def rebuild(self) -> None:
        """Make the tables anew from the store."""
        self._access.start_anew()
        self.fold()

    def close(self) -> None:
        """Give back the memory; a later question takes it again."""
        self._access.close()


def _nothing(session: Session) -> None:
    """The question of one who only wants the tables to be up to date."""
