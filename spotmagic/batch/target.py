"""What a batch calls: a marked function, with the options of the batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spotmagic.code.wrapped import Bound, unwrapped
from spotmagic.engine.call import Call, unkept
from spotmagic.engine.retry import Retry
from spotmagic.keys.credentials import hidden
from spotmagic.spot.given import awaits, refuse_streams
from spotmagic.spot.glance import glancing
from spotmagic.spot.mark import Marked, MarkedFunction
from spotmagic.values.credentials import Credentials, of_environment

if TYPE_CHECKING:
    from spotmagic.batch.item import Task
    from spotmagic.spot import Spot
_HERE: Mapping[str, Any] = {}


class BatchFunction:
    """The function of a batch. One that is not marked is marked with defaults.

    Args:
        retry: in place of the function's own.
        where: options of the function that say where its calls are made, such as ``executor``.
        samples: answers to each input.

    Attributes:
        name: of the function.
        awaits: whether its calls are awaited here.
        look: gives the value of a task's call where it is a plain hit, else the call to drive. Its second argument is
            a list that gets what tells of the hit.
        engine: what drives its calls.
    """

    def __init__(
        self, spot: Spot, function: Any, retry: Retry | None = None, where: Mapping[str, Any] = _HERE, samples: int = 1
    ) -> None:
        self._retry = retry
        outer = function.__func__ if isinstance(function, Bound) else function
        refuse_streams(unwrapped(function), "a batch")
        if not isinstance(outer, MarkedFunction):
            function = spot.mark(function)
            outer = function.__func__ if isinstance(function, Bound) else function
        if where and isinstance(outer, MarkedFunction):
            function = function.using(**where)
            outer = function.__func__ if isinstance(function, Bound) else function
        if isinstance(outer, MarkedFunction):
            marked, owner = outer.marked, (function.__self__,) if isinstance(function, Bound) else ()
            self.marked: Marked | None = marked
            self.name, self.engine, inner = marked.name, marked.spot.engine, marked.function
            if samples == 1:
                self.look = _looking(glancing(marked), owner)
            else:
                self.look = _sampling([_looking(glancing(outer.sample(n).marked), owner) for n in range(samples)])
        else:  # spotmagic is off
            self.marked, self.engine, inner = None, spot.engine, function
            self.name = str(getattr(function, "__qualname__", function))
            self.look = lambda task, _: unkept(self.name, functools.partial(function, *task.args, **task.kwargs))
        self.awaits = awaits(inner)

    def prepare(self, call: Call, task: Task, attempt: Callable[..., Any], pause: Callable[..., Any]) -> None:
        """Let each attempt of a call, and each pause between two, go through these, which get the task first."""
        if self._retry is not None:
            call.options = replace(call.options, retry=self._retry)
        call.run = functools.partial(attempt, task, call.run)
        call.pause = functools.partial(pause, task)
        if call.ticket is not None:
            task.limit = call.ticket.gate.limit.name

    def secrets(self, task: Task) -> Credentials:
        """The credentials that an input holds."""
        try:
            if self.marked is not None:
                return hidden(self.marked.keys, task.args, dict(task.kwargs))
        except Exception:  # arguments that do not fit the signature: then the input is looked through as a whole
            pass
        found = of_environment()
        found.look("input", task.given)
        return found


def _looking(glance: Callable[..., Any], owner: tuple[Any, ...]) -> Callable[[Task, list[Any]], Any]:
    if owner:
        return lambda task, seen: glance(owner + task.args, task.kwargs, seen)
    return lambda task, seen: glance(task.args, task.kwargs, seen)


def _sampling(looks: list[Callable[[Task, list[Any]], Any]]) -> Callable[[Task, list[Any]], Any]:
    return lambda task, seen: looks[task.sample](task, seen)
