"""The table about the entries of a store: for people, the panel and SQL. Calls never wait for it."""

from __future__ import annotations

import contextlib
import functools
import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import duckdb

from spotmagic.catalog import ask, fold, queries, reasons, snapshot, uses
from spotmagic.catalog.connection import DATABASE, LOCK, connection
from spotmagic.catalog.feed import ahead, batches
from spotmagic.catalog.instance import (
    MEMORY,
    Busy,
    CatalogError,
    Cursor,
    Damaged,
    Opened,
    Unavailable,
    is_damage,
    is_interrupt,
    sorted_out,
)
from spotmagic.clock import SYSTEM, Clock
from spotmagic.errors import OptionError, SpotError, tell, tell_again
from spotmagic.files import locked
from spotmagic.store.record import Behind, Record

PATIENCE = 1.0  # seconds to wait for another kernel that gets nowhere, before answering from memory
_FIRST_WAIT = 0.004
_random = random.Random()  # the global one is the user's

T = TypeVar("T")
P = ParamSpec("P")


def _asked(question: Callable[Concatenate[Opened, P], T]) -> Callable[Concatenate[Catalog, P], T]:
    """A question to open tables, as one to a catalog, which opens them."""

    @functools.wraps(question)
    def asked(catalog: Catalog, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return catalog._ask(lambda session: question(session, *args, **kwargs))

    return asked


class Records(Protocol):
    """What a catalog needs of a store."""

    def records(self, positions: Mapping[str, int]) -> Iterable[Record]:
        """Every whole record after these offsets of the journals."""

    def flush(self) -> bool:
        """Write out what is still in memory, such as counted hits."""


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
        self._folder, self._store, self._clock = folder, store, clock
        self._connection = connection(folder)
        self._snapshot = snapshot.Snapshot()
        self._patient = True

    # questions --------------------------------------------------------------------------------------------------------

    entries = _asked(queries.entries)
    count = _asked(queries.count)
    facets = _asked(queries.facets)
    kinds = _asked(queries.kinds)
    noted = _asked(queries.noted)
    earliest = _asked(queries.earliest)
    thumbs = _asked(queries.thumbs)
    entry = _asked(queries.entry)
    inputs = _asked(queries.inputs)
    runs = _asked(uses.runs)
    stats = _asked(uses.stats)
    spent = _asked(uses.spent)
    functions = _asked(uses.functions)
    series = _asked(uses.series)
    unkept = _asked(uses.unkept)
    latency = _asked(uses.latency)
    outcomes = _asked(uses.outcomes)
    paid_since = _asked(uses.paid_since)
    began = _asked(uses.began)
    sql = _asked(ask.ask)

    def together(self, questions: Callable[[Catalog], T]) -> T:
        """What comes of several questions, for which the file is opened and brought up to date once.

        Args:
            questions: gets a catalog to be asked, and only while it runs. It may be called again where the file turns
                out to be damaged.
        """
        return self._ask(lambda session: questions(_OpenCatalog(self, session)))

    # upkeep -----------------------------------------------------------------------------------------------------------

    def fold(self) -> None:
        """Bring the tables up to date now."""
        self._ask(_nothing)

    def folded(self) -> tuple[float, Mapping[str, int]]:
        """When its file was last brought up to date, and how far journals had been read. Raises ``OSError``."""
        return self._connection.path.stat().st_mtime, self._connection.read

    def rebuild(self) -> None:
        """Make the tables anew from the store."""
        self._snapshot.drop()
        with contextlib.suppress(Busy, Unavailable):
            self._waiting(self._connection.throw_away)
        self.fold()

    def close(self) -> None:
        """Give back the memory; a later question takes it again."""
        self._snapshot.drop()
        self._connection.close()

    # the way to the tables -----------------------------------------------------------------------------------------

    def _ask(self, question: Callable[[Opened], T]) -> T:
        """The answer to a question. A file that turns out to be damaged is put aside and made anew on the way."""
        self._store.flush()
        trouble: CatalogError
        for _ in range(3):  # damage met by a question is met again on the way in, where the file is put aside
            try:
                return self._over_file(question)
            except Damaged as damage:
                trouble = damage
                tell(
                    "the catalog is made anew",
                    str(damage),
                    "Results are not affected",
                    once=f"damaged {self._folder}",
                )
            except (Busy, Unavailable) as hindrance:
                trouble = hindrance
                break
        return self._over_memory(question, trouble)

    def _over_file(self, question: Callable[[Opened], T]) -> T:
        cursor = self._waiting(self._open)
        self._patient = True
        self._snapshot.drop()
        tell_again(self._once)
        try:
            return self._answer(question, cursor, DATABASE)
        except duckdb.Error as error:
            if not is_damage(error):
                raise
            self._connection.condemn(str(error).splitlines()[0])
            raise sorted_out(error) from error
        finally:
            self._connection.leave(cursor)

    def _over_memory(self, question: Callable[[Opened], T], trouble: Exception) -> T:
        if self._folder.is_dir():
            tell(
                f"the catalog {self._connection.path.name} cannot be used",
                str(trouble),
                "Answers come from memory until it can be; calls are not affected",
                once=self._once,
            )
        try:
            try:
                cursor = self._snapshot.enter(self._fold)
            except Damaged:
                self._snapshot.drop()
                cursor = self._snapshot.enter(self._fold)
        except duckdb.OutOfMemoryException:
            self._snapshot.drop()
            raise SpotError(
                "the catalog cannot be asked now",
                f"{trouble}, and for an answer from memory there is not enough of it",
                "Let it have its file, then ask again; calls are not affected",
            ) from None
        try:
            return self._answer(question, cursor, snapshot.DATABASE)
        finally:
            self._snapshot.leave(cursor)

    def _answer(self, question: Callable[[Opened], T], cursor: Cursor, database: str) -> T:
        try:
            return question(Opened(cursor, database, self._clock.now()))
        except (duckdb.InterruptException, RuntimeError) as error:
            if is_interrupt(error):
                raise KeyboardInterrupt from None
            raise
        except duckdb.OutOfMemoryException:
            raise OptionError(
                "the answer takes more memory than the catalog may use", f"that is {MEMORY}", "Ask for less at a time"
            ) from None

    @property
    def _once(self) -> str:
        return f"catalog {self._folder}"

    def _waiting(self, step: Callable[[], T]) -> T:
        """What a step under the fold lock gives.

        While others have the lock or the file it is tried again, for about a second after they last wrote. Somebody who
        keeps the file is not waited for a second time.
        """
        if not self._folder.is_dir():
            raise Unavailable("its folder is not there")
        patience = PATIENCE if self._patient else 0.0
        end, seen = self._clock.monotonic() + patience, self._connection.touched()
        wait = _FIRST_WAIT
        while True:
            try:
                with self._connection.turn, locked(self._folder / LOCK, wait=False) as got:
                    if not got:
                        raise Busy("another kernel is bringing it up to date")
                    return step()
            except Busy:
                touched = self._connection.touched()
                if touched != seen:
                    end, seen = self._clock.monotonic() + patience, touched
                elif self._clock.monotonic() >= end:
                    self._patient = False
                    raise
            except OSError as error:
                raise Unavailable(f"{error.strerror}: {error.filename}") from error
            self._clock.sleep(wait * _random.uniform(0.5, 1.5))
            wait = min(2 * wait, 0.03)

    def _open(self) -> Cursor:
        """A connection to the file, brought up to date. Runs under the fold lock."""
        try:
            cursor = self._connection.enter()
        except Damaged:
            self._connection.put_aside()
            raise
        try:
            self._fold(cursor, DATABASE)
        except BaseException as error:
            trouble: BaseException = error
            if is_interrupt(error):
                trouble = KeyboardInterrupt()
            elif isinstance(error, duckdb.Error):
                trouble = sorted_out(error)
            if isinstance(trouble, Damaged):
                self._connection.condemn(str(trouble))
            self._connection.leave(cursor)
            raise trouble from (None if trouble is error else error)
        return cursor

    def _fold(self, cursor: Cursor, database: str) -> None:
        folded, read = False, fold.positions(cursor, database)
        try:
            with contextlib.closing(ahead(batches(self._store.records(read)))) as found:
                for batch in found:
                    if database == DATABASE:
                        self._connection.prepare_write()
                    fold.apply(cursor, database, batch)
                    read |= batch.positions
                    folded = True
            if database == DATABASE:
                self._connection.read = read
            if folded:
                reasons.tell(cursor, database)
        except Behind:
            raise Damaged("it shows results that the folder has lost, as in a power cut") from None
        except OSError as error:
            tell(
                "the catalog may not show the newest results",
                f"{error.strerror}: {error.filename}",
                once=f"fold {self._folder}",
            )


class _OpenCatalog(Catalog):
    """A catalog whose tables are open already."""

    def __init__(self, catalog: Catalog, session: Opened) -> None:
        self.__dict__.update(catalog.__dict__)
        self._session = session

    def _ask(self, question: Callable[[Opened], T]) -> T:
        return question(self._session)


def _nothing(session: Opened) -> None:
    """The question of one who only wants the tables to be up to date."""
