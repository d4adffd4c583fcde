"""How long a look at values may take. Objects that lead to each other in many ways would be looked at for hours."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from typing import Any

from spotmagic.originals import thread_time
from spotmagic.values.scheme import Unfit

_until: ContextVar[float] = ContextVar("spotmagic_patience", default=inf)


class TooLong(Unfit):
    """The time that a look may take is over."""

    def __init__(self) -> None:
        super().__init__("it takes too long to look at all that it leads to")


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Inside, looks end after so many seconds in all, of work of this thread: a busy machine takes none of it away."""
    until = min(_until.get(), thread_time() + seconds)
    token = _until.set(until)
    try:
        yield
    finally:
        _until.reset(token)


_BOXES: tuple[Any, ...] = (dict, list, tuple, set)  # of others it is not asked: that would run their own code
# By id, which another object may have later: so with type and length, and wrong at worst about patience.
_slow: dict[int, tuple[type, int]] = {}


@contextmanager
def at_once(value: object) -> Iterator[None]:
    """Around a look at one value: one that took too long before does so again, and is given up at once.

    Raises:
        TooLong: whatever else the look raised when its time was over.
    """
    what = type(value), next((kind.__len__(value) for kind in _BOXES if isinstance(value, kind)), 0)
    if _slow.get(id(value)) == what:
        raise TooLong
    try:
        yield
    except Exception:
        if not is_over():
            raise
        _slow[id(value)] = what
        raise TooLong from None


@contextmanager
def uncollected() -> Iterator[None]:
    """Inside, no garbage is collected: where many objects are made and all of them stay, that would take longer."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def is_over() -> bool:
    """Whether the time is over."""
    until = _until.get()
    return until is not inf and thread_time() > until


def check() -> None:
    """Raise :class:`TooLong` if the time is over."""
    if is_over():
        raise TooLong
