"""The arithmetic of a limit against a model that knows only levels that drain, and against its promises."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from spotmagic.limits.booking import (
    CUT,
    CUT_EVERY,
    GROWTH,
    LEAST,
    LONGEST_PAUSE,
    PATIENCE,
    SLACK,
    TOLERANCE,
    Booking,
    Late,
    Rates,
    State,
    book,
    cut,
    declare,
    ease,
    factor,
    freeze,
    left,
    rebase,
    settle,
    undo,
)


def fresh(rpm: float = 600, tpm: float = 0) -> State:
    return declare(State(), Rates(rpm, tpm))


def booked(
    state: State, now: float, requests: float = 1, tokens: float = 0, late: float = 0.0
) -> tuple[State, Booking]:
    state, booking = book(state, now, requests, tokens, late)
    assert isinstance(booking, Booking)
    return state, booking


@dataclass
class Bucket:
    """A level in units that drains at a rate down to zero; below zero it is credit, which stays."""

    rate: float
    level: float = 0.0

    def drain(self, seconds: float) -> None:
        if self.level > 0:
            self.level = max(0.0, self.level - self.rate * seconds)


@dataclass
class Model:
    """Two buckets and the moment up to which they are simulated: the last start, or what came after it."""

    buckets: list[Bucket]
    moment: float = 0.0
    pause: float = 0.0
    starts: list[tuple[float, float, float]] = field(default_factory=list)

    def go_to(self, moment: float) -> None:
        if moment > self.moment:
            for bucket in self.buckets:
                bucket.drain(moment - self.moment)
            self.moment = moment

    def book(self, now: float, costs: tuple[float, float], late: float) -> float:
        self.go_to(max(now - min(late, SLACK), self.pause))
        waits = max(0.0, *(bucket.level / bucket.rate for bucket in self.buckets))
        self.moment += waits
        for bucket in self.buckets:  # what waits for the other bucket keeps a part of what passes meanwhile
            bucket.level = max(bucket.level - bucket.rate * waits, min(bucket.level, -bucket.rate * PATIENCE))
        for bucket, cost in zip(self.buckets, costs, strict=True):
            bucket.level += cost
        return self.moment

    def settle(self, now: float, units: tuple[float, float]) -> None:
        self.go_to(now - SLACK)
        for bucket, unit in zip(self.buckets, units, strict=True):
            if unit:
                bucket.level = max(bucket.level - unit, -bucket.rate * TOLERANCE)

    def freeze(self, now: float, seconds: float) -> None:
        begin = max(now, self.pause)
        if now + seconds > begin:
            self.go_to(begin)
            self.moment += now + seconds - begin
            self.pause = now + seconds


@pytest.mark.parametrize("seed", range(10))
def test_every_start_is_the_one_of_draining_buckets(seed: int) -> None:
    """10^5 random steps in all: bookings, settlings up and down, pauses, idle times, late wake-ups."""
    rng = random.Random(seed)
    rpm, tpm = rng.choice([60, 600, 6000]), rng.choice([1000, 60_000, 480_000])
    state, model, now = fresh(rpm, tpm), Model([Bucket(rpm / 60), Bucket(tpm / 60)]), 1000.0
    for _ in range(10_000):
        now += rng.choice([0.0, 0.0, rng.expovariate(rpm / 60), rng.expovariate(rpm / 600)])
        step = rng.random()
        if step < 0.7:
            tokens, late = rng.uniform(1, tpm / rpm * 3), rng.choice([0.0, rng.uniform(0, 0.02)])
            state, booking = booked(state, now, 1, tokens, late)
            assert booking.start == pytest.approx(model.book(now, (1, tokens), late), abs=1e-6)
            assert booking.wait == pytest.approx(max(0.0, booking.start - now), abs=1e-9)
            now = max(now, rng.choice([now, booking.start]))
        elif step < 0.97:
            units = (rng.choice([0.0, 0.0, 1.0]), rng.uniform(-0.3, 1) * tpm / rpm * 2)
            state = settle(state, now, units[0] * 60 / rpm, units[1] * 60 / tpm)
            model.settle(now, units)
        else:
            pause = rng.expovariate(1.0)
            state = freeze(state, now, pause)
            model.freeze(now, pause)


def worst(starts: list[tuple[float, float]], window: float) -> float:
    """The largest sum of costs in any closed window of that length."""
    most, first, total = 0.0, 0, 0.0
    for start, cost in starts:
        total += cost
        while starts[first][0] < start - window:
            total -= starts[first][1]
            first += 1
        most = max(most, total)
    return most


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("window", [1.0, 3.7, 60.0])
def test_no_window_of_a_second_or_more_holds_more_than_the_limit_and_one_call(seed: int, window: float) -> None:
    rng = random.Random(seed)
    rpm, state, now, starts = 600, fresh(600), 50.0, []
    for _ in range(4000):
        if rng.random() < 0.02:
            now += rng.uniform(0, 30)  # nobody calls: that earns nothing
        state, booking = booked(state, now, late=rng.choice([0.0, 5.0]))
        now = max(now, booking.start)
        starts.append((now, 1.0))
        now += rng.choice([0.0, 0.004, 0.0, 0.3])
    assert worst(starts, window) <= rpm / 60 * (window + 0.01) + 1


@pytest.mark.parametrize("seed", range(5))
def test_settled_costs_pass_the_limit_by_the_tolerance_and_one_call_at_most(seed: int) -> None:
    rng = random.Random(seed)
    rate, state, now, starts = 1000.0, fresh(0, 60_000), 50.0, []
    for _ in range(4000):
        reserved = rng.uniform(50, 400)
        state, booking = booked(state, now, 1, reserved)
        now = max(now, booking.start)
        actual = rng.uniform(0, reserved)
        starts.append((now, actual))
        state = settle(state, now + rng.uniform(0, 3), 0.0, (reserved - actual) / rate)
        if rng.random() < 0.02:
            now += rng.uniform(0, 20)
    for window in (1.0, 5.0):
        assert worst(starts, window) <= rate * (window + TOLERANCE) + 400


def test_the_first_call_goes_at_once_and_the_rest_are_paced() -> None:
    state, starts = fresh(600), []
    for _ in range(5):
        state, booking = booked(state, 100.0)
        starts.append(booking.start)
    assert starts == pytest.approx([100.0, 100.1, 100.2, 100.3, 100.4])


def test_idle_time_earns_nothing() -> None:
    state, _ = booked(fresh(600), 100.0)
    state, first = booked(state, 5000.0)
    state, second = booked(state, 5000.0)
    assert (first.wait, second.wait) == pytest.approx((0.0, 0.1))


def test_a_late_wake_up_loses_no_capacity_up_to_the_slack() -> None:
    state, first = booked(fresh(6000), 100.0)
    state, second = booked(state, first.start + 0.013, late=0.013)
    assert second.start == pytest.approx(100.01)
    state, third = booked(state, 200.0, late=50.0)
    assert third.start == pytest.approx(200.0 - SLACK)


def test_what_settling_gives_back_is_spent_sooner_up_to_the_tolerance() -> None:
    state, _ = booked(fresh(0, 60_000), 100.0, 1, 30_000)
    early = settle(state, 101.0, 0.0, 29.0)
    assert booked(early, 101.0, 1, 1)[1].start == pytest.approx(101.0)
    late = settle(state, 160.0, 0.0, 29.0)  # its time has passed: only the tolerance of it is left
    late, credit = booked(late, 160.0, 1, 900)
    late, more = booked(late, 160.0, 1, 900)
    assert credit.wait == more.wait == 0.0
    assert booked(late, 160.0, 1, 1)[1].wait == pytest.approx(0.8)


def test_a_call_larger_than_a_second_of_the_limit_passes_and_those_after_it_pay() -> None:
    state, big = booked(fresh(0, 60_000), 100.0, 1, 8000)
    assert big.wait == 0.0
    assert booked(state, 100.0, 1, 1)[1].wait == pytest.approx(8.0)


def test_the_slower_dimension_decides_and_the_other_gains_little_from_waiting() -> None:
    state, _ = booked(fresh(600, 60_000), 100.0, 1, 5000)
    waits = []
    for _ in range(5):
        state, booking = booked(state, 100.0, 1, 1)
        waits.append(booking.wait)
    assert waits == pytest.approx([5.0, 5.001, 5.002, 5.1 - PATIENCE + 0.2, 5.1 - PATIENCE + 0.3], abs=0.01)


def test_a_booking_too_late_for_the_caller_changes_nothing() -> None:
    state, _ = booked(fresh(600), 100.0)
    assert book(state, 100.0, 1, 0, 0.0, 0.05) == (state, Late(pytest.approx(0.1)))


def test_the_last_booking_is_taken_back_whole() -> None:
    state, _ = booked(fresh(600, 6000), 100.0, 1, 50)
    after, booking = booked(state, 100.0, 1, 5000)
    back = undo(after, 100.3, booking)
    assert back._replace(wrote=state.wrote) == pytest.approx(state)


def test_taking_back_an_older_booking_loses_the_request_and_returns_the_tokens() -> None:
    state, _ = booked(fresh(600, 60_000), 100.0, 1, 100)
    state, mine = booked(state, 100.0, 1, 500)
    state, _ = booked(state, 100.0, 1, 100)
    back = undo(state, 100.0, mine)
    assert back.requests == state.requests
    assert back.tokens == pytest.approx(state.tokens - 0.5)


def test_a_pause_moves_every_booked_start_that_has_not_come() -> None:
    state, _ = booked(fresh(600), 100.0)
    state, second = booked(state, 100.0)
    state, third = booked(state, 100.0)
    paused = freeze(state, 100.05, 5.0)
    assert left(paused, 100.05, second) == pytest.approx(5.05)
    assert left(paused, 100.05, third) == pytest.approx(5.15)
    assert booked(paused, 100.05)[1].start == pytest.approx(105.3)


def test_a_shorter_pause_within_a_longer_one_adds_nothing() -> None:
    paused = freeze(fresh(), 100.0, 5.0)
    assert freeze(paused, 101.0, 2.0) is paused
    assert freeze(paused, 101.0, 6.0).pause == pytest.approx(107.0)


def test_no_pause_is_longer_than_ten_minutes() -> None:
    assert freeze(fresh(), 100.0, 1e9).pause == pytest.approx(100.0 + LONGEST_PAUSE)


def test_after_a_pause_calls_are_paced_not_released_at_once() -> None:
    state = freeze(fresh(600), 100.0, 5.0)
    starts = []
    for _ in range(3):
        state, booking = booked(state, 100.0)
        starts.append(booking.start)
    assert starts == pytest.approx([105.0, 105.1, 105.2])


def test_complaints_cut_the_rate_once_a_second_and_it_grows_back() -> None:
    state = cut(fresh(600), 100.0, 99.9)
    assert factor(state, 100.0) == CUT
    assert cut(state, 100.0 + CUT_EVERY / 2, 100.2) is state
    assert cut(state, 101.5, 99.9) is state  # its call started before the cut: no news
    assert factor(state, 110.0) == pytest.approx(CUT + 10 * GROWTH)
    assert factor(state, 1e6) == 1.0
    assert factor(cut(state, 101.5, 101.4), 101.5) == pytest.approx(CUT * (CUT + 1.5 * GROWTH))
    assert factor(ease(state), 100.0) == 1.0


def test_no_number_of_cuts_stops_a_limit() -> None:
    state = fresh(600)
    for second in range(100):
        state = cut(state, 100.0 + 2 * second, 100.0 + 2 * second)
    assert factor(state, 298.0) >= LEAST
    assert booked(state, 299.0)[1].request_seconds <= 0.1 / LEAST


def test_a_cut_slows_the_bookings_after_it() -> None:
    state, _ = booked(cut(fresh(600), 100.0, 100.0), 100.0)
    assert booked(state, 100.0)[1].wait == pytest.approx(0.1 / CUT)


def test_a_clock_that_was_set_back_keeps_the_distances() -> None:
    state, _ = booked(fresh(600), 5000.0, 30)
    assert rebase(state, 4999.5) is state
    assert booked(rebase(state, 1000.0), 1000.0)[1].wait == pytest.approx(3.0)


def test_a_clock_that_jumps_ahead_earns_nothing() -> None:
    state, _ = booked(fresh(600), 100.0)
    state, first = booked(rebase(state, 9e5), 9e5)
    assert first.wait == 0.0
    assert booked(state, 9e5)[1].wait == pytest.approx(0.1)


def test_other_rates_hold_from_the_next_booking() -> None:
    state, _ = booked(fresh(600), 100.0)
    state, second = booked(declare(state, Rates(60)), 100.0)
    assert second.wait == pytest.approx(0.1)
    assert booked(state, 100.0)[1].wait == pytest.approx(1.1)
