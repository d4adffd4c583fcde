"""What a library raises while a result is looked at or kept never costs the result, panics included."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from spotmagic import Spot, last, register
from spotmagic.errors import SpotWarning


class Panic(BaseException):
    """As libraries in Rust raise them: no ``Exception``."""


class PanicsWhenPickled:
    def __reduce__(self) -> Any:
        raise Panic("while it is pickled")


class PanicsWhenRead:
    def __init__(self) -> None:
        self.value = 1

    def __getstate__(self) -> Any:
        raise Panic("while its state is read")


class PanicsWhenCompared:
    def __init__(self, value: int = 1) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        raise Panic("while it is compared")

    __hash__ = None  # type: ignore[assignment]


class PanicsWhenMade:
    def __setstate__(self, state: Any) -> None:
        raise Panic("while it is made again")

    def __getstate__(self) -> Any:
        return {"value": 1}


class Registered:
    pass


def panics(_value: object) -> Any:
    raise Panic("in a function of the user's")


register(Registered, encode=panics, decode=panics)

NUL = "a\0b"
RESULTS: dict[str, Callable[[], Any]] = {
    "a polars frame": lambda: pl.DataFrame({NUL: [1]}),
    "a polars series": lambda: pl.Series(NUL, [1]),
    "a frame in a list": lambda: [{"frames": [pl.DataFrame({NUL: [1]})]}],
    "pickled": PanicsWhenPickled,
    "read": PanicsWhenRead,
    "compared": PanicsWhenCompared,
    "made again": PanicsWhenMade,
    "in a list": lambda: [PanicsWhenPickled()],
    "registered": Registered,
}


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.filterwarnings("ignore::spotmagic.errors.SpotWarning")
def test_a_panic_while_a_result_is_kept_costs_no_result(tmp_path: Any, name: str) -> None:
    spot = Spot("panics", root=tmp_path)
    make = RESULTS[name]
    runs = []

    @spot.mark(version="1", ignore=("make", "runs"))
    def ask() -> Any:
        runs.append(1)
        return make()

    first, kept = ask(), last()
    second = ask()
    assert type(first) is type(second) is type(make())
    assert kept is not None and (kept.stored or "not stored" in kept.reason)
    assert len(runs) == (1 if kept.stored else 2)


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.filterwarnings("ignore::spotmagic.errors.SpotWarning")
def test_a_panic_while_an_argument_is_looked_at_costs_no_result(tmp_path: Any, name: str) -> None:
    spot = Spot("panics", root=tmp_path)

    @spot.mark
    def ask(value: Any) -> str:
        return "answer"

    assert ask(RESULTS[name]()) == ask(RESULTS[name]()) == "answer"


class NeverCompared(type):
    def __eq__(cls, other: object) -> bool:
        raise TypeError("a class is compared")

    __hash__ = type.__hash__


@pytest.mark.filterwarnings("ignore::spotmagic.errors.SpotWarning")
def test_a_class_that_cannot_be_compared_costs_no_result(tmp_path: Any) -> None:
    @Spot("panics", root=tmp_path).mark
    def ask(value: Any, kind: type = NeverCompared("Default", (), {})) -> str:
        return "answer"

    made = NeverCompared("Made", (), {})
    assert ask(made()) == "answer"


@pytest.mark.parametrize("option", ["price", "keep_if"])
def test_a_panic_of_what_is_asked_about_a_result_costs_no_result(tmp_path: Any, option: str) -> None:
    spot = Spot("panics", root=tmp_path)

    @spot.mark(**{option: panics})
    def ask() -> str:
        return "answer"

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert ask() == "answer"
    assert "Panic: in a function of the user's" in str(told[0].message)
    assert ask() == "answer" and last().verdict == "hit"  # type: ignore[union-attr]


def test_an_interrupt_is_no_panic(tmp_path: Any) -> None:
    spot = Spot("panics", root=tmp_path)

    def interrupted(_answer: str) -> float:
        raise KeyboardInterrupt

    @spot.mark(price=interrupted)
    def ask() -> str:
        return "answer"

    with pytest.raises(KeyboardInterrupt):
        ask()


def test_a_call_that_panics_fails_alone(tmp_path: Any) -> None:
    spot = Spot("panics", root=tmp_path)

    @spot.mark
    def ask(n: int) -> int:
        return panics(n) if n == 2 else n  # type: ignore[no-any-return]

    batch = spot.map(ask, range(5), progress=False)
    assert batch.values(missing=None) == [0, 1, None, 3, 4]
    assert [failed.input for failed in batch.failed] == [2]
    with pytest.raises(Panic):
        ask(2)
    assert spot.stats().errors == 2


class RaisesWhenLookedAt:
    """As a proxy that is used before what it stands for is there."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"there is no {name} yet")


proxy = RaisesWhenLookedAt()


def names_a_proxy(number: int) -> int:
    return number + (proxy is not None)


def test_a_look_at_code_that_raises_costs_the_key_and_nothing_else(tmp_path: Any) -> None:
    marked = Spot("panics", root=tmp_path).mark(names_a_proxy)
    with pytest.warns(SpotWarning, match=r"names_a_proxy runs uncached"):
        assert marked(1) == 2
    told = last()
    assert told is not None and "cannot be looked at: RuntimeError: there is no __class__ yet" in told.reason


def test_a_proxy_in_a_module_keeps_no_other_result_away(tmp_path: Any) -> None:
    """Names are looked for in all modules of the user where a function or class is kept."""
    made = lambda number: number + 1  # noqa: E731

    @Spot("panics", root=tmp_path).mark(version="1", ignore=("made",))
    def make() -> Any:
        return {"made": made}

    assert make()["made"](1) == 2
    told = last()
    assert told is not None and told.stored, told
