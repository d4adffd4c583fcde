"""Whether a credential only logs in: at a client made for it, or in the head of a request that is posted.

A client that is made outside counts without its credential (``values/handles.py``), so one that is made inside does.
What is fetched with it (``requests.get``) may be its owner's own, and counts.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Collection
from types import MappingProxyType
from typing import Any

from spotmagic.code.credentials import CALLED, HEADERS, Login
from spotmagic.code.function import facts
from spotmagic.code.origin import is_user_module
from spotmagic.keys import named
from spotmagic.keys.guards import MISSING, Guards
from spotmagic.keys.state import Cells
from spotmagic.values.encode import Encoder
from spotmagic.values.handles import is_handle_type
from spotmagic.values.notes import Mask
from spotmagic.values.scheme import Kind, Tree, pack_plain, tree
from spotmagic.values.settings import headers, is_secret

_POSTING = frozenset({"requests.api", "httpx", "httpx._api", "httpx2", "httpx2._api"})


def counting(function: types.FunctionType, name: str, cells: Cells, guards: Guards, encoder: Encoder) -> list[Any]:
    """What counts of a name that a function only logs in with, in a list; nothing where it counts as any other."""
    logins = facts(function).credentials.get(name, frozenset())
    if not logins:
        return []
    value, held = named.held_by(function, name, cells), functools.partial(named.held_by, function, cells=cells)
    opens = only_logs_in(logins, value, held)
    counts = None if opens else without_credentials(logins, value, held)
    if counts is MISSING:
        return []
    if name in cells:
        guards.cell(cells[name], value)
    else:
        guards.name(function.__globals__, name, value)
    if not opens:
        guards.live(value, encoder.pack(value, name))
    encoder.notes.leave_credential(name)
    return [name, "credential", counts]


def is_given_only(function: types.FunctionType, name: str, cells: Cells = MappingProxyType({})) -> bool:
    """Whether a function only logs in with a global, or a variable of the environment (``env NAME``)."""
    held = functools.partial(named.held_by, function, cells=cells)
    value = None if " " in name else held(name)
    return only_logs_in(facts(function).credentials.get(name, ()), value, held)


def masked(value: str | bytes, mask: Mask | None) -> Tree:
    """What a secret enters a key as."""
    known = pack_plain(value)
    return tree(Kind.SECRET, mask(known) if mask else known)


def only_logs_in(logins: Collection[Login], value: Any, held: Callable[[str], Any]) -> bool:
    """Whether a value that is used for these logins and nothing else changes no answer.

    Args:
        held: what a name of outside stands for, or ``MISSING``.
    """
    plain = value is None or isinstance(value, str | bytes) or callable(getattr(type(value), "get_secret_value", None))
    secret = all(is_secret(one.header or one.word) for one in logins)
    return bool(logins) and plain and secret and all(_is_service(one, held) for one in logins)


def without_credentials(logins: Collection[Login], value: Any, held: Callable[[str], Any]) -> Any:
    """What counts of headers that are used for these logins and nothing else; ``MISSING`` for anything else."""
    if type(value) is not dict or not logins:
        return MISSING
    if not all(one.word in HEADERS and not one.header and _is_service(one, held) for one in logins):
        return MISSING
    return headers(value.items())


def _is_service(login: Login, held: Callable[[str], Any]) -> bool:
    """Whether there is a service at the end of the way: the class of a client, or what posts a request."""
    root, *steps = login.way
    found, made = held(root), False
    for step in steps:
        if step == CALLED:
            if made or not _is_client(found):
                return False
            made = True
        elif made or is_handle_type(type(found)):
            return step == steps[-1] == "post" and login.word in HEADERS
        elif isinstance(found, types.ModuleType) and not is_user_module(found.__name__):
            found = getattr(found, step, MISSING)
        else:
            return False
    if made:
        return False
    if isinstance(found, types.FunctionType):
        return login.word in HEADERS and found.__name__ == "post" and found.__module__ in _POSTING
    return _is_client(found)


def _is_client(found: Any) -> bool:
    return isinstance(found, type) and not is_user_module(found.__module__) and is_handle_type(found)
