"""Limits in a real Redis server: the same rule, shared between machines."""

from __future__ import annotations

import random
import warnings

import pytest

from spotmagic.errors import SpotWarning
from spotmagic.limits import Limit
from spotmagic.limits import booking as rule
from spotmagic.limits.booking import Booking, Late, Rates, State
from spotmagic.limits.redis_storage import RedisStorage

from .server import RedisServer


def same(state: State, seen: State) -> bool:
    return seen == pytest.approx(state, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_the_script_and_the_rule_agree_on_every_step(redis_server: RedisServer, seed: int) -> None:
    rng = random.Random(seed)
    storage = RedisStorage(redis_server.url, f"agree {seed}")
    rates = Rates(600, 60_000, 3)
    storage.declare(rates)
    now, state, last = 2e9 + seed, rule.declare(State(), rates), None
    storage._run("ease", now=now)
    state = rule.ease(state)._replace(wrote=now)
    for _ in range(1500):
        now += rng.choice([0.0, rng.expovariate(10), rng.expovariate(1)]) - 5.0 * (rng.random() < 0.01)
        if now < state.wrote:
            state = rule.rebase(state, now)
        step = rng.random()
        if step < 0.6:
            tokens, late, within = rng.uniform(0, 300), rng.choice([0.0, 0.02]), rng.choice([float("inf"), 0.05])
            state, last = rule.book(state, now, 1.0, tokens, late, within)
            given = [float(part) for part in storage._run("book", 1.0, tokens, late, within, "me", 0, now=now)]
            if isinstance(last, Late):
                assert given == pytest.approx([last.wait], abs=1e-6)
                state = state._replace(wrote=now)
            else:
                assert given == pytest.approx([*last[:6], *last.moved], abs=1e-6)
        elif step < 0.7 and isinstance(last, Booking):
            state = rule.undo(state, now, last)
            storage._run("undo", last.serial, *last.moved, last.token_seconds, now=now)
            last = None
        elif step < 0.9:
            given_back = rng.choice([0.0, 0.1]), rng.uniform(-0.3, 0.5)
            state = rule.settle(state, now, *given_back)
            storage._run("settle", *given_back, now=now)
        else:
            pause, cut, started = rng.choice([0.0, rng.expovariate(1)]), rng.random() < 0.5, now - rng.expovariate(1)
            state = rule.heed(state, now, pause, cut, started)._replace(wrote=now)
            storage._run("heed", pause, int(cut), started, now=now)
        assert same(state._replace(wrote=now), storage.seen)


def test_two_limits_of_one_name_share_the_rate(redis_server: RedisServer) -> None:
    one, two = (Limit("shared", rpm=60, backend=redis_server.url) for _ in range(2))
    assert one.try_acquire() is not None
    assert two.try_acquire() is None
    assert two.state().place == "redis"
    assert 0.5 < two.state().wait <= 1.0


def test_slots_are_leases_that_the_dead_do_not_keep(redis_server: RedisServer) -> None:
    mine, other = (RedisStorage(redis_server.url, "slots") for _ in range(2))
    held = mine.take(1)
    assert held is not None
    assert other.take(1) is None
    assert other.running() == 1
    held.free()
    assert (again := other.take(1)) is not None
    again.drop()
    assert other.take(1) is not None
    other._held.clear()
    storage = RedisStorage(redis_server.url, "slots")
    later = storage._now + 31.0
    assert storage._run("take", 1, "somebody", 30.0, now=later) == ["1"]


def test_a_lease_is_renewed_while_it_is_held(redis_server: RedisServer) -> None:
    storage = RedisStorage(redis_server.url, "renewed")
    assert (held := storage.take(1)) is not None
    start = storage._now
    storage.renew()
    assert storage._run("take", 1, "somebody", 30.0, now=start + 29.0) == []
    held.free()


def test_a_server_that_lost_its_memory_starts_again_under_the_declared_rates(redis_server: RedisServer) -> None:
    limit = Limit("flushed", rpm=60, backend=redis_server.url)
    limit.acquire()
    limit._line.storage._client.flushall()
    assert limit.try_acquire() is not None
    assert limit.try_acquire() is None


def test_a_dead_server_is_replaced_by_the_file_with_one_warning_and_asked_again(redis_server: RedisServer) -> None:
    limit, other = (Limit(name, rpm=60, backend=redis_server.url) for name in ("falls", "falls too"))
    permit = limit.acquire()
    redis_server.stop()
    try:
        with pytest.warns(SpotWarning, match="kernels of this machine alone") as told:
            assert limit.try_acquire() is not None
            assert limit.try_acquire() is None  # the file holds the same rate
        assert len(told) == 1
        with pytest.warns(SpotWarning, match="falls too"):
            other.feedback(1.0)
        assert limit.state().place == "file"
        permit.settle(0.5)
        permit.release()
        with pytest.warns(SpotWarning, match="made without"):
            assert Limit("made without", rpm=60, backend=redis_server.url).try_acquire() is not None
    finally:
        redis_server.start()
    limit._line._recover()
    with warnings.catch_warnings():
        assert limit.try_acquire() is not None
    assert limit.state().place == "redis"


async def _two_tasks(limit: Limit) -> list[float]:
    return [(await limit.aacquire()).waited for _ in range(2)]


def test_tasks_wait_for_a_server_limit_too(redis_server: RedisServer) -> None:
    import asyncio

    waits = asyncio.run(_two_tasks(Limit("tasks", rpm=60, backend=redis_server.url)))
    assert waits[0] < 0.5 < waits[1] < 1.5
