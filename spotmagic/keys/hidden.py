"""The credentials of a call in clear: what nothing that is kept of it may hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from spotmagic.code.function import facts
from spotmagic.code.wrapped import Bound, Wrapped, closed_over, unwrapped
from spotmagic.keys.function_key import FunctionKey
from spotmagic.keys.owned import is_users
from spotmagic.values.credentials import Credentials, names_secret
from spotmagic.values.secrets import environment, in_argument
from spotmagic.values.state import attributes
from spotmagic.values.written import literals

_PLAIN = frozenset({str, int, float, bool, type(None)})


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
    return kind not in _PLAIN or (kind is str and next(in_argument(value), None) is not None)


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
