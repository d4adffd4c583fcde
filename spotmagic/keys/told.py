"""What people are told of a call: its arguments in short texts, and its function as its user wrote it.

They find a result again by what was asked, and know a function by its text and not by its normal form.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any

from spotmagic.code.normal import normal_form
from spotmagic.code.source import find
from spotmagic.code.wrapped import unwrapped
from spotmagic.errors import Uncacheable, tell
from spotmagic.keys.bind import Binder
from spotmagic.keys.keygen import Policy
from spotmagic.values.short import pack, texts
from spotmagic.values.written import as_written

if TYPE_CHECKING:
    from spotmagic.keys.account import Account
    from spotmagic.keys.function_key import FunctionKey

SOURCE = "source"
EVERY, MOST = 50, 50_000
_NOTHING: Mapping[str, str] = {}


class SourceNotes:
    """Which results of a function carry its text: the first of each code here, then one in fifty.

    So it outlives any one of them, and a million results do not hold it a million times.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._code, self._count, self._noted = b"", 0, _NOTHING

    def note(self, code: bytes) -> Mapping[str, str]:
        """The text as a note of the result of a call of this code, or nothing."""
        if code != self._code:
            text = written(unwrapped(self._function))
            self._code, self._count, self._noted = code, 0, {SOURCE: text} if text else _NOTHING
        self._count += 1
        return self._noted if self._count % EVERY == 1 else _NOTHING


def written(function: Any) -> str:
    """The text of a function without the credentials in it; empty where it is not surely that of what runs."""
    if not isinstance(function, FunctionType):
        return ""
    try:
        text = textwrap.dedent(inspect.getsource(function))
        node = find(function).node
        if node is None or len(text) > MOST:
            return ""
        inner = normal_form(text)
        return as_written(inner, text.rstrip()) if inner == normal_form(node) else ""
    except (OSError, TypeError, SyntaxError, ValueError, Uncacheable):  # a lambda inside an expression, a file gone
        return ""


def asked_with(keys: FunctionKey, account: Account, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The arguments that count, in one text that is kept. Trouble with them is told, and never in a result's way."""
    try:
        return pack(keys.texts(account, args, kwargs))
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        what = f"the arguments of {keys.name} are not listed"
        tell(what, why, "Its results are kept, and listed by its name", once=what)
        return ""


def shown(
    binder: Binder, values: list[Any], policies: Mapping[str, Policy], without: Mapping[str, Iterable[str]]
) -> dict[str, str]:
    """Arguments in short texts for people, without those that do not count, those that are masked, and what they hold.

    Args:
        values: as they are bound. The object of a method tells nothing and is left out.
        without: attributes that do not count, by the argument.
    """
    names = binder.names
    if len(values) != len(names):
        return texts({"arguments": values[:2]})
    named = dict(zip(names, values, strict=True))
    if names and names[0] in ("self", "cls"):
        del named[names[0]]
    named |= named.pop(binder.rest, {})
    if not policies:
        return texts(named)
    chosen = {name: policies[name] for name in named if name in policies}
    left_out = {name for name, policy in chosen.items() if policy.masked or policy.read is None}
    return texts(
        {name: value for name, value in named.items() if name not in left_out},
        {name: named[name] for name in left_out},
        [named[name] for name in left_out if chosen[name].masked],
        {attribute for names in without.values() for attribute in names},
    )
