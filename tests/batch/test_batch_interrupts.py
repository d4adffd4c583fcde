"""Interrupts at any step of a batch: it comes to its end, nothing waits for it, and what was paid for is kept."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from interrupting import Interrupts
from waiting import soon

from spotmagic import Spot
from spotmagic.batch import Batch
from spotmagic.batch.folder import RunFolder

paid: list[str] = []


def answer(question: str) -> str:
    paid.append(question)
    return question.upper()


async def aanswer(question: str) -> str:
    await asyncio.sleep(0)
    paid.append(question)
    return question.upper()


def foreground(spot: Spot, questions: list[str]) -> Batch:
    return spot.map(answer, questions, progress=lambda _: None, concurrency=2)


def background(spot: Spot, questions: list[str]) -> Batch:
    batch = spot.map(answer, questions, progress=False, concurrency=2, background=True)
    return batch if list(batch) else batch


def elsewhere(spot: Spot, questions: list[str]) -> Batch:
    return spot.map(aanswer, questions, progress=False, concurrency=2)


def tickers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "spotmagic batch_ticker"}


@pytest.mark.parametrize("first", [1, 18])
@pytest.mark.parametrize(("ask", "steps"), [(foreground, 700), (background, 200), (elsewhere, 700)])
def test_an_interrupt_at_any_step_of_a_batch_ends_it_and_loses_nothing(
    spot: Spot, ask: Callable[[Spot, list[str]], Batch], steps: int, first: int
) -> None:
    """No thread tells of it for ever, no kernel sees it as running, and the next run asks what is missing alone."""
    paid.clear()
    others = tickers()
    ask(spot, ["warm"])
    stride = 31 if ask is background else 173
    for place in itertools.count(first, stride):
        questions = [f"{place} {n}" for n in (0, 1, 0, 2)]
        with Interrupts(place) as interrupts, suppress(KeyboardInterrupt):
            ask(spot, questions)
        if interrupts.left:
            break  # it has no more steps
        assert soon(lambda: not spot.engine.flight.table and tickers() <= others), place
        assert {one.status for one in spot.batches()} <= {"done", "interrupted", "stopped"}, place
        assert ask(spot, questions).values() == [question.upper() for question in questions]
        assert all(paid.count(question) == 1 for question in questions), place
    assert place > steps - stride, place
    assert soon(lambda: not [name for name in open_files() if str(spot.folder / "runs") in name])


def test_an_interrupt_at_any_step_of_closing_a_folder_leaves_no_file_open(spot: Spot) -> None:
    """Where it is closed once more, as a batch does that was interrupted at its end."""
    for place in itertools.count(1):
        folder = RunFolder(spot.folder, f"{place}", "signed")
        folder.open()
        folder.log("{}")
        with Interrupts(place) as interrupts, suppress(KeyboardInterrupt):
            folder.close()
        folder.close()
        assert not [name for name in open_files() if str(spot.folder / "runs") in name], place
        if interrupts.left:
            break
    assert place > 10


def open_files() -> list[str]:
    """The names of the files that are open."""
    names = []
    for one in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            names.append(str(one.readlink()))
    return names


def test_a_task_that_is_cancelled_before_it_begins_gives_its_slot_back(spot: Spot) -> None:
    """As an interrupt of a loop does it: the batch is not waited for in vain."""
    paid.clear()

    async def main() -> list[Any]:
        batch = await spot.amap(aanswer, ["a", "b", "c"], progress=False, concurrency=1, background=True)
        for _ in range(50):
            await asyncio.sleep(0)
            mine = [task for task in asyncio.all_tasks() if "_awork" in repr(task.get_coro())]
            if mine:
                mine[0].cancel()
                break
        await asyncio.wait_for(batch._awaited(), 20)
        return batch.values(missing=None)

    assert sum(value is not None for value in asyncio.run(main())) == 2


def test_a_batch_whose_event_loop_was_closed_is_over(spot: Spot) -> None:
    """Nobody goes on with it, and its ticker does not tell of it for ever."""
    go_on, loop, others = threading.Event(), asyncio.new_event_loop(), tickers()
    batch = loop.run_until_complete(spot.amap(go_on.wait, [60], progress=False, background=True))
    loop.run_until_complete(asyncio.sleep(0))
    task = batch._task
    assert task is not None
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()
    go_on.set()
    assert soon(batch.done) and batch.status == "interrupted" and soon(lambda: tickers() <= others)
