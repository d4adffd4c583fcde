"""Ids that libraries make up for their own objects: nobody chose them, and no two runs have the same.

Objects that differ in nothing else are alike, so such an id counts by its place: wherever it is met in a value, it is
written as the number of the first place it was met at. An id that came from outside counts as it is. Made up is what
the library is known to have filled in: a field of a pydantic model that was not set, a variable of a package's own
closure, and the ids of the few types in the table below.
"""

from __future__ import annotations

import functools
import re
import types
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from spotmagic.code.origin import is_user_file
from spotmagic.values.encode import UUID_TEXT
from spotmagic.values.state import attributes

_ENDS_IN_UUID = re.compile(f".*-{UUID_TEXT.pattern}")


def made_up(value: Any, state: Any) -> list[str]:
    """The ids in an object, or in its state, that its library made up."""
    kind: Any = type(value)
    read = _row_of(kind)
    if read is not None:
        return [one for one in read(value) if type(one) is str]
    if type(state) is dict and "__pydantic_fields_set__" in state:
        return _not_set(kind, state)
    return []


@functools.lru_cache(maxsize=1024)
def _row_of(kind: Any) -> Callable[[Any], Iterable[Any]] | None:
    names = (f"{base.__module__.partition('.')[0]}.{base.__qualname__}" for base in kind.__mro__)
    return next((_TABLE[name] for name in names if name in _TABLE), None)


def _not_set(kind: Any, state: dict[str, Any]) -> list[str]:
    fields, given = kind.__pydantic_fields__, state["__pydantic_fields_set__"]
    return [
        str(item)
        for name, item in state.get("__dict__", state).items()
        if type(item) in (str, uuid.UUID) and name not in given and name in fields
        if fields[name].default_factory is not None and UUID_TEXT.fullmatch(str(item))
    ]


def is_made_up(function: types.FunctionType, name: str, value: Any) -> bool:
    """Whether a variable in the closure of an installed function holds an id that the package made up there."""
    if type(value) is not str or not UUID_TEXT.fullmatch(value) or is_user_file(function.__code__.co_filename):
        return False
    outer = function.__globals__.get(function.__code__.co_qualname.partition(".")[0])
    code = getattr(outer, "__code__", None)
    if not isinstance(code, types.CodeType):
        return False
    taken = code.co_argcount + code.co_kwonlyargcount  # what was given came from outside, and counts
    return name in code.co_cellvars and name not in code.co_varnames[:taken]


def _held(name: str) -> Callable[[Any], Iterable[Any]]:
    return lambda value: [attributes(value).get(name)]


def _keys(*names: str) -> Callable[[Any], Iterable[Any]]:
    """The keys of the dicts in these attributes, and of the dicts in them, that look made up."""

    def read(value: Any) -> Iterable[Any]:
        held = attributes(value)
        line = [held.get(name) for name in names]
        while line:
            one = line.pop()
            if isinstance(one, Mapping):
                yield from (key for key in one if type(key) is str and UUID_TEXT.fullmatch(key))
                line += one.values()

    return read


def _tasks(value: Any) -> Iterable[Any]:
    held = attributes(value)
    return [key for key in [held.get("_key"), *held["_dask"]] if _ENDS_IN_UUID.fullmatch(str(key))]


_TABLE: dict[str, Callable[[Any], Iterable[Any]]] = {
    "ipywidgets.Widget": _held("_model_id"),
    "dspy.Predict": _held("stage"),
    "dask.Delayed": _tasks,
    "llama_index.IndexStruct": _held("index_id"),
    "llama_index.BaseKVStore": _keys("_collections_mappings", "_data"),
    "langchain_core.InMemoryVectorStore": _keys("store"),
}
