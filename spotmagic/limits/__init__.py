"""Limits: what may pass per time, shared by name between threads, tasks, kernels and, with Redis, machines."""

from __future__ import annotations

from spotmagic.limits.cost import Cost
from spotmagic.limits.limit import Limit
from spotmagic.limits.permit import Permit
from spotmagic.limits.registry import Limits
from spotmagic.limits.status import LimitState

__all__ = ["Cost", "Limit", "LimitState", "Limits", "Permit"]
