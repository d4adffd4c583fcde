"""Handles: what a value is made to reach something with (clients, sessions, connections, loggers, locks).

They count by type and by the settings that change what comes back, never by their inner state.
"""

from __future__ import annotations

import functools
import logging
import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from spotmagic.code.origin import is_user_module

_TYPES = frozenset(
    {
        "_thread.lock",
        "_thread._local",
        "threading.Condition",
        "threading.Event",
        "threading.Barrier",
        "threading.Thread",
    }
    | {"asyncio.locks.Event", "asyncio.locks.Condition", "asyncio.events.AbstractEventLoop", "logging.LoggerAdapter"}
    | {"logging.Handler", "sqlite3.Cursor", "_contextvars.Context"}
)
_NAMES = re.compile(
    r"(Client|Session|Engine|Connection|Pool|Executor|Logger|Transport|Lock|Semaphore|InteractiveShell)$"
)
_PACKAGES = frozenset({"spotmagic", "IPython", "ipykernel", "ipywidgets", "tqdm", "structlog", "loguru"})
_SETTINGS = ("base_url", "_base_url", "api_base", "api_version", "organization", "project", "location", "region", "url")
_SECRETS_IN_URL = re.compile(r"//[^/@]*@")


def handle_settings(value: Any) -> dict[str, str] | None:
    """The settings that count of a handle, or None for what is no handle."""
    if not is_handle_type(type(value)):
        return None
    settings: dict[str, str] = {}
    if isinstance(value, logging.Logger):
        settings["name"] = value.name
    for name in _SETTINGS:
        _put(settings, name, functools.partial(getattr, value, name, None))
    _put(settings, "endpoint", lambda: value.meta.endpoint_url)
    _put(settings, "service", lambda: value.meta.service_model.service_name)
    _put(settings, "database", lambda: _redis(value))
    return settings


def is_handle_type(kind: type) -> bool:
    """Whether values of this type count by type and settings."""
    return _judged(kind)


@functools.lru_cache(maxsize=512)
def _judged(kind: type) -> bool:
    return any(map(_is_handle_class, kind.__mro__[:-1]))


def _is_handle_class(kind: type) -> bool:
    if f"{kind.__module__}.{kind.__qualname__}" in _TYPES:
        return True
    if is_user_module(kind.__module__):
        return False
    return _NAMES.search(kind.__name__) is not None or kind.__module__.partition(".")[0] in _PACKAGES


def _put(settings: dict[str, str], name: str, read: Callable[[], Any]) -> None:
    """Keep a setting if it is there and plain: reading one of a strange object may do anything."""
    try:
        found = read()
    except Exception:
        return
    if found is None or callable(found) or isinstance(found, ModuleType):
        return
    text = found if isinstance(found, str) else str(found) if _is_url(found) else None
    if text is not None:
        settings[name.lstrip("_")] = _public(text)


def _is_url(value: Any) -> bool:
    return type(value).__name__.upper() in ("URL", "URI")


def _redis(value: Any) -> str | None:
    if "redis" not in sys.modules or not type(value).__module__.startswith(("redis", "valkey")):
        return None
    given = value.connection_pool.connection_kwargs
    return ":".join(str(given.get(name)) for name in ("host", "port", "db"))


def _public(text: str) -> str:
    """A URL without the user and password in it."""
    if "//" not in text:
        return text
    try:
        parts = urlsplit(text)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    except ValueError:
        return _SECRETS_IN_URL.sub("//", text)
