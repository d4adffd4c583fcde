"""Which spot the command line looks at."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spotmagic.errors import OptionError
from spotmagic.options import setting

if TYPE_CHECKING:
    from spotmagic.spot import Spot


def root() -> Path:
    """The folder that spots are looked up in."""
    return Path(setting("root", ".spotmagic") or ".spotmagic")


def spot_at(folder: str | None, *, make: bool = False, latest: bool = False, **settings: Any) -> Spot:
    """The spot of a folder, which has to be there unless it may be made: looking makes nothing.

    Args:
        folder: its path, its name under the root, or nothing for the only one there, or ``default``.
        latest: of several take the one that was last used, as the others can be chosen from there.
        settings: other arguments of the spot.

    Raises:
        OptionError: there is no such spot, or several to choose from.
    """
    from spotmagic.spot import Spot

    place = _named(root(), folder, make) if folder else _only(root(), make, latest)
    return Spot(place.name, root=place.parent, **settings)


def _named(root: Path, folder: str, make: bool) -> Path:
    for place in (Path(folder), root / folder):  # a path goes before a name
        if is_spot(place):
            return place.absolute()
    if make:
        return Path(folder).absolute() if os.sep in folder else (root / folder).absolute()
    raise OptionError(f"{folder} is no spot", todo=_those(root))


def _only(root: Path, make: bool, latest: bool) -> Path:
    known = spots(root)
    if latest and known:
        return max(known, key=_used).absolute()
    if len(known) == 1:
        return known[0].absolute()
    if is_spot(root / "default") or (make and not known):
        return (root / "default").absolute()
    raise OptionError("say which spot with --spot FOLDER" if known else "there is no spot here", todo=_those(root))


def _used(place: Path) -> float:
    """When something of a spot was last written."""
    return max((file.stat().st_mtime for file in (place / "journal").glob("*")), default=0.0)


def spots(root: Path) -> list[Path]:
    """The spots under a root."""
    return sorted(path for path in root.glob("*") if is_spot(path))


def is_spot(place: Path) -> bool:
    """Whether a folder is a spot's."""
    return (place / "format.json").is_file()


def _those(root: Path) -> str:
    names = [path.name for path in spots(root)]
    return (
        f"Under {root} there are: {', '.join(names)}"
        if names
        else f"Run something under a Spot first; looked in {root}"
    )
