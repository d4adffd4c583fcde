"""What users and we need to test with: a clock that obeys, contracts for own parts, values to try them on."""

from __future__ import annotations

from typing import Any

from spotmagic.testing.clock import FakeClock
from spotmagic.testing.same import same
from spotmagic.testing.store import BlobsContract, StoreContract

__all__ = ["BlobsContract", "FakeClock", "StoreContract", "arrays", "frames", "plain_values", "same"]

_STRATEGIES = ("arrays", "frames", "plain_values")


def __getattr__(name: str) -> Any:
    """The strategies, which need hypothesis, are imported when first used."""
    if name not in _STRATEGIES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from spotmagic.testing import values

    return getattr(values, name)
