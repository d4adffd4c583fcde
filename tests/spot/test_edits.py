"""Who wants to be asked is asked before an edit makes known results be paid again, in every kernel."""

from __future__ import annotations

import asyncio
import linecache
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot
from spotmagic.errors import EditCosts, OptionError

runs: list[Any] = []


@pytest.fixture(autouse=True)
def no_runs() -> None:
    runs.clear()


def made(spot: Spot, version: int, head: str = "def", **options: Any) -> Any:
    """A function ``ask`` as a notebook defines it, in one of its versions."""
    text = f"{head} ask(x):\n    runs.append(x)\n    return x * {version}\n"
    name = f"<edits {head} {version}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space: dict[str, Any] = {"__name__": "__main__", "runs": runs}
    exec(compile(text, name, "exec"), space)
    return spot.mark(price=0.5, ignore="runs", **options)(space["ask"])


@pytest.fixture
def careful(tmp_path: Path) -> Any:
    with Spot("careful", root=tmp_path, ask_over=1.0) as spot:
        old = made(spot, 1)
        for x in range(3):
            old(x)
        runs.clear()
        yield spot


def test_an_expensive_edit_is_asked_about_before_anything_is_paid(careful: Spot) -> None:
    new = made(careful, 2)
    for _ in range(2):
        with pytest.raises(
            EditCosts, match=r"its 3 known results cost \$1.50.*asked over \$1.00.*accept.*refresh.*raise"
        ):
            new(1)
    assert not runs and made(careful, 1)(1) == 1 and careful.budget.spent() == 1.5


def test_the_three_ways_on(careful: Spot) -> None:
    new = made(careful, 2)
    assert new.refresh(1) == 2 and new(2) == 4 and runs == [1, 2]
    third = made(careful, 3)
    assert third.accept() == ["code"] and third(0) == 0 and third(7) == 21
    fourth = made(careful, 4)
    with pytest.raises(EditCosts):
        fourth(1)
    careful.edits.over = 50
    assert fourth(1) == 4


def test_a_cheap_edit_new_arguments_and_spots_that_never_ask_go_on(careful: Spot, tmp_path: Path) -> None:
    made(careful, 1)(9), careful.forget("ask")
    made(careful, 1)(1), made(careful, 2)(1)
    with Spot("careless", root=tmp_path) as spot:
        for version in range(1, 5):
            made(spot, version)(1)
    made(careful, 2).using(version="1")(1), made(careful, 3).using(version="2")(1)
    assert len(runs) == 9


def test_other_kernels_see_the_amount_and_it_stays(tmp_path: Path) -> None:
    with Spot("shared", root=tmp_path) as one, Spot("shared", root=tmp_path, blob_over=1) as other:
        made(one, 1)(1)
        other.edits.over = 0.1
        with pytest.raises(EditCosts):
            made(one, 2)(1)
        other.edits.over = None
        assert made(one, 2)(1) == 2
        other.edits.over = 0.2
    with Spot("shared", root=tmp_path) as later, pytest.raises(EditCosts):
        made(later, 3)(1)


def test_async_functions_and_batches_ask_too(careful: Spot) -> None:
    later = made(careful, 2, "async def")
    with pytest.raises(EditCosts):
        asyncio.run(later(1))
    with pytest.raises(EditCosts):
        careful.map(made(careful, 2), range(3), progress=False)
    assert not runs


@pytest.mark.parametrize("wrong", [-1, "much", True, float("nan"), float("inf")])
def test_what_is_no_amount_is_refused(careful: Spot, tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(OptionError, match="ask_over=.* is not an amount"):
        careful.edits.over = wrong
    with pytest.raises(OptionError, match="is not an amount"):
        Spot("wrong", root=tmp_path, ask_over=wrong)
