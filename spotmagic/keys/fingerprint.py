"""Fingerprints: 16 bytes that are equal for values that behave alike, and differ for all others."""

from __future__ import annotations

import threading
import weakref
from typing import Any

from spotmagic.keys.encode import Encoder
from spotmagic.keys.notes import Mask, Notes
from spotmagic.keys.reach import Reached, is_users, reach, stands_for
from spotmagic.keys.scheme import Kind, Tree, digest, tree
from spotmagic.keys.shapes import take_apart

_identities: weakref.WeakKeyDictionary[Any, tuple[Mask | None, Reached]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def fingerprint(value: Any, *, path: str = "value", notes: Notes | None = None, mask: Mask | None = None) -> bytes:
    """16 bytes that stand for a value: its type and all of its content, nothing sampled, nothing by ``repr`` or pickle.

    Args:
        path: what the value is called in errors, such as ``cfg``.
        notes: takes what was met on the way: handles, secrets.
        mask: HMAC under the user's secret, which secrets are masked with.

    Raises:
        Uncacheable: for what has no fingerprint (a generator, an open file), with the path to it inside the value.
    """
    return digest(packed(value, path, Notes() if notes is None else notes, mask))


def packed(value: Any, path: str, notes: Notes, mask: Mask | None) -> bytes:
    """The canonical bytes of a value, which :func:`fingerprint` digests."""
    return Encoder(take_apart, lambda obj: _code(obj, notes, mask), notes, mask).pack(value, path)


def _code(obj: Any, notes: Notes, mask: Mask | None) -> Tree:
    """A function, class or module inside a value: the user's by all it reaches, others by name."""
    if not is_users(obj):
        return stands_for(obj)
    reached = identity(obj, mask)
    notes.take(reached.notes)
    return tree(Kind.CODE, reached.identity)


def identity(obj: Any, mask: Mask | None) -> Reached:
    """What a function, class or module reaches, walked again only when something of it changed."""
    held = _identities.get(obj)
    if held is not None and held[0] == mask and held[1].holds():
        return held[1]
    reached = reach(obj, mask=mask)
    with _lock:
        _identities[obj] = (mask, reached)
    return reached
