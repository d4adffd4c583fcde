"""Files that a run is told of, and that a native library may open unseen: they count if nobody wrote them meanwhile."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from spotmagic.reads import looks
from spotmagic.reads.noting import FileState, Noting
from spotmagic.reads.paths import whole_path

RECENT = 100_000_000  # nanoseconds: a file that young may change once more without another time of change
_stat = os.stat  # never the noting one


def suppose(noting: Noting, paths: Iterable[str]) -> None:
    """Remember how the files of these paths are before the run, and which are not there."""
    for path in paths:
        where = whole_path(os.path.join(noting.folder, path))  # noqa: PTH118
        if where is not None:
            noting.supposed[where] = state_now(where)


def confirm(noting: Noting) -> None:
    """Note those that are as they were. The others were written by the run, as far as anybody knows.

    Of one that the run only asked for in Python, the question counts.
    """
    for where, name in noting.outdated.items():
        if where not in noting.files and not noting.made(where):
            path = where.removeprefix(os.path.join(noting.folder, ""))  # noqa: PTH118
            noting.trouble = noting.trouble or f"`{path}` changed since `{name}` read it, which keeps what it gave"
    for where, state in noting.supposed.items():
        asked = state is None or (looks.PRESENT, where) in noting.looks
        if not asked and where not in noting.files and not noting.made(where) and state_now(where) == state:
            for each in (noting, *noting.around):
                each.read(where, state)


def changed(noting: Noting) -> dict[str, FileState | None]:
    """Those that are not as they were though nobody was seen to write them, each with what it was."""
    seen = noting.wrote()
    told = {where: state for where, state in noting.supposed.items() if where not in seen}
    return {where: state for where, state in told.items() if state_now(where) != state}


def state_now(where: str) -> FileState | None:
    """What the system says of a file now; None of what is none."""
    try:
        found = _stat(where)
    except (OSError, ValueError):
        return None
    return FileState.of(found) if stat.S_ISREG(found.st_mode) else None
