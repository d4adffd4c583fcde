"""When a folder was last read as a whole, and what was found: a note beside the entries, for whoever looks next."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from spotmagic import files

FILE = "checked.json"
VERSION = 1
_MOST = 10_000  # bytes; ours has about a hundred


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of reading every entry.

    Attributes:
        at: when it ended, in seconds since 1970.
        entries: how many there were.
        damaged: how many of them are not as they were written, and were not removed.
        refused: how many are whole but not for this user.
        lost: bytes of the files in which no entry could be found any more, and that were not cleared away.
    """

    at: float
    entries: int
    damaged: int
    refused: int
    lost: int


def note(folder: Path, checked: Checked) -> None:
    """Write down a check in its folder. One that takes no file goes without."""
    with contextlib.suppress(OSError):
        text = json.dumps({"checked": VERSION, **asdict(checked)})
        files.write_whole(folder / FILE, text.encode() + b"\n", durable=False)


def last_checked(folder: Path) -> Checked | None:
    """The last check of a folder, by any kernel; ``None`` when there was none, or nothing can be read of it."""
    try:
        with (folder / FILE).open("rb") as file:
            known = json.loads(file.read(_MOST))
        if known["checked"] != VERSION:
            return None
        at, counts = known["at"], [known[name] for name in ("entries", "damaged", "refused", "lost")]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    if not _is_number(at) or not all(_is_number(count) and count == int(count) for count in counts):
        return None
    return Checked(float(at), *map(int, counts))


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53 and math.isfinite(value)
    )
