"""A run that ended."""

from __future__ import annotations

from typing import Any, NamedTuple


class Ran(NamedTuple):
    """A run that ended.

    Attributes:
        value: the result, if there is no error.
        error: the user's own error.
        started: wall time at the start in seconds.
        seconds: how long the last attempt took.
        waited: seconds spent waiting for a limit.
    """

    value: Any
    error: Exception | None
    started: float
    seconds: float
    waited: float
