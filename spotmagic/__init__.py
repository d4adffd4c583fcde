"""Re-run a notebook for free: cells and functions that cost money, time or quota are cached, rate-limited and visible.

``%load_ext spotmagic`` in a notebook, ``Spot("name")`` anywhere. Names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spotmagic.codecs import register
    from spotmagic.dashboard import panel
    from spotmagic.engine.retry import Retry
    from spotmagic.keys import KeyGen
    from spotmagic.limits import Limit
    from spotmagic.notebook import load_ipython_extension, unload_ipython_extension
    from spotmagic.spot import Spot, current, last, running

_ROOMS = {
    "KeyGen": "keys",
    "Limit": "limits",
    "Retry": "engine.retry",
    "Spot": "spot",
    "current": "spot",
    "last": "spot",
    "load_ipython_extension": "notebook",
    "panel": "dashboard",
    "register": "codecs",
    "running": "spot",
    "unload_ipython_extension": "notebook",
}

__all__ = [
    "KeyGen",
    "Limit",
    "Retry",
    "Spot",
    "current",
    "last",
    "load_ipython_extension",
    "panel",
    "register",
    "running",
    "unload_ipython_extension",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("spotmagic")
    if name not in _ROOMS:
        raise AttributeError(f"module 'spotmagic' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"spotmagic.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
