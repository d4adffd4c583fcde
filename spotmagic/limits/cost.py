"""What a call is expected to cost: said, computed from its arguments, or learnt from what others did cost."""

from __future__ import annotations

import inspect
import math
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from spotmagic.errors import OptionError
from spotmagic.options import is_number

Rule = Callable[..., float]

REMEMBERED = 50
"""How many actual costs the mean is of."""


class Cost:
    """The expected cost of the calls of one function.

    ``Cost(lambda prompt: len(prompt) / 4, ask)`` estimates by the one parameter of ``ask`` that the rule names.

    Args:
        rule: a number, a function of the arguments, or ``"mean"`` of the last 50 actual costs.
        function: the function that is called; a rule may take any of its parameters by name.
        first: what ``"mean"`` says before anything was learnt.

    Raises:
        OptionError: for anything else.
    """

    def __init__(
        self, rule: float | str | Rule = 1, function: Callable[..., Any] | None = None, *, first: float = 1.0
    ) -> None:
        self._actual: deque[float] = deque(maxlen=REMEMBERED)
        self._lock = threading.Lock()
        self._first = first
        self._number: float | None = None
        self._rule: Rule | None = None
        self._signature: inspect.Signature | None = None
        self._names: tuple[str, ...] = ()
        if callable(rule):
            self._rule = rule
            self._bind(rule, function)
        elif rule != "mean":
            self._number = checked_cost(rule)

    def estimate(self, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> float:
        """The expected cost of a call. Raises what the rule raises, and ``OptionError`` if it gives no cost."""
        if self._number is not None:
            return self._number
        if self._rule is None:
            with self._lock:
                return math.fsum(self._actual) / len(self._actual) if self._actual else self._first
        given = kwargs or {}
        if self._signature is None:
            return checked_cost(self._rule(*args, **given))  # a rule of its own parameters is called as the function is
        bound = self._signature.bind(*args, **given)
        bound.apply_defaults()
        return checked_cost(self._rule(**{name: bound.arguments[name] for name in self._names}))

    def learn(self, actual: float) -> None:
        """Take an actual cost into the mean."""
        with self._lock:
            self._actual.append(float(actual))

    def _bind(self, rule: Rule, function: Callable[..., Any] | None) -> None:
        """Let a rule that names parameters of the function be given just those."""
        if function is None:
            return
        try:
            wanted, offered = inspect.signature(rule).parameters, inspect.signature(function)
        except (TypeError, ValueError):
            return
        by_name = all(one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY) for one in wanted.values())
        if by_name and wanted.keys() <= offered.parameters.keys():
            self._signature, self._names = offered, tuple(wanted)


def checked_cost(cost: Any) -> float:
    """A cost as a number. Raises :class:`OptionError` when it is none."""
    if is_number(cost) and 0 <= cost < math.inf:
        return float(cost)
    raise OptionError(
        f"cost={cost!r} is not a cost", todo='Say a number from 0 on, a function of the arguments, or "mean"'
    )
