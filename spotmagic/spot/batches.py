"""The batches of a spot: many calls of one function."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spotmagic.batch import Batch, Failed, Progress


class Batches:
    """What asks a function with many inputs, and finds again what failed."""

    def map(self: Any, function: Callable[..., Any], /, *inputs: Iterable[Any], **options: Any) -> Batch:
        """Ask a function with many inputs, several at once, and keep each result as it comes.

        What has a result costs a look-up, equal inputs are asked once, and an interrupt keeps what is done: running it
        again asks only the rest. ``spot.map(f, texts)`` gives each item of ``texts`` as the one argument, and
        ``spot.map(f, texts, styles)`` takes two side by side, as the built-in ``map`` does.

        Args:
            function: a plain or asynchronous one; marked with defaults if it is not marked.
            inputs: any iterables, also endless ones. They are taken as they are needed.
            concurrency: how many calls run at once (8).
            retry: a :class:`spotmagic.Retry` or a number of attempts, in place of the function's own.
            star: each input makes all arguments: a dict those of its names, a tuple those of its places.
            order: iterating gives results as the inputs are ordered (``"input"``) or as they come (``"done"``).
            on_error: ``"keep"`` goes on and tells of failed inputs, ``"stop"`` stops at the first.
            max_failures: stop when more inputs than this have failed.
            progress: show it; or a function that gets a :class:`spotmagic.batch.Progress` a few times a second.
            background: return at once; the batch can be paused, looked at, resumed and stopped from any cell.
            executor, never_twice: where the calls are made, in place of the function's own.
            keep: hold the results. ``False`` for streams of any length: each is let go when it was iterated over.
            name: of the batch, in logs and listings.
            samples: how many answers to ask for each input.

        Raises:
            OptionError: for a wrong option, before anything runs.
            BatchFailed: with ``on_error="stop"`` or ``max_failures``; it has the batch.
            Exception: what the iterable raises, after all that was taken of it is done.
        """
        from spotmagic import batch

        started: Batch = batch.start(self, function, inputs, options)
        return started

    async def amap(
        self: Any, function: Callable[..., Any], /, *inputs: Iterable[Any] | AsyncIterable[Any], **options: Any
    ) -> Batch:
        """The same in the event loop of the caller, where clients of that loop can be used and others run meanwhile."""
        from spotmagic import batch

        started: Batch = await batch.astart(self, function, inputs, options)
        return started

    def batches(self: Any) -> list[Progress]:
        """How each batch stands or ended, of all kernels, newest first."""
        from spotmagic import batch

        found: list[Progress] = batch.batches(self)
        return found

    def failed(self: Any, name: str | Callable[..., Any]) -> list[Failed]:
        """The inputs that failed and have no result since, also after a restart: ``spot.map(f, spot.failed(f))``.

        Args:
            name: of the batch or the function, or the function.
        """
        from spotmagic import batch

        found: list[Failed] = batch.failed(self, name)
        return found
