"""Which spot the command line looks at."""

from __future__ import annotations

from pathlib import Path

from spotmagic.errors import OptionError
from spotmagic.options import setting
from spotmagic.spot import Spot


def spot_at(folder: str | None) -> Spot:
    """The spot of a folder, which has to be there: looking makes nothing.

    Args:
        folder: its path, its name under the root, or nothing for the only one there, or ``default``.

    Raises:
        OptionError: there is no such spot, or several to choose from.
    """
    root = Path(setting("root", ".spotmagic") or ".spotmagic")
    place = _named(root, folder) if folder else _only(root)
    return Spot(place.name, root=place.parent)


def _named(root: Path, folder: str) -> Path:
    for place in (Path(folder), root / folder):
        if is_spot(place):
            return place.absolute()
    raise OptionError(f"{folder} is no spot", todo=_those(root))


def _only(root: Path) -> Path:
    known = spots(root)
    if len(known) == 1:
        return known[0].absolute()
    if is_spot(root / "default"):
        return (root / "default").absolute()
    raise OptionError("say which spot with --spot FOLDER" if known else "there is no spot here", todo=_those(root))


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
