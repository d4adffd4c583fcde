"""Spots: what users hold in their hands."""

from __future__ import annotations

from spotmagic.engine.running import running
from spotmagic.spot.session import choose, current, last
from spotmagic.spot.spot import Spot

__all__ = ["Spot", "choose", "current", "last", "running"]
