"""The call being run, as the user's code inside it sees it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol


class Running(Protocol):
    """The call being run. Outside a call its methods do nothing."""

    def cost(self, *, tokens: float) -> None:
        """Tell the limit what the call did cost, once that is known."""
        ...


class Idle:
    """No call is being run."""

    def cost(self, *, tokens: float) -> None:
        """Nothing to tell."""


class Attempt:
    """One attempt of a call.

    Attributes:
        actual: the cost the user's code told, or ``None``.
    """

    __slots__ = ("actual",)

    def __init__(self) -> None:
        self.actual: float | None = None

    def cost(self, *, tokens: float) -> None:
        """Tell the limit what the call did cost, once that is known."""
        self.actual = (self.actual or 0.0) + tokens


_IDLE = Idle()
now_running: ContextVar[Running] = ContextVar("spotmagic_running", default=_IDLE)


def running() -> Running:
    """The call being run: ``running().cost(tokens=n)`` inside a limited function. Outside a call it does nothing."""
    return now_running.get()
