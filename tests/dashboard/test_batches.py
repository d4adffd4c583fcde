"""Batches in the panel: how they stand in all kernels, what failed, and the words that may be said to them."""

from __future__ import annotations

import threading

import pytest
from waiting import soon

from spotmagic.dashboard.backend import Backend
from spotmagic.dashboard.watch import mark
from spotmagic.errors import OptionError, SpotError
from spotmagic.spot import Spot


def rows(backend: Backend) -> list[dict]:
    return backend.dispatch("batches", {})[0]["rows"]


def test_a_spot_without_batches_has_no_view_of_them(backend: Backend) -> None:
    assert rows(backend) == []
    assert "batches" not in backend.dispatch("totals", {})[0]["views"]


def test_failed_inputs_are_shown_with_their_tracebacks(backend: Backend, spot: Spot) -> None:
    def ask(x: int) -> int:
        if x == 1:
            raise ValueError("api_key='sk-abcdefghijklmnop1234567'")
        return x

    spot.map(ask, range(3), name="nightly", progress=False)
    assert "batches" in backend.dispatch("totals", {})[0]["views"]
    (row,) = rows(backend)
    assert (row["name"], row["status"], row["failed"], row["words"]) == ("nightly", "done", 1, ["retry"])
    failed, _ = backend.dispatch("batch_failed", {"id": row["id"]})
    assert failed["total"] == 1 and failed["rows"][0]["shown"] == "1"
    assert "in ask" in failed["rows"][0]["traceback"]
    assert "sk-abcdef" not in str(failed)


def test_what_failed_is_retried(backend: Backend, spot: Spot) -> None:
    broken = [True]

    def ask(x: int) -> int:
        if broken[0]:
            raise ValueError("no")
        return x

    batch = spot.map(spot.mark(version="1", ignore="broken")(ask), range(3), progress=False)
    broken[0] = False
    (row,) = rows(backend)
    backend.dispatch("ask_batch", {"id": row["id"], "word": "retry"})
    assert soon(lambda: batch.done() and not batch.failed)
    assert batch.values() == [0, 1, 2]


def test_a_running_one_is_paused_resumed_and_stopped(backend: Backend, spot: Spot) -> None:
    gate = threading.Event()
    f = spot.mark(version="1", ignore="gate")(lambda x: gate.wait(20) and x)
    batch = spot.map(f, range(1000), concurrency=2, background=True, progress=False)
    (row,) = rows(backend)
    assert row["words"] == ["pause", "stop"] and row["total"] == 1000
    backend.dispatch("ask_batch", {"id": row["id"], "word": "pause"})
    assert batch.status == "paused" and rows(backend)[0]["words"] == ["resume", "stop"]
    backend.dispatch("ask_batch", {"id": row["id"], "word": "resume"})
    backend.dispatch("ask_batch", {"id": row["id"], "word": "stop"})
    gate.set()
    assert batch.wait(20) and batch.status == "stopped"
    assert rows(backend)[0]["words"] == []


@pytest.mark.parametrize("named", ["../../etc", "", "nothing"])
def test_only_batches_that_are_there_are_answered_for(backend: Backend, spot: Spot, named: str) -> None:
    spot.map(str, [1], progress=False)
    with pytest.raises(SpotError, match="not there any more"):
        backend.dispatch("batch_failed", {"id": named})
    with pytest.raises(OptionError, match="unknown word 'kill'"):
        backend.dispatch("ask_batch", {"id": rows(backend)[0]["id"], "word": "kill"})


def test_the_feed_has_news_when_a_batch_goes_on(spot: Spot) -> None:
    before = mark(spot.folder)
    spot.map(str, [], progress=False)
    assert mark(spot.folder) != before
