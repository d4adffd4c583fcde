"""What people set for a folder: a small file that every kernel sees at its next call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from spotmagic import files
from spotmagic.errors import tell
from spotmagic.originals import dumps, loads
from spotmagic.store import Store

Settings = dict[str, Any]


class Shared:
    """Settings by name, in a file that all kernels share.

    Args:
        what: what they are, in warnings: ``the modes that were set``.
        store: its epoch moves when one was set, so that nobody has to look at the file on a call.
        parse: makes the settings of what the file says; raises ``ValueError`` for what is none.

    Attributes:
        now: the settings as they were when ``seen`` was the epoch.
    """

    def __init__(self, path: Path, what: str, store: Store, parse: Callable[[Settings], Settings] = dict) -> None:
        self._path, self._what, self._store, self._parse = path, what, store, parse
        self.seen = store.epoch
        self.now = self._read()

    def get(self) -> Settings:
        """The settings as they are."""
        if self._store.epoch != self.seen:
            self.seen = self._store.epoch
            self.now = self._read()
        return self.now

    def change(self, change: Callable[[Settings], Settings]) -> None:
        """Change the settings. A folder that cannot be written is told: then it holds here only.

        Args:
            change: gives new settings for old ones, which it leaves as they are: it is asked twice, of what is known
                here and, under the lock, of what the file says by then.
        """
        self.now = change(self.now)
        try:
            files.make_folder(self._path.parent)
            with files.locked(self._path.with_suffix(".lock")):
                self.now = change(self._read())
                files.write_whole(self._path, dumps(self.now, indent=1).encode())
            self._store.announce()
        except OSError as error:
            tell(f"{self._what} hold in this kernel only", str(error), "Make the folder writable and set them again")
        self.seen = self._store.epoch  # after the announcement, which moved it

    def _read(self) -> Settings:
        try:
            return self._parse(loads(self._path.read_bytes()))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            tell(f"{self._what} cannot be read", str(error), "Set them again", once=f"settings {self._path}")
            return {}
