"""Code that a run reaches by what it unpickles: a file may name any class, which no key can know before.

Example: ``pickle.load(file).go(x)`` runs ``features.Scaler.go`` where the file holds a ``Scaler``. What stands for the
code of ``features`` is then an answer that the result hangs on, as the file itself is.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from spotmagic.reads import frames, looks, natives, stand_ins, standing

Answer = Callable[[str, str], "list[str] | str"]

_answer: Answer | None = None
_ask: Callable[[int, str, list[str]], None] | None = None
_spoil: Callable[[str], None] | None = None
_placed = False


def answer_by(answer: Answer) -> None:
    """Take what tells what stands for the code behind a module and a name in it.

    It gives nothing where that counts already, and a text where nobody can know, which says why.
    """
    global _answer
    _answer = answer


def install_pickles(ask: Callable[[int, str, list[str]], None], spoil: Callable[[str], None]) -> None:
    """Watch what is unpickled.

    Args:
        ask: takes a question, its path and its answer.
        spoil: takes why nobody can know what the run reads.
    """
    global _ask, _spoil
    _ask, _spoil = ask, spoil
    if not _placed:  # nobody loads pickle for us: it may come while the run is under way
        loaded = sys.modules.get("pickle")
        natives.await_module("pickle", _place) if loaded is None else _place(loaded)


def remove_pickles() -> None:
    """Watch no more."""
    global _ask, _spoil
    _ask = _spoil = None


def _place(pickle: ModuleType) -> None:
    """Let what tells stand in the places of what reads: of that in C, and of that in Python, which joblib uses."""
    global _placed
    _placed = True
    true: Any = pickle
    true_load, true_loads, true_find_class = true.load, true.loads, true._Unpickler.find_class

    class Telling(true.Unpickler):  # type: ignore[misc]
        def find_class(self, module_name: str, global_name: str) -> Any:
            found = super().find_class(module_name, global_name)
            _tell(module_name, global_name)
            return found

    def load(file: Any, /, **options: Any) -> Any:
        return true_load(file, **options) if _ask is None else Telling(file, **options).load()

    def loads(data: Any, /, **options: Any) -> Any:
        return true_loads(data, **options) if _ask is None else Telling(io.BytesIO(data), **options).load()

    def find_class(self: Any, module: str, name: str) -> Any:
        found = true_find_class(self, module, name)
        _tell(module, name)
        return found

    Telling.__name__, Telling.__qualname__, Telling.__module__ = "Unpickler", "Unpickler", "pickle"
    for one, ours in ((true_load, load), (true_loads, loads), (true.Unpickler, Telling)):
        stand_ins.add_at(vars(pickle), one.__name__, one, ours)
    standing.stand(true._Unpickler, "find_class", true_find_class, find_class)
    frames.OURS.update(one.__code__ for one in (load, loads, find_class, Telling.find_class))


def _tell(module: str, name: str) -> None:
    """A pickle names a class or function."""
    if _ask is None or _spoil is None or _answer is None:
        return
    answer = _answer(module, name)
    if isinstance(answer, str):
        _spoil(answer)
    elif answer:
        _ask(looks.CODE, module, answer)
