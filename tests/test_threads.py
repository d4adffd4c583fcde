"""Where no further thread is to be had (a process has only so many, and none as it ends), calls go on and are kept."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from spotmagic import Spot, last
from spotmagic.batch import crew

AT_EXIT = """
import asyncio, atexit, sys

def late():
    from spotmagic import last
    assert asyncio.run(ask(1)) == b"1" * 100_000 and last().stored, last()
    assert list(count(3)) == [0, 1, 2] and last().stored, last()
    print("kept")

atexit.register(late)  # before ours, so it is called after them
from spotmagic import Spot
spot = Spot("exit", root=sys.argv[1])

@spot.mark(price=1.0, version='1')
async def ask(x):
    return str(x).encode() * 100_000

@spot.mark(version='1')
def count(n):
    yield from range(n)
"""


def twice(x: int) -> int:
    return 2 * x


async def atwice(x: int) -> bytes:
    return str(2 * x).encode() * 40_000


def count(n: int) -> Iterator[int]:
    yield from range(n)


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)


@pytest.mark.usefixtures("no_threads")
@pytest.mark.filterwarnings("ignore::spotmagic.errors.SpotWarning")
def test_calls_streams_and_batches_need_no_thread(tmp_path: Path) -> None:
    with Spot("s", root=tmp_path, remote=f"file://{tmp_path / 'bucket'}") as spot:
        f, g, a = spot.mark(twice), spot.mark(count), spot.mark(price=1.0)(atwice)
        for verdict in ("ran", "hit"):
            assert f(1) == 2
            assert (told := last()) is not None and (told.verdict, told.stored) == (verdict, True), told
            assert list(g(3)) == [0, 1, 2]
            assert (told := last()) is not None and (told.verdict, told.stored) == (verdict, True), told
            assert asyncio.run(a(1))[:1] == b"2"
            assert (told := last()) is not None and (told.verdict, told.stored) == (verdict, True), told
        assert spot.map(f, range(1, 5), progress=False).values() == [2, 4, 6, 8]
        background = spot.map(f, range(1, 9), progress=False, background=True)
        assert background.values() == [2, 4, 6, 8, 10, 12, 14, 16] and background.status == "done"
        assert len(spot.entries()) == 10


@pytest.mark.usefixtures("no_threads")
def test_a_batch_of_an_async_function_says_what_to_do(
    tmp_path: Path, recwarn: pytest.WarningsRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spotmagic.engine.loop._loop", None)  # another test may have begun it
    with Spot("s", root=tmp_path) as spot, pytest.raises(RuntimeError, match="spot.amap"):
        spot.map(atwice, [1], progress=False)
    assert not [one for one in recwarn if "log of a batch" in str(one.message)]


def test_a_batch_goes_on_with_the_threads_it_got(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when there are more of them later."""
    real, got = crew.threads.spawn, list[str]()

    def spawn(name: str, *rest: object) -> threading.Thread | None:
        got.append(name)
        return real(name, *rest) if len(got) in (1, 4) else None  # type: ignore[arg-type]

    monkeypatch.setattr(crew.threads, "spawn", spawn)
    with Spot("s", root=tmp_path) as spot:
        assert spot.map(twice, range(40), concurrency=4, progress=False).values() == list(range(0, 80, 2))


def test_what_is_called_as_the_process_ends_is_kept(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", AT_EXIT, str(tmp_path)], capture_output=True, text=True, timeout=100)
    assert ended.stdout == "kept\n", ended.stderr
