"""A generator under a spot: its items are kept as they come, and given one by one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from spotmagic.engine.call import Call
from spotmagic.spot.given import is_async_stream, streams
from spotmagic.spot.mark import Marked, MarkedFunction


class MarkedStream(MarkedFunction):
    """The generator function users call. Nothing happens before the first item is asked for, as in any generator."""

    __slots__ = ("_play", "_replay")

    def __init__(self, marked: Marked, origin: tuple[MarkedFunction, dict[str, Any]] | None = None) -> None:
        super().__init__(marked, origin)
        player = marked.spot.engine.streams
        is_async = is_async_stream(marked.function)
        self._play = player.aplay if is_async else player.play
        self._replay = _areplayed if is_async else _replayed

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._stream(args, kwargs, fresh=False)

    def refresh(self, *args: Any, **kwargs: Any) -> Any:
        """The items of a new run, which takes the place of what is kept when it is read to its end."""
        return self._stream(args, kwargs, fresh=True)

    def peek(self, *args: Any, **kwargs: Any) -> Any:
        """The kept items of these arguments. Raises ``RecordMissing`` if there are none; never runs."""
        return self._named(self._replay(super().peek(*args, **kwargs)))

    def _stream(self, args: tuple[Any, ...], kwargs: dict[str, Any], *, fresh: bool) -> Any:
        first = [self.__wrapped__(*args, **kwargs)]  # runs nothing, and refuses wrong arguments at once

        def make() -> Call:
            call = self.marked.call(args, kwargs, fresh=fresh)
            if first:
                call.run = functools.partial(_once, first, call.run)
            return call

        return self._named(self._play(make))

    def _named(self, stream: Any) -> Any:
        function = self.marked.function
        stream.__name__ = getattr(function, "__name__", stream.__name__)  # users see it in tracebacks and in its repr
        stream.__qualname__ = getattr(function, "__qualname__", stream.__qualname__)
        return stream


def marked_function(marked: Marked) -> MarkedFunction:
    """What users call of a function under a spot."""
    return (MarkedStream if streams(marked.function) else MarkedFunction)(marked)


def _once(first: list[Any], run: Callable[[], Any]) -> Any:
    return first.pop() if first else run()


def _replayed(recording: Any) -> Any:
    yield from recording
    return recording.result()


async def _areplayed(recording: Any) -> Any:
    for item in recording:
        yield item
