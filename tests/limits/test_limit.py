"""What callers of a limit see: pacing, timeouts, giving back, waiting that ends at once, one limit per name."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest
from waiting import soon

from spotmagic.errors import LimitImpossible, LimitTimeout, OptionError, SpotWarning
from spotmagic.limits import Cost, Limit, Limits
from spotmagic.limits.queue import GRACE
from spotmagic.testing import FakeClock


def starts(limit: Limit, clock: FakeClock, calls: int, cost: float = 1) -> list[float]:
    began = clock.monotonic()
    found = []
    for _ in range(calls):
        limit.acquire(cost).release()
        found.append(clock.monotonic() - began)
    return found


def test_calls_are_paced_by_requests() -> None:
    clock = FakeClock()
    assert starts(Limit("a", rpm=600, clock=clock), clock, 4) == pytest.approx([0, 0.1, 0.2, 0.3])


def test_cost_counts_tokens_where_there_is_a_tpm_and_each_call_is_one_request() -> None:
    clock = FakeClock()
    limit = Limit("a", rpm=600, tpm=60_000, clock=clock)
    assert starts(limit, clock, 3, 500) == pytest.approx([0, 0.5, 1.0])
    other = Limit("b", rpm=600, tpm=60_000, clock=clock)
    assert starts(other, clock, 3, 1) == pytest.approx([0, 0.1, 0.2])


def test_a_permit_tells_what_it_waited() -> None:
    limit = Limit("a", rpm=60, clock=FakeClock())
    assert [limit.acquire().waited for _ in range(3)] == pytest.approx([0, 1, 1])


def test_rates_may_be_said_in_words() -> None:
    assert Limit("a", rpm="5/s", tpm="200k/min").rates == (300.0, 200_000.0, 0)


@pytest.mark.parametrize(
    "wrong", [{"rpm": 0}, {"tpm": "fast"}, {"concurrency": 0}, {"concurrency": 1.5}, {"concurrency": True}]
)
def test_what_is_no_rate_is_said_so(wrong: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        Limit("a", **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("cost", [-1, float("nan"), float("inf"), "many", None])
def test_what_is_no_cost_is_said_so(cost: object) -> None:
    with pytest.raises(OptionError):
        Limit("a", rpm=60).acquire(cost)  # type: ignore[arg-type]


def test_a_cost_above_one_minute_is_impossible_at_once_even_behind_a_long_queue() -> None:
    clock = FakeClock()
    limit = Limit("a", tpm=1000, clock=clock)
    limit.acquire(1000)
    with pytest.raises(LimitImpossible, match="1000 tokens"):
        limit.acquire(1001)
    assert clock.slept == []
    assert starts(limit, clock, 1, 1000) == pytest.approx([60.0])


def test_a_timeout_is_raised_as_soon_as_it_is_clear_and_books_nothing() -> None:
    clock = FakeClock()
    limit = Limit("a", rpm=60, clock=clock)
    limit.acquire()
    with pytest.raises(LimitTimeout, match=r"0\.5 s"):
        limit.acquire(timeout=0.5)
    assert clock.slept == []
    assert limit.acquire(timeout=1.5).waited == pytest.approx(1.0)


def test_trying_never_waits() -> None:
    clock = FakeClock()
    limit = Limit("a", rpm=60, clock=clock)
    assert limit.try_acquire() is not None
    assert limit.try_acquire() is None
    clock.advance(1.0)
    assert limit.try_acquire() is not None
    assert clock.slept == []


def test_only_so_many_run_at_a_time() -> None:
    clock = FakeClock()
    limit = Limit("a", concurrency=2, clock=clock)
    one, two = limit.acquire(), limit.acquire()
    assert limit.try_acquire() is None
    with pytest.raises(LimitTimeout, match="all 2 slots"):
        limit.acquire(timeout=1.0)
    one.release()
    one.release()
    three = limit.try_acquire()
    assert three is not None
    assert limit.try_acquire() is None
    with two, three:
        assert limit.state().running == 2
    assert limit.state().running == 0


def test_a_permit_that_nobody_keeps_is_released() -> None:
    limit = Limit("a", concurrency=1)
    limit.acquire()
    gc.collect()
    assert limit.try_acquire() is not None


def test_settled_tokens_go_to_the_next_call() -> None:
    clock = FakeClock()
    limit = Limit("a", tpm=60_000, clock=clock)
    permit = limit.acquire(20_000)
    permit.settle(1_000)
    assert limit.state().wait == pytest.approx(1.0)
    permit.settle(5_000)  # the last word counts
    assert limit.state().wait == pytest.approx(5.0)
    permit.settle(30_000)
    assert limit.state().wait == pytest.approx(30.0)


def test_a_call_that_was_estimated_at_nothing_is_charged_when_it_is_settled() -> None:
    limit = Limit("a", tpm=60_000, clock=FakeClock())
    limit.acquire(0).settle(3_000)
    assert limit.state().wait == pytest.approx(3.0)


def test_a_call_that_failed_gives_its_tokens_back_and_its_request_stays_spent() -> None:
    limit = Limit("a", rpm=60, tpm=60_000, clock=FakeClock())
    with pytest.raises(ZeroDivisionError), limit.acquire(20_000):
        1 / 0  # noqa: B018
    assert limit.state().wait == pytest.approx(1.0)


def test_a_call_that_was_not_made_gives_everything_back() -> None:
    limit = Limit("a", rpm=60, tpm=60_000, concurrency=1, clock=FakeClock())
    limit.acquire(20_000).refund()
    assert limit.try_acquire(1) is not None


def test_a_complaint_slows_and_pauses_everyone() -> None:
    clock = FakeClock()
    one, two = (Limit("a", rpm=600, clock=clock) for _ in range(2))
    permit = one.acquire()
    clock.advance(0.5)
    permit.feedback(3.0)
    state = two.state()
    assert (state.pause, state.factor, state.rpm_now) == pytest.approx((3.0, 0.75, 450.0))
    assert two.acquire().waited == pytest.approx(3.0)
    two.ease()
    assert two.state().factor == 1.0


def test_a_pause_that_comes_during_a_wait_is_waited_for_too() -> None:
    class Pausing(FakeClock):
        def sleep(self, seconds: float) -> None:
            if not self.slept:
                limit.feedback(3.0)
            super().sleep(seconds)

    clock = Pausing()
    limit = Limit("a", rpm=60, clock=clock)
    limit.acquire()
    assert limit.acquire().waited == pytest.approx(4.0)
    clock.slept.clear()
    with pytest.raises(LimitTimeout, match="paused"):
        limit.acquire(timeout=2.0)


def test_a_limit_that_is_not_adaptive_hears_no_complaint() -> None:
    limit = Limit("a", rpm=600, adaptive=False, clock=FakeClock())
    limit.acquire().feedback(3.0)
    limit.feedback(3.0)
    limit.heed({"retry-after": "3"})
    assert (limit.state().pause, limit.state().factor) == (0.0, 1.0)


def test_an_answer_that_says_nothing_is_left_pauses() -> None:
    limit = Limit("a", rpm=600, clock=FakeClock())
    limit.heed({"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "20"})
    assert (limit.state().pause, limit.state().factor) == pytest.approx((20.0, 1.0))


def test_limits_of_one_name_are_one_and_other_names_others() -> None:
    clock = FakeClock()
    one, same, other = Limit("a", rpm=60, clock=clock), Limit("a", clock=clock), Limit("b", rpm=60, clock=clock)
    one.acquire()
    assert same.rates == one.rates
    assert same.try_acquire() is None
    assert other.try_acquire() is not None


def test_the_last_declaration_wins_with_one_warning() -> None:
    first = Limit("declared twice", rpm=60)
    with pytest.warns(SpotWarning, match=r"now 600 requests/min: it was declared as 60 requests/min") as told:
        second = Limit("declared twice", rpm=600)
        Limit("declared twice", rpm=1200)
    assert len(told) == 1
    assert first.rates == second.rates == (1200.0, 0.0, 0)


def test_the_same_declaration_again_says_nothing() -> None:
    with warnings.catch_warnings():
        for _ in range(3):
            Limit("a", rpm=60)


def test_a_place_that_is_none_is_said_so() -> None:
    with pytest.raises(OptionError, match="no place for limits"):
        Limit("a", rpm=60, backend="memcached://localhost")


def test_a_folder_that_cannot_be_made_costs_a_warning(own_home: Path) -> None:
    (own_home / "state").write_text("a file stands here")
    with pytest.warns(SpotWarning, match="by this kernel alone"):
        limit = Limit("homeless", rpm=60)
    assert limit.try_acquire() is not None
    assert limit.try_acquire() is None
    assert limit.state().place == "memory"


def test_the_limits_of_a_spot_are_found_by_name() -> None:
    limits = Limits(clock=FakeClock())
    limit = limits.get("openai", rpm=60)
    assert limits["openai"] is limits.get("openai") is limits.get("openai", rpm=60) is limit
    assert "openai" in limits
    assert list(limits) == ["openai"]
    assert [state.name for state in limits.states()] == ["openai"]
    with pytest.raises(OptionError, match="Did you mean openai"):
        limits["opnai"]


def test_a_limit_that_another_kernel_declared_is_found_by_name() -> None:
    code = "from spotmagic.limits import Limit; Limit('theirs', rpm=60, concurrency=3).acquire()"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert Limits()["theirs"].rates == (60.0, 0.0, 3)
    assert Limit("theirs").try_acquire() is None


def test_state_says_who_waits() -> None:
    limit = Limit("who", rpm=60, concurrency=2)
    permit = limit.acquire()
    threads = [threading.Thread(target=limit.acquire, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert soon(lambda: limit.state().queue)
    state = limit.state()
    assert (state.users[0].process, state.running >= 1, state.queue >= 1) == (str(os.getpid()), True, True)
    assert "60 requests/min; " in str(state) and "60 of 60" not in str(state)
    permit.release()
    for thread in threads:
        thread.join()


# waiting ends at once ------------------------------------------------------------------------------------------


def test_an_interrupt_ends_a_wait_at_once_and_gives_the_booking_back() -> None:
    limit = Limit("a", rpm=1)
    limit.acquire()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        limit.acquire()
    assert time.monotonic() - began < 10
    assert limit.state().wait < 60.0


def test_an_interrupt_ends_a_wait_for_the_turn_and_for_a_slot() -> None:
    limit = Limit("a", concurrency=1)
    permit = limit.acquire()
    waiting = threading.Thread(target=lambda: limit.acquire().release())
    waiting.start()
    assert soon(lambda: limit.state().queue)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            limit.acquire()
    permit.release()
    waiting.join(30)
    assert limit.try_acquire() is not None


INTERRUPTED = """
import random, signal, sys, time
from spotmagic.limits import Limit

