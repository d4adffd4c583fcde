"""How far a batch is, in words and html, in a terminal and for a function of one's own."""

from __future__ import annotations

import io
import re
import threading

import pytest
from waiting import soon

from spotmagic import Spot
from spotmagic.batch.progress import Progress, html, phrases
from spotmagic.batch.screen import screen
from spotmagic.errors import SpotWarning, tell_again


def progress(**change: object) -> Progress:
    known = {"name": "ask", "function": "ask", "status": "running", "total": 10, "done": 4}
    return Progress(**{**known, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ["4 of 10"]),
        ({"total": None}, ["4 done"]),
        ({"cached": 2, "failed": 1, "running": 3}, ["4 of 10", "2 cached", "1 failed", "3 running"]),
        ({"waiting": {"openai": 5}, "retrying": 1}, ["4 of 10", "1 retrying", "5 waiting for openai"]),
        ({"price": 0.5, "saved": 2.0, "left": 90.0}, ["4 of 10", "$0.50 paid", "$2.00 saved", "1 min 30 s left"]),
        ({"status": "done", "done": 10, "seconds": 3.0}, ["10 of 10", "done", "in 3.0 s"]),
        (
            {"status": "stopped", "reason": "the process ends"},
            ["4 of 10", "stopped: the process ends", "in 0 s", "run it again to ask only the rest"],
        ),
    ],
)
def test_what_is_said(change: dict[str, object], said: list[str]) -> None:
    assert phrases(progress(**change)) == said


def test_the_html_says_all_that_the_text_says_and_runs_nothing() -> None:
    now = progress(name="<script>x</script>", reason="<b>", status="stopped", price=1.0, saved=2.0)
    shown = html(now)
    assert "<script>" not in shown and "<b>:" not in shown
    text = re.sub(r"<[^>]+>", "", shown).replace("&lt;", "<").replace("&gt;", ">")
    assert all(phrase in text for phrase in phrases(now))
    assert not re.search(r"\$[^<]*\$", shown), "no page takes two prices for mathematics"


def test_a_function_gets_each_snapshot(spot: Spot) -> None:
    seen: list[Progress] = []
    spot.map(lambda x: x, range(5), progress=seen.append)
    assert seen[-1].status == "done" and seen[-1].done == 5 and seen[0].done == 0


def test_calls_that_wait_for_a_limit_are_told_by_its_name(spot: Spot) -> None:
    gate = threading.Event()
    limited = spot.mark(version="1", ignore="gate")(
        spot.limiter(name="openai", concurrency=1)(lambda x: gate.wait(20) and x)
    )
    waiting: list[Progress] = []

    def look(now: Progress) -> None:
        if now.waiting.get("openai") == 2 and now.running == 1:
            waiting.append(now)
            gate.set()

    spot.map(limited, range(3), progress=look)
    assert waiting


def stderr(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> io.StringIO:
    stream = io.StringIO()
    stream.isatty = lambda: terminal  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr("spotmagic.batch.screen._notebook", lambda: None)
    return stream


def test_a_terminal_has_a_bar_of_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm")
    stream = stderr(monkeypatch, terminal=True)
    shown = screen(True)
    assert shown is not None
    shown(progress(seconds=0.2))
    assert not stream.getvalue(), "what is quick needs no bar"
    shown(progress(seconds=2.0, failed=1))
    shown(progress(seconds=3.0, done=10, status="done", failed=1))
    assert "10/10" in stream.getvalue() and "1 failed" in stream.getvalue()


def test_a_terminal_without_tqdm_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
    stream = stderr(monkeypatch, terminal=True)
    shown = screen(True)
    assert shown is not None
    shown(progress(seconds=2.0))
    shown(progress(seconds=3.0, done=10, status="done"))
    assert stream.getvalue().startswith("\rspot: ask: 4 of 10") and stream.getvalue().endswith("\n")


def test_a_log_has_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = stderr(monkeypatch, terminal=False)
    shown = screen(True)
    assert shown is not None
    for second in range(25):
        shown(progress(seconds=float(second)))
    shown(progress(seconds=25.0, done=10, status="done"))
    assert len(stream.getvalue().splitlines()) == 3


def test_no_progress_is_none() -> None:
    assert screen(False) is None


def test_no_more_calls_are_told_to_run_than_do(spot: Spot) -> None:
    """One that is looked up while all slots are taken waits for one."""
    gate, begun = threading.Event(), []

    def ask(x: int) -> int:
        begun.append(x)
        gate.wait(20)
        return x

    batch = spot.map(spot.mark(version="1", ignore=("gate", "begun"))(ask), range(9), concurrency=2, progress=False,
                     background=True)  # fmt: skip
    assert soon(lambda: len(begun) == 2 and len(batch._books.run.snapshot()) == 3)
    assert batch.progress.running == 2
    gate.set()
    assert batch.wait(20)


def test_a_display_that_fails_ends_no_batch(spot: Spot) -> None:
    """One's own function, or a stream that was closed."""

    def fails(_: Progress) -> None:
        raise ValueError("I/O operation on closed file")

    tell_again("batch display")
    with pytest.warns(SpotWarning, match="progress of a batch cannot be shown: ValueError: I/O"):
        batch = spot.map(abs, [-1, -2], progress=fails)
    assert batch.values() == [1, 2] and batch.status == "done"
