"""A marked function is a function like any other: as a method, to whoever inspects it, under other decorators."""

from __future__ import annotations

import abc
import asyncio
import copy
import functools
import inspect
import sys
import typing
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from spotmagic import Spot, last
from spotmagic.errors import RecordMissing

paid: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_paid() -> None:
    paid.clear()


def agent(spot: Spot) -> Any:
    """A class with every kind of marked method."""

    class Agent:
        def __init__(self, model: str) -> None:
            self.model = model

        @spot.mark
        def ask(self, x: int, times: int = 2) -> str:
            """An answer."""
            paid.append(x)
            return self.model * x * times

        @spot.mark
        async def later(self, x: int) -> str:
            paid.append(x)
            return self.model * x

        @classmethod
        @spot.mark
        def inside(cls, x: int) -> str:
            paid.append(x)
            return cls.__name__ * x

        @spot.mark
        @classmethod
        def outside(cls, x: int) -> str:
            paid.append(x)
            return cls.__name__ * x

        @staticmethod
        @spot.mark
        def inner(x: int) -> int:
            paid.append(x)
            return -x

        @spot.mark
        @staticmethod
        def outer(x: int) -> int:
            paid.append(x)
            return -x

        @spot.mark
        def __call__(self, x: int) -> str:
            paid.append(x)
            return self.model + str(x)

        @property
        @spot.mark
        def size(self) -> int:
            paid.append("size")
            return len(self.model)

        @spot.limiter(rpm=100_000)
        def paced(self, x: int) -> str:
            return self.model * x

    return Agent


def test_every_word_of_a_method_takes_the_arguments_after_self(spot: Spot) -> None:
    one, other = agent(spot)("a"), agent(spot)("b")
    assert one.ask(2) == "aaaa"
    assert one.ask.peek(2) == one.ask.peek(x=2, times=2) == "aaaa"
    assert one.ask.key(2) == type(one).ask.key(one, 2) != other.ask.key(2)
    with pytest.raises(RecordMissing):
        other.ask.peek(2)
    assert "nothing changed" in str(one.ask.explain(2))
    assert one.ask.stats().entries == 1
    assert one.ask.refresh(2) == "aaaa" and paid == [2, 2]
    assert one.ask.forget(2) and not one.ask.forget(2)


def test_async_methods_keep_their_words(spot: Spot) -> None:
    one = agent(spot)("a")

    async def main() -> list[str]:
        return [await one.later(2), await one.later(2), await one.later.refresh(2), one.later.peek(2)]

    assert asyncio.run(main()) == ["aa"] * 4 and paid == [2, 2]
    assert inspect.iscoroutinefunction(one.later) and inspect.iscoroutinefunction(type(one).later)
    assert asyncio.iscoroutinefunction(one.later) and not inspect.iscoroutinefunction(one.ask)


@pytest.mark.parametrize("name", ["inside", "outside", "inner", "outer"])
def test_class_and_static_methods_in_both_orders(spot: Spot, name: str) -> None:
    kind = agent(spot)
    for method in (getattr(kind, name), getattr(kind("a"), name)):
        assert method(2) == method.peek(2) == ("AgentAgent" if name in ("inside", "outside") else -2)
    assert paid == [2]


def test_classes_count_in_class_methods(spot: Spot) -> None:
    kind = agent(spot)

    class Other(kind):
        pass

    assert (kind.inside(1), Other.inside(1), Other.inside(1)) == ("Agent", "Other", "Other")
    assert paid == [1, 1]


def test_calls_and_properties_of_objects(spot: Spot) -> None:
    one = agent(spot)("ab")
    assert [one(1), one(1), one.size, one.size] == ["ab1", "ab1", 2, 2]
    assert paid == [1, "size"]


def test_inherited_overridden_and_super(spot: Spot) -> None:
    kind = agent(spot)

    class Loud(kind):
        @spot.mark
        def ask(self, x: int, times: int = 2) -> str:
            return super().ask(x, times).upper() + "!"

    class Same(kind):
        pass

    assert [Loud("a").ask(1), Loud("a").ask(1), Same("a").ask(1), kind("a").ask(1)] == ["AA!", "AA!", "aa", "aa"]
    assert Loud("a").ask.peek(1) == "AA!"