def interrupt(*_):
    raise KeyboardInterrupt

limit, rng, count = Limit("interrupted", rpm=6e5, concurrency=2), random.Random(1), 0
signal.signal(signal.SIGALRM, interrupt)
sys.unraisablehook = lambda _: None
while count < 500:
    try:
        signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-6, 400e-6))
        for _ in range(100):                   # an interrupt that falls into __del__ is lost
            with limit.acquire():
                pass
    except KeyboardInterrupt:
        count += 1
signal.setitimer(signal.ITIMER_REAL, 0)
held = [limit.acquire(timeout=30) for _ in range(2)]
assert limit.state().queue == 0 and limit.state().running == 2
print("free")
sys.stdin.read()
"""


def test_interrupts_anywhere_leave_no_slot_no_lock_and_no_place_behind() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "free\n"
        limit = Limit("interrupted")
        assert limit.state().running == 2
        with pytest.raises(LimitTimeout, match="all 2 slots"):
            limit.acquire(timeout=0.1)
        limit.feedback(1.0)  # would wait for ever for a lock that is still held
        process.communicate("")
    assert process.returncode == 0


def test_an_hourly_rate_lets_single_calls_pass() -> None:
    clock = FakeClock()
    assert starts(Limit("a", rpm="6/h", clock=clock), clock, 3) == pytest.approx([0, 600, 1200])


def test_limits_that_are_gone_keep_no_file_open() -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0

    Limit("first", rpm=60)
    before = open_files()
    for number in range(50):
        Limit(f"gone {number}", rpm=60).acquire()
    gc.collect()
    assert open_files() <= before + 4


@pytest.mark.parametrize(
    ("rates", "cost"),
    [({"rpm": 60}, 1), ({"rpm": 1200, "tpm": 480_000}, 400), ({"tpm": 60_000}, 1000), ({"rpm": 5, "tpm": 600}, 10)],
)  # fmt: skip
def test_a_typical_cost_is_guessed_from_the_rates(rates: dict[str, float], cost: float) -> None:
    assert Limit("a", clock=FakeClock(), **rates).typical == cost  # type: ignore[arg-type]


def test_cancelled_tasks_give_their_places_back() -> None:
    async def scenario(limit: Limit) -> float:
        await limit.aacquire()
        tasks = [asyncio.create_task(limit.aacquire()) for _ in range(200)]
        await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return (await limit.aacquire()).waited

    assert asyncio.run(scenario(Limit("a", rpm=600))) < 1  # behind all of them it would be twenty seconds


def test_a_task_is_cancelled_while_it_waits_for_a_slot() -> None:
    async def scenario(limit: Limit) -> None:
        permit = await limit.aacquire()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(limit.aacquire(), 0.05)
        permit.release()
        async with await limit.aacquire(timeout=30):
            assert limit.try_acquire() is None

    asyncio.run(scenario(Limit("a", concurrency=1)))


def test_a_released_slot_goes_to_the_waiting_task_at_once() -> None:
    async def scenario(limit: Limit) -> float:
        permit = await limit.aacquire()
        waiting = asyncio.create_task(limit.aacquire())
        await asyncio.sleep(0.1)
        began = time.monotonic()
        permit.release()
        await waiting
        return time.monotonic() - began

    assert min(asyncio.run(scenario(Limit("a", concurrency=1))) for _ in range(5)) < 0.05  # others may hold one up


def test_tasks_go_in_the_order_they_came() -> None:
    clock = FakeClock()
    order: list[int] = []

    async def one(limit: Limit, number: int) -> None:
        await limit.aacquire()
        order.append(number)

    async def scenario() -> None:
        limit = Limit("a", rpm=60, clock=clock)
        await asyncio.gather(*(one(limit, number) for number in range(50)))

    asyncio.run(scenario())
    assert order == list(range(50))
    assert clock.monotonic() - 1000.0 == pytest.approx(49.0)


def test_a_task_that_loses_its_loop_leaves_the_queue() -> None:
    limit = Limit("a", rpm=600)
    limit.acquire()
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(limit.aacquire())
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    waiting._log_destroy_pending = False  # type: ignore[attr-defined]
    del waiting
    gc.collect()
    assert limit.acquire(timeout=30).waited < 2


def test_a_thread_does_not_wait_behind_tasks_of_the_loop_it_blocks() -> None:
    """In a notebook: tasks wait in the background, and a cell calls the limit in the loop's own thread."""

    async def scenario(limit: Limit) -> tuple[float, list[float]]:
        await limit.aacquire()
        tasks = [asyncio.create_task(limit.aacquire()) for _ in range(3)]
        await asyncio.sleep(0.01)
        waited = limit.acquire(timeout=30).waited
        return waited, [(await task).waited for task in tasks]

    waited, others = asyncio.run(scenario(Limit("a", rpm=120)))
    assert waited < 1.4  # the next place, and not the fourth
    assert others == sorted(others)
    assert others[-1] < 4


