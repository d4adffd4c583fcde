"""Generators are recorded while they stream and replayed item by item; what is not whole is never given as whole."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import functools
import gc
import inspect
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spotmagic import Retry, Spot, last, running
from spotmagic.engine.flight import Flight, Seat
from spotmagic.engine.receipt import Receipt
from spotmagic.errors import BudgetSpent, OptionError, RecordMissing, RecursiveCall, SpotWarning
from spotmagic.store.editions import outcome_key, outcomes_of
from spotmagic.store.entry import Entry
from spotmagic.testing import FakeClock
from spotmagic.testing.same import same

ran: list[Any] = []
shapes: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


def counted(n: int) -> Iterator[int]:
    ran.append(n)
    yield from range(n)
    return f"{n} in all"  # noqa: B901


async def acounted(n: int) -> AsyncIterator[int]:
    ran.append(n)
    for i in range(n):
        await asyncio.sleep(0)
        yield i


def returned(stream: Any) -> Any:
    result = yield from stream
    ran.append(("returned", result))


async def collected(stream: Any) -> list[Any]:
    return [item async for item in stream]


def test_a_generator_is_run_once_and_replayed_with_what_it_returned(spot: Spot) -> None:
    f = spot.mark(counted)
    assert list(returned(f(3))) == [0, 1, 2] == list(returned(f(3)))
    assert ran == [3, ("returned", "3 in all"), ("returned", "3 in all")]
    assert last().verdict == "hit" and last().stored


def test_nothing_happens_before_the_first_item_is_asked_for(spot: Spot) -> None:
    f, box = spot.mark(lambda box: (yield list(box))), [1]
    stream = f(box)
    assert last() is None or last().name != f.marked.name
    box.append(2)
    assert list(stream) == [[1, 2]] and list(f([1, 2])) == [[1, 2]] and last().verdict == "hit"
    with pytest.raises(TypeError, match="missing"):
        spot.mark(counted)()


def test_a_marked_generator_is_a_generator_to_whoever_looks(spot: Spot) -> None:
    f, g = spot.mark(counted), spot.mark(acounted)
    assert inspect.isgeneratorfunction(f) and inspect.isasyncgenfunction(g)
    assert inspect.isgenerator(f(1)) and inspect.isasyncgen(g(1)) and f(1).__name__ == "counted"


def test_items_of_a_hit_are_fresh_each_time_and_of_the_same_types(spot: Spot) -> None:
    made = [{"a": (1, {2})}, np.arange(3000.0), None, "é", collections.deque([1]), {1: b"x" * 9000}, ValueError("no")]

    @spot.mark
    def f() -> Iterator[Any]:
        ran.append(1)
        yield from made

    first, second, third = list(f()), list(f()), list(f())
    assert ran == [1] and first[0] is made[0]
    for one, two, three in zip(first, second, third, strict=True):
        assert same(one, two) and same(two, three)
    assert second[0] is not third[0]
    second[1][0] = 7
    assert third[1][0] == 0 and next(x for x in f() if isinstance(x, np.ndarray))[0] == 0


def test_what_a_reader_does_to_an_item_changes_nothing_that_is_kept(spot: Spot) -> None:
    @spot.mark
    def f() -> Iterator[dict[str, Any]]:
        for i in range(3):
            yield {"i": i, "more": []}

    for item in f():
        item["more"].append("mine")
        item["bad"] = lambda: 1  # and it could not be kept any more
    assert last().stored
    assert list(f()) == [{"i": i, "more": []} for i in range(3)] and last().verdict == "hit"


@pytest.mark.parametrize("kind", [list, bytearray, set, dict, collections.deque])
def test_one_object_filled_anew_for_each_item_is_replayed_as_one_object(spot: Spot, kind: Any) -> None:
    @spot.mark
    def f() -> Iterator[Any]:
        ran.append(1)
        box = kind()
        for i in range(3):
            getattr(box, {set: "add", dict: "__setitem__"}.get(kind, "append"))(*([i, i] if kind is dict else [i]))
            yield box
            yield box

    seen = [[len(item) for item in f()] for _ in range(2)]
    whole = [list(f()) for _ in range(2)]
    assert ran == [1] and seen[0] == seen[1] == [1, 1, 2, 2, 3, 3]
    assert whole[0] == whole[1] and len({id(item) for item in whole[0]}) == 1


def test_a_stream_that_changes_what_it_gave_before_is_not_kept(spot: Spot) -> None:
    @spot.mark
    def f() -> Iterator[Any]:
        ran.append(1)
        rows: list[int] = []
        for i in range(3):
            rows.append(i)
            yield {"rows": rows}

    with pytest.warns(SpotWarning, match="changes what it gave before"):
        assert [len(item["rows"]) for item in f()] == [1, 2, 3]
    assert not last().stored and list(f()) and ran == [1, 1]


def test_one_stopped_early_is_partial_and_the_next_call_runs_again(spot: Spot) -> None:
    f = spot.mark(counted)
    for item in f(5):
        if item == 2:
            break
    gc.collect()
    assert (last().verdict, last().stored) == ("ran", False) and "stopped after 3 items" in last().reason
    assert [row.status for row in spot.entries(status=None)] == ["partial"] and not spot.entries()
    with pytest.raises(RecordMissing, match="stopped before its end"):
        f.peek(5)
    assert list(f(5)) == [0, 1, 2, 3, 4] and ran == [5, 5] and last().reason == "it was stopped before its end"
    assert list(f(5)) == [0, 1, 2, 3, 4] and ran == [5, 5]
    assert [row.status for row in spot.entries(status=None)] == ["live"]


def test_one_stopped_early_never_takes_the_place_of_a_whole_one(spot: Spot) -> None:
    f = spot.mark(counted)
    assert list(f(3)) and next(f.refresh(3)) == 0
    assert ran == [3, 3] and list(f(3)) == [0, 1, 2] and ran == [3, 3]
    replay = f(3)
    assert next(replay) == 0
    replay.close()
    assert list(f(3)) == [0, 1, 2] and ran == [3, 3]


def test_one_stopped_while_another_kernel_keeps_the_whole_takes_no_place(
    spot: Spot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the whole comes between the look at what is kept and the writing of the part."""
    f = spot.mark(counted)
    with Spot("elsewhere", root=tmp_path) as other:
        whole = list(other.mark(counted)(4))
        made = other.store.get(bytes.fromhex(f.key(4)))
        assert made is not None
    put = spot.store.put

    def late(entry: Any, **options: Any) -> int:
        if entry.status == "partial":
            put(made._replace(created=spot.clock.now()))
        return put(entry, **options)

    stream = f(4)
    next(stream)
    monkeypatch.setattr(spot.store, "put", late)
    stream.close()
    monkeypatch.undo()
    assert list(f(4)) == whole and ran == [4, 4]


