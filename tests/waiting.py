"""Waiting for what another thread or process does, to which no clock can be passed."""

from __future__ import annotations

import time
from collections.abc import Callable


def soon(told: Callable[[], object], seconds: float = 30) -> bool:
    """Whether something comes true before long."""
    end = time.monotonic() + seconds
    while not told():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
