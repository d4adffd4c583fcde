"""Where the public names of the package live. They are loaded when they are first used, from above and from below."""

from __future__ import annotations

import importlib
from typing import Any

ROOMS = {
    "Batch": "batch",
    "Job": "jobs",
    "KeyGen": "keys",
    "Limit": "limits",
    "Retry": "engine.retry",
    "Service": "batch.service",
    "Source": "batch.service",
    "Spot": "spot",
    "current": "spot",
    "last": "spot",
    "load_ipython_extension": "notebook",
    "panel": "dashboard",
    "register": "codecs",
    "running": "spot",
    "unload_ipython_extension": "notebook",
}


def public(name: str) -> Any:
    """The public object of a name. ``KeyError`` where there is none."""
    return getattr(importlib.import_module(f"spotmagic.{ROOMS[name]}"), name)
