"""Classes and functions by reference: their module and name, and of the user's own the fingerprint of their code.

A stored reference gives the live class or function, and only while it says what it said. Nothing is ever put into it.
"""

from __future__ import annotations

import collections
import functools
import importlib
import re
import sys
import types
import uuid
import weakref
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from spotmagic.code.origin import MAINS, brought, is_elsewhere, is_user, is_user_module
from spotmagic.code.wrapped import under_name
from spotmagic.codecs import registry
from spotmagic.codecs.bounds import Undecodable
from spotmagic.originals import dumps, loads

any_code: ContextVar[bool] = ContextVar("any_code", default=False)
"""Whether what is live is taken though its code is another, as who reads said that edits do not matter."""
_unbound: ContextVar[frozenset[str]] = ContextVar("unbound", default=frozenset())
_lasting: ContextVar[bool] = ContextVar("lasting", default=False)
_NAMED = (type, types.FunctionType, type(functools.lru_cache(len)))
_RESULT = re.compile(r"_+\d*")  # what IPython binds to the last results is bound to others by the next
_here: weakref.WeakValueDictionary[str, type] = weakref.WeakValueDictionary()
_tokens: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()


@contextmanager
def without(names: Iterable[str]) -> Iterator[None]:
    """Inside, these names of the notebook lead nowhere: what they are bound to is kept as a value.

    What is kept there is for other processes, too.
    """
    token, lasting = _unbound.set(frozenset(names)), _lasting.set(True)
    try:
        yield
    finally:
        _lasting.reset(lasting)
        _unbound.reset(token)


