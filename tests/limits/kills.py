"""Processes that use a limit and are killed in the midst of it. Run as a script: one thread, so that it may fork."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from spotmagic.limits import Limit


@dataclass(frozen=True, slots=True)
class Survived:
    """What came of it.

    Attributes:
        kills: how many processes died.
        went: when each call went.
        stall: the longest time without a call.
        most: the most calls that ran at the same time.
        free: the slots that could be taken in the end, and how many there are.
    """

    kills: int
    went: list[float]
    stall: float
    free: tuple[int, int]


def run(log: Path, *, seconds: float, kills: int, rpm: float, workers: int = 6, slots: int = 4) -> Survived:
    """Kill so many workers within these seconds, evenly, and see what passed."""
    told = json.dumps([str(log), seconds, kills, rpm, workers, slots])
    out = subprocess.run([sys.executable, __file__, told], capture_output=True, check=True, timeout=seconds + 60).stdout
    dead, free = json.loads(out)
    went = sorted(moment for (moment,) in struct.iter_unpack("<d", log.read_bytes()))
    return Survived(dead, went, max(b - a for a, b in zip(went, went[1:])), (free, slots))


def work(limit: Limit, log: int) -> None:
    """Call for ever, and write when. Calls hold their slot for up to 4 ms."""
    rng = random.Random(os.getpid())
    while True:
        with limit.acquire():
            os.write(log, struct.pack("<d", time.monotonic()))
            time.sleep(rng.random() * 0.004)


def main(log: str, seconds: float, kills: int, rpm: float, workers: int, slots: int) -> tuple[int, int]:
    limit = Limit("killed", rpm=rpm, concurrency=slots)
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def start() -> int:
        pid = os.fork()
        if not pid:
            with contextlib.suppress(BaseException):
                work(limit, fd)
            os._exit(1)
        return pid

    def kill(pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    running = [start() for _ in range(workers)]
    began, rng = time.monotonic(), random.Random(1)
    for number in range(kills):
        time.sleep(max(0.0, began + (number + 1) * seconds / kills - time.monotonic()))
        place = rng.randrange(workers)
        kill(running[place])
        running[place] = start()
    for pid in running:
        kill(pid)
    held = [permit for permit in (limit.acquire(timeout=2.0) for _ in range(slots)) if permit]
    return kills, len(held)


if __name__ == "__main__":
    print(json.dumps(main(*json.loads(sys.argv[1]))))  # noqa: T201