def test_slots_dataclasses_and_abstract_classes(spot: Spot) -> None:
    class Slim:
        __slots__ = ("model",)

        def __init__(self, model: str) -> None:
            self.model = model

        @spot.mark
        def ask(self, x: int) -> str:
            paid.append(x)
            return self.model * x

    @dataclass
    class Row:
        model: str
        parts: list[int] = field(default_factory=list)

        @spot.mark
        def ask(self, x: int) -> str:
            paid.append(x)
            return self.model * x

    class Base(abc.ABC):
        @spot.mark
        @abc.abstractmethod
        def ask(self, x: int) -> str: ...

    for one in (Slim("a"), Row("a")):
        assert [one.ask(2), one.ask(2), one.ask.peek(2)] == ["aa"] * 3
    assert paid == [2, 2] and Row("a") == Row("a")
    with pytest.raises(TypeError):
        Base()  # type: ignore[abstract]


def test_marking_a_method_of_an_object_keeps_the_object(spot: Spot) -> None:
    class Plain:
        def __init__(self, model: str) -> None:
            self.model = model

        def ask(self, x: int) -> str:
            paid.append(x)
            return self.model * x

    for one in (Plain("a"), agent(spot)("a")):
        f = spot.mark(one.ask)
        assert [f(2), f(2), f.peek(2)] == [f(2)] * 3
        with spot.cached_run(one.ask, version="v2") as g:
            assert g(3) == g(3) == one.ask(3)
    limited = spot.limiter(rpm=100_000)(agent(spot)("b").ask)
    assert limited(1) == limited.peek(1) == "bb"
    assert agent(spot)("b").paced(2) == spot.mark(agent(spot)("b").paced)(2) == "bb"


def test_marking_a_marked_function_again_is_marking_the_function(spot: Spot, tmp_path: Path) -> None:
    with Spot("other", root=tmp_path) as other:
        f = other.mark(spot.limiter(rpm=100_000)(spot.mark(lambda x: paid.append(x) or x)))
        assert f(1) == f(1) == 1 and paid == [1] and f.marked.gate is not None
        assert (spot.stats().entries, other.stats().entries) == (0, 1)


def helper(x: int) -> int:
    """Twice."""
    paid.append(x)
    return x * 2


def test_it_looks_like_the_function(spot: Spot) -> None:
    f, method = spot.mark(helper), agent(spot)("a").ask
    assert (f.__name__, f.__doc__, f.__module__, f.__qualname__) == ("helper", "Twice.", __name__, "helper")
    assert inspect.signature(f) == inspect.signature(helper) and inspect.unwrap(f) is helper
    assert typing.get_type_hints(f) == {"x": int, "return": int} == typing.get_type_hints(helper)
    assert f.__code__ is helper.__code__ and f.__defaults__ is None and callable(f)
    assert list(inspect.signature(method).parameters) == ["x", "times"] and method.__doc__ == "An answer."
    assert method.__name__ == "ask" and method == method.__self__.ask and len({method, method.__self__.ask}) == 1
    assert weakref.ref(f)() is f and weakref.WeakMethod(method)() == method
    assert inspect.isroutine(f) and inspect.getsource(f) == inspect.getsource(helper)


def test_a_class_with_an_asynchronous_call_is_awaited(spot: Spot) -> None:
    class Client:
        async def __call__(self, x: int) -> int:
            paid.append(x)
            return x

    f = spot.mark(Client())

    async def main() -> list[int]:
        return [await f(1), await f(1)]

    assert asyncio.run(main()) == [1, 1] and paid == [1]


def test_copies_are_the_function_itself(spot: Spot) -> None:
    f, one = spot.mark(helper), agent(spot)("a")
    assert copy.copy(f) is copy.deepcopy(f) is f
    assert copy.copy(one.ask) == one.ask
    assert copy.deepcopy(one.ask).__self__.model == "a"


def test_partials_wrappers_and_dispatch(spot: Spot) -> None:
    f = spot.mark(helper)
    assert functools.partial(f, 2)() == functools.partial(f, x=2)() == 4 and paid == [2]
    outer = functools.wraps(f)(lambda x: f(x) + 1)
    assert spot.mark(outer)(2) == 5  # the decorator around it is not lost
    one = functools.singledispatch(f)
    one.register(str, lambda x: x + "!")
    assert (one(2), one("a")) == (4, "a!")
    two = spot.mark(functools.singledispatch(helper))
    two.register(str, lambda x: x + "?")
    assert (two(7), two("a"), two.dispatch(str)("b")) == (14, "a?", "b?")
    kept = spot.mark(functools.lru_cache(helper))
    assert kept(9) == 18 and kept.cache_info().currsize == 1


