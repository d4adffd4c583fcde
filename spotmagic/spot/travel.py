"""Spots in other processes: they travel as what they were opened with, and are opened there once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spotmagic import files
from spotmagic.clock import SYSTEM
from spotmagic.limits import Limits

if TYPE_CHECKING:
    from spotmagic.spot.spot import Spot

_HERE = ("executor", "hooks", "never_twice")  # what stays in the process that has it
_arrived: dict[Any, Spot] = {}
_lock = files.ForkLock()


def opening(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a spot was opened with, as it can travel."""
    settings = {name: value for name, value in given.items() if name not in ("self", *_HERE) and value is not None}
    if settings["clock"] is SYSTEM:  # it is not the same object in another process
        del settings["clock"]
    if isinstance(limits := settings.get("limits"), Limits):
        settings["limits"] = limits.backend
    return settings


def arrive(settings: dict[str, Any]) -> Spot:
    """The spot of this process that was opened with these settings when one first came here."""
    from spotmagic.spot.spot import Spot

    try:
        key = tuple(settings.items())
        hash(key)
    except TypeError:  # with something of the user's own
        return Spot(**settings)
    with _lock:  # a pool's threads unpickle at once, and each spot has limits and counts of its own
        spot = _arrived.get(key)
        if spot is None:
            spot = _arrived[key] = Spot(**settings)
        return spot
