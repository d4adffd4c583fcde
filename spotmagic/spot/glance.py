"""The short way of a hit: key, look, decode, and nothing else."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any

from spotmagic.code.origin import is_user_module
from spotmagic.code.wrapped import Wrapped
from spotmagic.codecs import Undecodable, decode
from spotmagic.engine.call import tell_hit
from spotmagic.engine.decide import RETURN, decide
from spotmagic.engine.running import Attempt, now_running
from spotmagic.errors import OptionError, Uncacheable
from spotmagic.keys import Account
from spotmagic.options import Mode
from spotmagic.spot.session import told
from spotmagic.store.editions import FILES, current
from spotmagic.store.entry import Entry

if TYPE_CHECKING:
    from spotmagic.spot.mark import Marked

_METHODS = 3  # that are named to whoever gave an object for a function


def awaits(function: Callable[..., Any]) -> bool:
    """Whether a call of the function gives something to await."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def streams(function: Callable[..., Any]) -> bool:
    """Whether a call of the function gives items one by one: a generator, or an asynchronous one."""
    made = getattr(function, "__call__", None)  # noqa: B004
    return any(map(inspect.isgeneratorfunction, (function, made))) or is_async_stream(function)


def refuse_streams(function: Callable[..., Any], who: str) -> None:
    """Refuse a generator where one result is asked for."""
    if not streams(function):
        return
    name = getattr(function, "__name__", "f")
    if is_async_stream(function):
        todo = f"async def whole(x): return [item async for item in {name}(x)]"
    else:
        todo = f"lambda x: list({name}(x))"
    todo = f"Give it a function that returns a list of them: {todo}"
    raise OptionError(f"{who} was given the generator {name}", "it gives its items one by one", todo)


def refuse_uncallable(what: Any, who: str, otherwise: str) -> None:
    """Refuse what cannot be called, and name the method that may have been meant.

    Args:
        who: was given it: ``a batch``, ``mark``.
        otherwise: what to do where it has no method of the user's.
    """
    if callable(what):
        return
    kind = type(what)
    users = [one for one in kind.__mro__ if is_user_module(one.__module__)]
    methods = ["process"] if hasattr(kind, "process") else list(dict.fromkeys(
        name for one in users for name, value in vars(one).items()
        if not name.startswith("_") and isinstance(value, FunctionType | Wrapped)
    ))  # fmt: skip
    if methods:
        *most, last = [f".{name}" for name in methods[:_METHODS]]
        otherwise = f"Give a method of it: {', '.join(most)}{' or ' if most else ''}{last}"
    raise OptionError(f"{who} was given {kind.__name__}, which cannot be called", todo=otherwise)


def is_async_stream(function: Callable[..., Any]) -> bool:
    """Whether the items are to be awaited."""
    return any(map(inspect.isasyncgenfunction, (function, getattr(function, "__call__", None))))  # noqa: B004


def glancing(marked: Marked) -> Callable[..., Any]:
    """A function of a call's arguments that gives the value of a plain hit, else the call to drive.

    Its third argument is a list, if anybody wants to have what tells of the hit.
    """
    key_of, mode_of, name = marked.keys.key, marked.spot.mode_of, marked.name
    own_mode, store, clock = marked.options.mode, marked.spot.store, marked.spot.clock
    pinned, slow = marked.options.version is not None, marked.spot.slow
    get, count, now, running_now = store.get, store.hit, clock.now, now_running.get

    def glance(args: tuple[Any, ...], kwargs: dict[str, Any], seen: list[Any] | None = None) -> Any:
        mode = mode_of(name, own_mode)
        if mode is not Mode.AUTO or (slow and name in slow):
            return marked.call(args, kwargs)
        accounts: list[Account] = []
        try:
            key = key_of(args, kwargs, accounts)
        except Uncacheable:
            return marked.call(args, kwargs)
        entry = get(key)
        if entry is None:
            return marked.call(args, kwargs, accounts, absent=True)
        if entry.__class__ is Entry and FILES in entry.notes:
            entry = current(get, entry)
        if decide(mode, entry, now()) is not RETURN or not isinstance(entry, Entry) or entry.status != "value":
            return marked.call(args, kwargs)
        if pinned and entry.code != marked.keys.code():  # drift, which the ledger remembers
            return marked.call(args, kwargs)
        part = entry.parts[0]
        try:
            value = decode(part.codecs, part.head, part.buffers, trusted=entry.trusted)
        except Undecodable:
            return marked.call(args, kwargs)
        count(entry.key, entry.seconds, entry.price)
        if (inside := running_now()).__class__ is Attempt:
            inside.asked_inside = True
        told.last = teller = functools.partial(marked.glance, key, entry)
        if seen is not None:
            seen.append(teller)
        return value

    hooks = marked.spot.hooks
    if hooks is None:
        return glance

    def heard(args: tuple[Any, ...], kwargs: dict[str, Any], seen: list[Any] | None = None) -> Any:
        tellers: list[Any] = [] if seen is None else seen
        value = glance(args, kwargs, tellers)
        if tellers:
            tell_hit(hooks, tellers[-1]())
        return value

    return heard
