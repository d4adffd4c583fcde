"""What a person types while a run goes on: ``input()``, ``getpass()``, ``sys.stdin``. No key can know the answer.

A run that asked for it is not kept. While anything is noted a stream of ours is ``sys.stdin``, which tells that it is
read: ``input`` asks it too, by whatever name it is called, and so does all that Python reads from there.

Example: ``name or input("Who? ")`` is kept of a run that was given a name, and not of one that had to ask.
"""

from __future__ import annotations

import functools
import getpass
import opcode
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from spotmagic.reads import stand_ins, standing

TYPED = "it asks for what is typed while it runs"
_read = os.read
_DEVICES = frozenset({0, "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "/dev/tty"})
_READING = frozenset({"read", "read1", "readline", "readlines", "readinto", "readinto1", "readall", "peek"})
_ATTRIBUTE = opcode.opmap["LOAD_ATTR"]
_BELOW = frozenset({"buffer", "raw"})


def note_typed() -> None:
    """Say that the run around this asks for what is typed.

    A thread that knows of no run may be of any, but the main one: that is a program's own loop, or a cell, beside what
    runs in the background.
    """
    if standing.noting and (standing.here() or threading.current_thread() is not threading.main_thread()):
        standing.spoil(TYPED)


def note_device(path: Any) -> None:
    """Say so where what is opened for reading is what people type into."""
    if path.__class__ is not int and not isinstance(path, str):
        path = os.fspath(path) if isinstance(path, os.PathLike) else ""
    if path in _DEVICES:
        note_typed()


def _telling(true: Callable[..., Any]) -> Any:
    @functools.wraps(true)
    def ask(*args: Any, **kwargs: Any) -> Any:
        note_typed()
        return true(*args, **kwargs)

    return ask


@functools.wraps(_read)
def _noting_read(fd: Any, length: Any, /) -> bytes:
    if fd == 0:
        note_typed()
    return _read(fd, length)


class Typed:
    """``sys.stdin`` as a run finds it: all that it is, and whoever reads of it is noted."""

    __slots__ = ("_true",)
    __class__: Any = property(lambda self: type(self._true))  # it is taken for what it stands for

    def __init__(self, true: Any) -> None:
        object.__setattr__(self, "_true", true)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._true, name)
        if name == "errors":
            asker = sys._getframe(1)
            if asker.f_code.co_code[asker.f_lasti] != _ATTRIBUTE:  # ``input`` at a terminal, whose line comes to C
                note_typed()
        if name in _READING:
            return _telling(found)
        return Typed(found) if name in _BELOW else found

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._true, name, value)

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        note_typed()
        return next(self._true)

    def __enter__(self) -> Any:
        self._true.__enter__()
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._true.__exit__(*error)

    def __repr__(self) -> str:
        return repr(self._true)


def install_typed() -> None:
    """See to what stands for ``sys.stdin`` as it is now, and in a kernel for what asks its page."""
    now = sys.stdin
    if now is not None and type(now) is not Typed and stand_ins.ours_for(now) is None:
        stand_ins.add([(vars(sys), "stdin", now, Typed(now))])
    kernels = sys.modules.get("ipykernel.kernelbase")
    kernel: Any = getattr(kernels, "Kernel", None)
    request = vars(kernel).get("_input_request") if kernel is not None else None
    if request is not None and type(request) is not standing.Standing:
        standing.stand(kernel, "_input_request", request, _telling(request))


_ask: Any = vars(getpass)["_raw_input"]
stand_ins.add([(vars(os), "read", _read, _noting_read), (vars(getpass), "_raw_input", _ask, _telling(_ask))])
install_typed()
_ours: Any = (_noting_read, Typed.__next__, Typed.__getattr__, _telling(_read))
CODES = frozenset(getattr(one, "__code__", None) for one in _ours)
