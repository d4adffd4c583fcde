"""Trees of objects of no family: secrets, handles, wrappers of functions, and all else by its state."""

from __future__ import annotations

import collections.abc
import copyreg
import functools
import inspect
import io
from collections.abc import Callable
from typing import Any

from spotmagic.code.origin import is_user_module
from spotmagic.values import callables
from spotmagic.values.encode import SCALARS, Encoder
from spotmagic.values.handles import handle_settings
from spotmagic.values.scheme import Kind, Tree, Unfit, tree

Shape = Callable[[Any, Encoder], Tree]


def shape_of(kind: Any) -> Shape:
    """How objects of a class of no family are taken apart."""
    if callable(getattr(kind, "get_secret_value", None)):
        return _secret
    return functools.partial(_record, derived(kind)) if _is_plain(kind) else _other


def _secret(value: Any, encoder: Encoder) -> Tree:
    encoder.notes.secret = True
    packed = encoder.pack(value.get_secret_value(), "secret")
    return tree(Kind.SECRET, encoder.code(type(value)), encoder.mask(packed) if encoder.mask else packed)


def _other(value: Any, encoder: Encoder) -> Tree:
    kind = type(value)
    settings = handle_settings(value)
    if settings is not None:
        return _handle(value, settings, encoder)
    if hasattr(value, "__wrapped__") and callable(value) and not is_user_module(kind.__module__):
        return callables.wrapper(value, encoder)
    once = _read_once(value)
    if once:
        raise Unfit(once)
    return by_state(value, encoder)


def _record(derived: frozenset[str], value: Any, encoder: Encoder) -> Tree:
    """An object of a plain class: its attributes, as :func:`_object` would find them."""
    state = _without(value.__dict__, derived) if derived else value.__dict__
    return tree(Kind.OBJECT, encoder.code(type(value)), None, [], None, None, state or None)


_DEFAULTS = tuple((name, getattr(object, name)) for name in ("__reduce_ex__", "__reduce__", "__getstate__"))
_SPECIAL = ("__getnewargs__", "__getnewargs_ex__", "__next__", "__await__", "__anext__", "__wrapped__", "read")


def _is_plain(kind: type) -> bool:
    """Whether all state of the class's objects is in their attributes, and nothing is done on copying."""
    return (
        kind is not object
        and all(getattr(kind, name, None) is default for name, default in _DEFAULTS)
        and not any(hasattr(kind, name) for name in _SPECIAL)
        and kind not in copyreg.dispatch_table
        and all(is_user_module(base.__module__) and "__slots__" not in vars(base) for base in kind.__mro__[:-1])
    )


def _handle(value: Any, settings: dict[str, str], encoder: Encoder) -> Tree:
    kind = type(value)
    text = ", ".join(f"{name}={item}" for name, item in settings.items())
    note = f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}" + (f" ({text})" if text else "")
    if note not in encoder.notes.handles:
        encoder.notes.handles.append(note)
    own: dict[str, Any] = {}
    if is_user_module(kind.__module__):  # what the user's own subclass keeps beside the handle
        held = getattr(value, "__dict__", {})
        own = {name: item for name, item in held.items() if type(item) in SCALARS and not name.startswith("_")}
    return tree(Kind.HANDLE, encoder.code(kind), settings, own)


def _read_once(value: Any) -> str:
    """Why a value cannot be looked at without using it up, or ""."""
    if isinstance(value, io.IOBase) or (hasattr(value, "read") and hasattr(value, "close")):
        return "it is an open file or stream"
    if inspect.isawaitable(value) or isinstance(value, collections.abc.AsyncIterator):
        return f"it is a {type(value).__name__}, which can be awaited only once"
    if isinstance(value, collections.abc.Iterator):
        return f"it is a {type(value).__name__}, an iterator, which can be read only once"
    return ""


def by_state(value: Any, encoder: Encoder) -> Tree:
    """An object by its type and the state that copying it would take over."""
    kind: Any = type(value)
    reduce = copyreg.dispatch_table.get(kind)
    try:
        reduced = reduce(value) if reduce else value.__reduce_ex__(4)
    except TypeError as error:
        raise Unfit(f"it is a {kind.__module__}.{kind.__qualname__}, whose state cannot be read ({error})") from None
    if isinstance(reduced, str):
        return tree(Kind.OBJECT, encoder.code(kind), reduced)
    function, args, state, items, pairs = (*reduced, None, None, None)[:5]
    if function is copyreg.__newobj__:  # type: ignore[attr-defined]
        function, args = None, args[1:]
    elif function is kind:
        function = None
    left_out = derived(kind)
    states = state if isinstance(state, tuple) and len(state) == 2 else (state,)
    states = tuple(_without(one, left_out) for one in states) if left_out else states
    return tree(
        Kind.OBJECT,
        encoder.code(kind),
        function,
        list(args),
        list(items) if items is not None else None,
        dict(pairs) if pairs is not None else None,
        *states,
    )


def _without(state: Any, names: frozenset[str]) -> Any:
    if type(state) is not dict or names.isdisjoint(state):
        return state
    return {name: item for name, item in state.items() if name not in names} or None  # as if never asked for


@functools.lru_cache(4096)
def derived(kind: Any) -> frozenset[str]:
    """Attributes that a cached property fills in: derived from the rest, there or not there by chance."""
    kinds = functools.cached_property
    return frozenset(name for base in kind.__mro__ for name, item in vars(base).items() if isinstance(item, kinds))
