"""The line under a cell that says what came of it."""

from __future__ import annotations

from dataclasses import fields
from html import escape
from typing import Any

from spotmagic.engine.call import Outcome
from spotmagic.words import duration, money

_GREEN, _TROUBLE = "light-dark(#1a7f37,#3fb950)", "light-dark(#bc4c00,#f0883e)"
_COLOURS = {
    "hit": _GREEN,
    "joined": _GREEN,
    "mocked": "light-dark(#8250df,#a371f7)",
    "ran": "light-dark(#0969da,#58a6ff)",
    "bypassed": "light-dark(#57606a,#8b949e)",
}
_SHOWN = {field.name for field in fields(Outcome)} - {"value"}


def publish(shell: Any, outcome: Outcome, *, note: str = "") -> None:
    """Show the badge of an outcome as one display of html and plain text.

    Args:
        note: one more thing to say, such as what a failed cell will not pay again.
    """
    told = " · ".join(filter(None, [*phrases(outcome), note]))
    trouble = bool(outcome.drift) or (outcome.verdict == "ran" and not outcome.stored)
    colour = _TROUBLE if trouble else _COLOURS[outcome.verdict]
    verdict, rest = escape(outcome.verdict), escape(told.removeprefix(outcome.verdict))
    html = (
        f'<div role="note" style="font:12px/1.6 system-ui,sans-serif;border-left:3px solid {colour};padding-left:8px;'
        f'margin:4px 0;opacity:.85"><b style="color:{colour}">{verdict}</b>{rest}</div>'
    )
    account = {name: getattr(outcome, name) for name in sorted(_SHOWN)}
    account["changed"], account["drift"] = list(outcome.changed), list(outcome.drift)
    shell.display_pub.publish({"text/plain": f"spot: {told}", "text/html": html}, {"spotmagic": account})


def phrases(outcome: Outcome) -> list[str]:
    """What is to be said about an outcome, its verdict first."""
    if outcome.verdict in ("hit", "mocked", "joined"):
        saved = [duration(outcome.saved_seconds)] if outcome.saved_seconds > 0.0005 else []
        saved += [money(outcome.saved_price)] if outcome.saved_price else []
        said = [
            outcome.verdict,
            f"{duration(outcome.age)} old",
            f"saved {' and '.join(saved)}" if saved else "",
            outcome.reason,
        ]
        if outcome.drift:
            names = ", ".join(f"`{name}`" for name in outcome.drift)
            said.append(f"drift: {names} differ{'s' if len(outcome.drift) == 1 else ''} from the kept result "
                        f"(%spot accept {outcome.name}, or refresh)")  # fmt: skip
        return said
    took = (
        f"ran in {duration(outcome.seconds)}" if outcome.verdict == "ran" else f"bypassed, {duration(outcome.seconds)}"
    )
    waited = f"waited {duration(outcome.waited)}" if outcome.waited >= 0.05 else ""
    return [
        took,
        money(outcome.price) if outcome.price else "",
        waited,
        outcome.reason,
        "stored" if outcome.stored else "",
    ]
