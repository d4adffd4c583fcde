"""The short way of a hit: key, look, decode, and nothing else."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spotmagic.codecs import Undecodable, decode
from spotmagic.engine.call import tell_hit
from spotmagic.engine.decide import RETURN, decide
from spotmagic.engine.running import Attempt, now_running
from spotmagic.errors import Uncacheable
from spotmagic.keys import Account
from spotmagic.options import Mode
from spotmagic.spot.session import told
from spotmagic.store.editions import FILES, current
from spotmagic.store.entry import Entry

if TYPE_CHECKING:
    from spotmagic.spot.mark import Marked


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