def test_it_can_be_patched_and_set_attributes_on(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[__name__]
    monkeypatch.setattr(module, "helper", spot.mark(helper))
    with mock.patch.object(module, "helper", autospec=True) as patched:
        patched.return_value = 7
        assert module.helper(1) == 7
    with mock.patch.object(module, "helper", wraps=module.helper):
        assert module.helper(1) == 2
    module.helper.note = "mine"
    assert module.helper.note == "mine" and not hasattr(module.helper.__wrapped__, "note")


def test_a_marked_function_counts_as_the_function_it_wraps(spot: Spot) -> None:
    def call(f: Any, x: int) -> Any:
        return f(x)

    apply, f, one = spot.mark(call), spot.mark(helper), agent(spot)("a")
    assert apply.key(f, 1) == apply.key(helper, 1)
    assert apply.key(one.ask, 1) == apply.key(agent(spot)("a").ask, 1) != apply.key(agent(spot)("b").ask, 1)
    assert apply(functools.partial(f), 3) == 6 and (outcome := last()) is not None and outcome.stored


def test_an_object_that_holds_its_spot_and_its_marks_is_an_argument_like_any(spot: Spot) -> None:
    class Agent:
        def __init__(self, model: str) -> None:
            self.model, self.spot = model, spot
            self.ask = spot.mark(self._ask)

        def _ask(self, x: int) -> str:
            paid.append(x)
            return self.model * x

    assert [Agent("a").ask(2), Agent("a").ask(2), Agent("b").ask(2)] == ["aa", "aa", "bb"]
    assert paid == [2, 2]


class Big:
    """Something that a function closes over."""


def test_functions_given_as_arguments_are_not_held(spot: Spot) -> None:
    def given(big: Big) -> Any:
        return lambda x: (x, type(big).__name__)

    f = spot.mark(lambda call, x: call(x))
    held = []
    for _ in range(5):
        big = Big()
        held.append(weakref.ref(big))
        function = given(big)
        assert f(function, 1) == f(function, 1) == f(functools.partial(function), 1) == (1, "Big")
        assert f([function] * 50 and function, 2)
    del big, function
    import gc

    gc.collect()
    assert [one() for one in held] == [None] * 5


def test_one_function_many_times_in_an_argument_is_read_once(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    import spotmagic.keys.fingerprint  # noqa: F401

    fingerprint = sys.modules["spotmagic.keys.fingerprint"]

    walks: list[Any] = []
    reach = fingerprint.reach
    monkeypatch.setattr(fingerprint, "reach", lambda *args, **more: walks.append(1) or reach(*args, **more))
    f = spot.mark(lambda calls: len(calls))
    assert f([lambda x: x, *[lambda x: x + 1] * 100]) == 101
    assert 0 < len(walks) < 20


def test_attributes_of_a_marked_function_count_where_they_are_read(spot: Spot) -> None:
    @spot.mark
    def ask(x: int) -> str:
        return ask.model + str(ask.change(x))

    @spot.mark
    def outer(x: int) -> str:
        return ask.model * x

    ask.model, ask.change = "a", lambda x: x + 1
    assert (ask(1), outer(2)) == ("a2", "aa")
    ask.model = "b"
    assert (ask(1), outer(2)) == ("b2", "bb")
    ask.change = lambda x: x + 2
    assert (ask(1), outer(2), ask(1)) == ("b3", "bb", "b3")
    assert (outcome := last()) is not None and outcome.verdict == "hit"


def test_an_attribute_that_comes_later_counts(spot: Spot) -> None:
    @spot.mark
    def ask(x: int) -> str:
        return getattr(ask, "model", "none") if hasattr(ask, "model") else "none"

    @spot.mark
    def other(x: int) -> str:
        try:
            return ask.model
        except AttributeError:
            return "none"

    assert (ask(1), other(1)) == ("none", "none")
    ask.model = "a"
    assert other(1) == "a"
