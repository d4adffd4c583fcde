"""Trees of open files and streams: a file to read counts by its content and place, output by its type."""

from __future__ import annotations

import io
import os
import stat
import sys
from typing import Any

from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, Unfit, tree

STREAM = io.IOBase
_OF_PYTHON = (io.FileIO, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.TextIOWrapper)
_STANDARD = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")


def stream(value: Any, _: Encoder) -> Tree:
    """The tree of a stream. What was written to it is no input; what can be read from it must be told apart."""
    if any(value is getattr(sys, name, None) for name in _STANDARD) or _is_output(type(value)):
        return tree(Kind.STREAM, "standard")
    if type(value) not in _OF_PYTHON:
        raise Unfit("it is an open file or stream")
    if value.closed:
        return tree(Kind.STREAM, "closed")
    try:
        status = os.fstat(value.fileno())
        place = value.tell()
    except OSError:  # there is no file, or a loop over its lines is under way
        raise Unfit("it is an open file or stream") from None
    if not stat.S_ISREG(status.st_mode) or not isinstance(value.name, str):
        raise Unfit("it is an open file or stream")
    where = os.path.realpath(value.name)
    if not value.readable():
        return tree(Kind.STREAM, "written", where, place)
    return tree(Kind.STREAM, "file", where, value.mode, [status.st_size, status.st_mtime_ns, place])


def _is_output(kind: type) -> bool:
    """Whether it is what a kernel shows prints with, in place of the standard stream."""
    return any(f"{base.__module__}.{base.__qualname__}" == "ipykernel.iostream.OutStream" for base in kind.__mro__)
