"""Spots in other processes: they travel as what they were opened with, and are opened there once."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spotmagic.clock import SYSTEM
from spotmagic.limits import Limits

if TYPE_CHECKING:
    from spotmagic.spot.spot import Spot

_arrived: dict[Any, Spot] = {}
_lock = threading.Lock()


def opening(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a spot was opened with, as it can travel."""
    settings = {name: value for name, value in given.items() if name != "self" and value is not None}
    if settings["clock"] is SYSTEM:
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
    with _lock:
        spot = _arrived.get(key)
        if spot is None:
            spot = _arrived[key] = Spot(**settings)
        return spot
