"""What a notebook already uses under a spot, by one word: functions of modules, ``httpx``, ``requests``, and more.

Wrapping is one thing per process, whoever asks for it: the magic, ``spot.wrap`` or the pytest plug-in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from spotmagic import files
from spotmagic import options as words
from spotmagic.errors import OptionError, unknown
from spotmagic.wrap.functions import FunctionTarget
from spotmagic.wrap.target import Target, Undo, installed, load_target, read_options, replaced, take_back

if TYPE_CHECKING:
    from spotmagic.spot.spot import Spot

__all__ = ["Target", "WrappedTargets", "names", "off", "on", "replaced"]


class _Wrapped(NamedTuple):
    undo: Undo
    spot: Spot


_on: dict[tuple[str, str], _Wrapped] = {}  # by target, and what of it: two addresses are two things
_lock = files.ForkLock()  # of the table, and held while anything is wrapped: originals come back in the order they went


class WrappedTargets:
    """Targets that were wrapped: :meth:`off` puts the originals back, as does the end of a ``with`` block."""

    def __init__(self, done: Sequence[tuple[tuple[str, str], Undo]]) -> None:
        self._done = done

    def off(self) -> None:
        """Put every original back. Doing so again changes nothing."""
        with _lock:
            for key, undo in reversed(self._done):
                if key in _on and _on[key].undo is undo:  # not what somebody has wrapped anew since
                    _take_off(key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.off()

    def __repr__(self) -> str:
        return f"WrappedTargets({', '.join(word for (word, _), _ in self._done)})"


def on(
    spot: Spot, targets: Sequence[str], given: Mapping[str, Any], namespace: dict[str, Any] | None = None
) -> WrappedTargets:
    """Put targets under a spot. One that is wrapped already is wrapped anew, not twice.

    Args:
        given: the options of them all.
        namespace: names that follow as well, beside those of the user's modules.

    Raises:
        OptionError: for a target or an option that cannot be used. Nothing is wrapped then.
    """
    if not targets:
        raise OptionError("no target was given", todo="Name httpx, requests, or module:function")
    found = [(word, _target(word, namespace)) for word in targets]
    options = [read_options(given, word, target.options) for word, target in found]
    if words.is_off():  # only now: a wrong word is an error in every mode
        return WrappedTargets(())
    keys = [(word, str(chosen.get("match", ""))) for (word, _), chosen in zip(found, options, strict=True)]
    undos: list[Undo] = []
    with _lock:
        try:
            for key, (_, target), chosen in zip(keys, found, options, strict=True):
                if key in _on:  # the original first, or its wrapper would be wrapped
                    _take_off(key)
                # What takes it back is kept in the step in which it comes, so that no interrupt gets between.
                undos.extend(map(target.on, (spot,), (chosen,)))
                _on[key] = _Wrapped(undos[-1], spot)
        except BaseException:
            for key in [key for key, wrapped in _on.items() if wrapped.undo in undos]:
                del _on[key]
            take_back(undos)
            raise
    return WrappedTargets([*zip(keys, undos, strict=True)])


def _take_off(key: tuple[str, str]) -> None:
    """Put the originals of a target back. One that is interrupted stays on the list, to be taken off another time."""
    try:
        _on[key].undo()
    except Exception:
        del _on[key]
        raise
    del _on[key]


def off(target: str | None = None, *, spot: Spot | None = None) -> None:
    """Put the originals of a target back, or of all, or of all that are under a spot.

    Raises:
        OptionError: for a target that is not wrapped.
    """
    with _lock:
        keys = [key for key in reversed(_on) if target in (None, key[0]) and spot in (None, _on[key].spot)]
        if target is not None and not keys:
            raise unknown("wrapped target", target, {word for word, _ in _on})
        for key in keys:
            _take_off(key)


def names() -> list[str]:
    """The targets that are wrapped, each with the addresses it is restricted to."""
    with _lock:
        return [f"{word} match={part}" if part else word for word, part in _on]


def known() -> list[str]:
    """The words that name a target, beside ``module:function``."""
    return sorted({*_OURS, *installed()})


_OURS = ("httpx", "requests")


def _target(word: str, namespace: dict[str, Any] | None) -> Target:
    if word in _OURS:
        from spotmagic.wrap.http import HTTPTarget

        return HTTPTarget(word)
    if ":" in word:
        return FunctionTarget(word, namespace)
    point = installed().get(word)
    found = load_target(point) if point is not None else None
    if found is None:
        error = unknown("target", word, known() if namespace is None else [*known(), "cells"])
        todo = error.todo if error.todo.endswith("?") else f"{error.todo}."
        raise OptionError(error.what, error.why, f"{todo} Or write module:function")
    return found
