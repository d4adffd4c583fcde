"""A simulated provider that limits by itself: its capacity is used, and hardly a call is refused."""

from __future__ import annotations

import pytest

from .provider import IDEAL, Result, simulate


def mean(results: list[Result]) -> tuple[float, float, float]:
    """Seconds over the ideal, share of calls wasted, calls lost."""
    count = len(results)
    seconds, wasted = sum(result.seconds for result in results), sum(result.wasted for result in results)
    return seconds / count / IDEAL, wasted / count, sum(result.lost for result in results)


def test_an_estimate_too_high_costs_little_when_it_is_settled() -> None:
    ratio, wasted, lost = mean([simulate(rpm=1200, tpm=480_000, cost=1000.0, seed=seed) for seed in range(4)])
    assert ratio <= 1.1
    assert wasted == lost == 0


def test_an_estimate_too_high_that_is_not_settled_costs_all_it_reserves() -> None:
    assert simulate(rpm=1200, tpm=480_000, cost=1000.0, settled=False).seconds > 2 * IDEAL


def test_the_mean_of_actual_costs_is_as_good_an_estimate() -> None:
    ratio, wasted, lost = mean([simulate(rpm=1200, tpm=480_000, seed=seed) for seed in range(4)])
    assert ratio <= 1.1
    assert wasted == lost == 0


def test_a_limit_set_twice_too_high_is_found_out() -> None:
    ratio, wasted, lost = mean([simulate(rpm=2400, tpm=960_000, seed=seed) for seed in range(4)])
    assert ratio <= 1.15
    assert wasted <= 0.05
    assert lost == 0


def test_without_adapting_a_limit_set_too_high_wastes_many_calls() -> None:
    assert simulate(rpm=2400, tpm=960_000, adaptive=False).wasted > 0.3


@pytest.mark.parametrize("rpm", [6000, None])
def test_a_limit_far_too_high_is_better_than_none(rpm: float | None) -> None:
    wasted = simulate(rpm=rpm, tpm=2_400_000).wasted
    assert (wasted < 0.25) if rpm else (wasted > 0.5)
