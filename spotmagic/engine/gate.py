"""The gate of a call: the limit each attempt passes, and what it costs there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spotmagic.limits import Cost, Limit


@dataclass(frozen=True, slots=True)
class Gate:
    """A limit together with the costs of one function.

    Attributes:
        cost: what a call is expected to cost, learning from what calls did cost.
        settle: the actual cost, as a function of the result.
        timeout: seconds after which waiting ends with ``LimitTimeout``.
        given: the options of the limiter that made it, which make the same gate in another process.
    """

    limit: Limit
    cost: Cost
    settle: Callable[[Any], float] | None = None
    timeout: float | None = None
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A gate with the estimated cost of one call."""

    gate: Gate
    estimate: float