def test_threads_do_not_wait_behind_tasks_of_a_loop_that_is_busy() -> None:
    limit = Limit("a", rpm=600)
    limit.acquire()
    done: list[float] = []

    async def busy() -> list[float]:
        tasks = [asyncio.create_task(limit.aacquire()) for _ in range(3)]
        await asyncio.sleep(0.01)
        thread = threading.Thread(target=lambda: done.append(limit.acquire(timeout=30).waited))
        thread.start()
        time.sleep(0.01)
        thread.join()  # a long cell: the loop does not answer meanwhile
        return [(await task).waited for task in tasks]

    others = asyncio.run(busy())
    assert done[0] < GRACE + 0.5
    assert others == sorted(others)


# costs ------------------------------------------------------------------------------------------


def test_a_cost_is_a_number_a_function_of_the_arguments_or_the_mean_of_the_last_fifty() -> None:
    def summarise(doc: str, model: str = "small") -> str:
        return doc + model

    assert Cost(7).estimate(("a",), {}) == 7
    assert Cost(lambda doc: len(doc), summarise).estimate(("four",), {"model": "large"}) == 4
    assert Cost(lambda model, doc: len(model) + len(doc), summarise).estimate((), {"doc": "four"}) == 9
    assert Cost(lambda *given, **named: len(given) + len(named), summarise).estimate(("a",), {"model": "b"}) == 2
    mean = Cost("mean", first=500)
    assert mean.estimate() == 500
    for actual in (1e9, *range(50)):
        mean.learn(actual)
    assert mean.estimate() == pytest.approx(24.5)


@pytest.mark.parametrize("rule", [-1, "median", None, True])
def test_what_is_no_cost_rule_is_said_so(rule: object) -> None:
    with pytest.raises(OptionError):
        Cost(rule)  # type: ignore[arg-type]


def test_a_cost_function_that_gives_no_cost_is_said_so() -> None:
    with pytest.raises(OptionError, match="cost='x'"):
        Cost(lambda: "x").estimate()
