"""A function whose calls pass a limit and are not kept."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from spotmagic.code.origin import arrived, written
from spotmagic.code.wrapped import Bound, Wrapped
from spotmagic.engine.call import Call, Gate, Ticket, unkept
from spotmagic.limits import Cost
from spotmagic.limits.limit import parse_rates
from spotmagic.spot.given import awaits, is_async_stream, refuse_uncallable, streams
from spotmagic.spot.mark import Marked, MarkedFunction
from spotmagic.spot.streams import marked_function

if TYPE_CHECKING:
    from spotmagic.spot.spot import Spot


class GivenRates(NamedTuple):
    """The rates a limiter was given, per minute, and the calls at a time."""

    rpm: float | str | None
    tpm: float | str | None
    concurrency: int | None

    @property
    def said(self) -> bool:
        """Whether there is any."""
        return self != (None, None, None)

    def checked(self) -> GivenRates:
        """The same. Raises ``OptionError`` for what is no rate."""
        parse_rates(*self)
        return self


class LimitedFunction(Wrapped):
    """The function with every call passing a gate. ``mark`` around it takes the gate over, so that hits are free."""

    __slots__ = ("_awaits", "_play", "gate", "spot")

    def __init__(self, spot: Spot, function: Callable[..., Any], gate: Gate) -> None:
        super().__init__(function)
        self.spot, self.gate, self._awaits = spot, gate, awaits(function)
        player = spot.engine.streams
        self._play = (player.aplay if is_async_stream(function) else player.play) if streams(function) else None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        run = functools.partial(self.__wrapped__, *args, **kwargs)
        call = unkept(self.__qualname__, run, Ticket(self.gate, self.gate.cost.estimate(args, kwargs)))
        if self._play is not None:
            return self._play(lambda: call)
        return self._passed(call) if self._awaits else self.spot.drive(call).value

    async def _passed(self, call: Call) -> Any:
        return (await self.spot.adrive(call)).value

    def _state(self) -> Any:
        """The spot and how the limit was said."""
        return self.spot, self.gate.given, written(self.__wrapped__)

    def _restore(self, function: Callable[..., Any], state: Any) -> None:
        """Limit the function as it was where it comes from."""
        spot, given, here = state
        arrived(here, function)
        self.__init__(spot, function, gate_of(spot, function, given))  # type: ignore[misc]


def gate_of(spot: Spot, function: Callable[..., Any], given: Mapping[str, Any]) -> Gate:
    """The gate that the options of a limiter make for a function, the spot's rates where they name none."""
    own = GivenRates(given["rpm"], given["tpm"], given["concurrency"])
    rates = own if own.said else spot.rates
    title = given["name"] or (str(getattr(function, "__qualname__", "limit")) if own.said else f"spot {spot.name}")
    limit = spot.limits.get(title, rpm=rates.rpm, tpm=rates.tpm, concurrency=rates.concurrency)
    cost = Cost(given["cost"], function, first=limit.typical)  # a new function's mean begins at the limit's
    return Gate(limit, cost, given["settle"], given["timeout"], given)


def limited(spot: Spot, function: Any, given: Mapping[str, Any]) -> Any:
    """The function, or a marked one, with its runs passing the gate that these options make."""
    if isinstance(function, staticmethod | classmethod):
        return type(function)(limited(spot, function.__func__, given))
    refuse_uncallable(function, "limiter", "Limit a function")
    if isinstance(function, MarkedFunction):
        function.marked.gate = gate_of(spot, function, given)
        return function
    if isinstance(function, Bound) and isinstance(function.__func__, MarkedFunction):
        marked, method = function.__func__.marked, function.__wrapped__
        return marked_function(Marked(marked.spot, method, marked.options, gate_of(spot, method, given)))
    return LimitedFunction(spot, function, gate_of(spot, function, given))
