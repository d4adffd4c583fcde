"""What users give to a spot, a mark or a limiter is checked where it is given: nothing has run by then."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import spotmagic
from spotmagic import Limit, Spot
from spotmagic.errors import OptionError, SpotWarning


def f(x: Any) -> Any:
    """What is marked here."""
    return x


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("name", 5),
        ("rpm", 0),
        ("rpm", "many"),
        ("tpm", -1),
        ("concurrency", 0),
        ("budget", "five"),
        ("budget", True),
        ("limits", "http://host"),
        ("limits", 6379),
        ("blobs", 5),
        ("remote", 5),
        ("keep_inputs", "yes"),
        ("never_twice", 1),
    ],
)
def test_a_spot_says_which_of_its_settings_is_wrong(tmp_path: Path, option: str, value: Any) -> None:
    with pytest.raises(OptionError, match=option):
        Spot(**{"name": "x", "root": tmp_path, option: value})


@pytest.mark.parametrize(
    ("option", "value"),
    [("save_blob", "x"), ("content_type", 5), ("detached", "x"), ("never_twice", 0), ("version", object())],
)
def test_a_mark_says_which_of_its_options_is_wrong(spot: Spot, option: str, value: Any) -> None:
    with pytest.raises(OptionError, match=option):
        spot.mark(**{option: value})
    with pytest.raises(OptionError, match=option):
        spot.mark(f).using(**{option: value})  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("option", "value"), [("name", 5), ("rpm", "many"), ("settle", 5), ("cost", "median"), ("timeout", "soon")]
)
def test_a_limiter_says_which_of_its_options_is_wrong(spot: Spot, option: str, value: Any) -> None:
    with pytest.raises(OptionError, match=option):
        spot.limiter(**{"rpm": 60, option: value})(f)


def test_a_url_that_is_none_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="remote='ftp://x'") as caught:
        Spot("x", root=tmp_path, remote="ftp://x")
    assert "\n" not in str(caught.value)


def test_a_number_alone_is_seconds_as_text_too(spot: Spot) -> None:
    assert spot.mark(ttl="90")(f).marked.options.ttl == 90 == spot.mark(ttl=90)(f).marked.options.ttl  # type: ignore[attr-defined]


def test_the_budget_is_changed_by_an_amount_and_nothing_else(spot: Spot) -> None:
    paid = spot.mark(price=1)(f)
    spot.budget = 1.5  # type: ignore[assignment]
    paid(1)
    with pytest.raises(spotmagic.errors.BudgetSpent):
        paid(2)
    with pytest.raises(OptionError, match="budget='x'"):
        spot.budget = "x"  # type: ignore[assignment]
    assert repr(spot.budget) == "<budget: 1 spent of 1.5>"
    spot.budget = None  # type: ignore[assignment]
    assert paid(2) == 2


ASKED: list[Callable[[Spot, Any], Any]] = [
    Spot.forget,
    Spot.pin,
    Spot.explain,
    Spot.accept,
    Spot.stats,
    Spot.entries,
    lambda spot, what: spot.set_mode("auto", what),
    lambda spot, what: spot.export(spot.folder / "results.zip", what),
]


@pytest.mark.parametrize("ask", ASKED)
def test_a_marked_function_stands_for_its_name(spot: Spot, ask: Callable[[Spot, Any], Any]) -> None:
    marked, other = spot.mark(f), spot.mark(lambda x: x)
    marked(1), other(1)
    by_name = ask(spot, marked.marked.name)  # type: ignore[attr-defined]
    marked(1)
    assert ask(spot, marked) == by_name or ask in (Spot.stats, Spot.entries)  # which count the hit
    with pytest.raises(OptionError, match="int"):
        ask(spot, 5)
    with pytest.raises(OptionError, match="empty"):
        ask(spot, " ")


def test_a_method_stands_for_its_name(spot: Spot) -> None:
    class Agent:
        @spot.mark
        def ask(self, question: str) -> str:
            return question

    agent = Agent()
    agent.ask("why")
    assert spot.forget(agent.ask) == 1


def test_filters_and_panels_are_checked(spot: Spot) -> None:
    for given in ({"kind": "x"}, {"status": 5}, {"order": 5}):
        with pytest.raises(OptionError, match=next(iter(given))):
            spot.entries(**given)
    with pytest.raises(OptionError, match="panel"):
        spotmagic.panel("x")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="name=5"):
        Limit(5)  # type: ignore[arg-type]


def test_a_price_that_was_mended_and_fails_again_is_told_again(spot: Spot) -> None:
    def nothing(answer: Any) -> float:
        return float(answer.tokens)

    def text(answer: Any) -> float:
        return float("x")

    for price in (nothing, text):
        with pytest.warns(SpotWarning, match="price= of"):
            spot.mark(price=price)(f)(price.__name__)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spot.mark(price=text)(f)("once for each")
