"""What is not worth keeping is returned and not stored; a slip in the predicate loses nothing."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from spotmagic import Spot, last
from spotmagic.engine.call import Outcome
from spotmagic.errors import OptionError, SpotWarning


def told() -> Outcome:
    outcome = last()
    assert outcome is not None
    return outcome


def finished(answer: dict[str, Any]) -> bool:
    return answer["finish_reason"] != "length"


def test_an_answer_that_was_cut_off_is_returned_and_run_again(spot: Spot) -> None:
    runs: list[str] = []

    @spot.mark(keep_if=finished, price=0.1, ignore="runs")
    def ask(prompt: str) -> dict[str, Any]:
        runs.append(prompt)
        return {"text": prompt, "finish_reason": "length" if len(runs) < 3 else "stop"}

    assert ask("hi")["finish_reason"] == "length" and ask("hi")["finish_reason"] == "length"
    assert (told().verdict, told().stored) == ("ran", False)
    assert told().reason == "no result kept; not stored: not worth keeping, says keep_if=finished"
    assert ask("hi") == ask("hi") and len(runs) == 3 and told().verdict == "hit"
    assert spot.budget.spent() == pytest.approx(0.3)  # what is not kept was paid for all the same
    assert spot.stats().misses == 3 and spot.stats().price_paid == pytest.approx(0.3)


def test_a_kept_result_is_not_lost_to_a_refresh_that_is_not_worth_keeping(spot: Spot) -> None:
    answers: list[Any] = ["good", None]

    @spot.mark(keep_if=lambda answer: answer is not None, ignore="answers")
    def ask(prompt: str) -> Any:
        return answers.pop(0)

    assert ask("hi") == "good" and ask.refresh("hi") is None  # type: ignore[attr-defined]
    assert told().reason == "refresh; not stored: not worth keeping, says keep_if="
    assert ask("hi") == "good"


@pytest.mark.parametrize("slip", [lambda answer: answer.nothing, lambda answer: 1 / 0, lambda: True])
def test_a_predicate_that_fails_keeps_the_result_and_is_told_once(spot: Spot, slip: Any) -> None:
    runs: list[int] = []

    def ask(x: int) -> int:
        runs.append(x)
        return x

    ask.__qualname__ = f"{slip!r}.ask"  # it is told once for each name
    ask = spot.mark(keep_if=slip, ignore="runs")(ask)
    with pytest.warns(SpotWarning, match="keep_if= of .*ask failed.*Its results are kept"):
        ask(1)
    assert told().stored and "; kept, as keep_if= failed (" in f"; {told().reason}"
    ask(2), ask(1), ask(2)
    assert runs == [1, 2]


def test_a_predicate_of_an_async_function_and_its_waiters(spot: Spot) -> None:
    runs: list[int] = []

    @spot.mark(keep_if=lambda answer: answer > 1, ignore="runs")
    async def ask(x: int) -> int:
        runs.append(x)
        await asyncio.sleep(0)
        return x

    async def together(x: int) -> list[int]:
        return list(await asyncio.gather(ask(x), ask(x), ask(x)))

    assert asyncio.run(together(1)) == [1, 1, 1] and runs == [1]
    assert asyncio.run(together(1)) == [1, 1, 1] and runs == [1, 1]
    assert asyncio.run(together(2)) == asyncio.run(together(2)) and runs == [1, 1, 2]


def test_threads_that_wait_for_a_run_get_what_it_gave_though_it_is_not_kept(spot: Spot) -> None:
    entered, go, runs = threading.Event(), threading.Event(), list[int]()

    @spot.mark(keep_if=lambda _: False, ignore="entered,go,runs")
    def ask(x: int) -> int:
        runs.append(x)
        entered.set()
        go.wait(10)
        return x

    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(ask(7))) for _ in range(3)]
    threads[0].start()
    entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    seat = spot.engine.flight.table[bytes.fromhex(ask.key(7))]  # type: ignore[attr-defined]
    while seat.waiters is None:
        time.sleep(0)
    go.set()
    for thread in threads:
        thread.join()
    assert found == [7, 7, 7] and len(runs) < 3


def test_what_cannot_say_yes_or_no_is_refused_before_anything_runs(spot: Spot) -> None:
    async def later(_: Any) -> bool:
        return True

    with pytest.raises(OptionError, match="keep_if='always' cannot be asked"):
        spot.mark(keep_if="always")  # type: ignore[call-overload]
    with pytest.raises(OptionError, match="async function"):
        spot.mark(keep_if=later)


def test_errors_that_are_kept_are_not_judged(spot: Spot) -> None:
    runs: list[int] = []

    @spot.mark(keep_if=lambda _: False, errors=ValueError, ignore="runs")
    def ask(x: int) -> int:
        runs.append(x)
        raise ValueError(x)

    for _ in range(2):
        with pytest.raises(ValueError):
            ask(1)
    assert runs == [1]
