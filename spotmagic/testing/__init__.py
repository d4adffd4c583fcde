"""What users and we need to test with: a clock that obeys, contracts for own parts, a strict comparison.

The pytest plug-in (:mod:`spotmagic.testing.plugin`) lies here too, and pytest loads it when it starts: so what
stands on more than Python is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spotmagic.testing.same import same

if TYPE_CHECKING:
    from spotmagic.testing.clock import FakeClock
    from spotmagic.testing.store import BlobsContract, StoreContract
    from spotmagic.testing.target import TargetContract

__all__ = ["BlobsContract", "FakeClock", "StoreContract", "TargetContract", "same"]

_HOMES = {"BlobsContract": "store", "FakeClock": "clock", "StoreContract": "store", "TargetContract": "target"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"spotmagic.testing.{_HOMES[name]}"), name)
