"""The arguments of a call in short texts, by which people find its result again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from spotmagic.errors import tell
from spotmagic.keys.bind import Binder
from spotmagic.keys.keygen import Policy
from spotmagic.values.short import pack, texts

if TYPE_CHECKING:
    from spotmagic.keys.function_key import FunctionKey


def asked_with(keys: FunctionKey, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The arguments that count, in one text that is kept. Trouble with them is told, and never in a result's way."""
    try:
        return pack(keys.texts(args, kwargs))
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
