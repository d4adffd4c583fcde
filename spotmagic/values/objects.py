"""Trees of objects of no family: handles and plumbing by the table of types, all else by its state.

The state of an object is what copying it would take over or, where it cannot be copied, its attributes. What is derived
from the rest does not count: values of cached properties, and the addresses (``id()``) of what stands beside them.
"""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import contextvars
import copyreg
import functools
import inspect
import sys
import types
import weakref
from typing import Any

from spotmagic.code.origin import file_of, is_user_file, is_user_module
from spotmagic.values import callables, late
from spotmagic.values.encode import SCALARS, Encoder, Shape
from spotmagic.values.generated import made_up
from spotmagic.values.handles import handle_settings, is_handle_type, note_of
from spotmagic.values.plain import STREAM, stream
from spotmagic.values.scheme import Kind, Tree, Unfit, tree
from spotmagic.values.settings import derived
from spotmagic.values.state import attributes, held_in_c, reduction


def shape_of(kind: Any) -> Shape:
    """How objects of a class of no family are taken apart. Asks nothing of the objects, whose classes may answer."""
    if is_handle_type(kind):
        return _handle
    if callable(inspect.getattr_static(kind, "get_secret_value", None)):
        return _secret
    if issubclass(kind, STREAM):
        return stream
    why = _read_once(kind)
    if why:
        give = why.endswith("read only once") and kind.__module__ != "itertools"  # which have no end
        return functools.partial(_refused, why, "Give it a list" if give else "")
    if any(f"{base.__module__}.{base.__qualname__}" in _GENERATORS for base in kind.__mro__):
        return _generator
    if isinstance(inspect.getattr_static(kind, "__wrapped__", None), types.GetSetDescriptorType):
        return callables.wrapper  # a proxy
    if _is_plain(kind):
        return functools.partial(_record, derived(kind))
    calls = callable(inspect.getattr_static(kind, "__call__", None)) and not is_user_module(kind.__module__)
    return _wrapping if calls else by_state


def _refused(why: str, todo: str, _: Any, __: Encoder) -> Tree:
    raise Unfit(why, todo)


def _secret(value: Any, encoder: Encoder) -> Tree:
    encoder.notes.secret = True
    packed = encoder.pack(value.get_secret_value(), "secret")
    return tree(Kind.SECRET, encoder.code(type(value)), encoder.mask(packed) if encoder.mask else packed)


def _handle(value: Any, encoder: Encoder) -> Tree:
    late.meet(value)  # it was there before the call: it is none that the call makes
    settings = handle_settings(value)
    assert settings is not None
    note = note_of(value, settings)
    if note:
        encoder.notes.handles[note] = None
    return tree(Kind.HANDLE, encoder.code(type(value)), settings)


_AWAITED = (types.CoroutineType, types.AsyncGeneratorType, asyncio.Future, concurrent.futures.Future)
_PYTHON_CLASS = 1 << 9  # Py_TPFLAGS_HEAPTYPE


def _read_once(kind: type) -> str:
    """Why values of a class cannot be looked at without using them up, or "". Classes in Python tell by their state."""
    if issubclass(kind, _AWAITED):
        return f"it is a {kind.__name__}, which can be awaited only once"
    if issubclass(kind, collections.abc.Iterator) and not _is_python_class(kind) and not _says_its_state(kind):
        return f"it is a {kind.__name__}, an iterator, which can be read only once"
    if issubclass(kind, collections.abc.AsyncIterator) and not _is_python_class(kind):
        return f"it is a {kind.__name__}, which can be awaited only once"
    return ""


def _says_its_state(kind: Any) -> bool:
    """Whether a package's class in C says what copying an object of it takes over (statsmodels' state spaces)."""
    package = kind.__module__.partition(".")[0]
    return package not in sys.stdlib_module_names and "__reduce__" in vars(kind)


def _is_python_class(kind: type) -> bool:
    """Whether all that objects of a class hold is in attributes and slots, and nothing in C keeps more to itself."""
    return not held_in_c(kind, object) and all(
        base.__flags__ & _PYTHON_CLASS and not isinstance(vars(base).get("__new__"), types.BuiltinFunctionType)
        for base in kind.__mro__[:-1]
    )


def _record(names: frozenset[str], value: Any, encoder: Encoder) -> Tree:
    """An object of a plain class: its attributes, as :func:`by_state` would find them."""
    state = _without(late.as_before(value, value.__dict__), names)
    return tree(Kind.OBJECT, encoder.code(type(value)), None, [], None, None, state or None)