def test_streams_recorded_at_the_same_moment_are_all_outcomes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each puts the one before it aside, so they are kept one after the other."""
    together = threading.Barrier(3)
    aside = Receipt.put_aside

    def late(receipt: Receipt, store: Any) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(0.3)
        aside(receipt, store)

    monkeypatch.setattr(Receipt, "put_aside", late)
    with Spot("s", root=tmp_path, mode="record") as spot:
        f = spot.mark(counted)
        with ThreadPoolExecutor(3) as threads:
            assert [*threads.map(lambda _: len(list(f(2))), range(3))] == [2, 2, 2]
        key = bytes.fromhex(f.key(2))
        newest = spot.store.get(key)
        assert isinstance(newest, Entry) and outcomes_of(newest) == 2
        assert all(isinstance(spot.store.get(outcome_key(key, number)), Entry) for number in range(2))


def test_asynchronous_streams_recorded_at_the_same_moment_are_all_outcomes(tmp_path: Path) -> None:
    with Spot("s", root=tmp_path, mode="record", blob_over=1) as spot:  # so other threads write what is kept
        f = spot.mark(acounted)

        async def all_three() -> list[list[Any]]:
            return await asyncio.gather(*(collected(f(2)) for _ in range(3)))

        assert asyncio.run(all_three()) == [[0, 1]] * 3
        newest = spot.store.get(bytes.fromhex(f.key(2)))
        assert isinstance(newest, Entry) and outcomes_of(newest) == 2


def test_close_runs_the_ends_of_the_generator_at_once(spot: Spot) -> None:
    @spot.mark
    def f() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            ran.append("closed")

    stream = f()
    next(stream)
    stream.close()
    assert ran == ["closed"]
    stream = f()
    stream.close()
    assert ran == ["closed"] and list(stream) == []


def test_an_error_in_the_end_of_a_closed_generator_is_the_readers(spot: Spot) -> None:
    @spot.mark
    def f() -> Iterator[int]:
        try:
            yield 1
        finally:
            raise OSError("in the end")

    stream = f()
    next(stream)
    with pytest.raises(OSError, match="in the end"):
        stream.close()
    assert [row.status for row in spot.entries(status="partial")] == ["partial"]


def test_an_error_after_some_items_comes_after_these_items_again(spot: Spot) -> None:
    @spot.mark(errors=ValueError)
    def f(kept: bool) -> Iterator[int]:
        ran.append(kept)
        yield 1
        yield 2
        raise ValueError("no") if kept else KeyError("no")

    for kept, error in [(True, ValueError), (True, ValueError), (False, KeyError), (False, KeyError)]:
        stream = f(kept)
        assert (next(stream), next(stream)) == (1, 2)
        with pytest.raises(error, match="no"):
            next(stream)
        assert list(stream) == []
    assert ran == [True, False, False]


def test_send_and_throw_are_refused_by_name_in_a_run_and_in_a_replay(spot: Spot) -> None:
    f = spot.mark(counted)
    for _ in range(2):
        stream = f(3)
        next(stream)
        with pytest.raises(OptionError, match=r"send\(\) to a kept stream"):
            stream.send(1)
        stream = f(3)
        next(stream)
        with pytest.raises(OptionError, match=r"throw\(\) to a kept stream") as caught:
            stream.throw(LookupError("mine"))
        assert isinstance(caught.value.__cause__, LookupError)
        assert list(f(3)) == [0, 1, 2]
    assert f(3).send(None) == 0


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_ends_a_program_or_a_task_passes_through_a_stream(spot: Spot, end: type[BaseException]) -> None:
    f, g = spot.mark(counted), spot.mark(acounted)

    async def cancelled() -> None:
        stream = g(3)
        await anext(stream)
        with pytest.raises(end):
            await stream.athrow(end())  # as a loop that shuts down does to a stream that was left early

    for _ in range(2):
        stream = f(3)
        next(stream)
        with pytest.raises(end):
            stream.throw(end())
        asyncio.run(cancelled())
        assert list(f(3)) == [0, 1, 2]


def test_async_generators_are_kept_too(spot: Spot) -> None:
    f = spot.mark(acounted)

    async def main() -> None:
        assert await collected(f(3)) == [0, 1, 2] == await collected(f(3)) and ran == [3]
        stream = f(4)
        assert await anext(stream) == 0
        await stream.aclose()
        assert [row.status for row in spot.entries(status="partial")] == ["partial"]
        assert await collected(f(4)) == [0, 1, 2, 3] and await collected(f.peek(4)) == [0, 1, 2, 3]
        assert ran == [3, 4, 4] and await collected(f.refresh(4)) and ran == [3, 4, 4, 4]
        stream = f(4)
        await anext(stream)
        with pytest.raises(OptionError, match=r"asend\(\)"):
            await stream.asend(1)

    asyncio.run(main())


def test_the_words_of_a_function_work_for_generators_and_methods(spot: Spot) -> None:
    class Bot:
        def __init__(self, name: str) -> None:
            self.name = name

        @spot.mark
        def say(self, n: int) -> Iterator[str]:
            ran.append(n)
            yield from [self.name] * n

    a, b = Bot("a"), Bot("b")
    assert list(a.say(2)) == ["a", "a"] == list(Bot("a").say(2)) and list(b.say(2)) == ["b", "b"] and ran == [2, 2]
    assert list(a.say.peek(2)) == ["a", "a"] and a.say.key(2) != b.say.key(2)
    assert a.say.explain(2).name and a.say.forget(2) and not a.say.forget(2)
    with pytest.raises(RecordMissing):
        a.say.peek(2)
    assert list(a.say.refresh(2)) == ["a", "a"] and list(a.say.sample(1)(2)) == ["a", "a"] and ran == [2] * 4
    assert list(a.say.using(ttl="1d")(2)) == ["a", "a"] and ran == [2] * 4


def test_one_run_feeds_all_who_read_it_in_one_thread(spot: Spot) -> None:
    f = spot.mark(counted)
    assert list(zip(f(3), f(3), strict=True)) == [(0, 0), (1, 1), (2, 2)]
    assert [(a, list(f(2))) for a in f(2)] == [(0, [0, 1]), (1, [0, 1])]
    assert ran == [3, 2]
    one, two = f(4), f(4)
    assert (next(one), next(one), next(two)) == (0, 1, 0)
    one.close()
    assert list(two) == [1, 2, 3] and last().stored and ran == [3, 2, 4]


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns after every few steps, so that each meets the others at all of theirs."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(0.00001)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.parametrize("is_async", [False, True])
def test_one_run_feeds_all_threads_and_their_loops(spot: Spot, hasty: None, is_async: bool) -> None:
    """Who looked while it ran, and began when it had ended and was not stored yet, ran it again."""

    @spot.mark
    def f(n: int) -> Iterator[int]:
        ran.append(n)
        yield from range(30)

    @spot.mark
    async def g(n: int) -> AsyncIterator[int]:
        ran.append(n)
        for one in range(30):
            yield one

    async def all_of(n: int) -> list[int]:
        return [one async for one in g(n)]

    def read(n: int) -> list[int]:
        gate.wait()
        return asyncio.run(all_of(n)) if is_async else list(f(n))

    gate = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        for n in range(25):
            results = [one.result() for one in [pool.submit(read, n) for _ in range(4)]]
            assert results == [list(range(30))] * 4 and ran == list(range(n + 1))


def test_an_interrupted_reader_leaves_the_others_theirs(spot: Spot) -> None:
    """A cancelled task took all who waited with it; an interrupt was raised in every waiting thread."""

    @spot.mark(ignore="ran")
    async def f() -> AsyncIterator[int]:
        ran.append(1)
        for i in range(4):
            await (asyncio.sleep(60) if i == 2 and len(ran) == 1 else asyncio.sleep(0))
            yield i

    async def main() -> None:
        first = asyncio.create_task(collected(f()))
        second = asyncio.create_task(collected(f()))
        while not ran:
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await second == [0, 1, 2, 3]
        assert await collected(f()) == [0, 1, 2, 3] and ran == [1, 1]

    asyncio.run(main())


def test_an_interrupt_passes_and_what_came_is_partial(spot: Spot) -> None:
    @spot.mark(errors=Exception, ignore="ran")
    def f() -> Iterator[int]:
        ran.append(1)
        yield 1
        if len(ran) == 1:
            raise KeyboardInterrupt
        yield 2

    with pytest.raises(KeyboardInterrupt):
        list(f())
    assert [row.status for row in spot.entries(status="partial")] == ["partial"]
    assert list(f()) == [1, 2] == list(f()) and ran == [1, 1]


def test_a_stream_that_reads_itself_is_told_at_once(spot: Spot) -> None:
    @spot.mark
    def f(n: int) -> Iterator[int]:
        yield from f(n)

    with pytest.raises(RecursiveCall):
        list(f(1))


def test_a_stream_read_elsewhere_is_waited_for_only_while_it_is_read(tmp_path: Path) -> None:
    clock = FakeClock()
    with Spot("test", root=tmp_path, clock=clock) as spot:
        f = spot.mark(counted)
        other = Flight(tmp_path / "test" / "flight.lock")  # as another kernel has it
        list(f(1))
        seat = Seat(other, bytes.fromhex(f.key(2)))
        assert seat.take() is None and seat.try_lock()
        seat.pause()
        assert list(f(2)) == [0, 1]  # it holds the lock, and nobody reads it: waited for no longer than patience
        assert 1.9 < sum(clock.slept) < 3
        seat.resume()

        def release(seconds: float) -> None:
            clock.slept.append(seconds)
            if sum(clock.slept) > 20:
                seat.land(None)

        clock.slept.clear()
        clock.sleep = release
        spot.store.forget([bytes.fromhex(f.key(2))])
        assert list(f(2)) == [0, 1] and sum(clock.slept) > 20 and ran == [1, 2, 2]
        other.close()


def test_a_failed_attempt_is_tried_again_only_before_the_first_item(tmp_path: Path) -> None:
    with Spot("test", root=tmp_path, clock=FakeClock()) as spot:

        @spot.mark(retry=Retry(3, on=OSError))
        def f(late: bool) -> Iterator[int]:
            ran.append(late)
            if late:
                yield 0
            if len(ran) < 3:
                raise OSError("busy")
            yield 1

        assert list(f(False)) == [1] and ran == [False] * 3
        ran.clear()
        stream = f(True)
        assert next(stream) == 0
        with pytest.raises(OSError, match="busy"):
            next(stream)
        assert ran == [True]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_limit_hears_once_of_a_stream_that_came_too_fast(
    spot: Spot, monkeypatch: pytest.MonkeyPatch, is_async: bool
) -> None:
    heard: list[Any] = []
    monkeypatch.setattr("spotmagic.limits.permit.Permit.feedback", lambda _, pause: heard.append(pause))
    error = OSError("busy")
    error.status_code = 429  # type: ignore[attr-defined]

    def f() -> Iterator[int]:
        raise error
        yield 1

    async def g() -> AsyncIterator[int]:
        raise error
        yield 1

    limited = spot.limiter(rpm=600)(spot.mark(ignore="error")(g if is_async else f))
    with pytest.raises(OSError, match="busy"):
        asyncio.run(collected(limited())) if is_async else list(limited())
    assert len(heard) == 1


def test_a_slot_is_held_until_the_stream_ends_or_is_closed(spot: Spot) -> None:
    limited = spot.limiter(concurrency=1, timeout=0.01, name="one")(spot.mark(counted))
    held = limited(2)
    next(held)
    with pytest.raises(TimeoutError):
        next(limited(3))
    held.close()
    assert list(limited(3)) == [0, 1, 2] and list(limited(4)) == [0, 1, 2, 3]
    bare = spot.limiter(concurrency=1, timeout=0.01, name="two")(counted)
    held = bare(2)
    next(held)
    with pytest.raises(TimeoutError):
        next(bare(2))
    assert list(held) == [1] and list(bare(2)) == [0, 1]


def test_price_settle_and_keep_if_are_asked_about_the_items(tmp_path: Path) -> None:
    settled: list[int] = []
    with Spot("test", root=tmp_path, budget=5) as spot:
        f = spot.mark(price=lambda items: items[-1] + len(items), keep_if=lambda items: len(items) > 1)(counted)
        assert list(f(3)) and last().price == 5 and last().stored
        assert list(f(3)) and last().saved_price == 5
        with pytest.raises(BudgetSpent):
            next(f(1))

        @spot.limiter(tpm=1000, settle=lambda items: settled.append(sum(items)) or sum(items))
        @spot.mark(price=0)
        def g() -> Iterator[int]:
            running().cost(tokens=0) if False else None
            yield from (1, 2, 3)

        assert list(g()) == [1, 2, 3] and settled == [6]


def test_files_read_by_the_generator_count_and_those_read_between_its_items_do_not(
    spot: Spot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mine, theirs = Path("mine.txt"), Path("theirs.txt")
    mine.write_text("a")
    theirs.write_text("b")

    @spot.mark
    def f() -> Iterator[str]:
        ran.append(1)
        yield "first"
        yield Path("mine.txt").read_text()

    def read() -> list[str]:
        return [item + theirs.read_text() for item in f()]

    assert read() == ["firstb", "ab"] == read() and ran == [1]
    theirs.write_text("other")
    assert read()[1] == "aother" and ran == [1]
    mine.write_text("changed")
    assert read()[1] == "changedother" and ran == [1, 1]


def test_an_item_that_cannot_be_kept_stops_nothing(spot: Spot) -> None:
    @spot.mark
    def f() -> Iterator[Any]:
        ran.append(1)
        yield 1
        yield threading.Lock()
        yield 3

    with pytest.warns(SpotWarning, match="not stored"):
        assert len(list(f())) == 3
    assert not last().stored and len(list(zip(f(), f(), strict=True))) == 3


def test_a_class_edited_after_the_recording_is_a_miss_before_the_first_item(
    spot: Spot, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Shape:
        def __init__(self, size: int) -> None:
            self.size = size

    Shape.__qualname__ = "Shape"
    monkeypatch.setattr(sys.modules[__name__], "Shape", Shape, raising=False)
    shapes["now"] = Shape

    @spot.mark(ignore="shapes")
    def f() -> Iterator[Any]:
        ran.append(1)
        yield 1
        yield shapes["now"](2)

    assert [type(item) for item in f()] == [int, Shape] == [type(item) for item in f()] and ran == [1]

    class Edited:
        def __init__(self, size: int) -> None:
            self.area = size * size

    Edited.__qualname__, Edited.__name__ = "Shape", "Shape"
    monkeypatch.setattr(sys.modules[__name__], "Shape", Edited)
    shapes["now"] = Edited
    with pytest.warns(SpotWarning, match="`.*Shape` was edited"):
        assert [type(item) for item in f()] == [int, Edited]
    assert ran == [1, 1]


def test_a_function_that_became_a_generator_gives_items_and_not_what_was_kept(spot: Spot) -> None:
    def f() -> Any:
        return [1, 2]

    before = spot.mark(version="1")(f)
    assert before() == [1, 2]

    def made() -> Any:
        yield 1
        yield 2

    made.__qualname__, made.__module__ = f.__qualname__, f.__module__
    after = spot.mark(version="1")(made)
    assert after.key() == before.key()
    with pytest.warns(SpotWarning, match="another kind"):
        assert list(after()) == [1, 2]
    assert list(after()) == [1, 2] and last().verdict == "hit"


PEAKS = """
import tracemalloc
from collections.abc import Iterator
from spotmagic import Spot, last
spot = Spot("long")

