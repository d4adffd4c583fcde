"""Re-run a notebook for free: cells and functions that cost money, time or quota are cached, rate-limited and visible.

``%load_ext spotmagic`` in a notebook, ``Spot("name")`` anywhere. Names are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spotmagic.rooms import ROOMS, public

if TYPE_CHECKING:
    from spotmagic.batch import Batch
    from spotmagic.batch.service import Service, Source
    from spotmagic.codecs import register
    from spotmagic.dashboard import panel
    from spotmagic.engine.retry import Retry
    from spotmagic.jobs import Job
    from spotmagic.keys import KeyGen
    from spotmagic.limits import Limit
    from spotmagic.notebook import load_ipython_extension, unload_ipython_extension
    from spotmagic.spot import Spot, current, last, running

__all__ = [
    "Batch",
    "Job",
    "KeyGen",
    "Limit",
    "Retry",
    "Service",
    "Source",
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
    if name not in ROOMS:
        raise AttributeError(f"module 'spotmagic' has no attribute {name!r}")
    value = globals()[name] = public(name)
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
