"""Functions that jobs and workers of other processes run, as a user's module has them."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import spotmagic


class Lost(Exception):
    pass


def noted(folder: str, x: int) -> int:
    """Leaves a line for each time that it runs."""
    with (Path(folder) / "runs").open("a") as out:
        out.write(f"{x} {os.getpid()}\n")
    return 2 * x


def held(folder: str, x: int) -> int:
    """Leaves its line, then waits for the file ``go``."""
    noted(folder, x)
    while not (Path(folder) / "go").exists():
        time.sleep(0.01)
    return 2 * x


def told(folder: str, n: int) -> int:
    """Tells its progress until the file ``go`` is there."""
    print("starting", n)
    print("careful", file=sys.stderr)
    i = 0
    while not (Path(folder) / "go").exists():
        spotmagic.running().progress(i, n, "waiting")
        time.sleep(0.01)
        i += 1
    return noted(folder, n)


def deaf(folder: str, x: int) -> int:
    """Ignores what asks it to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    noted(folder, x)
    while True:
        time.sleep(0.05)


def broken(x: int) -> int:
    raise Lost(f"no {x}")


def read(path: str) -> str:
    return Path(path).read_text()


def tokens(x: int) -> int:
    spotmagic.running().cost(tokens=7)
    return x


def dies(folder: str, x: int) -> int:
    """Dies in the middle, once or each time."""
    noted(folder, x)
    if x < 0 or not (Path(folder) / f"died {x}").exists():
        (Path(folder) / f"died {x}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return x


async def later(x: int) -> int:
    return os.getpid() + 0 * x
