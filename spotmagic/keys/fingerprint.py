"""Fingerprints: 16 bytes that are equal for values that behave alike, and differ for all others."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from spotmagic import files
from spotmagic.code.wrapped import is_named, unwrapped
from spotmagic.keys.owned import full_name, is_users, stands_for
from spotmagic.keys.patched import members
from spotmagic.keys.reach import Reached, reach
from spotmagic.reads import stand_ins
from spotmagic.values.dispatch import take_apart
from spotmagic.values.encode import SCALARS, Encoder, pack_known
from spotmagic.values.notes import Mask, Notes
from spotmagic.values.scheme import Kind, Tree, digest, pack_plain, tree

_MOST_IDENTITIES = 1024
_identities: dict[tuple[int, Mask | None], tuple[Any, Reached]] = {}
_lock = files.ForkLock()


def fingerprint(
    value: Any, *, path: str = "value", notes: Notes | None = None, mask: Mask | None = None, as_copied: bool = False
) -> bytes:
    """16 bytes that stand for a value: its type and all of its content, nothing sampled, nothing by ``repr`` or pickle.

    Args:
        path: what the value is called in errors, such as ``cfg``.
        notes: takes what was met on the way: handles, secrets.
        mask: HMAC under the user's secret, which secrets are masked with.
        as_copied: only what a copy takes over, such as the picture of a figure: to check one, never for a key.

    Raises:
        Uncacheable: for what has no fingerprint (a generator, an open file), with the path to it inside the value.
    """
    return digest(packed(value, path, notes, mask, as_copied))


def packed(
    value: Any,
    path: str,
    notes: Notes | None,
    mask: Mask | None,
    as_copied: bool = False,
    apart: Callable[[Any, Encoder], Tree] = take_apart,
    *,
    bare: bool = False,
) -> bytes:
    """The canonical bytes of a value, which :func:`fingerprint` digests.

    What the user put into the class of anything inside the value, ``pd.DataFrame.total = total``, counts with it.

    Args:
        bare: name classes, and functions that a module has under their names, without reading their code: bytes that
            an edit leaves as they are.
    """
    kind = type(value)
    if kind in SCALARS:
        return pack_plain(value)
    if kind is list or kind is dict or kind is tuple:
        known = pack_known(value)
        if known is not None:
            return known
    met: dict[int, Tree] = {}
    code: Callable[[Any], Tree] = lambda obj: _code(obj, notes, mask, met)  # noqa: E731
    if bare:
        code = lambda obj: _bare(obj) or _code(obj, notes, mask, met)  # noqa: E731
    kinds: dict[type, None] = {}

    def taken(one: Any, encoder: Encoder) -> Tree:
        kinds[type(one)] = None
        return apart(one, encoder)

    found = Encoder(taken, code, notes, mask, as_copied=as_copied).pack(value, path)
    if notes is not None:
        notes.packages.update(each.__module__.partition(".")[0] for each in kinds)
    for each in tuple(kinds):  # in the order they were met in, which hangs on the value alone
        for _, name, member in members(each):
            found += packed(member, name, notes, mask, bare=bare)
    return found


def _bare(obj: Any) -> Tree | None:
    """The name of a class or function, or ``None`` for one that no name leads to: lambdas of one name are many."""
    obj = unwrapped(obj)
    if not is_users(obj):
        return stands_for(obj)
    return None if isinstance(obj, FunctionType) and not is_named(obj) else tree(Kind.MODULE, full_name(obj))


def _code(obj: Any, notes: Notes | None, mask: Mask | None, met: dict[int, Tree]) -> Tree:
    """A function, class or module inside a value: the user's by all it reaches, others by name."""
    obj = unwrapped(obj)
    if notes is not None and (why := stand_ins.unseen(obj, held=True)):
        notes.trouble = notes.trouble or why
    if not is_users(obj):
        return stands_for(obj)
    known = met.get(id(obj))
    if known is not None:
        return known
    reached = identity(obj, mask)
    if notes is not None:
        notes.take(reached.notes)
        notes.reach(reached.told)
    met[id(obj)] = found = tree(Kind.CODE, reached.identity)
    return found


def identity(obj: Any, mask: Mask | None) -> Reached:
    """What a function, class or module reaches, walked again only when something of it changed.

    A function that no module has under its name is walked each time: what is kept of it would keep it alive, with all
    that it closes over.
    """
    key = id(obj), mask
    held = _identities.get(key)
    if held is not None and held[1].holds():
        return held[1]
    reached = reach(obj, mask=mask, as_value=True)
    if isinstance(obj, FunctionType) and not is_named(obj):
        return reached
    with _lock:
        _identities.pop(key, None)
        _identities[key] = (obj, reached)  # which keeps the object alive, so that nothing else gets its id
        while len(_identities) > _MOST_IDENTITIES:
            del _identities[next(iter(_identities))]
    return reached
