"""A hit against a run: random cells over random shared objects leave the same graph of objects behind both ways."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from notebook_worlds import World

from spotmagic.errors import Uncacheable

CLASSES = "import numpy as np\nclass Box:\n    pass\nclass Slot:\n    __slots__ = ('a', 'b')\n"


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


def graph(ns: dict[str, Any]) -> list[Any]:
    """The names with what they are bound to; an object met again is its number, so who is who counts."""
    numbers: dict[int, int] = {}
    memory: dict[int, int] = {}
    keep: list[Any] = []

    def form(value: Any) -> Any:
        if value is None or isinstance(value, int | str):
            return value
        if isinstance(value, tuple):
            return ("tuple", [form(part) for part in value])
        if id(value) in numbers:
            return ("again", numbers[id(value)])
        numbers[id(value)] = len(numbers)
        keep.append(value)
        kind = type(value).__name__
        if isinstance(value, np.ndarray):
            owner = value.base if isinstance(value.base, np.ndarray) else value
            return (kind, value.tolist(), memory.setdefault(id(owner), len(memory)))
        if isinstance(value, dict):
            return (kind, [(form(key), form(part)) for key, part in value.items()])
        if isinstance(value, list):
            return (kind, [form(part) for part in value])
        if isinstance(value, set):
            return (kind, sorted(value))
        if isinstance(value, bytearray):
            return (kind, bytes(value))
        slots = [getattr(value, name, None) for name in getattr(type(value), "__slots__", ())]
        return (kind, form(vars(value)) if hasattr(value, "__dict__") else None, [form(part) for part in slots])

    return [(name, form(ns[name])) for name in "abcd" if name in ns]


name = st.sampled_from(["a", "b", "c", "d"])
old = st.sampled_from(["a", "b", "c"])
fresh = st.sampled_from(
    ["[]", "[1]", "{}", "{'k': 1}", "Box()", "Slot()", "{3}", "bytearray(b'x')", "np.zeros(2)", "5", "'t'"]
)
value = st.one_of(name, fresh, st.builds("[{}, {}]".format, name, name), st.builds("({}, [{}])".format, name, fresh))
makes = st.one_of(
    st.builds("{} = {}".format, name, value),
    st.builds("{} = {}".format, name, name),
)
part = st.one_of(name, st.builds("list(parts({}))[0]".format, name), st.builds("list(parts({}))[-1]".format, name))
changes = st.one_of(
    st.builds("add({}, {})".format, part, value),
    st.builds("add({}, {})".format, part, part),
    st.builds("drop({})".format, part),
    st.builds("{} = {}".format, name, part),
    st.builds("{} = view({})".format, name, part),
    st.builds("del {}".format, name),
)
HELPERS = """
def parts(x):
    if isinstance(x, (list, tuple)): found = list(x)
    elif isinstance(x, dict): found = list(x.values())
    elif isinstance(x, Slot): found = [getattr(x, n) for n in 'ab' if hasattr(x, n)]
    elif isinstance(x, Box): found = list(vars(x).values())
    else: found = []
    return found or [x]
def add(x, value):
    if isinstance(x, list): x.append(value)
    elif isinstance(x, dict): x[len(x)] = value
    elif isinstance(x, Slot): x.a, x.b = value, x.a if hasattr(x, 'a') else None
    elif isinstance(x, Box): setattr(x, 'n' + str(len(vars(x))), value)
    elif isinstance(x, set): x.add(7)
    elif isinstance(x, bytearray): x += b'y'
    elif isinstance(x, np.ndarray): x[0] += 1
def drop(x):
    if isinstance(x, list) and x: x.pop(0)
    elif isinstance(x, dict) and x: del x[next(iter(x))]
    elif isinstance(x, Box) and vars(x): delattr(x, next(iter(vars(x))))
def view(x):
    return x[:1] if isinstance(x, np.ndarray) else x
"""
setups = st.tuples(st.lists(makes, max_size=4), st.lists(changes, max_size=4)).map(
    lambda made: "\n".join(["a, b, c = [1], {'k': []}, Box()", *made[0], *made[1]])
)
cells = st.lists(makes | changes | changes, min_size=1, max_size=6).map("\n".join)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(setups, cells, st.booleans())
def test_a_hit_leaves_the_objects_a_run_leaves(setup: str, cell: str, pinned: bool) -> None:
    """Same values, and the same names and places that share an object, through inputs, outputs and what they hold."""
    setup = CLASSES + HELPERS + setup
    ran, hit = World(), World()
    try:
        ran.run(setup)
    except Exception:
        assume(False)
    try:
        kept = ran.miss(cell, pinned=pinned)
    except Uncacheable:
        return
    except Exception:
        assume(False)
    hit.run(setup)
    hit.hit(cell, kept)
    assert graph(hit.ns) == graph(ran.ns)
