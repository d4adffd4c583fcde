"""A limit as the panel draws it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spotmagic import words

if TYPE_CHECKING:
    from spotmagic.limits.status import LimitState


def gauges(state: LimitState) -> dict[str, Any]:
    """A limit: its rates in words, and as gauges how far ahead it is booked and how many calls run."""
    rates = [("requests", state.rpm_now, state.rpm), ("tokens", state.tpm_now, state.tpm)]
    said = [_rate(now, declared, unit) for unit, now, declared in rates if declared]
    shown = []
    if said:
        ahead = {"unit": "booked ahead", "used": min(state.wait, 60.0), "limit": 60.0}
        shown.append({**ahead, "text": words.duration(state.wait)})
    if state.concurrency:
        at_once = {"unit": "at once", "used": state.running, "limit": state.concurrency}
        shown.append({**at_once, "text": f"{state.running} of {state.concurrency}"})
    return {
        "name": state.name,
        "rates": ", ".join(said),
        "slowed": state.factor < 1,
        "gauges": shown,
        "waiting": state.queue,
        "paused": state.pause,
    }


def _rate(now: float, declared: float, unit: str) -> str:
    share = f"{now:,.0f} of " if now < declared else ""
    return f"{share}{declared:,.0f} {unit} per minute"
