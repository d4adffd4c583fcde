"""Interrupts at any step of a job: nobody waits for it in vain, and what was paid for is kept."""

from __future__ import annotations

import itertools
from contextlib import suppress
from pathlib import Path

import pytest
from interrupting import Interrupts
from waiting import soon

from spotmagic import Spot
from spotmagic.errors import JobCancelled, JobFailed

paid: list[str] = []


def answer(question: str) -> str:
    paid.append(question)
    return question.upper()


@pytest.mark.parametrize("first", [1, 6])
def test_an_interrupt_of_submit_leaves_no_job_that_never_runs(tmp_path: Path, first: int) -> None:
    """The next submit of the same call gives its result."""
    paid.clear()
    with Spot("s", root=tmp_path) as spot:
        asked = spot.mark(answer)
        asked.submit("warm").result(20)
        for place in itertools.count(first, 11):
            question = f"q{place}"
            with Interrupts(place) as interrupts, suppress(KeyboardInterrupt):
                asked.submit(question)
            if interrupts.left:
                break
            assert asked.submit(question).result(20) == question.upper(), place
            assert paid.count(question) == 1
        assert place > 60


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # one that came as the thread ended
@pytest.mark.parametrize("first", [5, 25])
def test_an_interrupt_anywhere_in_the_thread_of_a_job_ends_it(tmp_path: Path, first: int) -> None:
    """As ``cancel(force=True)`` sends one, which may arrive after the user's code has ended."""
    paid.clear()
    with Spot("s", root=tmp_path) as spot:
        asked = spot.mark(answer)
        asked.submit("warm").result(20)
        for place in itertools.count(first, 41):
            question = f"q{place}"
            with Interrupts(place, inside=True) as interrupts:
                job = asked.submit(question)
                assert soon(job.done), f"waited for in vain: {place}"
            if interrupts.left:
                break
            with suppress(JobCancelled, JobFailed):
                assert job.result(20) == question.upper()
            assert asked(question) == question.upper()
            assert paid.count(question) == 1, place  # one that came as the function returned did not take its result
            assert not spot.engine.flight.table
        assert place > 250


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_forced_end_in_the_step_in_which_the_call_returns_takes_no_result(tmp_path: Path) -> None:
    """Each step around the call is tried: it either has not run, or what it gave is kept."""

    def interrupted(place: int) -> bool:
        question = f"q{place}"
        with Interrupts(place, inside=True):
            job = asked.submit(question)
            assert soon(job.done), f"waited for in vain: {place}"
        return question in paid

    paid.clear()
    with Spot("s", root=tmp_path) as spot:
        asked = spot.mark(answer)
        asked.submit("warm").result(20)
        after = next(place for place in itertools.count(5, 20) if interrupted(place))
        for place in (one for one in range(max(5, after - 19), after + 40) if f"q{one}" not in paid):
            ran = interrupted(place)
            assert asked(f"q{place}") == f"Q{place}" and paid.count(f"q{place}") == 1, (place, ran)
