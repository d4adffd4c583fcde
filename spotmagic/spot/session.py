"""The notebook's spot, and the last outcome of this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from spotmagic.engine.call import Outcome

if TYPE_CHECKING:
    from spotmagic.spot.spot import Spot


class Latest:
    """The last outcome of this process. A hit of the short way leaves how to tell of it, told only when asked."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last: Outcome | Callable[[], Outcome] | None = None


told = Latest()


class _Chosen:
    """Which spot is the notebook's."""

    opened: Spot | None = None
    latest: Spot | None = None


def tell_outcome(outcome: Callable[[], Outcome]) -> None:
    """Make an outcome the last one."""
    told.last = outcome


def last() -> Outcome | None:
    """The last outcome of this process, or ``None`` before the first."""
    outcome = told.last  # read once: another thread may leave the next one meanwhile
    if callable(outcome):
        outcome = told.last = outcome()
    return outcome


def current() -> Spot:
    """The notebook's spot: the one ``%spot open`` chose, else the last of ``__main__``, else ``Spot("default")``."""
    spot = _Chosen.opened or _Chosen.latest
    if spot is None:
        from spotmagic.spot.spot import Spot

        spot = _Chosen.latest = Spot()
    return spot


def choose(spot: Spot) -> None:
    """Make a spot the notebook's."""
    _Chosen.opened = spot


def made_in_main(spot: Spot) -> None:
    """Remember the last spot that a cell or script made."""
    _Chosen.latest = spot


def drop(spot: Spot) -> None:
    """Forget a closed spot."""
    if _Chosen.opened is spot:
        _Chosen.opened = None
    if _Chosen.latest is spot:
        _Chosen.latest = None
