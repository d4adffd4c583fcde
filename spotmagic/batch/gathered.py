"""The results of a batch: as they come, for whoever waits for them, and as a data frame."""

from __future__ import annotations

import functools
import operator
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from spotmagic.batch.item import Item
from spotmagic.errors import SpotError
from spotmagic.limits.queue import Waiter

WINDOW = 256
"""Results of a stream that wait to be taken, before no more inputs are."""


class Gathered:
    """Results in the order in which they come.

    Args:
        keep: hold all of them. Otherwise each is let go when it was taken, and no more inputs are taken than results
            are: a stream of any length takes the same memory.

    Attributes:
        crowded: whether there may be too many that nobody has taken.
        holds: whether results are held at all.
        free: called whenever one was taken.
    """

    def __init__(self, *, keep: bool) -> None:
        self.keep, self.crowded = keep, not keep
        self._all: list[Item] | deque[Item] = [] if keep else deque()
        self._listeners: set[Waiter] = set()
        self._pulled = self._taken = 0
        self.holds = True
        self.free: Callable[[], None] = _nothing

    def pull(self) -> None:
        """One more input was taken."""
        self._pulled += 1

    def is_full(self) -> bool:
        """Whether so many wait to be taken that no more inputs may be."""
        return self.crowded and self._pulled - self._taken >= WINDOW

    def add(self, item: Item) -> None:
        """One more result."""
        self._all.append(item)  # one step of the interpreter, so that who iterates needs no lock
        if self._listeners:
            self.ring()

    def ring(self) -> None:
        """Let whoever waits look again."""
        for waiter in tuple(self._listeners):
            waiter.ring()

    def listen(self, waiter: Waiter) -> None:
        """Ring a waiter for each result from now on, and at the end."""
        self._listeners.add(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Ring it no more."""
        self._listeners.discard(waiter)

    def drain(self) -> None:
        """Let go of results from now on: nobody is going to take them."""
        if not self.keep:
            self.holds = self.crowded = False
            self._all.clear()
            self.free()

    def sorted(self) -> list[Item]:
        """All that are held, in the order of the inputs."""
        return sorted(self._all, key=operator.attrgetter("number"))

    def drop_failed(self) -> None:
        """Let go of the inputs that failed, which are asked again. Who iterates meanwhile goes on with what was."""
        if isinstance(self._all, list):
            self._all = [item for item in self._all if item.error is None]

    def stream(self, over: Callable[[], bool], *, in_order: bool) -> Iterator[Item | Callable[[], bool]]:
        """The results; and whenever there is none yet, a function that tells whether there is news since.

        In order, the results of inputs 1, 0, 2 that came like this are given as 0, 1, 2: 1 is held until 0 has come.

        Args:
            over: whether no more will come.
        """
        gathered, at, due = self._all, 0, 0
        held: dict[int, Item] = {}
        while True:
            ended = over()  # asked before the look: what comes between the two is found in the next round
            if at < len(gathered) if isinstance(gathered, list) else gathered:
                item = gathered[at] if isinstance(gathered, list) else gathered.popleft()
                at += 1
                held[item.number if in_order else due] = item
                while due in held:
                    yield self._take(held.pop(due))
                    due += 1
            elif ended:
                break
            else:
                yield functools.partial(_has_news, over, gathered, at)
        for number in sorted(held):  # some before them were never asked
            yield self._take(held[number])

    def _take(self, item: Item) -> Item:
        if not self.keep:
            self._taken += 1
            self.free()
        return item


def _has_news(over: Callable[[], bool], gathered: list[Item] | deque[Item], at: int) -> bool:
    return over() or (len(gathered) > at if isinstance(gathered, list) else bool(gathered))


def _nothing() -> None:
    """Nobody waits for room."""


def data_frame(items: Sequence[Item], samples: int) -> Any:
    """A row for each call: its input, value, error, verdict and cost, and the tokens where answers tell of them.

    Inputs that are mappings give a column for each of their names.
    """
    try:
        import pandas
    except ImportError:
        raise SpotError("df() needs pandas", todo="Install it, or iterate over the batch") from None
    spread = bool(items) and all(isinstance(item.input, Mapping) for item in items)
    rows: list[dict[str, Any]] = []
    for item in items:
        said = {str(name): value for name, value in item.input.items()} if spread else {"input": item.input}
        row = {**said, **({"sample": item.sample} if samples > 1 else {}), "value": item.value}
        error = None if item.error is None else f"{type(item.error).__name__}: {item.error}"
        rows.append({**row, "error": error, "verdict": item.verdict, "cost": item.price, "tokens": item.tokens})
    made = pandas.DataFrame(rows)
    if all(item.tokens is None for item in items) and rows:
        del made["tokens"]
    if any(item.error is not None for item in items):  # a missing number would make floats of whole ones
        for name in ("value", "error"):
            made[name] = pandas.Series([row[name] for row in rows], dtype=object)
    return made
