"""Getting at an up-to-date catalog: in its file when that can be had, else in memory."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

import duckdb

from spotmagic.catalog import fold, reasons, snapshot
from spotmagic.catalog.connection import DATABASE, connection
from spotmagic.catalog.feed import batches
from spotmagic.catalog.instance import MEMORY, Cursor
from spotmagic.catalog.session import Session
from spotmagic.catalog.trouble import Busy, CatalogError, Damaged, Unusable, is_damage, is_interrupt, sorted_out
from spotmagic.clock import Clock
from spotmagic.errors import OptionError, SpotError, tell, tell_again
from spotmagic.files import locked
from spotmagic.store.record import Behind, Record

LOCK = "fold.lock"
PATIENCE = 1.0  # seconds to wait for another kernel that gets nowhere, before answering from memory
_FIRST_WAIT = 0.004
_random = random.Random()  # the global one is the user's

T = TypeVar("T")


class Records(Protocol):
    """What a catalog needs of a store."""

    def records(self, positions: Mapping[str, int]) -> Iterable[Record]:
        """Every whole record after these offsets of the journals."""
        ...

    def flush(self) -> bool:
        """Write out what is still in memory, such as counted hits."""
        ...


class Access:
    """Answers questions over the tables of one folder, brought up to date first.

    Args:
        folder: where the file lies.
        store: gives the records.
    """

    def __init__(self, folder: Path, store: Records, clock: Clock) -> None:
        self._folder, self._store, self._clock = folder, store, clock
        self._connection = connection(folder)
        self._snapshot = snapshot.Snapshot()
        self._patient = True

    def ask(self, question: Callable[[Session], T]) -> T:
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
                    "Entries are not affected",
                    once=f"damaged {self._folder}",
                )
            except (Busy, Unusable) as hindrance:
                trouble = hindrance
                break
        return self._over_memory(question, trouble)

    def folded_at(self) -> float:
        """When the file was last written to, in seconds since 1970. Raises ``OSError`` where there is none."""
        return self._connection.path.stat().st_mtime

    def start_anew(self) -> None:
        """Remove the file, so that the next question makes it from the whole store."""
        self._snapshot.drop()
        try:
            self._waiting(self._connection.throw_away)
        except (Busy, Unusable):
            pass

    def close(self) -> None:
        """Give back the memory."""
        self._snapshot.drop()
        self._connection.close()

    def _over_file(self, question: Callable[[Session], T]) -> T:
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

    def _over_memory(self, question: Callable[[Session], T], trouble: Exception) -> T:
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

    def _answer(self, question: Callable[[Session], T], cursor: Cursor, database: str) -> T:
        try:
            return question(Session(cursor, database, self._clock.now()))
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
            raise Unusable("its folder is not there")
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
                raise Unusable(f"{error.strerror}: {error.filename}") from error
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
        folded = False
        try:
            for batch in batches(self._store.records(fold.positions(cursor, database))):
                if database == DATABASE:
                    self._connection.prepare_write()
                fold.apply(cursor, database, batch)
                folded = True
            if folded:
                reasons.tell(cursor, database)
        except Behind:
            raise Damaged("it shows results that the folder has lost, as in a power cut") from None
        except OSError as error:
            tell(
                "the catalog may not show the newest entries",
                f"{error.strerror}: {error.filename}",
                once=f"fold {self._folder}",
            )
