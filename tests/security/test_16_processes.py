"""Processes that ask and store at once: each key runs once, and nobody reads half of what another writes."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

LARGE, KEYS, PROCESSES = 300_000, 24, 4

WORK = """
import os, random, sys
from spotmagic import Spot
root, log, seed, large, keys = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
spot = Spot("shared", root=root)

@spot.mark(version="1")
def work(n):
    fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{n} ".encode())
    os.close(fd)
    return bytes([n]) * (large if n % 2 else 50)

chance = random.Random(seed)
for turn in range(3):
    for n in chance.sample(range(keys), keys):
        assert work(n) == bytes([n]) * (large if n % 2 else 50), n
        if n % 6 == 5 and turn == 1:
            spot.store.compact()
assert spot.verify().good
spot.close()
"""


def test_a_naive_write_is_read_half_done(tmp_path: Path) -> None:
    """The control: of a file that is written in place, a reader sees parts of two."""
    path, torn, over = tmp_path / "value", threading.Event(), threading.Event()
    path.write_bytes(b"a" * LARGE)

    def write() -> None:
        while not torn.is_set() and not over.is_set():
            for letter in (b"a", b"b"):
                with path.open("wb", buffering=0) as file:
                    for _ in range(10):
                        file.write(letter * (LARGE // 10))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(200_000):
            if path.read_bytes() not in (b"a" * LARGE, b"b" * LARGE):
                torn.set()
                break
    finally:
        over.set()
        writer.join()
    assert torn.is_set()


def test_each_key_runs_once_and_is_read_whole(tmp_path: Path) -> None:
    """Four processes, each key three times in an order of their own, while files are merged."""
    given = [str(tmp_path / "root"), str(tmp_path / "log")]
    working = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WORK, *given, str(seed), str(LARGE), str(KEYS)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(PROCESSES)
    ]
    for one in working:
        _, trouble = one.communicate(timeout=240)
        assert one.returncode == 0, trouble
    assert sorted(map(int, (tmp_path / "log").read_text().split())) == list(range(KEYS))
