"""What is never kept, by name: things that live in this process and mean nothing in another."""

from __future__ import annotations

import functools
import io
import mmap
import sys
import threading
import types
from typing import Any

_LOCKS = (
    type(threading.Lock()),
    type(threading.RLock()),
    threading.Condition,
    threading.Event,
    threading.Semaphore,
    threading.Barrier,
)
_FILES = (io.FileIO, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.BufferedRWPair, io.TextIOWrapper)
_NAMED: tuple[tuple[Any, str], ...] = (
    (_LOCKS, "a lock"),
    (types.GeneratorType, "a generator, which can be read only once"),
    ((types.CoroutineType, types.AsyncGeneratorType), "a coroutine"),
    ((types.FrameType, types.TracebackType), "a frame of running code"),
    (_FILES, "an open file"),
    ((threading.Thread, threading.local), "a thread or its data"),
    ((memoryview, mmap.mmap), "a view of memory that something else owns"),
)
# Looked up only where the module is loaded: without it there is no such value.
_LAZY = (
    ("socket", "socket", "a socket"),
    ("ssl", "SSLContext", "a TLS context"),
    ("subprocess", "Popen", "a running process"),
    ("sqlite3", "Connection", "a database connection"),
    ("sqlite3", "Cursor", "a database cursor"),
    ("asyncio", "Future", "a task or future"),
    ("asyncio", "AbstractEventLoop", "an event loop"),
    ("asyncio.mixins", "_LoopBoundMixin", "a lock or queue of asyncio"),
    ("numpy", "memmap", "a map of a file; numpy.array() of it can be kept"),
    ("queue", "Queue", "a queue"),
    ("queue", "SimpleQueue", "a queue"),
    ("concurrent.futures", "Executor", "an executor"),
    ("concurrent.futures", "Future", "a future"),
    ("multiprocessing.process", "BaseProcess", "a process"),
    ("multiprocessing.synchronize", "SemLock", "a lock of multiprocessing"),
)


def refusal(kind: type) -> str:
    """What values of a type are, when they are never kept; else an empty text."""
    named = _named(kind)
    if named:
        return named
    if kind.__module__ in ("builtins", "itertools") and hasattr(kind, "__next__"):
        return "an iterator, which can be read only once"
    for module, name, text in _LAZY:
        there = getattr(sys.modules.get(module), name, None)
        if isinstance(there, type) and issubclass(kind, there):
            return text
    return ""


@functools.lru_cache(maxsize=1024)
def _named(kind: type) -> str:
    return next((text for types_, text in _NAMED if issubclass(kind, types_)), "")
