"""The progress of a batch in a notebook: one display, updated in place."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from spotmagic.batch.listening import here
from spotmagic.batch.progress import Progress, Show, html


class CellDisplay:
    """One display of html and plain text. What a saved notebook holds is its last state.

    Args:
        publish: the publisher of the shell.
    """

    def __init__(self, publish: Any) -> None:
        self._publish = publish
        self._id = secrets.token_hex(8)
        self._shown = ""

    def show(self, progress: Progress) -> None:
        """Show a snapshot in place of the one before."""
        text = f"spot: {progress}"
        if text == self._shown:  # a notebook keeps every message until it is saved
            return
        update, self._shown = bool(self._shown), text
        self._publish(
            {"text/plain": text, "text/html": html(progress)},
            {"spotmagic": {"batch": progress.said()}},
            transient={"display_id": self._id},
            update=update,
        )


def cell_display() -> Show | None:
    """A display in the cell that runs; ``None`` where there is no notebook."""
    shell = _notebooks_shell()
    return None if shell is None else CellDisplay(shell.display_pub.publish).show


def _notebooks_shell() -> Any:
    """The shell of the notebook that runs this; ``None`` in a terminal or script."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return shell if getattr(shell, "kernel", None) is not None else None


def hear_prints() -> bool:
    """Let what calls of a batch in the background print go to its log: the cell that runs meanwhile is another.

    The streams stay where they are; their ``write`` asks each time whose call it is. Whether there is a notebook.
    """
    shell = _notebooks_shell()
    if shell is None:
        return False

    def after_the_cell(*_: Any) -> None:  # the shell puts back then what it found when the cell began
        shell.events.unregister("post_run_cell", after_the_cell)
        with suppress(RuntimeError):
            asyncio.get_running_loop().call_soon(_override)

    if _override():
        shell.events.register("post_run_cell", after_the_cell)
    return True


def _override() -> bool:
    """Override the streams' ``write`` where that is not so. Whether it was needed."""
    needed = False
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream.write, _Asking):
            with suppress(AttributeError, TypeError):  # a stream that takes no overrides
                stream.write = _Asking(stream.write)  # type: ignore[method-assign]
                needed = True
    return needed


class _Asking:
    """A stream's ``write``, but for calls whose batch hears what they print."""

    def __init__(self, write: Callable[..., Any]) -> None:
        self._write = write

    def __call__(self, text: str, *args: Any, **kwargs: Any) -> Any:
        log = here.get()
        if log is None or not log.prints:
            return self._write(text, *args, **kwargs)
        return log.write(text)
