"""Calls of a spot in the background."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spotmagic.options import is_off, mark_options
from spotmagic.spot.given import refuse_uncallable

if TYPE_CHECKING:
    from spotmagic.jobs import Job


class Background:
    """What a spot does with jobs."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Job:
        """A call in the background. A function that is not marked is marked with defaults."""
        from spotmagic import jobs

        return jobs.submit(self._function(function), args, kwargs)

    def job(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Job:
        """The job of a call, also of one that another kernel began, or that is over and has its result kept.

        Raises:
            RecordMissing: there is none.
        """
        from spotmagic import jobs

        return jobs.job(self._function(function), args, kwargs)

    def jobs(self) -> list[Job]:
        """The jobs of this process, and the detached ones of any, the latest first."""
        from spotmagic import jobs

        return jobs.jobs(self)  # type: ignore[arg-type]

    def _function(self, function: Callable[..., Any]) -> Any:
        refuse_uncallable(function, "a job", "The function comes first: spot.submit(f, x), spot.job(f, x)")
        own = getattr(function, "__func__", function)  # of a bound method
        if hasattr(own, "marked"):
            return function
        options = self.filled(mark_options({"mode": "off"} if is_off() else {}))  # type: ignore[attr-defined]
        return self.kept(function, options)  # type: ignore[attr-defined]
