"""What users and we need to test with: a clock that obeys, and contracts for own parts."""

from __future__ import annotations

from spotmagic.testing.clock import FakeClock
from spotmagic.testing.store import BlobsContract, StoreContract

__all__ = ["BlobsContract", "FakeClock", "StoreContract"]
