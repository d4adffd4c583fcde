"""Who takes what is noted, and functions of classes, in whose place those that note stand for good.

Of a class in which something is put Python forgets all it knew, and so does every place that uses it. To put one in for
each run and to take it away afterwards cost more than the noting of all else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

noting = False  # while anything is noted
# Who takes it, from ``noting.py``. They stay when nothing is noted any more: another thread may be on its way to them.
ask: Callable[[int, str, list[str]], None]  # a question, its path and its answer
note: Callable[..., None]  # the path of a file that is read, and ``missing=``
note_written: Callable[[Any], None]
note_removed: Callable[[Any], None]
here: Callable[[], Any]  # what notes the run around this, if one is known
note_filled: Callable[[Any], None]  # a file or folder that a library writes
spoil: Callable[[str], None]  # why what is read cannot be known


class Standing:
    """Stands in a class for a function, and gives that one itself while nothing is noted: no frame of ours is seen."""

    __slots__ = ("ours", "true")

    def __init__(self, true: Any, ours: Any) -> None:
        self.true, self.ours = true, ours

    def __get__(self, one: Any, kind: type | None = None) -> Any:
        put = self.ours if noting else self.true
        bind = getattr(type(put), "__get__", None)
        return put if bind is None else bind(put, one, kind)


def stand(holder: type, name: str, true: Any, ours: Any) -> Standing | None:
    """What stands in a class for a function from now on, if that can be."""
    known = vars(holder).get(name)
    if isinstance(known, Standing):
        return known
    try:
        setattr(holder, name, one := Standing(true, ours))
    except (AttributeError, TypeError):  # a type of C: nothing can be put there
        return None
    return one


def behind(value: Any) -> Any:
    """What a member of a class is where one of ours stands for it."""
    return value.true if type(value) is Standing else value
