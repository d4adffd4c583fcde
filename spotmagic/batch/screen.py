"""Where the progress of a batch is shown: in a notebook's cell, with tqdm in a terminal, else as lines of text."""

from __future__ import annotations

import sys
from typing import Any

from spotmagic.batch.progress import Progress, Show, phrases
from spotmagic.terminal import plain

PATIENCE = 1.0
"""Seconds of a batch before a terminal hears of it."""
EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


def screen(progress: bool | Show) -> Show | None:
    """What shows the snapshots for a value of ``progress=``, which may be a function of one's own."""
    if callable(progress):
        return progress
    if not progress:
        return None
    notebook = _notebook()
    cell: Show | None = None if notebook is None else notebook.cell_display()
    if cell is not None:
        return cell
    return _Bar().show if sys.stderr is not None and sys.stderr.isatty() else _Lines().show


def hear_prints() -> bool:
    """Let what calls in the background print go to their logs, where there is a notebook. Whether there is one."""
    notebook = _notebook()
    return notebook is not None and bool(notebook.hear_prints())


def _notebook() -> Any:
    """The room of notebooks, in a process that may be one."""
    if "IPython" not in sys.modules:
        return None
    from spotmagic import notebook

    return notebook


class _Lines:
    """A line now and then, for logs."""

    def __init__(self) -> None:
        self._next = EVERY

    def show(self, progress: Progress) -> None:
        """Write a line when it is time for one. What was quick is not worth one, unless something failed."""
        if progress.ended:
            if progress.seconds >= PATIENCE or progress.failed or progress.status != "done":
                _write(f"spot: {progress}\n")
        elif progress.seconds >= self._next:
            self._next = progress.seconds + EVERY
            _write(f"spot: {progress}\n")


class _Bar:
    """A bar of tqdm where it is installed, else a line that is written again and again."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._width = 0

    def show(self, progress: Progress) -> None:
        """Draw it, once the batch has taken a while."""
        if self._bar is None and progress.seconds < PATIENCE and (not progress.ended or progress.status == "done"):
            return
        if self._bar is None:  # tqdm is loaded for a batch that takes a while alone
            self._bar = _tqdm(progress) or False
        rest = plain(" · ".join(phrases(progress)[1:]))
        if self._bar:
            self._bar.n = progress.done
            self._bar.set_postfix_str(rest, refresh=True)
            if progress.ended:
                self._bar.close()
                self._bar = None
            return
        line = f"spot: {progress}"
        end = "\n" if progress.ended else ""
        _write(f"\r{line.ljust(self._width)}{end}")
        self._width = len(line)


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _tqdm(progress: Progress) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=progress.total, initial=progress.done, desc=plain(progress.name), file=sys.stderr, leave=True)
