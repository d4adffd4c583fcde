"""How store and catalog of a spot stand: what is wrong, why, and what to do, in sentences."""

from __future__ import annotations

import errno
import re
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spotmagic import threads, words
from spotmagic.clock import Clock
from spotmagic.errors import told
from spotmagic.store.checked import Checked, last_checked
from spotmagic.store.layout import NewerFormatError
from spotmagic.store.store import FolderStore

if TYPE_CHECKING:
    from spotmagic.spot import Spot

SCARCE = 100_000_000  # bytes free on the disk below which it is told
NOTES = 4
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_BARRED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_RESUMES = "What runs, runs as always"


class Health:
    """What is known of a spot's store and catalog. Asking costs a file without a name, and reads no result."""

    def __init__(self, spot: Spot) -> None:
        self._spot = spot

    @property
    def checkup(self) -> Checkup:
        """The reading of all results of this folder."""
        return checkup(self._spot.folder)

    def tell(self, statuses: Mapping[str, int]) -> dict[str, Any]:
        """The state of store and catalog.

        Args:
            statuses: how many results there are of each status.
        """
        folder, checkup = self._spot.folder, self.checkup
        checked = last_checked(folder)
        store = [*self._storing(), *self._damage(statuses.get("corrupt", 0), checked), *checkup.trouble]
        catalog = self._cataloguing()
        return {
            "text": _standing(bool(store), bool(catalog)),
            "trouble": [*store, *catalog],
            "notes": self._notes(statuses.get("refused", 0)),
            "checking": checkup.since,
            "checked": checked and {"at": checked.at, "text": _result(checked)},
            "folder": isinstance(self._spot.store, FolderStore),
        }

    def _storing(self) -> list[str]:
        """What keeps results from being kept."""
        store, folder = self._spot.store, self._spot.folder
        if not isinstance(store, FolderStore):
            return []
        # First whether it can be read, which is worse; asking how many are damaged opens all that there is.
        try:
            store.transfer.damaged()
        except NewerFormatError as error:
            return [f"Nothing is kept or found here: {error}. {_RESUMES}. Update spotmagic, or use another spot."]
        except OSError as error:
            return [f"Nothing is kept or found: {_why(error, folder)}. {_RESUMES}. {_todo(error)}."]
        try:
            store.transfer.try_writing()
        except OSError as error:
            return [f"Nothing new is kept: {_why(error, folder)}. {_RESUMES}. {_todo(error)}."]
        failed = told().get("put", "")
        ours = "/" not in failed or _names(folder).search(failed)  # that of another spot names its file
        return [_sentence(failed)] if failed and ours else []

    def _damage(self, listed: int, checked: Checked | None) -> list[str]:
        if listed:
            are = "result is damaged and runs" if listed == 1 else "results are damaged and run"
            ways = "The status damaged lists what is; Maintenance, or spotmagic verify --repair, removes it."
            return [f"{listed:,} {are} again when called. {ways}"]
        if checked and (checked.damaged or checked.lost):
            return [
                f"{_result(checked)}, the last check found. What is damaged runs again when called; "
                "Maintenance, or spotmagic verify --repair, removes it. Check again to see what is left."
            ]
        return []

    def _cataloguing(self) -> list[str]:
        """What keeps the catalog from being used, with the program that has it."""
        why = told().get(f"catalog {self._spot.folder}")
        if why is None:
            return []
        locked = " End that program, let it close the file, or rebuild the catalog." if "PID" in why else ""
        return [f"{_sentence(why)}{self._behind()}{locked}"]

    def _behind(self) -> str:
        """How much was written since the catalog's file was last brought up to date."""
        store = self._spot.store
        if not isinstance(store, FolderStore):
            return ""
        try:
            size = store.transfer.written_since(*self._spot.catalog.folded())
        except OSError:
            return ""
        return f" Up to {words.size(size)} written since then are in these numbers, not in its file." if size else ""

    def _notes(self, refused: int) -> list[str]:
        """What is worth knowing and stops nothing."""
        notes = []
        if refused:
            are = "result is" if refused == 1 else "results are"
            notes.append(f"{refused:,} {are} refused: another user made them, and loading them could run code.")
        try:
            free = shutil.disk_usage(self._spot.folder).free
        except OSError:
            free = SCARCE
        if free < SCARCE:
            notes.append(f"Only {words.size(free)} are free on its disk.")
        now = {"put", f"catalog {self._spot.folder}"}
        earlier = [text for once, text in told_about(self._spot.folder).items() if once not in now]
        return [*notes, *(f"Earlier: {_sentence(text, begin=False)}" for text in earlier[:NOTES])]


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


def told_about(folder: Path) -> dict[str, str]:
    """The warnings of this process that are not over and concern a folder, or the storing of results anywhere."""
    about = _names(folder)
    return {once: text for once, text in told().items() if once == "put" or about.search(once)}


def _names(folder: Path) -> re.Pattern[str]:
    """Finds a folder, or what is in it, in a text."""
    return re.compile(rf"(?:^| ){re.escape(str(folder))}(?:$|[ /:])")


def _standing(store: bool, catalog: bool) -> str:
    if store and catalog:
        return "Neither store nor catalog is fine."
    if store:
        return "The catalog is fine, the store is not."
    return "The store is fine, the catalog is not." if catalog else "Store and catalog are fine."


def _result(checked: Checked) -> str:
    """What a check has found. When is for whoever shows it."""
    found = words.checked(checked.entries, checked.damaged)
    return f"{found}, but {words.size(checked.lost)} beside them" if checked.lost and not checked.damaged else found


def _why(error: OSError, folder: Path) -> str:
    if error.errno in _FULL:
        return f"the disk of {folder} is full"
    return f"{folder} cannot be used ({error.strerror or error})"


def _todo(error: OSError) -> str:
    if error.errno in _FULL:
        return "Make room, and keeping resumes by itself"
    if error.errno in _BARRED:
        return "Give yourself the right to write there, and keeping resumes by itself"
    return "Set it right, then look again"


def _sentence(text: str, *, begin: bool = True) -> str:
    """A warning as a sentence of its own."""
    return f"{text[:1].upper() if begin else text[:1]}{text[1:].rstrip('.')}."
