"""Jobs in the panel: how far they are, why one failed, and how one is stopped."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from spotmagic import running
from spotmagic.dashboard.backend import Backend
from spotmagic.dashboard.jobs import _far
from spotmagic.dashboard.watch import mark
from spotmagic.errors import JobCancelled, JobFailed, SpotError
from spotmagic.jobs.job import JobProgress
from spotmagic.spot import Spot


def rows(backend: Backend) -> list[dict[str, Any]]:
    return backend.dispatch("jobs", {})[0]["rows"]


def test_a_spot_without_jobs_has_no_view_of_them(backend: Backend) -> None:
    assert rows(backend) == []
    assert "jobs" not in backend.dispatch("totals", {})[0]["views"]


def test_a_running_job_tells_how_far_it_is_and_is_cancelled(backend: Backend, spot: Spot) -> None:
    told, go = threading.Event(), threading.Event()

    def count(n: int) -> int:
        running().progress(3, n, "counting")
        told.set()
        assert go.wait(20)
        running().progress(4, n)
        return n

    before = mark(spot.folder)
    job = spot.mark(version="1", ignore=["told", "go"])(count).submit(10)
    assert told.wait(20) and mark(spot.folder) != before, "the feed has news of a new job"
    assert "jobs" in backend.dispatch("totals", {})[0]["views"]
    (row,) = rows(backend)
    assert (row["name"], row["status"], row["done"], row["total"]) == (job.name, "running", 3.0, 10.0)
    assert row["text"].startswith("3 of 10 · counting · for ") and row["stoppable"]
    backend.dispatch("cancel_job", {"id": row["id"]})
    go.set()
    with pytest.raises(JobCancelled):
        job.result(20)
    (row,) = rows(backend)
    assert (row["status"], row["error"], row["traceback"], row["stoppable"]) == ("cancelled", "", "", False)
    with pytest.raises(SpotError, match="cannot be stopped from here"):
        backend.dispatch("cancel_job", {"id": row["id"]})


def test_a_failed_job_tells_its_error_without_credentials(backend: Backend, spot: Spot) -> None:
    def ask(x: int) -> int:
        raise ValueError(f"{x} is refused: api_key='sk-abcdefghijklmnop1234567'")

    with pytest.raises(JobFailed):
        spot.submit(ask, 1).result(20)
    (row,) = rows(backend)
    assert row["status"] == "failed" and row["error"].startswith("ValueError: 1 is refused")
    assert "in ask" in row["traceback"] and "spotmagic/engine" not in row["traceback"]
    assert "sk-abcdef" not in str(row)


def test_only_jobs_that_are_there_are_stopped(backend: Backend) -> None:
    with pytest.raises(SpotError, match="not there any more"):
        backend.dispatch("cancel_job", {"id": "thread ../../etc"})


@pytest.mark.parametrize(
    ("told", "drawn"),
    [
        ((1, 2), (1.0, 2.0)),
        ((5, None), (5.0, None)),
        ((5, -1), (5.0, None)),
        ((float("nan"), 2), None),
        ((1, float("inf")), None),
        (("soon", 2), None),
        ((None, None), None),
    ],
)
def test_whatever_a_job_tells_as_its_progress_breaks_no_row(told: Any, drawn: Any) -> None:
    far = _far(JobProgress(*told, ""))
    assert (None if far is None else (far.done, far.total)) == drawn
