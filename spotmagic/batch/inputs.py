"""The inputs of a batch, taken one at a time: nothing is held that was asked already."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from spotmagic.batch.item import Failed, Task
from spotmagic.errors import OptionError
from spotmagic.options import is_whole

_TABLES = ("pandas", "polars", "pyarrow")


class Inputs:
    """What a function is to be asked with.

    One iterable: each of its items is the one argument of a call. Several are taken side by side, as the built-in
    ``map`` does, and have to end together. With ``star`` an item makes all arguments: those of a mapping by name, of
    anything else by place, so ``{"text": "a", "n": 2}`` asks ``f(text="a", n=2)`` and ``("a", 2)`` asks ``f("a", 2)``.

    Attributes:
        total: how many calls there will be, or ``None`` where nobody knows.

    Raises:
        OptionError: for what is no inputs, or whose items nobody would want to ask (the letters of a text).
    """

    def __init__(self, iterables: Sequence[Any], *, star: bool = False, samples: int = 1) -> None:
        if not iterables:
            raise OptionError("a batch without inputs", todo="Say spot.map(f, inputs)")
        if star and len(iterables) > 1:
            raise OptionError("star=True goes with one iterable", todo="Say spot.map(f, a, b), or star=True with pairs")
        if not is_whole(samples, 1):
            raise OptionError(f"samples={samples!r} is not a number of answers", todo="Say a whole number from 1 on")
        for one in iterables:
            _check(one)
        self._iterables, self._star, self._samples = iterables, star, samples
        self.awaits = hasattr(iterables[0], "__aiter__")
        if self.awaits and len(iterables) > 1:
            raise OptionError("an asynchronous iterable stands alone", todo="Say await spot.amap(f, inputs)")
        hints = [] if self.awaits else [_length(one) for one in iterables]  # told before anything is paid
        known = [hint for hint in hints if hint is not None]
        if len(set(known)) > 1:
            lengths = " and ".join(map(str, known))
            raise OptionError(f"inputs of different lengths: {lengths}", todo="Give as many of the one as the other")
        self.total = known[0] * samples if known else None

    def tasks(self) -> Iterator[Task]:
        """The calls to make, one after the other. Errors of the user's iterable pass through."""
        several = len(self._iterables) > 1
        # where no length is known they may still differ
        source: Iterable[Any] = zip(*self._iterables, strict=True) if several else self._iterables[0]
        samples, plain, number = self._samples, self._samples == 1 and not self._star and not several, 0
        for index, given in enumerate(source):
            one = given.input if given.__class__ is Failed else given
            if plain:
                yield Task(index, index, 0, one, (one,), {})
                continue
            args, kwargs = self._arguments(index, one, several)
            for sample in range(samples):
                yield Task(number, index, sample, one, args, kwargs)
                number += 1

    async def atasks(self) -> AsyncIterator[Task]:
        """The same of an asynchronous iterable."""
        number = index = 0
        async for given in self._iterables[0]:
            one = given.input if given.__class__ is Failed else given
            args, kwargs = self._arguments(index, one, False)
            for sample in range(self._samples):
                yield Task(number, index, sample, one, args, kwargs)
                number += 1
            index += 1

    def _arguments(self, index: int, given: Any, several: bool) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        if several:
            return given, {}
        if not self._star:
            return (given,), {}
        if isinstance(given, Mapping):
            return (), dict(given)
        try:
            return tuple(given), {}
        except TypeError:
            raise OptionError(
                f"input {index} is a {type(given).__name__}, which star=True cannot spread",
                todo="Give tuples or dicts, or leave star=True out",
            ) from None


def _check(inputs: Any) -> None:
    """Raise ``OptionError`` for what can be iterated but would be asked wrongly."""
    kind = type(inputs).__name__
    if isinstance(inputs, str | bytes):
        raise OptionError("the inputs are one text: each letter would be asked", todo="Give a list of texts")
    if isinstance(inputs, Mapping):
        raise OptionError(
            "the inputs are a dict: its keys alone would be asked", todo="Say .values(), .items() or list(inputs)"
        )
    if "DataFrame" in kind and type(inputs).__module__.partition(".")[0] in _TABLES:
        raise OptionError(
            f"the inputs are a {kind}: the names of its columns would be asked",
            todo='Say frame["text"] for one column, or frame.to_dict("records") with star=True',
        )
    if not hasattr(inputs, "__iter__") and not hasattr(inputs, "__aiter__") and not hasattr(inputs, "__getitem__"):
        raise OptionError(f"the inputs are of type {kind}: it cannot be iterated", todo="Give a list or an iterable")


def _length(inputs: Any) -> int | None:
    try:
        hint = operator.length_hint(inputs, -1)
    except Exception:  # an iterable's own idea of a length: it is asked for display alone
        return None
    return None if hint < 0 else hint
