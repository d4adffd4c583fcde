"""Classes and functions by reference: their module and name, and of the user's own the fingerprint of their code.

A stored reference gives the live class or function, and only while it says what it said. Nothing is ever put into it.
"""

from __future__ import annotations

import collections
import functools
import importlib
import sys
import types
import uuid
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from spotmagic.code.origin import is_user, is_user_module
from spotmagic.codecs import registry
from spotmagic.codecs.undecodable import Undecodable

any_code: ContextVar[bool] = ContextVar("any_code", default=False)
"""Whether what is live is taken though its code is another, as who reads said that edits do not matter."""
_NAMED = (type, types.FunctionType, type(functools.lru_cache(len)))
_here: weakref.WeakValueDictionary[str, type] = weakref.WeakValueDictionary()
_tokens: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()


def reference(obj: Any, elsewhere: Callable[[], dict[int, str]] | None = None) -> str | None:
    """``module:Qualified.name``, with ``#`` and the fingerprint of the user's code; ``None`` if no name leads back.

    Args:
        elsewhere: gives :func:`global_names`, for who asks often.
    """
    if generic(obj):
        return None
    module, path = getattr(obj, "__module__", None), getattr(obj, "__qualname__", None)
    name = f"{module}:{path}"
    if not isinstance(module, str) or not isinstance(path, str) or ":" in module or "<locals>" in path:
        name = ""
    if not name or _walk(sys.modules.get(name.partition(":")[0]), name.partition(":")[2]) is not obj:
        name = (elsewhere or global_names)().get(id(obj), "")
    if not name:
        return None
    return f"{name}#{_code(obj)}" if is_user_module(name.partition(":")[0]) else name


def global_names() -> dict[int, str]:
    """Classes and functions by id, with the global of the user that each was assigned to: what a factory made."""
    found: dict[int, str] = {}
    for module, place in list(sys.modules.items()):
        if isinstance(place, types.ModuleType) and (place is types or is_user(place)):
            for name, value in list(vars(place).items()):
                if isinstance(value, _NAMED):
                    found.setdefault(id(value), f"{module}:{name}")
    return found


def generic(kind: Any) -> tuple[Any, Any] | None:
    """The class and arguments of a generic pydantic model such as ``Answer[int]``, which is made when it is named."""
    made = vars(kind).get("__pydantic_generic_metadata__") if isinstance(kind, type) else None
    return (made["origin"], made["args"]) if made and made["origin"] else None


def _code(obj: Any) -> str:
    from spotmagic.keys import fingerprint

    # A secret that the code reads does not count: it may be another tomorrow, and its digest could be guessed.
    return fingerprint(obj, mask=_left_out).hex()


def _left_out(_: bytes) -> bytes:
    return b""


def referred(text: Any) -> Any:
    """The live class or function of a reference that I sealed. Its module may be imported for it."""
    name, _, code = text.partition("#")
    module, _, path = name.partition(":")
    try:
        found = _walk(sys.modules.get(module) or importlib.import_module(module), path)
    except Exception as error:
        raise Undecodable("unknown codec", f"module {module} of {path} cannot be imported: {error}") from error
    if found is None:
        raise Undecodable("unknown codec", f"`{path}` is not defined here")
    return _unedited(found, path, code)


def class_of(text: Any, *, trusted: bool) -> type:
    """The class of a reference. What others wrote may only name classes that are registered in this process."""
    if type(text) is not str:
        raise Undecodable("corrupt", "no class name")
    name, _, code = text.partition("#")
    known = registry.known_class(name)
    if known is not None:
        return _unedited(known, name, code)  # type: ignore[no-any-return]
    if not trusted and not name.startswith("builtins:"):
        raise Undecodable("foreign", f"class {name} is not registered in this process")
    found = referred(text)
    if not isinstance(found, type):
        raise Undecodable("unknown codec", f"class {name} is not defined here")
    return found


def _unedited(found: Any, name: str, code: str) -> Any:
    if code and not any_code.get() and _code(found) != code:
        raise Undecodable("unknown codec", f"`{name}` was edited")
    return found


def here(kind: type) -> tuple[str, str, str]:
    """A reference to a class that no name leads to, good for this process alone: a token, its name, its code."""
    token = _tokens.setdefault(kind, uuid.uuid4().hex)
    _here[token] = kind
    return token, kind.__qualname__, _code(kind)


def made_here(token: str, name: str, code: str) -> type:
    """The live class of :func:`here`. Another process has its own, which nothing tells from others of that name."""
    kind = _here.get(token)
    if kind is None:
        why = f"`{name}` was made inside a function, and no name leads to it in another process"
        raise Undecodable("unknown codec", f"{why}; define it at the top level")
    return _unedited(kind, name, code)  # type: ignore[no-any-return]


def is_row(kind: Any) -> bool:
    """Whether an installed package made this named tuple for one answer, such as the rows of ``itertuples``."""
    if not isinstance(kind, type) or kind.__bases__ != (tuple,) or not hasattr(kind, "_field_defaults"):
        return False
    return kind.__module__ != "types" and not is_user_module(kind.__module__)


@functools.lru_cache(maxsize=256)
def row_class(name: str, fields: tuple[str, ...], module: str) -> type:
    """A named tuple for rows. Each answer of the package has a class of its own, so nobody asks for this very one."""
    return collections.namedtuple(name, fields, rename=True, module=module)


def _walk(place: Any, path: str) -> Any:
    for step in path.split("."):
        place = getattr(place, step, None)
    return place
