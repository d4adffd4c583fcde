"""How far a batch is and how fast it goes: one snapshot, its line of text, and the html of its display."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from spotmagic.terminal import plain
from spotmagic.words import duration, markup, money

ENDED = ("done", "stopped", "interrupted", "failed", "lost")
WINDOW = 60.0
"""Seconds over which the pace is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A snapshot of a batch.

    Attributes:
        status: ``running``, ``paused``, ``stopping``, ``done``, ``stopped``, ``interrupted``, ``failed`` (its inputs
            raised) or ``lost`` (its process died).
        total: calls in all, or ``None`` where nobody knows.
        done: calls that have come to their end, failed ones included.
        cached, failed: of these, those that were served without a run, and those that raised.
        running, retrying: calls that run, and those that wait before another attempt.
        waiting: calls that wait for a limit, by its name; those that wait for another run have no name.
        price, saved: what the calls did cost, and what hits did not cost.
        seconds: since the beginning, or until the end.
        left: seconds that are still needed, about, or ``None``.
        reason: why it ended early.
        started: seconds since 1970.
    """

    name: str
    function: str
    status: str
    total: int | None = None
    done: int = 0
    cached: int = 0
    failed: int = 0
    running: int = 0
    retrying: int = 0
    waiting: Mapping[str, int] = field(default_factory=dict)
    price: float = 0.0
    saved: float = 0.0
    seconds: float = 0.0
    left: float | None = None
    reason: str = ""
    started: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.status in ENDED

    def said(self) -> dict[str, Any]:
        """As plain data, for files and pages."""
        return {one.name: getattr(self, one.name) for one in fields(self)} | {"waiting": dict(self.waiting)}

    def __str__(self) -> str:
        return plain(f"{self.name}: {' · '.join(phrases(self))}")


class Pace:
    """The pace of calls that ran; hits come in bursts and tell nothing of the rest."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def left(self, now: float, done: int, rest: int) -> float | None:
        """Seconds for the rest, about. ``None`` as long as nobody can say.

        Args:
            now: monotonic seconds.
            done: calls that have come to their end.
        """
        seen = self._seen
        seen.append((now, done))
        while len(seen) > 2 and now - seen[0][0] > WINDOW:
            seen.popleft()
        seconds, gained = now - seen[0][0], done - seen[0][1]
        return rest * seconds / gained if gained > 0 and seconds > 0.5 else None


Show = Callable[[Progress], None]
"""Shows a snapshot in place of the one before. The last one says that the batch has ended."""


def phrases(now: Progress) -> list[str]:
    """What is to be said about a batch, the counts first."""
    count = f"{now.done:,} of {now.total:,}" if now.total is not None else f"{now.done:,} done"
    said = [count]
    if now.status != "running":
        said.append(f"{now.status}: {now.reason}" if now.reason else now.status)
    said += [f"{number:,} {word}" for number, word in ((now.cached, "cached"), (now.failed, "failed")) if number]
    if not now.ended:
        said += [
            f"{number:,} {word}" for number, word in ((now.running, "running"), (now.retrying, "retrying")) if number
        ]
        said += [f"{number:,} waiting for {name or 'another run'}" for name, number in now.waiting.items()]
    said += [f"{money(now.price)} paid"] if now.price else []
    said += [f"{money(now.saved)} saved"] if now.saved else []
    if now.ended:
        said.append(f"in {duration(now.seconds)}")
    elif now.left is not None and now.status == "running":
        said.append(f"{duration(max(1.0, now.left))} left")
    if now.status in ("interrupted", "stopped") and (now.total is None or now.done < now.total):
        said.append("run it again to ask only the rest")
    return said


def html(now: Progress) -> str:
    """The display of a batch: a bar where the total is known, and the line below, which says all without the bar."""
    share = min(1.0, now.done / now.total) if now.total else 1.0 if now.ended else 0.0
    colour = _TROUBLE if now.failed or now.status in ("stopped", "interrupted", "failed", "lost") else _GOOD
    bar = (
        f'<div style="height:4px;border-radius:2px;background:light-dark(#d0d7de,#3d444d);margin:2px 0 3px 0">'
        f'<div style="height:4px;border-radius:2px;width:{100 * share:.1f}%;background:{colour}"></div></div>'
    )
    line = markup(" · ".join(phrases(now)))
    return (
        f'<div role="status" style="font:12px/1.6 system-ui,sans-serif;max-width:640px;margin:4px 0">{bar}'
        f"<b>{markup(now.name)}</b> {line}</div>"
    )


_GOOD, _TROUBLE = "light-dark(#1a7f37,#3fb950)", "light-dark(#bc4c00,#f0883e)"
