"""Four processes on one folder: 90 % hits of 2,000 results, 10 % new ones, 100 B each; functions, then stores alone."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import functions
from tests.bench.measure import Times, quiet, time_text
from tests.bench.peers import PEERS
from tests.bench.stores import STORES, Opened

HOT, SECONDS, PATIENCE = 2_000, 3.0, 30.0


def function(name: str, folder: Path) -> Opened:
    """A decorated function: a hit and a miss are the same call."""
    call: Callable[[int], Any] = PEERS[name](folder)(functions.small)
    return Opened(call, call)


def store(name: str, folder: Path) -> Opened:
    """A store alone."""
    return STORES[name](folder)


WHAT: dict[str, Callable[[str, Path], Opened]] = {"function": function, "store": store}


def work(what: str, name: str, folder: str, seed: int, start: float) -> None:
    """One process: print its calls, and the times of hits and puts."""
    with quiet():
        get, put = WHAT[what](name, Path(folder))
        get(0)
        rng = random.Random(seed)
        hits, puts = Times(), Times()
        now, fresh = time.perf_counter, seed * 10_000_000
        time.sleep(max(0.0, start - time.time()))
        end = now() + SECONDS
        while now() < end:
            new = rng.random() < 0.1
            fresh += 1
            argument, call = (fresh, put) if new else (rng.randrange(HOT), get)
            before = now()
            call(argument)
            (puts if new else hits).seconds.append(now() - before)
    number = len(hits.seconds) + len(puts.seconds)
    print(json.dumps([number / SECONDS, hits.at(0.5), hits.at(0.99), puts.at(0.5), puts.at(0.99)]), flush=True)
    os._exit(0)


def crowd(what: str, name: str, folder: Path, number: int, first: int) -> list[list[float]]:
    """What so many processes say."""
    start = time.time() + 2.5
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.processes", what, name, str(folder)]
    running = [
        subprocess.Popen(
            [*command, str(first + seed), str(start)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for seed in range(number)
    ]
    try:
        return [json.loads(process.communicate(timeout=PATIENCE)[0].splitlines()[-1]) for process in running]
    except subprocess.TimeoutExpired:
        raise TimeoutError("its processes wait for each other") from None
    finally:
        for process in running:
            process.kill()
            process.communicate()


def table(what: str, names: list[str]) -> None:
    """Print calls per second with one, two and four processes."""
    goal = "≥ 1.5 times one process; put p99 ≤ 100 µs"
    print(f"\nprocesses on one folder, {what}, 90 % hits, {os.cpu_count()} cores    (to reach: {goal})")
    heads = ("1 process", "times by 2", "times by 4", "hit p50", "put p50", "p99 by 2", "p99 by 4")
    print(f"  {'':<16}{''.join(f'{head:>12}' for head in heads)}")
    for name in names:
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as place:
            folder = Path(place) / "0"
            try:
                with quiet():
                    put = WHAT[what](name, folder).put
                    for number in range(HOT if name != "cachier" else 0):
                        put(number)
                one, two, four = (crowd(what, name, folder, size, 10 * size) for size in (1, 2, 4))
            except Exception as error:
                print(f"  {name:<16}left out: {type(error).__name__}: {str(error)[:60]}")
                continue
        single = one[0][0]
        times = [f"{sum(said[0] for said in more) / single:>12.2f}" for more in (two, four)]
        said = [
            sorted(said[place] for said in more)[len(more) // 2]
            for more, place in ((four, 1), (four, 3), (two, 4), (four, 4))
        ]
        print(f"  {name:<16}{single:>10,.0f}/s{''.join(times)}{''.join(f'{time_text(each):>12}' for each in said)}")


def main() -> None:
    """Print both tables."""
    table("function", list(PEERS))
    table("store", list(STORES))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
    main()
