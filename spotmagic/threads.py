"""Threads of our own, for what is done beside the user's work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from spotmagic.errors import tell


def spawn(name: str, target: Callable[..., Any], *args: Any) -> threading.Thread | None:
    """Begin a daemon thread, or return ``None`` where the system gives no more of them.

    That is so where a process may have only so many, and as the interpreter ends, when what is called at exit still
    runs. What a thread was to do is then done later, or by whoever wanted it: no call fails for the want of one.
    """
    thread = threading.Thread(target=target, args=args, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        tell(
            "spotmagic gets no more threads",
            str(error),
            "Calls go on; what is done in the background is done later or in their own time",
            once="threads",
        )
        return None
    return thread