def reference(obj: Any, elsewhere: Callable[[], dict[int, str]] | None = None) -> str | None:
    """``module:Qualified.name``, with ``#`` and the fingerprint of the user's code; ``None`` if no name leads back.

    Of a package the name is enough: ``json.decoder:JSONDecoder``. A class of the notebook may say something else
    tomorrow under the same name, so what it says now goes along: ``__main__:Doc#9f0c…``.

    Args:
        elsewhere: gives :func:`global_names`, for who asks often.
    """
    if generic(obj):
        return None
    module, path = getattr(obj, "__module__", None), getattr(obj, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(path, str) or ":" in module or "<locals>" in path:
        module = path = ""
    elif module in MAINS:
        module = "__main__"
    root = path.partition(".")[0]
    away = not path or (module == "__main__" and root in _unbound.get())
    if away or under_name(module, path) is not obj:
        named = (elsewhere or global_names)().get(id(obj), "")
        if not named and module == "__main__" and not away:
            came = is_elsewhere(root) or any(one is obj for one in brought(path))
            named = f"{module}:{path}" if came else ""
        module, _, path = named.partition(":")
    if not path:
        return None
    return f"{module}:{path}#{_code(obj)}" if is_user_module(module) else f"{module}:{path}"


def has_own_name(function: types.FunctionType, bound: Container[str]) -> bool:
    """Whether the notebook has a function under its own name, so that a reference leads back to it.

    Args:
        bound: names that the cell binds, which lead nowhere (:func:`without`).
    """
    path = function.__qualname__
    return (
        function.__module__ in MAINS
        and path.partition(".")[0] not in bound
        and under_name("__main__", path) is function
    )


def global_names() -> dict[int, str]:
    """Classes and functions by id, with the global of the user that each was assigned to: what a factory made."""
    found: dict[int, str] = {}  # `issubclass` of the type below: a proxy raises where it is asked
    for listed, place in sys.modules.copy().items():
        if issubclass(type(place), types.ModuleType) and (place is types or is_user(place)):
            # joblib lists the notebook once more, as `__mp_main__`, which no later kernel has.
            module = "__main__" if listed in MAINS else listed
            away = _unbound.get() if module == "__main__" else ()
            for name, value in list(vars(place).items()):
                if issubclass(type(value), _NAMED) and name not in away and not _RESULT.fullmatch(name):
                    found.setdefault(id(value), f"{module}:{name}")
    return found


def generic(kind: Any) -> tuple[Any, Any] | None:
    """The class and arguments of a generic pydantic model such as ``Answer[int]``, which is made when it is named."""
    made = vars(kind).get("__pydantic_generic_metadata__") if isinstance(kind, type) else None
    return (made["origin"], made["args"]) if made and made["origin"] else None


def class_reference(kind: type) -> str | None:
    """The reference to a class; to ``Answer[Verdict]`` those to what it is made of, in a list of JSON."""
    made = generic(kind)
    if made is None:
        return reference(kind)
    parts = [reference(made[0]), *(_argument(one) for one in made[1])]
    return None if None in parts else dumps(parts)


def _argument(one: Any) -> str | None:
    if isinstance(one, TypeVar):
        name = f"{one.__module__}:{one.__name__}"
        return f"~{name}" if under_name(one.__module__, one.__name__) is one else None
    return class_reference(one) if isinstance(one, type) and not isinstance(one, types.GenericAlias) else None


def _generic_of(text: str, *, trusted: bool, loaded: bool) -> type:
    """The class of a list of references, which pydantic makes of classes that are here."""
    origin, *given = loads(text)
    kind: Any = class_of(origin, trusted=trusted, loaded=loaded)
    args = tuple(
        _variable(one[1:], trusted) if one[:1] == "~" else class_of(one, trusted=trusted, loaded=loaded)
        for one in given
    )
    about = getattr(kind, "__pydantic_generic_metadata__", {"parameters": ()})
    if not args or len(args) != len(about["parameters"]):
        raise Undecodable("unknown codec", f"{origin} takes other arguments here")
    return kind[args]  # type: ignore[no-any-return]


def _variable(name: str, trusted: bool) -> Any:
    module, _, path = name.partition(":")
    found = referred(name) if trusted else under_name(module, path)
    if not isinstance(found, TypeVar):
        raise Undecodable("foreign", f"{name} is not known in this process")
    return found


def _code(obj: Any) -> str:
    from spotmagic.keys import fingerprint

    # A secret that the code reads does not count: it may be another tomorrow, and its digest could be guessed.
    return fingerprint(obj, mask=_left_out).hex()


def _left_out(_: bytes) -> bytes:  # one function for all, as what was walked is kept by it
    return b""


def referred(text: Any) -> Any:
    """The live class or function of a reference that I sealed. Its module may be imported for it."""
    name, _, code = text.partition("#")
    module, _, path = name.partition(":")
    try:
        if sys.modules.get(module) is None:
            importlib.import_module(module)
        found = under_name(module, path)
        if module == "__main__":  # functions that came from there know it as they were written
            found = next((one for one in brought(path) if one is not None and _code(one) == code), found)
    except Exception as error:
        raise Undecodable("unknown codec", f"module {module} of {path} cannot be imported: {error}") from error
    if found is None:
        raise Undecodable("unknown codec", f"`{path}` is not defined here")
    return _unedited(found, path, code)


def class_of(text: Any, *, trusted: bool, loaded: bool = False) -> type:
    """The class of a reference.

    What others wrote may name classes that are registered in this process. Nothing is imported for it.

    Args:
        loaded: of others also classes of modules that are loaded here: of a package by name, of the reader's own code
            where that is the same code. For who makes instances without running any of their code.
    """
    if type(text) is not str:
        raise Undecodable("corrupt", "no class name")
    if text[:1] == "[":
        return _generic_of(text, trusted=trusted, loaded=loaded)
    name, _, code = text.partition("#")
    known = registry.known_class(name)
    if known is not None:
        return _unedited(known, name, code)  # type: ignore[no-any-return]
    if not trusted and not name.startswith("builtins:"):
        if not loaded:
            raise Undecodable("foreign", f"class {name} is not registered in this process")
        return _loaded(name, code)
    found = referred(text)
    if not isinstance(found, type):
        raise Undecodable("unknown codec", f"class {name} is not defined here")
    return found


def _loaded(name: str, code: str) -> type:
    """A class of a loaded module, for what others wrote."""
    module, _, path = name.partition(":")
    found = under_name(module, path)
    if not isinstance(found, type) or reference(found) is None:
        there = sys.modules.get(module) is not None
        what = f"`{path}` is not defined here" if there else f"{module} is not imported here"
        raise Undecodable("foreign", f"class {name} is not known in this process: {what}")
    if is_user_module(module) and _code(found) != code:
        raise Undecodable("foreign", f"`{name}` has another code here")
    return found


def _unedited(found: Any, name: str, code: str) -> Any:
    if code and not any_code.get() and _code(found) != code:
        raise Undecodable("unknown codec", f"`{name}` was edited")
    return found


def lasting() -> bool:
    """Whether what is kept is for other processes, too."""
    return _lasting.get()


def here(kind: type) -> tuple[str, str, str]:
    """A reference to a class that no name leads to, good for this process alone: a token, its name, its code."""
    # By a token and not by the name: each call of a factory makes another class of the same name.
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