@spot.mark
def f(n: int) -> Iterator[bytes]:
    for i in range(n):
        yield i.to_bytes(1000, "little")

list(f(1))
for verdict in ("ran", "hit"):
    tracemalloc.start()
    for _ in f(5000):
        pass
    assert last().verdict == verdict
    print(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
"""


def test_a_long_stream_is_in_memory_once_as_bytes(tmp_path: Path) -> None:
    """In a process of its own: threads of other tests would be counted too."""
    script = tmp_path / "script.py"
    script.write_text(PEAKS)
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    recorded, replayed = map(int, done.stdout.split())
    assert recorded < 8_000_000 and replayed < 1_000_000


def test_off_leaves_the_generator_alone(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    f = spot.mark(mode="off")(counted)
    assert list(returned(f(2))) == [0, 1] and list(f(2)) and last().verdict == "bypassed"
    assert ran == [2, ("returned", "2 in all"), 2] and not spot.entries(status=None)
    monkeypatch.setenv("SPOTMAGIC_OFF", "1")
    assert spot.mark(counted) is counted


@pytest.mark.parametrize("is_async", [False, True])
def test_a_batch_or_job_of_a_generator_is_refused_with_the_way_out(spot: Spot, is_async: bool) -> None:
    plain = acounted if is_async else counted
    f, limited = spot.mark(plain), spot.limiter(rpm=60_000)(plain)
    way = r"\[item async for item in acounted\(x\)\]" if is_async else r"lambda x: list\(counted\(x\)\)"
    method = type("Owner", (), {"items": f})().items
    asks: list[Any] = [f.map, f.submit, f.using(ttl="1d").submit, method.map, method.submit]
    for g in (f, plain, limited, method, f.using(ttl="1d"), f.sample(1)):
        asks += [functools.partial(ask, g) for ask in (spot.map, spot.submit, spot.job)]
    for ask in asks:
        with pytest.raises(OptionError, match="was given the generator .* gives its items one by one"):
            ask([1, 2])
    for ask in (spot.amap, lambda g, xs: g.amap(xs)):
        with pytest.raises(OptionError, match=f"a batch was given the generator .*{way}"):
            asyncio.run(ask(f, [1, 2]))
    assert not ran and not spot.entries(status=None)


def test_the_way_out_that_a_refused_generator_names_works(spot: Spot) -> None:
    f, g = spot.mark(counted), spot.mark(acounted)

    async def whole(n: int) -> list[Any]:
        return [item async for item in g(n)]

    assert spot.map(lambda n: list(f(n)), [1, 2], progress=False).values() == [[0], [0, 1]]
    assert spot.map(whole, [1, 2], progress=False).values() == [[0], [0, 1]]
