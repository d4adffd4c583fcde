"""The credentials of a call: whether one only logs in, and those in clear that nothing which is kept may hold.

One logs in at a client made for it, or in the head of a request that is posted. A client that is made outside counts
without its credential (``values/handles.py``), so one that is made inside does. What is fetched with it
(``requests.get``) may be its owner's own, and counts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from types import FunctionType, MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

from spotmagic.code.function import facts
from spotmagic.code.logins import CALLED, HEADERS, Login
from spotmagic.code.origin import is_user_module
from spotmagic.code.wrapped import Bound, Wrapped, closed_over, unwrapped
from spotmagic.keys import named
from spotmagic.keys.guards import MISSING, Guards
from spotmagic.keys.owned import is_users
from spotmagic.keys.state import Cells
from spotmagic.values.credentials import Credentials, names_secret
from spotmagic.values.encode import SCALARS, Encoder
from spotmagic.values.handles import is_handle_type
from spotmagic.values.notes import Mask
from spotmagic.values.scheme import Kind, Tree, pack_plain, tree
from spotmagic.values.secrets import environment, in_argument
from spotmagic.values.settings import headers, is_secret
from spotmagic.values.state import attributes
from spotmagic.values.written import literals

if TYPE_CHECKING:
    from spotmagic.keys.function_key import FunctionKey

_POSTING = frozenset({"requests.api", "httpx", "httpx._api", "httpx2", "httpx2._api"})


def counting(function: FunctionType, name: str, cells: Cells, guards: Guards, encoder: Encoder) -> list[Any]:
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


def is_given_only(function: FunctionType, name: str, cells: Cells = MappingProxyType({})) -> bool:
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
        elif isinstance(found, ModuleType) and not is_user_module(found.__name__):
            found = getattr(found, step, MISSING)
        else:
            return False
    if made:
        return False
    if isinstance(found, FunctionType):
        return login.word in HEADERS and found.__name__ == "post" and found.__module__ in _POSTING
    return _is_client(found)


def _is_client(found: Any) -> bool:
    return isinstance(found, type) and not is_user_module(found.__module__) and is_handle_type(found)


# -- in clear ---------------------------------------------------------------------------------------------------------


def hidden(keys: FunctionKey, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Credentials:
    """The credentials in the arguments, in what the function reaches, in its source and in the environment.

    A policy of the user that reads an argument says that it is none.
    """
    now, around = keys._now or keys._look(), environment()
    known = now.hidden
    if known is None or known[0] is not around:
        known = now.hidden = (around, _reached(keys._function, around))
    values, policies, names = now.bind(*args, **kwargs), keys._policies, keys._binder.names
    if not (policies or any(map(_may_hold, values)) or any(map(names_secret, names))):
        return known[1]
    named = dict(zip(names, values, strict=False))
    named |= named.pop(keys._binder.rest, {})
    found = Credentials(known[1])
    for name, value in named.items():
        policy = policies.get(name)
        read = policy is not None and policy.read is not None
        found.look(name, value, secret=policy.masked if policy is not None and read else None)
    return found


def _may_hold(value: Any) -> bool:
    """Whether there may be a credential in what is named like none."""
    kind = type(value)
    return kind not in SCALARS or (kind is str and next(in_argument(value), None) is not None)


def _reached(function: Any, around: Mapping[str, str]) -> Credentials:
    """What is in globals, closures and the source of a function and of the user's functions that it names."""
    found = Credentials(around)
    for name, value in _outside(function, found):
        found.look(name, value)
    return found


def _outside(function: Any, found: Credentials) -> Iterator[tuple[str, Any]]:
    line: list[Any] = [function]
    seen: set[Any] = set()
    while line:
        one = unwrapped(line.pop())
        one = getattr(one, "__func__", one)
        if isinstance(one, type) and is_users(one) and one not in seen:
            seen.add(one)
            yield one.__name__, one
            line += [item for item in vars(one).values() if isinstance(item, FunctionType)]
        if not isinstance(one, FunctionType) or one in seen or not is_users(one):
            continue
        seen.add(one)
        said = facts(one)
        for text in literals(said.text):
            found.learn(text, "written in its source")
        space = one.__globals__ | closed_over(one)
        for name in sorted({*said.names, *(write.root for write in said.writes)} & space.keys()):
            value = space[name]
            if isinstance(value, FunctionType | type | Wrapped | Bound) or "__wrapped__" in attributes(value):
                line.append(value)
            elif not isinstance(value, ModuleType) or is_users(value):
                yield name, value
