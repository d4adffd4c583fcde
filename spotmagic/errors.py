"""Every error and warning of spotmagic.

::

    SpotError
    ├─ OptionError(ValueError)      an option or argument of ours is wrong; nothing has run
    ├─ Uncacheable(TypeError)       a value or a call that cannot be kept, with the path to what stands in the way
    ├─ RecordMissing(LookupError)   replay or mock had nothing to give
    ├─ EntryRefused                 an entry of somebody else that may not be loaded (raised in replay mode only)
    ├─ LimitImpossible(ValueError)  a cost that the limit can never let pass
    ├─ LimitTimeout(TimeoutError)   the limit did not let the call pass in time
    ├─ BudgetSpent                  the next call would pass the budget
    ├─ EditCosts                    code was edited whose known results cost more than the amount to ask over
    ├─ BatchFailed                  inputs of a batch failed
    ├─ JobFailed                    a background call raised
    ├─ JobCancelled                 a background call was cancelled
    └─ RecursiveCall                a call asked for its own key while it was running

    SpotWarning(UserWarning)        trouble inside spotmagic: the result is right, something was not kept

Each message has three parts: what happened, why, and what to do now.
"""

from __future__ import annotations

import difflib
import logging
import os
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from spotmagic import files

if TYPE_CHECKING:
    from spotmagic.batch import Batch, Failed


class SpotError(Exception):
    """An error of spotmagic, shown as one line in a notebook.

    Args:
        what: what happened.
        why: why it happened, or empty.
        todo: what the reader can do now, or empty.
    """

    def __init__(self, what: str, why: str = "", todo: str = "") -> None:
        self.what, self.why, self.todo = what, why, todo
        super().__init__(what, why, todo)

    def __str__(self) -> str:
        return sentence(self.what, self.why, self.todo)

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class OptionError(SpotError, ValueError):
    """An option or argument of ours that cannot be used. Nothing has run."""


class Uncacheable(SpotError, TypeError):
    """A value or call that cannot be kept.

    Attributes:
        path: where it is inside the value, such as ``cfg.client._lock``.
    """

    def __init__(self, what: str, why: str = "", todo: str = "", *, path: str = "") -> None:
        super().__init__(what, why, todo)
        self.path = path


class RecordMissing(SpotError, LookupError):
    """Replay or mock had no entry for a call, and may not run it."""


class EntryRefused(SpotError):
    """An entry that another writer made and that may not be loaded."""


class LimitImpossible(SpotError, ValueError):
    """A cost that is above what the limit lets pass in a minute."""


class LimitTimeout(SpotError, TimeoutError):
    """The limit did not let the call pass within its timeout. The call has not run."""


class BudgetSpent(SpotError):
    """The next call would pass the budget. It has not run."""


class EditCosts(SpotError):
    """Code was edited whose known results cost more than the amount to ask over. Nothing has run."""


class BatchFailed(SpotError):
    """Inputs of a batch failed.

    Attributes:
        batch: all that came of it.
        failed: the inputs that failed.
    """

    batch: Batch
    failed: list[Failed]


class JobFailed(SpotError):
    """A background call raised."""


class JobCancelled(SpotError):
    """A background call was cancelled."""


class RecursiveCall(SpotError):
    """A call asked for its own key while it was running, which would wait for ever."""


class SpotWarning(UserWarning):
    """Trouble inside spotmagic that cost no result."""


def is_end(error: BaseException) -> bool:
    """Whether an error ends a program or a task: Ctrl-C, an exit, a cancellation, a generator that is closed.

    All else may be caught where a result has been paid for. ``except Exception`` is not enough there: a panic of a
    library in Rust (a polars frame with a NUL in the name of a column) is a ``BaseException`` of its own.
    """
    return isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit) or type(error).__name__ == "CancelledError"


def sentence(what: str, why: str = "", todo: str = "") -> str:
    """The three parts of a message in one line."""
    text = f"{what}: {why.rstrip(' .!')}" if why else what  # libraries end theirs with a stop of their own
    if not todo:
        return text
    return f"{text}\n{todo}" if "\n" in text else f"{text}. {todo}"  # the last of several lines may be a marker


def unknown(kind: str, word: str, known: Iterable[str]) -> OptionError:
    """The error for a word that is not among the known ones, with the nearest right one."""
    names = sorted(known)
    near = difflib.get_close_matches(str(word), names, n=1, cutoff=0.5)
    todo = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(names)}" if names else "There is none yet"
    return OptionError(f"unknown {kind} {word!r}", todo=todo)


_OWN = str(Path(__file__).parent) + os.sep
_told: dict[str, str] = {}
_told_lock = files.ForkLock()


def tell(what: str, why: str = "", todo: str = "", *, once: str = "") -> None:
    """Warn the user with the three parts of a message.

    Args:
        once: warn at most once per process for this text, so that a full disk does not warn on every call.
    """
    text = sentence(what, why, todo)
    if once:
        with _told_lock:
            if once in _told:
                return
            _told[once] = text
    try:
        warnings.warn(text, SpotWarning, stacklevel=_users_level())
    except SpotWarning:  # warnings are errors here, but our trouble never hides a result
        logging.getLogger("spotmagic").warning(text)


def _users_level() -> int:
    """How far up the first caller is that is not of this package nor of the shell's: the line the user wrote."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and (
        frame.f_code.co_filename.startswith(_OWN) or frame.f_globals.get("__name__", "").startswith("IPython.")
    ):
        frame, level = frame.f_back, level + 1
    return level


def trace(error: BaseException) -> str:
    """The traceback of an error as text, without our own frames; with them where there are no others."""
    import traceback

    try:
        told = traceback.TracebackException.from_exception(error)
        links: list[Any] = [told]
        for link in links:
            link.stack[:] = [one for one in link.stack if not one.filename.startswith(_OWN)] or link.stack
            links += [one for one in (link.__cause__, link.__context__) if one is not None]
        return "".join(told.format())
    except Exception:  # an exception that cannot be told
        return type(error).__name__


def show_users_frames() -> None:
    """Let an error of ours that ends a script show the lines of the user alone.

    Notebooks show such an error as one line; a script prints its traceback with ``sys.excepthook``, which is ours then.
    One that somebody set stays.
    """
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _print_error


def _print_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, SpotError):
        frames = []
        while trace is not None:
            if not trace.tb_frame.f_code.co_filename.startswith(_OWN):
                frames.append(trace)
            trace = trace.tb_next
        for frame in reversed(frames):
            trace = TracebackType(trace, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
        error = error.with_traceback(trace)
    sys.__excepthook__(kind, error, trace)


def told() -> dict[str, str]:
    """What :func:`tell` has told and is not over: each text by its ``once``."""
    with _told_lock:
        return dict(_told)


def tell_again(once: str) -> None:
    """Let the next :func:`tell` with this ``once`` through again: what it told of is over."""
    if once in _told:
        with _told_lock:
            _told.pop(once, None)
