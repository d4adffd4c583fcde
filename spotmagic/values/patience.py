"""How long a look at values may take. Objects that lead to each other in many ways would be looked at for hours."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf

from spotmagic.values.scheme import Unfit

_until: ContextVar[float] = ContextVar("spotmagic_patience", default=inf)


class TooLong(Unfit):
    """The time that a look may take is over."""


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Inside, looks end after so many seconds in all, of work of this thread: a busy machine takes none of it away."""
    until = min(_until.get(), time.thread_time() + seconds)
    token = _until.set(until)
    try:
        yield
    finally:
        _until.reset(token)


def check() -> None:
    """Raise :class:`TooLong` if the time is over."""
    until = _until.get()
    if until is not inf and time.thread_time() > until:
        raise TooLong("it takes too long to look at all that it leads to")
