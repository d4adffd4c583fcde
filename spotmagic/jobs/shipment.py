"""A call sent to another process, and what comes back of it. The only place that uses cloudpickle.

Functions and classes of a notebook go by value, so that what is run is what is defined now. Back they come by name: a
class that was read back by value would put its methods into the live class of the same origin.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any, NamedTuple

from spotmagic.code.origin import MAINS, arrived, written
from spotmagic.engine.running import Attempt, now_running
from spotmagic.errors import OptionError
from spotmagic.reads.noting import Noting, Seen, note_elsewhere


class Worked(NamedTuple):
    """What came of a call in a worker.

    Attributes:
        told: what its own code said that it cost.
        seen: the files it read and wrote.
    """

    value: Any
    error: Exception | None
    trace: str
    told: float | None
    seen: Seen


class WorkersTrace(Exception):
    """Where in a worker an error came from: the cause of the error that is raised here."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def pack_value(what: Any, name: str) -> bytes:
    """A call, or what it needs, for another process.

    Raises:
        OptionError: something in it cannot be sent, or cloudpickle is missing.
    """
    try:
        import cloudpickle
    except ImportError:
        raise OptionError(
            f"{name} cannot run in another process",
            why="cloudpickle is not installed",
            todo="pip install 'spotmagic[processes]'",
        ) from None
    try:
        data: bytes = cloudpickle.dumps(what, protocol=5)
        return data
    except Exception as error:
        raise OptionError(
            f"{name} cannot run in another process",
            why=f"something it is called with or uses cannot be sent there ({type(error).__name__}: {error})",
            todo="Make clients, locks and open files inside the function, or run it in threads",
        ) from error


def unpack_value(data: bytes) -> Any:
    """What another process of ours packed."""
    import cloudpickle

    return cloudpickle.loads(data)


def pack_call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], name: str) -> bytes:
    """A call for a worker, with where its code was written and which names the notebook or script has."""
    main = vars(sys.modules["__main__"])
    names = frozenset(one for one, value in list(main.items()) if getattr(value, "__module__", None) in MAINS)
    return pack_value((written(function), names, function, args, kwargs), name)


def work(data: bytes, once: Callable[[], bool] | None = None) -> bytes:
    """In a worker: make a call, and pack what came of it.

    Args:
        once: says whether this is the first time that the call is begun.
    """
    if once is not None and not once():
        raise BegunBefore
    here, names, function, args, kwargs = unpack_value(data)
    arrived(here, function)
    attempt, noting = Attempt(), Noting()
    token = now_running.set(attempt)
    value, failed, trace = None, None, ""
    try:
        with noting:  # the files that it reads here are inputs of the call there
            value = function(*args, **kwargs)
            if inspect.isawaitable(value):
                value = asyncio.run(_awaited(value))
    except Exception as error:
        failed, trace = error, "".join(traceback.format_exception(error))
    finally:
        now_running.reset(token)
    worked = Worked(value, failed, trace, attempt.actual, noting.seen())
    try:
        return _packed(worked, names)
    except Exception as error:
        what = "its error" if failed is not None else "its result"
        told = f"{what} cannot be brought back from the worker ({type(error).__name__}: {error})"
        own = RuntimeError(f"{type(failed).__name__}: {failed}") if failed is not None else TypeError(told)
        return _packed(worked._replace(value=None, error=own), names)


class BegunBefore(Exception):
    """A call that may not run twice was begun before, by a worker that is gone."""


def arrive(data: bytes) -> Any:
    """Here: the value of a call that a worker made; its error is raised, what it read and cost is noted."""
    worked: Worked = unpack_value(data)
    note_elsewhere(worked.seen)
    if worked.told is not None:
        now_running.get().cost(tokens=worked.told)
    if worked.error is not None:
        if worked.error.__cause__ is None:
            worked.error.__cause__ = WorkersTrace(worked.trace)
        raise worked.error
    return worked.value


async def _awaited(value: Any) -> Any:
    return await value


def _packed(worked: Worked, names: frozenset[str]) -> bytes:
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, type | types.FunctionType) and obj.__module__ in MAINS:
                path = obj.__qualname__
                if path.split(".")[0] in names and "<" not in path:
                    return _of_main, (path,)
            return super().reducer_override(obj)

    out = io.BytesIO()
    Pickler(out, protocol=5).dump(worked)
    return out.getvalue()


def _of_main(path: str) -> Any:
    place: Any = sys.modules["__main__"]
    for step in path.split("."):
        place = getattr(place, step)
    return place
