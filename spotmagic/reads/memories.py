"""Files behind what is kept in memory: by ``@lru_cache``, ``@cached_property``, a memo in a closure, a module.

Such a function reads its file once, as a module does that is loaded in a run. Whoever asks it again depends on the file
and reads nothing, so what it read while a run was watched is remembered here, and counts for each later run that
reaches it.

Example: ``ask("a")`` calls ``prompt()``, an ``@lru_cache`` that reads ``system.txt``. ``ask("b")`` is given what
``prompt`` kept, and is stored with ``system.txt`` all the same.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator
from types import CellType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spotmagic.reads.noting import FileState, Noting

_LRU = type(functools.lru_cache(len))
_KEEPING = frozenset({"cache", "cache_clear", "cache_info"})  # attributes of wrappers that keep, such as cachetools'
MODULE = "module "  # begins the name of a module among the inputs
_MOST = 50  # frames that are looked at, from the innermost


# What functions read that keep what they give, by their names as they are told among the inputs: the states of files by
# path, and the answers to questions by these.
_read: dict[str, dict[str | tuple[int, str], Any]] = {}


def remember(asked: str | tuple[int, str], answer: FileState | list[str] | None) -> None:
    """A file is read now, or a question asked: note it of each function around this that keeps what it gives."""
    for name in _keepers():
        _read.setdefault(name, {})[asked] = answer


def recall(noting: Noting, inputs: Iterable[str]) -> None:
    """Count what is behind functions among the inputs of a run, which keep what they gave.

    A file that changed since must be read anew in the run: else the result is made of what it held before.
    """
    if not _read:
        return
    from spotmagic.reads.supposed import state_now

    for label in inputs:
        name = label.removeprefix("helper ").partition(" (")[0]
        behind = _read.get(name, {}) if name != label or name.startswith(MODULE) else {}
        for asked, answer in behind.items():
            if isinstance(asked, tuple):
                noting.ask(*asked, answer)
            elif state_now(asked) == answer:
                noting.read(asked, answer)
            else:
                noting.outdated[asked] = name


def _keepers() -> Iterator[str]:
    """The names of the functions around this that keep what they give.

    A library may ask for a variable at each text that it draws, so a frame may cost less than a microsecond.
    """
    frame: FrameType | None = sys._getframe(2)
    for _ in range(_MOST):
        if frame is None:
            return
        name = frame.f_code.co_qualname
        value: Any = frame.f_globals.get(name) if "." not in name else _below(frame.f_globals, _steps(name))
        if value is not None and (type(value) is not FunctionType or value.__dict__) and _keeps(value):
            yield name.replace(".<locals>", "")
        elif name == "<module>" and _is_loading(frame.f_globals.get("__spec__")):
            yield f"{MODULE}{frame.f_globals['__name__']}"
        frame = frame.f_back


def _is_loading(spec: Any) -> bool:
    """Whether the code of a module runs, which keeps what it makes and runs once."""
    return bool(getattr(spec, "__dict__", {}).get("_initializing"))


@functools.lru_cache(maxsize=4096)
def _steps(name: str) -> tuple[str, ...]:
    """The names on the way to a method; none to what is inside another function."""
    return () if "<" in name else tuple(name.split("."))


def _below(space: Any, steps: tuple[str, ...]) -> Any:
    """What these names lead to over classes; None where they lead nowhere."""
    value: Any = None
    for step in steps:
        value = space.get(step)
        space = vars(value) if issubclass(type(value), type) else {}
    return value


def _keeps(value: Any) -> bool:
    """Whether what stands under a function's name is one that keeps what it gives."""
    for _ in range(_MOST):
        kind = type(value)
        if kind is FunctionType:
            if "__wrapped__" not in value.__dict__:
                return False
            closed = [type(_content(cell)) for cell in value.__closure__ or ()]
            if dict in closed or not _KEEPING.isdisjoint(value.__dict__):
                return True
            value = value.__dict__["__wrapped__"]
        elif kind is _LRU or issubclass(kind, functools.cached_property):
            return True
        elif issubclass(kind, staticmethod | classmethod):
            value = value.__func__
        else:
            held = _attributes(value)
            if "__wrapped__" not in held:
                return False
            if not _KEEPING.isdisjoint(held) or any(not _KEEPING.isdisjoint(vars(one)) for one in kind.__mro__):
                return True
            value = held["__wrapped__"]
    return False


def _attributes(value: Any) -> dict[str, Any]:
    """The attributes of an object, without asking its class for any."""
    try:
        return dict(object.__getattribute__(value, "__dict__"))
    except (AttributeError, TypeError):
        return {}


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty still
        return None
