"""The cell around a call: what it lends to calls inside it, and how many of them were kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from spotmagic.engine.call import Gate
from spotmagic.limits import Cost, Limit


class Around:
    """A cell that runs, as the calls inside it see it.

    Args:
        limit: what each call inside passes that has no limiter of its own.
        cost: what such a call costs there: a number, a function of its arguments, or ``"mean"``.

    Attributes:
        kept: how many results of calls inside were stored.
        cell: the name of a cell that ran inside it, or empty.
        thread: which runs it.
    """

    def __init__(self, limit: Limit | None = None, cost: Any = 1) -> None:
        self.kept, self.cell = 0, ""
        self._limit, self._cost = limit, cost
        self._gates: dict[int, tuple[Callable[..., Any], Gate]] = {}
        self.thread = 0
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Around one attempt of the cell. Tasks and threads that it starts are inside as well."""
        self.thread = threading.get_ident()
        token = _here.set(self)
        _running.append(self)
        try:
            yield
        finally:
            _running.remove(self)
            _here.reset(token)

    def gate(self, function: Callable[..., Any]) -> Gate | None:
        """What the calls of a function pass that has no gate of its own. Raises ``OptionError`` for a wrong cost."""
        if self._limit is None:
            return None
        with self._lock:
            known = self._gates.get(id(function))
            if known is None:
                known = self._gates[id(function)] = function, Gate(self._limit, Cost(self._cost, function))
        return known[1]

    def count(self) -> None:
        """One more result was stored."""
        with self._lock:
            self.kept += 1


def enter_cell(name: str) -> None:
    """Tell the cell that runs this code, if one does, that another cell runs inside it."""
    outer = _here.get()
    if outer is not None:
        outer.cell = name


_here: ContextVar[Around | None] = ContextVar("spotmagic_around", default=None)
_running: list[Around] = []


def around() -> Around | None:
    """The cell around this call, or ``None`` where there is none.

    The threads of a pool do not know the context that fed them: what they call belongs to the cell that runs.
    """
    known = _here.get()
    if known is not None or not _running:
        return known
    # In the cell's own thread the context knows, so a call there that has none was made outside: by a callback, say.
    return next((latest for latest in _running[-1:] if latest.thread != threading.get_ident()), None)
