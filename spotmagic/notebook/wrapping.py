"""``%spot_load_ext module:function``: a function of a library under the spot, without touching anybody's code."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spotmagic.errors import OptionError, unknown
from spotmagic.notebook.line import Word

Mark = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class _Wrapped:
    owner: Any
    name: str
    original: Any
    wrapper: Any


class Wrapping:
    """The targets wrapped in one shell."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._wrapped: dict[str, _Wrapped] = {}

    def __iter__(self) -> Any:
        return iter(self._wrapped)

    def on(self, target: str, mark: Mark) -> int:
        """Put a target under a mark; a second time replaces the first. Returns how many names of the notebook follow.

        Args:
            target: ``module:function`` or ``module:Class.method``.

        Raises:
            OptionError: for a target that cannot be found or wrapped.
        """
        if target in self._wrapped:
            self.off(target)
        owner, name = _find(target)
        original = inspect.getattr_static(owner, name)
        function = getattr(owner, name) if not inspect.isclass(owner) else original
        if isinstance(function, staticmethod | classmethod):
            wrapper: Any = type(function)(mark(function.__func__))
        elif callable(function) and not inspect.isclass(function):
            wrapper = mark(function)
        else:
            raise OptionError(
                f"{target} is no function", why=f"it is a {type(function).__name__}", todo="Name a function"
            )
        if wrapper is function:  # SPOTMAGIC_OFF
            return 0
        setattr(owner, name, wrapper)
        self._wrapped[target] = _Wrapped(owner, name, original, wrapper)
        return self._rename(original, wrapper)

    def off(self, target: str) -> None:
        """Undo a target. Raises :class:`OptionError` for one that is not wrapped."""
        if target not in self._wrapped:
            raise unknown("wrapped target", target, self._wrapped)
        wrapped = self._wrapped.pop(target)
        if inspect.getattr_static(wrapped.owner, wrapped.name) is wrapped.wrapper:
            setattr(wrapped.owner, wrapped.name, wrapped.original)
        self._rename(wrapped.wrapper, wrapped.original)

    def off_all(self) -> None:
        """Undo every target."""
        for target in list(self._wrapped):
            self.off(target)

    def _rename(self, before: Any, after: Any) -> int:
        """Let the notebook's names for one object mean another."""
        names = [name for name, value in self._namespace.items() if value is before and not name.startswith("_")]
        for name in names:
            self._namespace[name] = after
        return len(names)


def targets(words: list[Word]) -> tuple[list[str], bool, list[Word]]:
    """The targets of a line, whether it ends in ``off``, and the words that are options."""
    bare = [word.text for word in words if not word.name]
    off = bool(bare) and bare[-1] == "off"
    return bare[: len(bare) - off], off, [word for word in words if word.name]


def _find(target: str) -> tuple[Any, str]:
    """The object that holds a target, and the target's name in it."""
    module_name, colon, path = target.partition(":")
    if not colon or not module_name or not path:
        raise OptionError(
            f"{target!r} is no target",
            todo="Write module:function, such as %spot_load_ext json:loads, or module:Class.method",
        )
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise OptionError(
            f"{target} cannot be wrapped", why=f"{error}", todo="Is it installed, and spelled like its import?"
        ) from None
    found: Any = module
    owner: Any = None
    *_, last = names = path.split(".")
    for name in names:
        owner = found
        try:
            found = getattr(owner, name)
        except AttributeError:
            known = [other for other in dir(owner) if not other.startswith("_")]
            raise unknown(f"function of {target.removesuffix(path)}", name, known) from None
    return owner, last