_DEFAULTS = tuple(
    (name, getattr(object, name)) for name in ("__reduce_ex__", "__reduce__", "__getstate__", "__getattribute__")
)
_SPECIAL = ("__getnewargs__", "__getnewargs_ex__", "__wrapped__")


def _is_plain(kind: type) -> bool:
    """Whether all state of the class's objects is in their attributes, and nothing is done on copying."""
    return (
        kind is not object
        and all(getattr(kind, name, None) is default for name, default in _DEFAULTS)
        and all(inspect.getattr_static(kind, name, None) is None for name in _SPECIAL)
        and kind not in copyreg.dispatch_table
        and all(_is_plain_class(base) for base in kind.__mro__[:-1])
    )


def _is_plain_class(base: type) -> bool:
    space = vars(base)
    return (
        is_user_module(base.__module__)
        and "__slots__" not in space
        and not isinstance(space.get("__dict__"), property)
        and not any("id" in function.__code__.co_names for function in space.values() if inspect.isfunction(function))
    )


def _wrapping(value: Any, encoder: Encoder) -> Tree:
    return callables.wrapper(value, encoder) if "__wrapped__" in attributes(value) else by_state(value, encoder)


_GENERATORS = {
    "random.Random": ("random", "_inst"),
    "numpy.random.mtrand.RandomState": ("numpy.random.mtrand", "_rand"),
}


def shared_generator(value: Any) -> tuple[str, str] | None:
    """Module and name of the generator that all of Python, or of numpy, draws from; None for any other value."""
    for home, name in _GENERATORS.values():
        if value is getattr(sys.modules.get(home), name, None):
            return home, name
    return None


def _generator(value: Any, encoder: Encoder) -> Tree:
    """A random generator by its state; by name the one that all share."""
    named = shared_generator(value)
    return by_state(value, encoder) if named is None else tree(Kind.NAMED, *named)


_UNCOPIED = (TypeError, NotImplementedError, RuntimeError, AttributeError)


def by_state(value: Any, encoder: Encoder) -> Tree:
    """An object by its type and the state that copying it would take over, or its attributes if it cannot be copied."""
    kind: Any = type(value)
    reduce = copyreg.dispatch_table.get(kind)
    reduced: Any
    try:
        if "__pydantic_fields__" in vars(kind) and kind.__reduce_ex__ is object.__reduce_ex__:
            reduced = (kind, (), attributes(value))
        else:
            reduced = reduce(value) if reduce else reduction(value)
    except Exception as error:
        if type(error).__name__ != "PicklingError" and not isinstance(error, _UNCOPIED):
            raise  # trouble of the class's own, which is told with its text
        if not _is_python_class(kind):
            content = _content(kind, value)
            if content is not None:
                return tree(Kind.OBJECT, encoder.code(kind), None, content)
            name = f"{kind.__module__}.{kind.__qualname__}"
            raise Unfit(f"it is a {name}, whose state cannot be read ({error})") from None
        reduced = (kind, (), attributes(value))
    if isinstance(reduced, str):
        return tree(Kind.OBJECT, encoder.code(kind), reduced)
    function, args, state, items, pairs = (*reduced, None, None, None)[:5]  # what pickle takes has two to six parts
    if function is copyreg.__newobj__:  # type: ignore[attr-defined]
        function, args = None, args[1:]
    elif function is kind:
        function = None
    encoder.made_up.update(made_up(value, state))
    states = state if isinstance(state, tuple) and len(state) == 2 else (state,)
    return tree(
        Kind.OBJECT,
        encoder.code(kind),
        function,
        list(args),
        list(items) if items is not None else None,
        dict(pairs) if pairs is not None else None,
        *(_counting(one, value, derived(kind)) for one in states),
        *_wrapped_code(value),
        *_left_out(value, states, encoder),
    )


def _content(kind: type, value: Any) -> list[Any] | None:
    """What a container of a package, in C, gives to whoever reads it: a row of a database, a view of headers.

    ``None`` for what is no container, and for classes of the user's, whose reading runs their code.
    """
    if is_user_module(kind.__module__):
        return None
    if issubclass(kind, collections.abc.Mapping):
        return [list(value.items())]
    if issubclass(kind, collections.abc.Sequence):
        return [list(value), list(value.keys()) if hasattr(kind, "keys") else None]
    return None


