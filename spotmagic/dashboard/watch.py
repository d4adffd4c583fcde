"""Whether anything was written to a spot's folder, by whichever kernel."""

from __future__ import annotations

from pathlib import Path

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

    def look(self) -> bool:
        """Whether anything was written since the last look."""
        seen = mark(self._folder)
        news = seen != self._seen
        self._seen = seen
        self._quiet = 0.0 if news else self._quiet + EVERY
        self.wait = EVERY if self._quiet < _MINUTE else REST
        return news


def mark(folder: Path) -> object:
    """What changes when any kernel writes to a spot: the sizes of its journals, and the modes that were set."""
    found = []
    for place in ("journal", "segments"):
        try:
            found += [(path.name, path.stat().st_size) for path in (folder / place).iterdir()]
        except OSError:
            continue
    try:
        found.append(("modes", (folder / "modes.json").stat().st_mtime_ns))
    except OSError:
        pass
    return sorted(found)
