"""What a ``with`` leaves behind: files, executors, clients that it closed. Useless by then, but their names stay."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, NoReturn

from spotmagic.code.origin import is_user_module
from spotmagic.errors import SpotError

_FLAGS = ("closed", "is_closed", "_closed", "_shutdown")


class HandleClosed(SpotError, AttributeError):
    """A handle was used that its cell closed, and that the cache therefore has no copy of."""


class Closed:
    """Stands for a handle that was closed when the ``with`` around it ended: whatever it is used for, it says so."""

    def __init__(self, name: str, kind: str) -> None:
        self.__dict__.update(_name=name, _kind=kind, closed=True, is_closed=True)

    def __getattr__(self, attribute: str) -> NoReturn:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        raise HandleClosed(
            f"`{self._name}` is closed",
            f"this {self._kind} was closed when its with ended, and its cell came out of the cache",
            "Run the cell with refresh to have it",
        )

    def __repr__(self) -> str:
        return f"<{self._kind}, closed>"


def is_closed(value: Any) -> bool:
    """Whether a library's handle was closed and can do no more."""
    module = type(value).__module__
    if module.partition(".")[0] == "tqdm":
        return True
    if is_user_module(module):
        return False
    if module == "zipfile":
        return getattr(value, "fp", value) is None
    for flag in _FLAGS:
        try:
            if getattr(value, flag, None) is True:
                return True
        except Exception:  # a property of somebody else's that fails says nothing
            continue
    return False


def described(value: Any) -> list[str]:
    """A closed handle in plain texts, for :func:`made`."""
    kind = type(value)
    about = [f"{kind.__module__}.{kind.__qualname__}"]
    if kind in (io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.BufferedRandom):
        about += [str(value.mode), str(value.name), str(getattr(value, "encoding", ""))]
    return about


def made(name: str, about: list[str]) -> Any:
    """The closed handle again: a real closed file for a file, a stand-in for others."""
    kind, *rest = about
    if kind.startswith("_io.") and len(rest) == 3:
        mode, path, encoding = rest
        return _closed_file(path, mode, encoding)
    return Closed(name, kind)


def _closed_file(path: str, mode: str, encoding: str) -> Any:
    """A closed file object with this name and mode. The file itself is not touched."""
    binary = "b" in mode
    plain = "r+" if "+" in mode else "w" if set(mode) & set("wxa") else "r"
    with Path(os.devnull).open(plain + ("b" if binary else ""), encoding=None if binary else encoding) as opened:
        file: Any = opened
    raw = (file if binary else file.buffer).raw
    raw.name = path
    if not binary:
        file.mode = mode
    return file
