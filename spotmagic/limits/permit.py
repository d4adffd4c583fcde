"""Permission to make one call: what it waited, what it costs, and the slot it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spotmagic.limits.booking import MINUTE, Booking
from spotmagic.limits.storage import Slot, Storage, StorageGone

if TYPE_CHECKING:
    from spotmagic.limits.line import Line


class Permit:
    """Permission to make one call, as a context manager for ``with`` and ``async with`` alike.

    Keep it while the call runs: it holds the slot of a limit with a ``concurrency``, and the slot of a permit that
    nobody keeps is free. Leaving the block releases it; if the call failed and its cost was not settled, the tokens are
    given back and the request stays spent.

    Attributes:
        waited: seconds that passed between asking and going.
        cost: what was booked.
    """

    __slots__ = ("_actual", "_adaptive", "_booking", "_line", "_slot", "_storage", "cost", "waited")

    def __init__(
        self,
        line: Line,
        storage: Storage,
        booking: Booking,
        slot: Slot | None,
        cost: float,
        waited: float,
        adaptive: bool,
    ) -> None:
        self._line, self._storage, self._booking, self._slot = line, storage, booking, slot
        self._adaptive = adaptive
        self._actual: float | None = None
        self.cost, self.waited = cost, waited

    def settle(self, actual: float) -> None:
        """Say what the call did cost, in tokens or requests as booked. What is not used goes to others at once."""
        before = self.cost if self._actual is None else self._actual
        self._actual = actual
        self._give_back(before - actual)

    def refund(self) -> None:
        """Release, and give back what was booked: for a call that was not made."""
        if self._actual is None:
            self._actual = 0.0
            booking = self._booking
            self._settle(booking.request_seconds, booking.token_seconds)
        self.release()

    def release(self) -> None:
        """Let go of the slot, for the next one. Doing so again changes nothing."""
        slot, self._slot = self._slot, None  # first: after an interrupt here the slot is dropped, and so free
        if slot is not None:
            slot.free()
            self._line.queue.freed()

    def feedback(self, pause: float | None) -> None:
        """Say that the provider found this call too fast, and for how many seconds to pause, if it said so."""
        if self._adaptive:
            self._line.heed(pause or 0.0, True, self._booking.start, self._storage)

    def _give_back(self, units: float) -> None:
        booking, rates = self._booking, self._line.rates
        tokens = bool(booking.token_seconds or rates.tokens)
        booked, rate = (booking.token_seconds, rates.tokens) if tokens else (booking.request_seconds, rates.requests)
        seconds = units * (booked / self.cost if self.cost else MINUTE / rate if rate else 0.0)
        self._settle(*((0.0, seconds) if tokens else (seconds, 0.0)))

    def _settle(self, request_seconds: float, token_seconds: float) -> None:
        if not request_seconds and not token_seconds:
            return
        try:
            self._storage.settle(request_seconds, token_seconds)
        except StorageGone:  # with it went the booking
            pass

    def __enter__(self) -> Permit:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self._actual is None and self._booking.token_seconds:
            self.settle(0.0)
        self.release()

    async def __aenter__(self) -> Permit:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.__exit__(kind)
