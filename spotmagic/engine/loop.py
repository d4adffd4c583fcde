"""The event loop of our own: it runs asynchronous functions for callers who have none to wait in.

It lives as long as the process, so that the connections a client keeps stay usable from one batch to the next.
"""

from __future__ import annotations

import asyncio
import os
import threading

from spotmagic import threads

_guard = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def own_loop() -> asyncio.AbstractEventLoop:
    """The loop, running in a thread of its own."""
    global _loop
    with _guard:
        if _loop is None:
            loop = asyncio.new_event_loop()
            if threads.spawn("spotmagic-loop", loop.run_forever) is None:
                loop.close()
                raise RuntimeError("no thread can be started for an event loop: await the call, or spot.amap")
            _loop = loop
        return _loop


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop of asyncio that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _forget() -> None:
    """A forked child has no such thread."""
    global _loop, _guard
    _loop, _guard = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
