"""Functions of ours around functions of others: to whoever looks at one, it is the function it wraps."""

from __future__ import annotations

import copy
import functools
import sys
import types
from collections.abc import Callable
from typing import Any

_PLAIN, _ANCHOR = "__plain__", "__anchor__"


class Wrapped:
    """A function of ours around another. Subclasses say what a call does.

    It binds as a method where the wrapped one does, and what it has no attribute of its own for is asked of the wrapped
    one: ``__code__``, ``__defaults__``, ``cache_clear`` ... (:func:`inspect.iscoroutinefunction` goes by these).

    It travels to other processes by reference where its module has it under its name, else by value. Only the pickler
    knows which of the two it is: pickle finds functions of ``__main__`` by name, cloudpickle takes them apart. So two
    plain functions are pickled in its place. Its module has them below its name (``f.__anchor__``, ``f.__plain__``);
    where they are taken apart they bring along what they hold.
    """

    __slots__ = (_ANCHOR, "__dict__", _PLAIN, "__weakref__", "__wrapped__")

    words: frozenset[str] = frozenset()
    """Names of attributes that take the arguments of a call."""
    variants: frozenset[str] = frozenset()
    """Names of attributes that give another function around the same one."""
    whole: frozenset[str] = frozenset()
    """Names of attributes that take the function as it is called, so bound where it is a method."""
    number: int = 0
    """Which of its answers to the same arguments the function gives."""
    origin: tuple[Wrapped, dict[str, Any]] | None = None
    """Of a variant the function that it is one of, and what it was told to do otherwise."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        if owner is None or not hasattr(type(self.__wrapped__), "__get__"):
            return self
        return Bound(self, owner)

    def __getattr__(self, name: str) -> Any:
        if name == "__wrapped__":  # nothing has arrived yet
            raise AttributeError(name)
        function = self.__wrapped__
        if name in (_PLAIN, _ANCHOR) and isinstance(function, types.FunctionType):
            part = _copied(function) if name == _PLAIN else types.FunctionType(_nothing.__code__, {})
            part.__module__, part.__qualname__ = function.__module__, f"{function.__qualname__}.{name}"
            setattr(self, name, part)
            return part
        return getattr(function, name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self, '__qualname__', self.__wrapped__)}>"

    def __copy__(self) -> Wrapped:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Wrapped:
        return self

    def _state(self) -> Any:
        """What makes the same function around the wrapped one in another process."""
        raise NotImplementedError

    def _restore(self, function: Callable[..., Any], state: Any) -> None:
        """Become the function that :meth:`_state` tells of."""
        raise NotImplementedError

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.origin is not None:
            return _varied, self.origin
        function = self.__wrapped__
        state = self._state(), vars(self)
        plain = isinstance(function, types.FunctionType)
        if not (plain and under_name(function.__module__, function.__qualname__) is self):
            return _arrive, (type(self), None), (function, state)
        if protocol < 4:  # it has no names below names
            return function.__qualname__
        twin = getattr(self, _PLAIN)
        vars(twin)[_PLAIN] = state
        return _arrive, (type(self), getattr(self, _ANCHOR)), (twin, None)

    def __setstate__(self, state: tuple[Any, Any]) -> None:
        function, kept = state
        if hasattr(self, "__wrapped__"):  # it was found by its name
            return
        if kept is None:
            kept = vars(function).pop(_PLAIN)
            function.__qualname__ = function.__qualname__.removesuffix(f".{_PLAIN}")
        self._restore(function, kept[0])
        vars(self).update(kept[1])


class Bound:
    """A wrapped function as the method of an object (``obj.ask``). Its words take the arguments after ``self``."""

    __slots__ = ("__func__", "__self__", "__weakref__")

    def __init__(self, function: Wrapped, owner: Any) -> None:
        self.__func__, self.__self__ = function, owner

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self.__func__(self.__self__, *args, **kwargs)

    @property
    def __wrapped__(self) -> Any:
        """The method without our part."""
        return self.__func__.__wrapped__.__get__(self.__self__)

    def __getattr__(self, name: str) -> Any:
        if name in self.__func__.whole:
            return functools.partial(getattr(type(self.__func__), name), self)
        value = getattr(self.__func__, name)
        if name in self.__func__.variants:
            return lambda *args, **kwargs: Bound(value(*args, **kwargs), self.__self__)
        return functools.partial(value, self.__self__) if name in self.__func__.words else value

    def __setattr__(self, name: str, value: Any) -> None:
        if name in Bound.__slots__:
            object.__setattr__(self, name, value)
        else:  # what can be set is the function's: obj.ask.mode = "replay"
            setattr(self.__func__, name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bound) and self.__self__ is other.__self__ and self.__func__ is other.__func__

    def __hash__(self) -> int:
        return hash((id(self.__self__), id(self.__func__)))

    def __repr__(self) -> str:
        return f"<bound {self.__func__!r} of {self.__self__!r}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Bound:
        return Bound(self.__func__, copy.deepcopy(self.__self__, memo))

    def __reduce__(self) -> Any:
        if self.__func__.origin is not None:
            origin, options = self.__func__.origin
            return _varied, (Bound(origin, self.__self__), options)
        return getattr, (self.__self__, self.__func__.__wrapped__.__name__)


setattr(Bound, "__doc__", property(lambda self: self.__func__.__doc__))  # noqa: B010 (a docstring of its own, like a method)


def unwrapped(value: Any) -> Any:
    """The function under our own wrappers, which change nothing that it gives."""
    one: Any = value
    while issubclass(type(one), Wrapped | Bound) or (type(one) is types.FunctionType and _only_notes(one)):
        one = one.__wrapped__
    return one


def closed_over(function: types.FunctionType) -> dict[str, Any]:
    """What a function's closure holds by name, without cells that nothing was put into yet."""
    return {name: cell.cell_contents for name, cell in cells_of(function).items() if cell != types.CellType()}


