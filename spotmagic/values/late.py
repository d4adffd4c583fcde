"""Handles that an object made when it first needed them: ``if self._client is None: self._client = Client(self.url)``.

Such a call changes its object, and yet not what the object gives: the handle is made of the rest. So the object goes on
counting as it did before, in this process as in the next one, where the attribute is still unset or None. That it was
so is proved, never guessed: only where the key *after* a call, taken with the attribute as it may have been, is the key
from *before* it. A handle that was there before, or that replaces the one that was made, counts like any other.

Example: ``bot.ask("hi")`` has the key K and sets ``bot._client``. After it the same call has another key. That is taken
once more with ``_client`` as None, and is K: so it was None, and the client is left out of keys from then on.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from spotmagic.values.handles import handle_settings, is_handle_type

_UNSET = object()
_MOST = 6  # handles made in one call: each was unset or None, and all ways are tried


class _Place(NamedTuple):
    owner: int  # the ids of the object and the handle, and the attribute that holds it
    handle: int
    name: str


class _Late(NamedTuple):
    handle: weakref.ref[Any]
    was: object | None  # what the attribute was before: None or unset
    settings: Any


# The ids in both are good as long as their objects live, which is looked at by the references.
_met: dict[int, weakref.ref[Any]] = {}
_made: dict[_Place, _Late] = {}


class _Trial(threading.local):
    """What this thread looks for or tries out, which others must not see."""

    found: dict[_Place, Any] | None = None
    tried: dict[_Place, Any] | None = None


_trial = _Trial()


def meet(handle: Any) -> None:
    """A handle counts for a key: from now on it is no new one."""
    name = id(handle)
    known = _met.get(name)
    if known is None or known() is not handle:
        try:
            _met[name] = weakref.ref(handle, lambda _: _met.pop(name, None))
        except TypeError:  # it cannot be told when it is gone
            pass


def as_before(owner: Any, state: dict[str, Any]) -> dict[str, Any]:
    """The attributes of an object without the handles that it made late."""
    if not _made and _trial.found is None and _trial.tried is None:
        return state
    changes: dict[str, Any] = {}
    for name, item in state.items():
        if item is None or type(name) is not str or not is_handle_type(type(item)):
            continue
        place = _Place(id(owner), id(item), name)
        if _trial.tried is not None and place in _trial.tried:
            changes[name] = _trial.tried[place]
        elif place in _made:
            made = _made[place]
            if made.handle() is item and handle_settings(item) == made.settings:
                changes[name] = made.was
        elif _trial.found is not None and id(item) not in _met:
            _trial.found[place] = item
    if not changes:
        return state
    return {name: changes.get(name, item) for name, item in state.items() if changes.get(name) is not _UNSET}


def settle_late(same: Callable[[], bool]) -> bool:
    """Whether a call changed nothing but handles that were made late, which from now on do not count.

    Args:
        same: takes the key anew, and tells whether it is the one from before the call.
    """
    _trial.found = {}
    try:
        if same():
            return True
        found, _trial.found = _trial.found, None
        if not 0 < len(found) <= _MOST:
            return False
        for ways in itertools.product((None, _UNSET), repeat=len(found)):
            _trial.tried = dict(zip(found, ways, strict=True))
            if same():
                _keep(found, _trial.tried)
                return True
        return False
    finally:
        _trial.found = _trial.tried = None


def _keep(found: dict[_Place, Any], ways: dict[_Place, Any]) -> None:
    for place, item in found.items():
        try:
            held = weakref.ref(item, lambda _, place=place: _made.pop(place, None))  # type: ignore[misc]
        except TypeError:
            continue  # it counts
        _made[place] = _Late(held, ways[place], handle_settings(item))
