"""What this process does that code could do and data must not: seen by a hook that stays for its life."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from codec_samples import back, samples

from spotmagic.codecs import Undecodable, registry

_WATCHED = (
    "import",
    "open",
    "exec",
    "compile",
    "os.",
    "subprocess.",
    "socket.",
    "pickle.",
    "ctypes.",
    "shutil.",
    "sys.addaudithook",
)
_seen: list[str] | None = None


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if _seen is not None and event.startswith(_WATCHED):
        _seen.append(f"{event} {args!r:.200}")


sys.addaudithook(_watch)


@contextlib.contextmanager
def events() -> Iterator[list[str]]:
    """What the process does meanwhile that code could do, and data must not."""
    global _seen
    seen: list[str] = []
    _seen = seen
    try:
        yield seen
    finally:
        _seen = None


@pytest.fixture(autouse=True, scope="module")
def everything_is_loaded() -> None:
    """What codecs load of themselves, once per process."""
    registry.load_plugins()
    for value in samples().values():
        with contextlib.suppress(Undecodable):
            back(value, trusted=False)
