"""Many calls: each distinct one runs once, what failed is told, and nothing is held that was asked already."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spotmagic import Retry, Spot
from spotmagic.errors import BatchFailed, BudgetSpent, OptionError


def double(x: int) -> int:
    return 2 * x


def test_values_come_in_the_order_of_the_inputs(spot: Spot) -> None:
    """However the calls end, ``values`` is a list as long as the inputs."""
    batch = spot.map(double, range(100))
    assert batch.values() == [2 * x for x in range(100)]
    assert batch.status == "done" and batch.done() and not batch.failed


def test_a_second_run_asks_nothing(spot: Spot) -> None:
    calls: list[int] = []
    f = spot.mark(ignore="calls")(lambda x: calls.append(x) or x)
    f.map(range(20), progress=False)
    again = f.map(range(25), progress=False)
    assert sorted(calls) == list(range(25))
    assert again.progress.cached == 20
    assert [item.verdict for item in again] == ["hit"] * 20 + ["ran"] * 5
    assert next(iter(again)).outcome.verdict == "hit"


def test_twenty_thousand_inputs_run_once_for_each_distinct_one(spot: Spot) -> None:
    """Hits, failures, retries and duplicates together: one execution for each key, and the failures exact."""
    ran: Counter[int] = Counter()
    lock = threading.Lock()

    def ask(x: int) -> int:
        with lock:
            ran[x] += 1
            times = ran[x]
        if x % 100 in (1, 2, 3):
            raise ValueError(f"no {x}")
        if x % 100 == 4 and times == 1:
            raise TimeoutError("later")
        return x + 1

    marked = spot.mark(version="1", ignore=("ran", "lock"))(ask)
    for x in range(5000, 5200):
        if x % 100 not in (1, 2, 3, 4):
            marked(x)
    before = Counter(ran)
    inputs = [*range(10_000), *range(10_000)]
    batch = spot.map(marked, inputs, retry=Retry(2, wait=0), progress=False)
    bad = {x for x in range(10_000) if x % 100 in (1, 2, 3)}
    assert {one.input for one in batch.failed} == bad
    assert len(batch.failed) == 2 * len(bad)
    assert all(ran[x] == (2 if x % 100 == 4 else 1) for x in range(10_000)), ran - before
    assert batch.values(missing=None) == [None if x in bad else x + 1 for x in inputs]
    assert batch.progress.failed == 600 and batch.progress.done == 20_000


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    inputs=st.lists(st.integers(0, 6), max_size=40),
    bad=st.sets(st.integers(0, 6)),
    size=st.integers(1, 5),
    order=st.sampled_from(["input", "done"]),
)
def test_any_mixture_gives_what_a_loop_gives(inputs: list[int], bad: set[int], size: int, order: str) -> None:
    ran: Counter[int] = Counter()

    def ask(x: int) -> int:
        ran[x] += 1
        if x in bad:
            raise ValueError(x)
        return x * x

    with Spot.temporary() as spot:
        marked = spot.mark(version="1", ignore="ran")(ask)
        batch = spot.map(marked, inputs, concurrency=size, order=order, progress=False)
        assert batch.values(missing=-1) == [-1 if x in bad else x * x for x in inputs]
        assert ran == Counter(set(inputs))
        items = list(batch)
        assert sorted(item.index for item in items) == list(range(len(inputs)))
        if order == "input":
            assert [item.input for item in items] == inputs


def test_several_iterables_are_taken_side_by_side(spot: Spot) -> None:
    assert spot.map(lambda a, b: a + b, ["a", "b"], ["x", "y"]).values() == ["ax", "by"]
    with pytest.raises(OptionError, match="2 and 3"):
        spot.map(lambda a, b: a, [1, 2], [1, 2, 3])


def test_star_spreads_dicts_over_names_and_tuples_over_places(spot: Spot) -> None:
    rows = [{"a": 1, "b": 2}, {"b": 5, "a": 3}]
    assert spot.map(lambda a, b: a - b, rows, star=True).values() == [-1, -2]
    assert spot.map(lambda a, b: a - b, [(7, 2)], star=True).values() == [5]
    assert spot.map(lambda pair: pair, [(7, 2)]).values() == [(7, 2)]


@pytest.mark.parametrize(
    ("inputs", "why"), [("abc", "each letter"), ({"a": 1}, "keys"), (5, "iterated"), (b"abc", "each letter")]
)
def test_inputs_that_nobody_means_are_refused(spot: Spot, inputs: Any, why: str) -> None:
    with pytest.raises(OptionError, match=why):
        spot.map(double, inputs)


def test_a_data_frame_is_refused_with_what_to_say(spot: Spot) -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(OptionError, match="names of its columns.*to_dict"):
        spot.map(double, pandas.DataFrame({"x": [1]}))
    assert spot.map(str, pandas.Series(["a"]), progress=False).values() == ["a"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"concurency": 3}, "Did you mean concurrency"),
        ({"concurrency": 0}, "concurrency=0"),
        ({"order": "inputs"}, "Did you mean input"),
        ({"on_error": "raise"}, "on_error"),
        ({"max_failures": -1}, "max_failures"),
        ({"samples": 0}, "samples"),
        ({"retry": "x"}, "attempts|retry"),
    ],
)
def test_wrong_options_name_the_right_ones(spot: Spot, options: dict[str, Any], why: str) -> None:
    with pytest.raises(OptionError, match=why):
        spot.map(double, [1], **options)


class Crawler:
    """What users mean to give by its method."""

    def process(self, page: str) -> str:
        return page

    def finish(self) -> None:
        pass


class Reader:
    def read(self, page: str) -> str:
        return page

    def skim(self, page: str) -> str:
        return page


@pytest.mark.parametrize(("given", "way"), [(Crawler(), r"\.process$"), (Reader(), r"\.read or \.skim$")])
def test_an_object_is_refused_with_the_method_that_may_be_meant(spot: Spot, given: Any, way: str) -> None:
    asks: list[Any] = [lambda: spot.map(given, [1]), lambda: asyncio.run(spot.amap(given, [1]))]
    asks += [lambda: spot.submit(given, 1), lambda: spot.job(given, 1), lambda: spot.mark(given)]
    asks += [lambda: spot.limiter(rpm=60)(given)]
    for ask in asks:
        with pytest.raises(OptionError, match=rf"was given {type(given).__name__}, which cannot be called.*{way}"):
            ask()
    for what in ([1], None, 5):
        with pytest.raises(OptionError, match="cannot be called"):
            spot.submit(what, 1)  # type: ignore[arg-type]
    assert spot.map(Crawler().process, ["a"], progress=False).values() == ["a"]


def test_the_function_comes_first(spot: Spot) -> None:
    with pytest.raises(OptionError, match="comes first"):
        spot.map([1, 2], double)  # type: ignore[arg-type]


def test_an_iterable_that_raises_ends_the_batch_with_what_is_done(spot: Spot) -> None:
    def source() -> Iterator[int]:
        yield from range(5)
        raise OSError("gone")

    f = spot.mark(double)
    with pytest.raises(OSError, match="gone"):
        spot.map(f, source(), progress=False)
    assert [f.peek(x) for x in range(5)] == [0, 2, 4, 6, 8]
    batch = spot.map(f, source(), progress=False, background=True)
    assert batch.wait(20) and batch.status == "failed"
    assert batch.values(missing=None) == [0, 2, 4, 6, 8]
    with pytest.raises(OSError, match="gone"):
        batch.values()


def test_inputs_are_taken_in_the_thread_of_the_caller(spot: Spot) -> None:
    """A cursor of SQLite refuses any other thread."""
    base = sqlite3.connect(":memory:")
    base.executescript("create table t(x); insert into t values (1), (2), (3)")
    assert spot.map(double, (row[0] for row in base.execute("select x from t"))).values() == [2, 4, 6]


def test_inputs_are_taken_as_they_are_needed(spot: Spot) -> None:
    """An endless iterable is asked no further than calls can begin."""
    taken = itertools.count()
    gate = threading.Event()
    batch = spot.map(lambda x: gate.wait() and x, taken, concurrency=3, background=True, progress=False)
    first = iter(batch)
    gate.set()
    assert next(first).index == 0
    batch.stop()
    assert batch.wait(20) and batch.status == "stopped"
    assert len(list(batch)) == batch.progress.done


def test_a_stream_holds_no_more_than_a_window(spot: Spot) -> None:
    taken = itertools.count()
    batch = spot.map(lambda x: x, taken, keep=False, background=True, progress=False)
    seen = [item.value for item in itertools.islice(batch, 1000)]
    assert seen == list(range(1000))
    assert next(taken) <= 1000 + 300
    batch.stop()
    assert batch.wait(20)


def test_equal_inputs_under_way_take_no_slot(spot: Spot) -> None:
    """Nine equal inputs and another one: the other one runs beside the first."""
    other = threading.Event()

    def ask(x: int) -> int:
        assert x or other.wait(20)
        if x:
            other.set()
        return x

    batch = spot.map(spot.mark(version="1", ignore="other")(ask), [0] * 9 + [1], concurrency=2, progress=False)
    assert batch.values() == [0] * 9 + [1]
    assert [item.verdict for item in batch].count("ran") == 2


def test_a_call_that_waits_to_try_again_holds_no_slot(spot: Spot) -> None:
    """With one slot, the others run while the first one waits; afterwards never two at once."""
    rest, running, most = threading.Event(), [], []

    def ask(x: int) -> int:
        running.append(x)
        most.append(len(running))
        try:
            if x == 0 and not rest.is_set():
                raise TimeoutError("busy")
            if x == 9:
                rest.set()
            return x
        finally:
            running.remove(x)

    batch = spot.map(
        spot.mark(version="1", ignore=("rest", "running", "most"))(ask),
        range(10),
        concurrency=1,
        retry=Retry(50, wait=0.02),
        progress=False,
    )
    assert batch.values() == list(range(10))
    assert max(most) == 1


def test_on_error_stop_stops_at_the_first_failure(spot: Spot) -> None:
    def ask(x: int) -> int:
        if x == 3:
            raise ValueError("three")
        return x

    with pytest.raises(BatchFailed, match="1 input of .*ask failed: 1 ValueError, first: 3 raised") as caught:
        spot.map(ask, itertools.count(), concurrency=1, on_error="stop", progress=False)
    batch = caught.value.batch
    assert batch.values(missing=None)[:5] == [0, 1, 2, None, *batch.values(missing=None)[4:5]]
    assert [one.index for one in caught.value.failed] == [3]


def test_max_failures_lets_as_many_pass(spot: Spot) -> None:
    def ask(x: int) -> int:
        raise ValueError(x)

    with pytest.raises(BatchFailed):
        spot.map(ask, range(50), concurrency=1, max_failures=4, progress=False)
    assert len(spot.map(ask, range(4), max_failures=4, progress=False).failed) == 4


def test_a_spent_budget_stops_the_batch(tmp_path: Path) -> None:
    with Spot("b", root=tmp_path, budget=3.0) as spot:
        paid = spot.mark(price=1.0)(double)
        with pytest.raises(BudgetSpent):
            spot.map(paid, range(10), progress=False)
        assert len(spot.entries()) <= 3


def test_failed_inputs_are_asked_again_alone(spot: Spot) -> None:
    broken, asked = {3, 5}, []

    def ask(x: int) -> int:
        asked.append(x)
        if x in broken:
            raise ValueError(x)
        return x

    batch = spot.map(spot.mark(version="1", ignore=("asked", "broken"))(ask), range(8), progress=False)
    with pytest.raises(BatchFailed, match="2 inputs"):
        batch.values()
    broken.clear()
    asked.clear()
    assert batch.retry_failed().values() == list(range(8))
    assert sorted(asked) == [3, 5] and not batch.failed


def test_samples_ask_each_input_so_many_times(spot: Spot) -> None:
    count = itertools.count()
    f = spot.mark(version="1", ignore="count")(lambda x: (x, next(count)))
    batch = f.map(["a", "b"], samples=3, progress=False)
    values = batch.values()
    assert [len(one) for one in values] == [3, 3] and len({n for one in values for _, n in one}) == 6
    assert {x for x, _ in values[0]} == {"a"}
    assert f.map(["a", "b"], samples=3, progress=False).values() == values
    assert [item.sample for item in batch] == [0, 1, 2] * 2


def test_methods_are_asked_through_their_object(spot: Spot) -> None:
    class Model:
        def __init__(self, name: str) -> None:
            self.name = name

        @spot.mark
        def ask(self, x: int) -> str:
            return f"{self.name}{x}"

    assert Model("a").ask.map([1, 2], progress=False).values() == ["a1", "a2"]
    assert spot.map(Model("b").ask, [1], progress=False).values() == ["b1"]


def test_context_variables_are_those_of_the_caller(spot: Spot) -> None:
    user = contextvars.ContextVar("user", default="nobody")

    def ask(x: int) -> str:
        seen = user.get()
        user.set(f"call {x}")
        return seen

    async def aask(x: int) -> str:
        return ask(x)

    user.set("ada")
    assert set(spot.map(spot.mark(version="1")(ask), range(5), concurrency=1, progress=False).values()) == {"ada"}
    assert set(spot.map(spot.mark(version="1")(aask), range(5), progress=False).values()) == {"ada"}
    assert user.get() == "ada"


def test_without_spotmagic_a_batch_is_a_plain_one(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTMAGIC_OFF", "1")
    asked: list[int] = []
    for _ in range(2):
        assert spot.map(lambda x: asked.append(x) or x, [1, 1], progress=False).values() == [1, 1]
    assert asked == [1, 1, 1, 1]


def test_a_data_frame_tells_inputs_values_and_cost(spot: Spot) -> None:
    pytest.importorskip("pandas")

    @spot.mark(price=0.5)
    def ask(text: str, n: int) -> int:
        if n == 2:
            raise ValueError("two")
        return n

    table = spot.map(ask, [{"text": "a", "n": 1}, {"text": "b", "n": 2}], star=True, progress=False).df()
    assert list(table.columns) == ["text", "n", "value", "error", "verdict", "cost"]
    assert table.value.tolist() == [1, None] and table.cost.tolist() == [0.5, 0.0]
    assert table.error.tolist() == [None, "ValueError: two"]


def test_a_data_frame_tells_tokens_where_answers_do(spot: Spot) -> None:
    pytest.importorskip("pandas")

    def ask(prompt: str) -> dict[str, Any]:
        usage = {"prompt_tokens": len(prompt), "completion_tokens": 2, "total_tokens": len(prompt) + 2}
        return {"model": "gpt-4o", "object": "chat.completion", "choices": [], "usage": usage}

    f = spot.mark(ask)
    for verdict in ("ran", "hit"):
        table = spot.map(f, ["a", "bcd"], progress=False).df()
        assert table.tokens.tolist() == [3, 5] and set(table.verdict) == {verdict}


def test_tokens_are_told_of_a_call_that_joined_another(spot: Spot) -> None:
    """However a result was had: what it took stands with it."""
    pytest.importorskip("pandas")
    gate = threading.Event()

    def ask(prompt: str) -> dict[str, Any]:
        gate.wait(20)
        usage = {"prompt_tokens": len(prompt), "completion_tokens": 2, "total_tokens": len(prompt) + 2}
        return {"model": "gpt-4o", "object": "chat.completion", "choices": [], "usage": usage}

    f = spot.mark(version="1", ignore="gate")(ask)
    first = threading.Thread(target=f, args=("bcd",))
    first.start()
    while not spot.engine.flight.table:
        time.sleep(0.001)
    batch = spot.map(f, ["bcd"], background=True, progress=False)
    gate.set()
    first.join()
    assert batch.wait(20) and batch.df().tokens.tolist() == [5]


class TestAsync:
    def test_amap_asks_an_asynchronous_function_in_the_loop_of_the_caller(self, spot: Spot) -> None:
        loops = set()

        async def ask(x: int) -> int:
            loops.add(asyncio.get_running_loop())
            await asyncio.sleep(0)
            return x + 1

        async def main() -> None:
            batch = await spot.amap(spot.mark(version="1", ignore="loops")(ask), range(50), progress=False)
            assert batch.values() == list(range(1, 51))
            assert loops == {asyncio.get_running_loop()}

        asyncio.run(main())

    def test_failed_inputs_are_asked_again_in_the_loop_of_the_caller(self, spot: Spot) -> None:
        broken, loops = {1}, set()

        async def ask(x: int) -> int:
            loops.add(asyncio.get_running_loop())
            if x in broken:
                raise ValueError(x)
            return x

        async def main() -> None:
            function = spot.mark(version="1", ignore=("broken", "loops"))(ask)
            batch = await spot.amap(function, range(3), progress=False)
            assert [one.index for one in batch.failed] == [1]
            broken.clear()
            assert await batch.aretry_failed() is batch
            assert batch.values() == [0, 1, 2] and not batch.failed
            assert loops == {asyncio.get_running_loop()}

        asyncio.run(main())

    def test_map_asks_one_in_a_loop_of_its_own_also_inside_a_running_loop(self, spot: Spot) -> None:
        async def ask(x: int) -> int:
            await asyncio.sleep(0)
            return x + 1

        async def main() -> list[int]:
            return spot.map(ask, range(5), progress=False).values()

        assert asyncio.run(main()) == [1, 2, 3, 4, 5]

    def test_the_loop_of_the_caller_breathes(self, spot: Spot) -> None:
        """Others run while plain functions are asked, and while hits are looked up."""
        beats = []

        async def beat() -> None:
            while True:
                beats.append(1)
                await asyncio.sleep(0)

        async def main() -> None:
            pulse = asyncio.create_task(beat())
            await spot.amap(spot.mark(double), range(3000), progress=False)
            beats.clear()
            await spot.amap(spot.mark(double), range(3000), progress=False)
            pulse.cancel()

        asyncio.run(main())
        assert beats

    def test_an_asynchronous_iterable_is_taken_as_it_comes(self, spot: Spot) -> None:
        async def source() -> AsyncIterator[int]:
            for x in range(4):
                await asyncio.sleep(0)
                yield x

        async def main() -> None:
            assert (await spot.amap(double, source(), progress=False)).values() == [0, 2, 4, 6]
            with pytest.raises(OptionError, match="await spot.amap"):
                spot.map(double, source())  # type: ignore[arg-type]

        asyncio.run(main())

    def test_a_cancelled_amap_lets_paid_calls_end(self, spot: Spot) -> None:
        began, gate = asyncio.Event(), asyncio.Event()

        async def ask(x: int) -> int:
            began.set()
            await gate.wait()
            return x

        f = spot.mark(version="1", ignore=("began", "gate"))(ask)

        async def main() -> None:
            task = asyncio.create_task(spot.amap(f, range(100), concurrency=2, progress=False))
            await began.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gate.set()
            for _ in range(200):
                await asyncio.sleep(0.01)
                if len(spot.entries()) == 2:
                    break

        asyncio.run(main())
        assert len(spot.entries()) == 2

    def test_a_batch_in_the_background_of_a_loop_is_awaited_and_iterated(self, spot: Spot) -> None:
        async def ask(x: int) -> int:
            await asyncio.sleep(0)
            return x

        async def main() -> None:
            batch = await spot.amap(ask, range(20), background=True, progress=False)
            with pytest.raises(Exception, match="Say await"):
                batch.wait()
            assert [item.value async for item in batch] == list(range(20))
            assert (await batch).done()

        asyncio.run(main())

    def test_a_retry_in_a_loop_holds_no_slot(self, spot: Spot) -> None:
        done: list[int] = []

        async def ask(x: int) -> int:
            if x == 0 and len(done) < 9:
                raise TimeoutError("busy")
            done.append(x)
            return x

        async def main() -> None:
            f = spot.mark(version="1", ignore="done")(ask)
            batch = await spot.amap(f, range(10), concurrency=1, retry=Retry(99, wait=0.01), progress=False)
            assert batch.values() == list(range(10))

        asyncio.run(main())


def test_a_stopped_batch_leaves_no_place_in_the_queue_of_its_limit(spot: Spot) -> None:
    """Calls that wait are taken back with what they booked, and are not made later."""
    made: list[int] = []
    slow = spot.mark(version="1", ignore="made")(spot.limiter(name="slow", rpm=1)(lambda x: made.append(x) or x))
    batch = spot.map(slow, range(20), background=True, progress=False)
    while batch.progress.waiting.get("slow", 0) < 7:
        time.sleep(0.001)
    batch.stop()
    assert batch.wait(20)
    state = spot.limits["slow"].state()
    assert len(made) <= 1 and state.wait <= 60 * len(made), "only a call that was made has booked a start"


def test_a_paused_batch_begins_no_call_that_waited_for_its_limit(spot: Spot) -> None:
    made: list[int] = []
    gate = threading.Event()

    def ask(x: int) -> int:
        made.append(x)
        gate.wait(20)
        return x

    f = spot.mark(version="1", ignore=("made", "gate"))(spot.limiter(name="one", concurrency=1)(ask))
    batch = spot.map(f, range(4), background=True, progress=False)
    while not made or batch.progress.waiting.get("one", 0) < 3:
        time.sleep(0.001)
    batch.pause()
    gate.set()
    while batch.progress.done < 1:
        time.sleep(0.001)
    while spot.limits["one"].try_acquire() is None:  # a waiting call that held its place would keep it for ever
        time.sleep(0.001)
    assert len(made) == 1
    batch.resume()
    assert batch.values() == [0, 1, 2, 3] and len(made) == 4
