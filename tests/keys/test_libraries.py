"""Code that uses what libraries bring is keyed, and by nothing that changes from run to run."""

from __future__ import annotations

import inspect

import pytest

from tests.keys.conftest import MakeKey, Project

TEXT = """
    import abc, argparse, collections, contextlib, dataclasses, enum, functools, logging, typing
    import attrs, numpy as np, pydantic, tenacity
    T = typing.TypeVar("T")
    @tenacity.retry(stop=tenacity.stop_after_attempt(3))
    def flaky(x): return x + 1
    def retried(x): return flaky(x)
    @dataclasses.dataclass(slots=True, frozen=True)
    class Slotted:
        a: int = 1
        def go(self): return self.a
    def slots(x): return Slotted(x).go()
    class Inner(pydantic.BaseModel):
        n: int = 1
        @pydantic.field_validator("n")
        @classmethod
        def check(cls, v): return v + 0
    class Outer(pydantic.BaseModel):
        items: "list[Inner]" = []
        model_config = pydantic.ConfigDict(extra="allow")
    def models(x) -> Outer: return Outer(items=[Inner()])
    class Generic(typing.Generic[T]):
        def get(self) -> T: return 7
    class Abstract(abc.ABC):
        @abc.abstractmethod
        def m(self): ...
    class Concrete(Abstract, Generic[int]):
        def m(self): return self.get()
    def classes(x): return Concrete().m()
    class Flag(enum.Flag):
        A = enum.auto()
        B = enum.auto()
    def flags(x): return Flag.A | Flag.B
    class Table:
        __tablename__ = "prices"
        __slots__ = ("x",)
    def tables(x): return Table()
    @attrs.define
    class Attrs:
        x: int = attrs.field(default=5, validator=attrs.validators.instance_of(int))
    def attributes(x): return Attrs()
    class Holder:
        @functools.cached_property
        def cp(self): return 11
        @contextlib.contextmanager
        def ctx(self): yield 12
        @functools.lru_cache
        def lr(self): return 13
        @functools.singledispatchmethod
        def sd(self, x): return 14
        @sd.register
        def _(self, x: int): return 15
    def descriptors(x):
        with Holder().ctx() as a: return a + Holder().sd(1) + Holder().lr() + Holder().cp
    @functools.singledispatch
    def shown(x): return 16
    @shown.register
    def _(x: int): return 17
    def dispatched(x): return shown(x), shown("a")
    log = logging.getLogger("x")
    def logged(x):
        log.debug("x")
        return np.sum([x])
"""
EDITS = {
    "retried": [("x + 1", "x + 2"), ("stop_after_attempt(3)", "stop_after_attempt(4)")],
    "slots": [("return self.a", "return -self.a"), ("a: int = 1", "a: int = 2")],
    "models": [("v + 0", "v + 1"), ("n: int = 1", "n: int = 2"), ('extra="allow"', 'extra="forbid"')],
    "classes": [("return 7", "return 8")],
    "flags": [("B = enum.auto()", "B = 8")],
    "tables": [('"prices"', '"costs"')],
    "attributes": [("default=5", "default=6")],
    "descriptors": [
        ("return 11", "return 0"),
        ("yield 12", "yield 0"),
        ("return 13", "return 0"),
        ("return 15", "return 0"),
    ],
    "dispatched": [("return 16", "return 0"), ("return 17", "return 0")],
}
FUNCTIONS = [*EDITS, "logged"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_running_it_changes_no_key(project: Project, key_of: MakeKey, name: str) -> None:
    module = project.load("main", TEXT)
    key = key_of(getattr(module, name))
    before = key.keyed((1,), {})
    assert before.trouble == ""
    getattr(module, name)(1)
    assert key.keyed((1,), {}) == before
    assert key_of(getattr(module, name)).keyed((1,), {}) == before


@pytest.mark.parametrize(("name", "old", "new"), [(name, *edit) for name, edits in EDITS.items() for edit in edits])
def test_editing_it_gives_a_new_key(project: Project, key_of: MakeKey, name: str, old: str, new: str) -> None:
    import sys

    before = key_of(getattr(project.load("main", TEXT), name)).key((1,), {})
    del sys.modules[project.prefix + "main"]
    assert inspect.cleandoc(TEXT).replace(old, new) != inspect.cleandoc(TEXT)
    after = key_of(getattr(project.load("main", TEXT.replace(old, new)), name)).key((1,), {})
    assert after != before
