"""What stands on a folder (store, engine, catalog), shared by every spot of this process that opens it the same way."""

from __future__ import annotations

import errno
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from spotmagic import files
from spotmagic.clock import Clock
from spotmagic.engine.drive import Engine
from spotmagic.engine.flight import flight_at
from spotmagic.engine.ledger import Ledger
from spotmagic.engine.receipt import tell_unstored
from spotmagic.engine.running import Board
from spotmagic.errors import tell
from spotmagic.spot.session import tell_outcome
from spotmagic.store import Store
from spotmagic.store.blobs import Blobs, blobs_at
from spotmagic.store.remote import Remote
from spotmagic.store.shared import SharedStore
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring, Trust

if TYPE_CHECKING:
    from spotmagic.catalog import Catalog

_open: WeakValueDictionary[tuple[Path, str, int, Trust, int, str | None], Stack] = WeakValueDictionary()
_guard = files.ForkLock()


class Stack:
    """Store, engine and catalog of one folder."""

    def __init__(self, folder: Path, store: Store, clock: Clock, catalog: Catalog | None = None) -> None:
        self.folder, self.store, self.clock = folder, store, clock
        flight = flight_at(folder / "flight.lock")
        self.ledger = Ledger(store, flight, clock, tell_outcome, Board(folder))
        self.engine = Engine(self.ledger)
        self._given_catalog = catalog
        self._users = 0

    @cached_property
    def catalog(self) -> Catalog:
        """The table about the entries, opened when it is first asked."""
        if self._given_catalog is not None:
            return self._given_catalog
        from spotmagic.catalog import Catalog

        return Catalog(self.folder, self.store, clock=self.clock)

    def use(self) -> Stack:
        """One more spot works with it."""
        self._users += 1
        return self

    def leave(self) -> None:
        """One spot less; the last one writes what is in memory and lets go of every file."""
        self._users -= 1
        if self._users > 0:  # other spots of this process stand on it
            return
        with _guard:  # before anything is closed: who opens the folder now gets a stack of its own
            for key, known in list(_open.items()):
                if known is self:
                    del _open[key]
        if "catalog" in self.__dict__:
            self.catalog.close()
        self.store.close()
        self.engine.flight.close()
        self.ledger.board.close()


def open_stack(
    folder: Path,
    *,
    ring: Ring,
    blobs: str | Path | Blobs | None,
    blob_over: int,
    trust: Trust,
    clock: Clock,
    remote: str | None = None,
) -> Stack:
    """The stack on a folder: the one already open in this process where they were opened alike, else a new one."""
    # The stack holds its clock, so that no other one gets this id while the key is known.
    key = (folder, str(blobs or ""), blob_over, trust, id(clock), remote)
    with _guard:
        stack = _open.get(key)
        if stack is None:
            place = blobs_at(blobs, folder) if isinstance(blobs, str | Path) else blobs
            given: dict[str, Any] = {
                "ring": ring,
                "blobs": place,
                "blob_over": blob_over,
                "trust": trust,
                "clock": clock,
            }
            store = SharedStore(folder, Remote(remote, clock), **given) if remote else FolderStore(folder, **given)
            stack = _open[key] = Stack(folder, store, clock)
            if (trouble := barred(folder)) is not None:
                tell_unstored(trouble)
            if (network := files.network_file_system(folder)) is not None:
                tell(
                    f"{folder} lies on a network file system ({network})",
                    "there the locks and syncs that kernels of several machines need are not to be relied on",
                    "Keep the spot on a local disk, or let one machine at a time use it",
                    once=f"network {folder}",
                )
        return stack


def barred(folder: Path) -> OSError | None:
    """Why a folder can surely not be made or used, as far as that can be told without making it."""
    place = folder
    try:
        while not place.exists():  # its root does
            place = place.parent
        if not place.is_dir():
            return NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(place))
        if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
            return PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
    except OSError as error:
        return error
    return None
