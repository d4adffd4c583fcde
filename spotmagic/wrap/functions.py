"""``module:function`` and ``module:Class.method`` under a spot, wherever the notebook has their names."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from spotmagic.code.origin import is_user
from spotmagic.errors import OptionError, unknown
from spotmagic.options import MarkOptions
from spotmagic.wrap.target import LIMITS, Undo, place_over, take_back

if TYPE_CHECKING:
    from spotmagic.spot.spot import Spot

_SHELLS_OWN = re.compile(r"_+|_\d+|_i+|_i\d+|_[iod]h")  # what IPython calls what it remembers


class FunctionTarget:
    """A function of a module, or a method of a class of it.

    Args:
        word: ``module:function`` or ``module:Class.method``.
        namespace: the notebook's names, where they are in no module.

    Raises:
        OptionError: for one that cannot be found.
    """

    options = (*(name for name in MarkOptions.__slots__ if name != "codec"), *LIMITS)

    def __init__(self, word: str, namespace: dict[str, Any] | None = None) -> None:
        self._word, self._namespace = word, namespace
        self._owner, self._name = _find(word)

    def on(self, spot: Spot, options: Mapping[str, Any]) -> Undo:
        """Put a marked function in its place, and in that of every name that was imported from there."""
        limits = {name: value for name, value in options.items() if name in LIMITS}
        mark = spot.mark(**{name: value for name, value in options.items() if name not in LIMITS})
        limit = spot.limiter(**limits) if limits else None

        def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
            marked = mark(function)
            return limit(marked) if limit is not None else marked

        owner, name = self._owner, self._name
        original = inspect.getattr_static(
            owner, name
        )  # the staticmethod itself, not what it gives when it is looked up
        function = original if inspect.isclass(owner) else getattr(owner, name)
        if isinstance(function, staticmethod | classmethod):
            wrapper: Any = type(function)(wrap(function.__func__))
        elif callable(function) and not inspect.isclass(function):
            wrapper = wrap(function)
        else:
            what = f"it is a {type(function).__name__}"
            raise OptionError(f"{self._word} is no function", why=what, todo="Name a function")
        if wrapper is function:  # SPOTMAGIC_OFF
            return lambda: None
        undos: list[Undo] = [lambda: self._rename(wrapper, original)]
        try:
            place_over(owner, name, wrapper, undos)
            # After the module itself: a name that is imported between the two has the wrapper already.
            self._rename(original, wrapper)
        except BaseException:
            take_back(undos)
            raise
        return lambda: take_back(undos)

    def _rename(self, before: Any, after: Any) -> None:
        """Let the names that the user's own code has for one object mean another."""
        for names in self._users_names():
            with contextlib.suppress(RuntimeError):  # an import in another thread: what comes later has the new one
                for name in [name for name, value in list(names.items()) if value is before]:
                    if not _SHELLS_OWN.fullmatch(name):
                        names[name] = after

    def _users_names(self) -> Iterator[dict[str, Any]]:
        seen = set()
        for names in (self._namespace, *(vars(module) for module in list(sys.modules.values()) if _users(module))):
            if names is not None and id(names) not in seen:
                seen.add(id(names))
                yield names


def _users(module: Any) -> bool:
    """Whether a module is the user's own. What cannot be looked at is not."""
    try:
        return inspect.ismodule(module) and is_user(module)
    except Exception:
        return False


def _find(word: str) -> tuple[Any, str]:
    """The object that holds a target, and the target's name in it."""
    module_name, colon, path = word.partition(":")
    if not colon or not module_name or not path:
        raise OptionError(
            f"{word!r} is no target",
            todo="Write httpx, requests, or module:function, such as %spot_load_ext json:loads, or module:Class.method",
        )
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise OptionError(
            f"{word} cannot be wrapped", why=f"{error}", todo="Is it installed, and spelled like its import?"
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
            raise unknown(f"function of {word.removesuffix(path)}", name, known) from None
    return owner, last
