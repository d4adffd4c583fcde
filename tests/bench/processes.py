"""Four processes on one folder: 90 % hits of 2,000 results, 10 % new ones, 100 B each."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import functions
from tests.bench.measure import Times, quiet, time_text
from tests.bench.peers import PEERS

HOT, SECONDS, PATIENCE = 2_000, 3.0, 30.0


def work(name: str, folder: str, seed: int, start: float) -> None:
    """One process: print its calls, and the times of hits and puts."""
    with quiet():
        call = PEERS[name](Path(folder) / str(0))(functions.small)
        call(0)
        rng = random.Random(seed)
        hits, puts = Times(), Times()
        now, fresh = time.perf_counter, seed * 10_000_000
        time.sleep(max(0.0, start - time.time()))
        end = now() + SECONDS
        while now() < end:
            new = rng.random() < 0.1
            fresh += 1
            argument = fresh if new else rng.randrange(HOT)
            before = now()
            call(argument)
            (puts if new else hits).seconds.append(now() - before)
    number = len(hits.seconds) + len(puts.seconds)
    print(json.dumps([number / SECONDS, hits.at(0.5), hits.at(0.99), puts.at(0.5), puts.at(0.99)]), flush=True)
    os._exit(0)


def crowd(name: str, folder: Path, number: int, first: int) -> list[list[float]]:
    """What so many processes say."""
    start = time.time() + 2.5
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.processes", name, str(folder)]
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


def main() -> None:
    """Print calls per second with one and with four processes."""
    goal = "≥ 1.5 times one process; put p99 ≤ 100 µs"
    print(f"\n4 processes on one folder, 90 % hits, {os.cpu_count()} cores    (to reach: {goal})")
    print(f"  {'':<16}{'1 process':>12}{'4 processes':>14}{'times':>8}{'hit p50':>10}{'put p50':>10}{'put p99':>10}")
    for name in PEERS:
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as place:
            folder = Path(place)
            try:
                with quiet():
                    call = PEERS[name](folder / "0")(functions.small)
                    for number in range(HOT if name != "cachier" else 0):
                        call(number)
                one = crowd(name, folder, 1, 1)
                four = crowd(name, folder, 4, 11)
            except Exception as error:
                print(f"  {name:<16}left out: {type(error).__name__}: {str(error)[:60]}")
                continue
        single, together = one[0][0], sum(said[0] for said in four)
        hit, put = sorted(said[1] for said in four)[2], sorted(said[3] for said in four)[2]
        worst = max(said[4] for said in four)
        print(
            f"  {name:<16}{single:>10,.0f}/s{together:>12,.0f}/s{together / single:>8.2f}"
            f"{time_text(hit):>10}{time_text(put):>10}{time_text(worst):>10}",
            flush=True,
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    main()
