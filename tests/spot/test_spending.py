"""What answers took is kept with the run, priced where no price is given, and told by model, day and name."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot, last
from spotmagic.errors import BudgetSpent, OptionError

ANSWER = {"model": "gpt-4o-mini", "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 0}}
PRICE = 0.15


def chat(prompt: str, model: str = "gpt-4o-mini") -> dict[str, Any]:
    return {**copy.deepcopy(ANSWER), "model": model, "text": prompt}


def test_an_answer_is_priced_by_its_usage_and_a_hit_saves_that(spot: Spot) -> None:
    f = spot.mark(chat)
    f("a"), f("b"), f("a")
    assert last().saved_price == pytest.approx(PRICE)  # type: ignore[union-attr]
    assert spot.stats().price_paid == pytest.approx(2 * PRICE) == spot.budget.spent()
    row = spot.entries()[0]
    assert (row.model, row.tokens, row.price) == ("gpt-4o-mini", 1_000_000, pytest.approx(PRICE))


def test_a_price_that_is_given_counts_and_tokens_are_kept_all_the_same(spot: Spot) -> None:
    spot.mark(price=2)(chat)("a")
    spot.mark(chat)("b", model="nobody-knows-1")
    by_model = {row[0]: row[1:] for row in spot.stats(by="model").rows}
    assert by_model["gpt-4o-mini"] == (1, 0, 1_000_000, 0, 2.0, 0.0)
    assert by_model["nobody-knows-1"] == (1, 0, 1_000_000, 0, 0.0, 0.0)


CHUNK = {"object": "chat.completion.chunk", "model": "gpt-4o-mini", "usage": None}


def streamed(prompt: str) -> Iterator[dict[str, Any]]:
    yield from [{**CHUNK, "text": one} for one in prompt]
    yield {**CHUNK, "usage": copy.deepcopy(ANSWER["usage"])}


async def astreamed(prompt: str) -> AsyncIterator[dict[str, Any]]:
    for one in streamed(prompt):
        yield one


def served(prompt: str) -> Iterator[bytes]:
    for one in streamed(prompt):
        yield f"data: {json.dumps(one)}\n\n".encode()
    yield b"data: [DONE]\n\n"


@pytest.mark.parametrize("function", [streamed, astreamed, served])
def test_a_stream_is_priced_by_what_its_end_tells(spot: Spot, function: Any) -> None:
    f = spot.mark(function)

    async def read() -> list[Any]:
        return [one async for one in f("abcdefghijkl")]

    for _ in range(2):
        asyncio.run(read()) if function is astreamed else list(f("abcdefghijkl"))
    assert last().verdict == "hit" and last().saved_price == pytest.approx(PRICE)  # type: ignore[union-attr]
    assert spot.budget.spent() == pytest.approx(PRICE)
    (row,) = spot.entries()
    assert (row.model, row.tokens, row.price) == ("gpt-4o-mini", 1_000_000, pytest.approx(PRICE))


def test_stats_by_model_day_and_name(spot: Spot) -> None:
    f = spot.mark(chat)
    f("a"), f("a"), spot.mark(keep_if=lambda _: False)(chat)("b")
    spot.mark(_plain)(1)
    (model,) = spot.stats(by="model").rows
    assert model[:4] == ("gpt-4o-mini", 2, 1, 2_000_000) and model[5:] == (
        pytest.approx(2 * PRICE),
        pytest.approx(PRICE),
    )
    names = {row[0]: row[1:4] for row in spot.stats(by="name").rows}
    assert {name.rpartition(".")[2]: counts for name, counts in names.items()} == {
        "chat": (2, 1, 2_000_000), "_plain": (1, 0, 0),
    }  # fmt: skip
    (day,) = spot.stats(by="day").rows
    assert len(day[0]) == 10 and day[1:4] == (3, 1, 2_000_000)
    assert [*spot.stats(by="day").df().columns][:2] == ["day", "runs"]
    with pytest.raises(OptionError, match="by="):
        spot.stats(by="moon")


def _plain(x: int) -> int:
    return x


def test_an_answer_that_a_kept_call_inside_gave_is_paid_once_or_not_at_all(spot: Spot) -> None:
    inner = spot.mark(chat)

    @spot.mark(ignore="inner")
    def outer(prompt: str, again: int) -> dict[str, Any]:
        found: dict[str, Any] = inner(prompt)
        return found

    outer("a", 1), outer("a", 2)
    assert spot.stats().price_paid == pytest.approx(PRICE) == spot.budget.spent()
    assert last().price == 0  # type: ignore[union-attr]


def test_a_budget_counts_what_answers_cost(tmp_path: Path) -> None:
    with Spot("poor", root=tmp_path, budget=0.4) as spot:
        f = spot.mark(chat)
        f("a"), f("b")
        with pytest.raises(BudgetSpent):
            f("c")
        spot.mark(_plain)(1)
        assert spot.budget.spent() == pytest.approx(2 * PRICE)
    with Spot("poor", root=tmp_path, budget=0.4) as spot, pytest.raises(BudgetSpent):
        spot.mark(chat)("d")
