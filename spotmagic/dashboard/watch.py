"""Whether there is news of a spot: its folder was written to by whichever kernel, or cannot be used any more."""

from __future__ import annotations

from pathlib import Path

from spotmagic.dashboard.checkup import checkup
from spotmagic.dashboard.health import told_about
from spotmagic.store.checked import FILE as CHECKED

EVERY = 0.5  # seconds between looks at the folder
REST = 2.0  # seconds between looks after a minute without news
_MINUTE = 60.0


class Watch:
    """Looks at a folder again and again. A look costs a listing of its journals.

    Attributes:
        wait: the seconds until the next look.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: object = None
        self._quiet = 0.0
        self.wait = EVERY

    def settle(self) -> None:
        """What is there now is no news."""
        self._seen = mark(self._folder)

    def again(self) -> None:
        """What was seen last could not be told: it is news once more."""
        self._seen = None

    def look(self) -> bool:
        """Whether anything was written since the last look."""
        seen = mark(self._folder)
        news = seen != self._seen
        self._seen = seen
        self._quiet = 0.0 if news else self._quiet + EVERY
        self.wait = EVERY if self._quiet < _MINUTE else REST
        return news


def mark(folder: Path) -> object:
    """What changes when any kernel writes to a spot, or when it fares otherwise than before.

    That are the sizes of its journals, the modes that were set and the last check; the warnings of this process, and
    whether it is checking.
    """
    found = []
    for place in ("journal", "segments"):
        try:
            found += [(path.name, path.stat().st_size) for path in (folder / place).iterdir()]
        except OSError:
            continue
    for name in ("modes.json", CHECKED):
        try:
            found.append((name, (folder / name).stat().st_mtime_ns))
        except OSError:
            continue
    return sorted(found), told_about(folder), checkup(folder).since
