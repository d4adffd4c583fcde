"""A limiter on a function: hits are free in either order, attempts pass it again, costs settle."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from spotmagic import Retry, Spot, last, running
from spotmagic.errors import LimitImpossible, LimitTimeout, OptionError, SpotWarning
from spotmagic.testing import FakeClock


@pytest.fixture
def spot(tmp_path: Path, clock: FakeClock) -> Iterator[Spot]:
    with Spot("limited", root=tmp_path, clock=clock) as spot:
        yield spot


def work(x: int) -> int:
    return x + 1


@pytest.mark.parametrize("outside", [True, False])
def test_hits_are_free_in_either_order(spot: Spot, clock: FakeClock, outside: bool) -> None:
    limit = spot.limiter(rpm=60)
    f = limit(spot.mark(work)) if outside else spot.mark(limit(work))
    for x in (1, 2, 3):
        f(x)
    waited = sum(clock.slept)
    assert waited == pytest.approx(2.0, abs=0.1)
    for x in (1, 2, 3, 1, 2, 3):
        f(x)
    assert sum(clock.slept) == waited
    assert last().verdict == "hit"


def test_the_wait_is_told_and_is_no_part_of_the_run(spot: Spot) -> None:
    f = spot.mark(spot.limiter(rpm=60)(work))
    f(1), f(2)
    assert last().waited == pytest.approx(1.0, abs=0.1) and last().seconds < 0.5


def test_an_unmarked_function_is_paced_on_every_call(spot: Spot, clock: FakeClock) -> None:
    f = spot.limiter(rpm=60)(work)
    assert [f(1), f(1), f(1)] == [2, 2, 2]
    assert sum(clock.slept) == pytest.approx(2.0, abs=0.1)


def test_async_functions_are_paced_too(spot: Spot, clock: FakeClock) -> None:
    @spot.limiter(rpm=60)
    async def fetch(x: int) -> int:
        return x

    async def main() -> list[int]:
        return await asyncio.gather(*(fetch(x) for x in range(3)))

    assert asyncio.run(main()) == [0, 1, 2]
    assert sum(clock.slept) >= 1.9


def test_a_spots_rates_hold_for_every_limiter_that_names_none(tmp_path: Path, clock: FakeClock) -> None:
    with Spot("shared", root=tmp_path, clock=clock, rpm=60) as spot:
        f, g = spot.limiter()(work), spot.limiter()(lambda x: x)
        f(1), g(1), f(1)
        assert sum(clock.slept) == pytest.approx(2.0, abs=0.1)
        assert list(spot.limits) == ["spot shared"]


def test_what_a_call_did_cost_is_settled_inside_it_or_by_its_result(spot: Spot, clock: FakeClock) -> None:
    @spot.limiter(cost=600, tpm=600)
    def told(x: int) -> int:
        running().cost(tokens=1)
        return x

    @spot.limiter(cost=600, tpm=600, settle=lambda result: result)
    def counted(x: int) -> int:
        return 1

    for f in (told, counted):
        clock.slept.clear()
        f(1), f(2)
        assert sum(clock.slept) < 2, f.__name__  # 60 s if the estimate had stayed


@pytest.mark.parametrize("limited_last", [False, True])
def test_class_methods_are_limited_in_either_order(spot: Spot, limited_last: bool) -> None:
    limit = spot.limiter(rpm=60_000)

    class Owner:
        def name(cls) -> str:
            return cls.__name__  # type: ignore[attr-defined, no-any-return]

        limited = limit(classmethod(name))
        kept = limit(spot.mark(classmethod(name))) if limited_last else spot.mark(limit(classmethod(name)))

    assert Owner.limited() == Owner.kept() == Owner.kept() == "Owner"  # type: ignore[call-arg, misc]
    assert last().verdict == "hit"


def test_a_settle_that_fails_costs_no_result(spot: Spot) -> None:
    f = spot.limiter(tpm=600, settle=lambda result: 1 / 0)(work)
    with pytest.warns(SpotWarning, match="settle= of"):
        assert f(1) == 2


def test_impossible_costs_and_timeouts_are_errors_and_nothing_has_run(spot: Spot) -> None:
    runs: list[int] = []
    with pytest.raises(LimitImpossible):
        spot.limiter(cost=1000, tpm=600, name="small")(runs.append)(1)
    f = spot.limiter(rpm=1, timeout="5s", name="slow")(runs.append)
    f(1)
    with pytest.raises(LimitTimeout):
        f(2)
    assert runs == [1]


def test_a_limiter_without_a_rate_is_an_error(spot: Spot) -> None:
    with pytest.raises(OptionError, match="rpm"):
        spot.limiter()
    with pytest.raises(OptionError, match="rate"):
        spot.limiter(rpm="fast")(work)


def test_each_attempt_passes_the_limit_again_and_the_last_error_lists_all(spot: Spot, clock: FakeClock) -> None:
    tries: list[int] = []

    @spot.mark(retry=Retry(attempts=3, on=(ConnectionError,), wait=0.001), ignore="tries")
    @spot.limiter(rpm=60)
    def flaky(x: int, tries: list[int]) -> int:
        tries.append(x)
        if len(tries) % 3:
            raise ConnectionError(f"try {len(tries)}")
        return x

    assert flaky(1, tries) == 1 and len(tries) == 3
    assert sum(clock.slept) == pytest.approx(2.0, abs=0.1)
    tries[:] = [0]
    broken = spot.mark(retry=Retry(attempts=2, on=(ValueError,), wait=0.001))(int)
    with pytest.raises(ValueError, match="invalid literal") as info:
        broken("x")
    assert "tried 2 times" in info.value.__notes__[0]


def test_a_429_slows_the_next_call(spot: Spot, clock: FakeClock) -> None:
    class TooFast(Exception):
        retry_after = 30.0
        status_code = 429

    @spot.limiter(rpm=6000)
    def call(x: int) -> int:
        if x == 0:
            raise TooFast
        return x

    with pytest.raises(TooFast):
        call(0)
    clock.slept.clear()
    call(1)
    assert sum(clock.slept) >= 29


def test_a_number_of_attempts_is_a_retry_and_zero_is_none(spot: Spot) -> None:
    tries: list[int] = []

    def fails(x: int, tries: list[int]) -> int:
        tries.append(x)
        raise ConnectionError

    for attempts in (2, 0):
        tries.clear()
        with pytest.raises(ConnectionError):
            spot.mark(retry=attempts, ignore="tries")(fails)(1, tries)
        assert len(tries) == max(1, attempts)
    with pytest.raises(OptionError, match="retry"):
        spot.mark(retry="often")(fails)