def _left_out(value: Any, states: tuple[Any, ...], encoder: Encoder) -> list[dict[str, Any]]:
    """What an object of the user's holds though its class leaves it out of copies: here it may well be read.

    What nobody can look at, for which such classes are mostly made (clients, locks), counts by its type.
    """
    kind: Any = type(value)
    if encoder.as_copied or not _copies_itself(kind):
        return []
    copied = {id(item) for state in states if isinstance(state, dict) for item in state.values()}
    held = _without(late.as_before(value, attributes(value)), derived(kind)) or {}
    found: dict[str, Any] = {}
    for name, item in held.items():
        if id(item) not in copied:
            found[name] = item if _can_be_read(item, encoder) else encoder.code(type(item))
    return [found] if found else []


def _can_be_read(item: Any, encoder: Encoder) -> bool:
    if type(item) in _NATIVE:
        return True
    try:
        encoder.take_apart(item, encoder)
    except Unfit:
        return False
    return True


_NATIVE = SCALARS | {bytes, bytearray, memoryview, list, tuple, dict}


@functools.lru_cache(maxsize=4096)
def _copies_itself(kind: Any) -> bool:
    """Whether code of the user's says what a copy of an object takes over."""
    said = (inspect.getattr_static(kind, name, None) for name in ("__reduce_ex__", "__reduce__", "__getstate__"))
    return any(
        isinstance(one, types.FunctionType) and is_user_file(file_of(one.__code__))
        for one in (*said, copyreg.dispatch_table.get(kind))
    )


def _wrapped_code(value: Any) -> list[list[Any]]:
    """The functions that a callable object holds. Libraries that pickle it by its name do not tell of them."""
    if not callable(value):
        return []
    kinds = (types.FunctionType, types.MethodType, functools.partial)
    held = [one for one in attributes(value).values() if isinstance(one, kinds) and not _is_of_text(one)]
    return [held] if held else []


def _counting(state: Any, value: Any, names: frozenset[str]) -> Any:
    """What counts of a state: all of it, but what is derived from the rest."""
    if type(state) is not dict:
        return state
    kept = _without(late.as_before(value, state), names)
    if not kept:
        return None
    for place in ("__dict__", "__pydantic_private__"):  # as pydantic keeps them
        inside = kept.get(place)
        if type(inside) is dict:
            kept = {**kept, place: _without(late.as_before(value, inside), names)}
    if not is_user_module(type(value).__module__):
        kept = {name: _inner(item, hidden=name[:1] == "_") for name, item in kept.items()}
        if kept.get("_attrs", True) == {} and type(value).__module__.partition(".")[0] == "xarray":
            kept["_attrs"] = None  # which is made empty when it is first asked for
    addresses = [name for name, item in kept.items() if type(item) is int and item > _LEAST_ADDRESS]
    if not addresses:
        return kept
    beside = {id(value): "self"} | {id(item): name for name, item in kept.items() if type(name) is str}
    return kept | {name: tree(Kind.ADDRESS, beside[kept[name]]) for name in addresses if kept[name] in beside}


# What a library keeps of others for itself: as a value of the user's it counts by what is in it.
_LEADING_ON = frozenset(
    {weakref.ref, weakref.WeakSet, weakref.WeakKeyDictionary, weakref.WeakValueDictionary, contextvars.Context}
)


def _inner(item: Any, *, hidden: bool) -> Any:
    """What an attribute of a library's object counts as: what it made for itself by what it is made of.

    Args:
        hidden: nobody but the library looks at it, so that entries which a look into it left there say nothing.
    """
    if hidden and type(item) is collections.defaultdict and item.default_factory in (list, dict, set, int):
        looked: Any = item.default_factory()
        return collections.defaultdict(item.default_factory, {key: one for key, one in item.items() if one != looked})
    if type(item) in _LEADING_ON:
        return tree(Kind.WEAK)
    if _is_of_text(item):
        function = getattr(item, "__func__", item)
        return tree(Kind.WRAPPER, "exec", function.__code__, function.__defaults__)
    return item


def _is_of_text(item: Any) -> bool:
    """Whether it is a function that was made of text, in a namespace that is no module's: its code is all there is."""
    function = item.__func__ if isinstance(item, types.MethodType) else item
    return (
        isinstance(function, types.FunctionType)
        and "__name__" not in function.__globals__
        and function.__closure__ is None
    )


_LEAST_ADDRESS = 1 << 16  # no object lies in the first pages of memory, and most counts are smaller


def _without(state: dict[str, Any], names: frozenset[str]) -> dict[str, Any] | None:
    if names.isdisjoint(state):
        return state
    return {name: item for name, item in state.items() if name not in names} or None  # as if never asked for
