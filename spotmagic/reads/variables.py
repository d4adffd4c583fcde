"""Variables of the environment that a run reads under names which no key can see before.

A package reads by names of its own. Where code of the user's makes a name while it runs, ``os.environ[f"APP_{name}"]``,
whoever takes the key says so by :func:`count_at_run`. What code of a cell reads counts then too (:func:`counting_in`).
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

from spotmagic.reads import imports, looks, standing

_Environ: Any = type(os.environ)
_variable, _variables = _Environ.__getitem__, _Environ.__iter__
# Variables that say who shows a text and which process began this one: they are others in each session.
_OF_SESSION = ("JPY_", "PYTEST_", "VSCODE_", "SSH_", "TERM", "COLUMNS", "LINES", "COLORTERM", "NO_COLOR", "FORCE_COLOR")

# By id: code that is written twice is equal, and one of the two may go before the other.
_choosing: weakref.WeakValueDictionary[int, CodeType] = weakref.WeakValueDictionary()
_may_choose: weakref.WeakValueDictionary[int, CodeType] = weakref.WeakValueDictionary()
_cells: Counter[str] = Counter()  # files whose code runs as a cell, and the variables before each
_before: dict[str, dict[str, str]] = {}
_at_start: dict[Any, Any] = {}  # the variables before what is noted
_made: dict[Any, Any] = {}  # those that runs have set, as ``load_dotenv`` does
_latest: tuple[dict[Any, Any], dict[str, str]] = ({}, {})  # what was held when all were asked for, and its text
_within = threading.local()  # ``listed``: the names that a look through all of them gave


def count_at_run(code: CodeType, *, certain: bool = True) -> None:
    """Let the variables count that this code reads while it is watched: their names are made while it runs.

    Args:
        certain: it does read some so. Else it may, and the key may know those that it reads: a credential, which counts
            nowhere else, is passed over then.
    """
    (_choosing if certain else _may_choose)[id(code)] = code


@contextmanager
def counting_in(filename: str) -> Iterator[None]:
    """Inside, what the code of this file reads counts, if it was there before: what a run set itself, it knows."""
    _before.setdefault(filename, now())
    _cells[filename] += 1
    try:
        yield
    finally:
        _cells[filename] -= 1
        if not _cells[filename]:
            del _cells[filename]
            _before.pop(filename, None)


def _is_read_in_cell(frame: Any, name: str) -> bool:
    """Whether code of a cell that runs reads a variable which it has not set itself."""
    before = _before.get(frame.f_code.co_filename) if frame is not None else None
    if before is None:
        return False
    return looks.names(looks.NAMED, name) == ([looks.digest([before[name]])] if name in before else [])


def _is_read_unseen(frame: Any, key: str) -> bool:
    """Whether code of which no key knows what it reads, as that of a module that a run loads, asks for a variable.

    What a run itself has set, as ``load_dotenv()`` does, is none of its inputs.
    """
    code = frame.f_code if frame is not None else None
    if code is None or not (_may_choose.get(id(code)) is code or imports.is_arrived(frame.f_globals)):
        return False
    name = os.environ.encodekey(key)
    held = _held().get(name)
    return held is not None and held == _at_start.get(name) and held != _made.get(name)


def _held() -> dict[Any, Any]:
    held: dict[Any, Any] = vars(os.environ).get("_data", {})
    return held


def now() -> dict[str, str]:
    """All variables as they are, as ``dict(os.environ)``, which asks for each by itself and decodes it."""
    global _latest
    if type(os.environ) not in (_Environ, _NotingEnviron):  # somebody put another mapping there
        return dict(os.environ)
    held = _held()
    if held != _latest[0]:
        whole = held.copy()
        _latest = whole, {os.environ.decodekey(name): os.environ.decodevalue(one) for name, one in whole.items()}
    return _latest[1].copy()


def install_variables() -> None:
    """Watch the environment."""
    global _at_start
    if type(os.environ) is _Environ:
        _at_start = _held().copy()
        os.environ.__class__ = _NotingEnviron


def remove_variables() -> None:
    """Put back what was there."""
    if type(os.environ) is _NotingEnviron:
        os.environ.__class__ = _Environ
        if (held := _held()) != _at_start:
            _made.update(held.items() - _at_start.items())


def _now(name: str) -> list[str]:
    """What stands for a variable."""
    return [looks.digest([_variable(os.environ, name)])]


def _now_of_package(name: str) -> list[str]:
    """What stands for a variable. One that says where things lie is as good as none: the files there count."""
    return [] if _variable(os.environ, name).startswith(os.sep) else _now(name)


looks.add_answers({looks.VARIABLE: _now_of_package, looks.CHOSEN: _now, looks.NAMED: _now})


def _noting_variable(self: Any, key: Any) -> Any:
    """A variable that is read under a name which no text of the user's gives. Of the others the key knows."""
    if self is os.environ and isinstance(key, str):
        root, frame = looks.asker()
        chosen = frame is not None and _choosing.get(id(frame.f_code)) is frame.f_code
        named = not chosen and (_is_read_in_cell(frame, key) or _is_read_unseen(frame, key))
        kind = looks.CHOSEN if chosen else looks.NAMED if named else looks.VARIABLE
        if kind != looks.VARIABLE or (_is_of_package(root, frame) and not key.startswith(_OF_SESSION)):
            by, listed = getattr(_within, "listed", (None, set[str]()))
            if by is frame.f_code and key in listed:
                listed.remove(key)
            elif not looks.is_deep():
                standing.ask(kind, key, looks.names(kind, key))
    return _variable(self, key)


def _is_of_package(root: str, frame: Any) -> bool:
    return looks.is_package(root, frame) and root not in looks.OF_IMPORTS and frame.f_code.co_name != "<module>"


def _noting_variables(self: Any) -> Iterator[Any]:
    """All variables: who looks through them all asks for none of them."""
    _, frame = looks.asker()
    listed: set[str] = set()
    _within.listed = frame and frame.f_code, listed
    for key in _variables(self):
        listed.add(key)
        yield key


# The variables while a run is watched. An error of theirs is raised as often as one of ``open``, so that nothing of
# ours may stand in its traceback afterwards: these are taken away, at the price of one attribute.
_NotingEnviron: Any = type(
    _Environ.__name__, (_Environ,),
    {"__module__": _Environ.__module__, "__getitem__": _noting_variable, "__iter__": _noting_variables},
)  # fmt: skip
CODES = frozenset({_noting_variable.__code__, _noting_variables.__code__})
