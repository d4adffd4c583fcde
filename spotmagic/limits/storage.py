"""The seam between a limit and where its state is kept: a file, a Redis server, or this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol, TypeVar

from spotmagic.limits import booking as rule
from spotmagic.limits.booking import Booking, Late, Rates, State

T = TypeVar("T")


class StorageGone(Exception):
    """The place of a state does not answer: a server that is down, a disk that fails."""


@contextmanager
def answering() -> Iterator[None]:
    """Trouble with files inside of it is :class:`StorageGone`."""
    try:
        yield
    except OSError as error:
        raise StorageGone(str(error)) from error


class Slot(Protocol):
    """Permission for one call among those that may run at the same time. It is dropped when nobody keeps it."""

    def free(self) -> None:
        """Let go of it. Never raises."""

    def drop(self) -> None:
        """Let go of it, now or soon, without a lock or a server: the garbage collector may call this anywhere."""


class User(NamedTuple):
    """A process that uses a limit."""

    process: str  # its id, with the machine's name in front where several share the limit
    waiting: int


class Storage(Protocol):
    """Keeps the state of one limit and applies the rule of :mod:`~spotmagic.limits.booking`, one caller at a time.

    Every method may raise :class:`StorageGone`.
    """

    kind: str
    """How people are told where it is: ``"file"``, ``"redis"``, ``"memory"``."""

    seen: State
    """The state as this process saw it last."""

    def declare(self, rates: Rates) -> Rates | None:
        """Set the rates. Returns the different ones that a living process had declared before, if any."""

    def book(self, requests: float, tokens: float, late: float, within: float) -> Booking | Late:
        """Book a start, see :func:`~spotmagic.limits.booking.book`."""

    def left(self, booking: Booking) -> float:
        """Seconds until a booked start, with the pauses since."""

    def undo(self, booking: Booking) -> None:
        """Take back a booking that was not used."""

    def settle(self, request_seconds: float, token_seconds: float) -> None:
        """Give back, or below zero charge, seconds of rate."""

    def heed(self, pause: float, cut: bool, started: float | None) -> None:
        """Pause for some seconds, and cut the rate for a call that started then (``None``: now)."""

    def ease(self) -> None:
        """Back to the full rate, without a pause."""

    def read(self) -> tuple[State, float]:
        """The state, and the time on its clock."""

    def take(self, slots: int) -> Slot | None:
        """A free one of so many slots, held until it is freed or the process dies; ``None`` when all are taken."""

    def tell(self, waiting: int) -> None:
        """Let others see how many calls of this process wait. Never raises."""

    def users(self) -> list[User]:
        """The living processes that use this limit."""

    def running(self) -> int:
        """How many slots are taken, by all processes."""

    def forked(self) -> None:
        """This process is the child of a fork: what the parent holds is not its own."""


class OwnRule:
    """The part of a :class:`Storage` whose state this process changes itself, by the rule, while nobody else can."""

    def read(self) -> tuple[State, float]:
        raise NotImplementedError

    def _change(self, how: Callable[[State, float], tuple[State, T]]) -> T:
        """Put the state that a function gives in the place of the one it is given with the time on its clock."""
        raise NotImplementedError

    def book(self, requests: float, tokens: float, late: float, within: float) -> Booking | Late:
        booked: Booking | Late = self._change(lambda state, now: rule.book(state, now, requests, tokens, late, within))
        return booked

    def left(self, booking: Booking) -> float:
        return rule.left(*self.read(), booking)

    def undo(self, booking: Booking) -> None:
        self._change(lambda state, now: (rule.undo(state, now, booking), None))

    def settle(self, request_seconds: float, token_seconds: float) -> None:
        self._change(lambda state, now: (rule.settle(state, now, request_seconds, token_seconds), None))

    def heed(self, pause: float, cut: bool, started: float | None) -> None:
        self._change(lambda state, now: (rule.heed(state, now, pause, cut, started), None))

    def ease(self) -> None:
        self._change(lambda state, _: (rule.ease(state), None))