def cells_of(function: types.FunctionType) -> dict[str, types.CellType]:
    """The cells of a function's closure by name."""
    return dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))


def _only_notes(function: types.FunctionType) -> bool:
    """Whether it stands in the place of a function that reads, as long as a run is watched."""
    return str(function.__globals__.get("__name__")).startswith("spotmagic.reads.") and hasattr(function, "__wrapped__")


def sample_of(value: Any) -> int:
    """Which of its answers a function gives: a wrapper of ours around it may give another than the first."""
    one = value.__func__ if issubclass(type(value), Bound) else value
    return one.number if issubclass(type(one), Wrapped) else 0


def _varied(function: Any, options: dict[str, Any]) -> Any:
    return function.using(**options)


def _nothing() -> None:
    """What the anchor does."""


def is_named(function: types.FunctionType) -> bool:
    """Whether its module has the function under its name, and so holds it."""
    return unwrapped(under_name(function.__module__, function.__qualname__)) is function


def under_name(module: str, path: str) -> Any:
    """What a loaded module has under a name such as ``Doc.Part``; None where there is nothing."""
    return functools.reduce(lambda found, step: getattr(found, step, None), path.split("."), sys.modules.get(module))


def _copied(function: types.FunctionType) -> types.FunctionType:
    twin = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    twin.__kwdefaults__, twin.__annotations__ = function.__kwdefaults__, function.__annotations__
    twin.__doc__ = function.__doc__
    vars(twin).update(vars(function))
    return twin


def _arrive(kind: type[Wrapped], anchor: types.FunctionType | None) -> Wrapped:
    """The module's own wrapper where the anchor was found in it, else an empty one, to be filled."""
    if anchor is not None:
        home = under_name(anchor.__module__, anchor.__qualname__.removesuffix(f".{_ANCHOR}"))
        if isinstance(home, Wrapped) and getattr(home, _ANCHOR, None) is anchor:
            return home
    return kind.__new__(kind)


def called(root: Any) -> Any:
    """The function behind bound methods and partials."""
    while isinstance(root, types.MethodType | functools.partial):
        root = unwrapped(root.__func__ if isinstance(root, types.MethodType) else root.func)
    return root
