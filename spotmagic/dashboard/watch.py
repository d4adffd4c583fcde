"""What is new of a spot: its folder was written to by whichever kernel, something runs, it cannot be used any more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from spotmagic.dashboard.batches import latest_change
from spotmagic.dashboard.health import checkup, told_about
from spotmagic.jobs import how_many
from spotmagic.store.checked import FILE as CHECKED

if TYPE_CHECKING:
    from spotmagic.dashboard.backend import Backend

EVERY = 0.5  # seconds between looks at the folder
REST = 2.0  # seconds between looks after a minute without news
_MINUTE = 60.0


class News:
    """Looks at a folder again and again, for those who show it. A look costs a listing of its journals.

    Attributes:
        wait: the seconds until the next look.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: object = None
        self._there = self._counting = False
        self._running: list[dict[str, Any]] = []
        self._quiet = 0.0
        self.wait = EVERY

    @property
    def gone(self) -> bool:
        """Whether the folder was there and is not any more."""
        is_there = self._folder.is_dir()
        self._there = self._there or is_there
        return self._there and not is_there

    def settle(self, seen: object = None) -> None:
        """What is there now is no news, or what was there at a mark."""
        self._seen = seen or mark(self._folder)

    def look(self, backend: Backend) -> dict[str, Any] | None:
        """What is to be told since the last look: the totals when anything was written, else what runs if that changed.

        What could not be told is news once more.
        """
        # Before the totals are read: what is written meanwhile is news for the next look.
        seen, running = mark(self._folder), backend.overview.running()
        written = seen != self._seen or self._counting
        if not written and running == self._running:
            self._quiet += EVERY
            self.wait = EVERY if self._quiet < _MINUTE or running else REST
            return None
        # Nothing is known as seen until it was told: an error below leaves it for the next look.
        self._seen, self._quiet, self.wait = None, 0.0, EVERY
        beat: dict[str, Any] = {"totals": backend.beat()} if written else {"running": running}
        self._counting = bool(beat.get("totals", {}).get("counting"))
        self._seen, self._running = seen, running
        return beat


def mark(folder: Path) -> object:
    """What changes when any kernel writes to a spot, or when it fares otherwise than before.

    That are the sizes of its journals, the modes that were set and the last check; the warnings of this process, and
    whether it is checking; how the latest batches stand, and how many jobs there are.
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
    return sorted(found), told_about(folder), checkup(folder).since, latest_change(folder), how_many(folder)
