"""Classes by name: how a stored object finds its class again, and which classes a stored name may mean."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from spotmagic.codecs import registry
from spotmagic.codecs.undecodable import Undecodable


def name_of(kind: type) -> str | None:
    """``module:Qualified.name`` if that leads back to this very class, else ``None`` (a local or replaced class)."""
    module, path = kind.__module__, kind.__qualname__
    if not isinstance(module, str) or not isinstance(path, str) or ":" in module or "<locals>" in path:
        return None
    return f"{module}:{path}" if _walk(sys.modules.get(module), path) is kind else None


def class_of(name: Any, *, trusted: bool) -> type:
    """The class of a stored name.

    What I sealed may import its module; what others wrote may only name classes that are registered in this process.
    """
    if type(name) is not str:
        raise Undecodable("corrupt", "no class name")
    known = registry.known_class(name)
    if known is not None:
        return known
    module, _, path = name.partition(":")
    if module == "builtins":
        found = _walk(sys.modules["builtins"], path)
    elif not trusted:
        raise Undecodable("foreign", f"class {name} is not registered in this process")
    else:
        try:
            found = _walk(sys.modules.get(module) or importlib.import_module(module), path)
        except Exception as error:
            raise Undecodable(
                "unknown codec", f"module {module} of class {path} cannot be imported: {error}"
            ) from error
    if not isinstance(found, type):
        raise Undecodable("unknown codec", f"class {name} is not defined here")
    return found


def _walk(place: Any, path: str) -> Any:
    for step in path.split("."):
        place = getattr(place, step, None)
    return place
