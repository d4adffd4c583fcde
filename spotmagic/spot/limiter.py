"""A function whose calls pass a limit and are not kept."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spotmagic.engine.call import Call
from spotmagic.engine.gate import Gate, Ticket
from spotmagic.options import Mode
from spotmagic.spot.mark import GATE

if TYPE_CHECKING:
    from spotmagic.spot.spot import Spot


def limited(spot: Spot, function: Callable[..., Any], gate: Gate) -> Callable[..., Any]:
    """The function with every call passing the gate. ``mark`` around it takes the gate over, so that hits are free."""

    def call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        return Call(
            name=function.__qualname__,
            kind="function",
            key=b"",
            code=b"",
            inputs={},
            run=functools.partial(function, *args, **kwargs),
            encode=_never,
            decode=_never,
            mode=Mode.OFF,
            ticket=Ticket(gate, gate.cost.estimate(args, kwargs)),
        )

    def paced(*args: Any, **kwargs: Any) -> Any:
        return spot.drive(call(args, kwargs)).value

    async def apaced(*args: Any, **kwargs: Any) -> Any:
        return (await spot.adrive(call(args, kwargs))).value

    wrapper = functools.update_wrapper(apaced if inspect.iscoroutinefunction(function) else paced, function)
    setattr(wrapper, GATE, gate)
    return wrapper


def _never(_: Any) -> Any:
    raise AssertionError("a limited call is not kept")
