"""Limits beside their peers: what they let pass, how evenly, to whom, and what asking costs.

Run by ``python -m tests.bench``, or alone: ``python -m tests.bench.limits``. Peers that are not installed are left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from spotmagic.limits import Limit
from tests.limits.crowd import Crowd, run, worst_window
from tests.limits.kills import run as run_kills
from tests.limits.provider import IDEAL, simulate
from tests.limits.server import RedisServer

RPM, SECONDS, CALLERS = 600, 20.0, 8

Acquire = Callable[[], object]


def ours() -> Acquire:
    return Limit("bench", rpm=RPM).acquire


def throttled_py() -> Acquire:
    module = importlib.import_module("throttled")
    limit = module.Throttled(key="bench", using="gcra", quota=module.per_min(RPM, burst=RPM), timeout=SECONDS)
    return lambda: limit.limit()


def pyrate_limiter() -> Acquire:
    module = importlib.import_module("pyrate_limiter")
    limit = module.Limiter(module.Rate(RPM, module.Duration.MINUTE))
    return lambda: limit.try_acquire("bench", timeout=SECONDS)


def limits() -> Acquire:
    module = importlib.import_module("limits")
    window = module.strategies.MovingWindowRateLimiter(module.storage.MemoryStorage())
    rate = module.parse(f"{RPM}/minute")

    def acquire() -> None:
        while not window.hit(rate, "bench"):  # it has no call that waits
            time.sleep(0.005)

    return acquire


PEERS = {"spotmagic": ours, "throttled-py": throttled_py, "pyrate-limiter": pyrate_limiter, "limits": limits}


def in_threads(make: Callable[[], Acquire]) -> list[list[float]] | None:
    """When each of the threads was let pass, or ``None`` when the peer is not installed."""
    try:
        acquire = make()
    except ImportError:
        return None
    end, went = time.monotonic() + SECONDS, [[] for _ in range(CALLERS)]  # type: list[list[float]]

    def call(mine: list[float]) -> None:
        while time.monotonic() < end:
            acquire()
            if (now := time.monotonic()) < end:
                mine.append(now)

    threads = [threading.Thread(target=call, args=(mine,), daemon=True) for mine in went]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end + 1 - time.monotonic()))
    return went


def in_tasks() -> list[list[float]] | None:
    """The same for the tasks of aiolimiter."""
    try:
        limit = importlib.import_module("aiolimiter").AsyncLimiter(RPM, 60)
    except ImportError:
        return None
    went: list[list[float]] = [[] for _ in range(CALLERS)]

    async def call(mine: list[float]) -> None:
        while True:
            await limit.acquire()
            mine.append(time.monotonic())

    async def everybody() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*(call(mine) for mine in went)), SECONDS)

    asyncio.run(everybody())
    return went


def cost(acquire: Acquire, calls: int = 300, rounds: int = 30) -> float:
    """Seconds of this thread's processor time that asking takes, when nothing has to wait."""
    best = float("inf")
    for _ in range(rounds):
        began = time.thread_time()
        for _ in range(calls):
            acquire()
        best = min(best, (time.thread_time() - began) / calls)
    return best


def costs() -> Iterator[tuple[str, float]]:
    """What asking costs, for each that is installed."""
    yield "spotmagic, file", cost(Limit("cheap", rpm=6e7).acquire)
    both = Limit("both", rpm=6e7, tpm=6e9)
    yield "spotmagic, file, requests and tokens", cost(lambda: both.acquire(10))
    slots = Limit("slots", rpm=6e7, concurrency=8)
    yield "spotmagic, file, with a slot", cost(lambda: slots.acquire().release())
    yield "spotmagic, memory", cost(Limit("memory", rpm=6e7, backend="memory").acquire)
    with contextlib.suppress(ImportError):
        module = importlib.import_module("throttled")
        limit = module.Throttled(key="cheap", using="gcra", quota=module.per_sec(10**6, burst=10**6))
        yield "throttled-py, memory", cost(limit.limit)
    with contextlib.suppress(ImportError):
        module = importlib.import_module("pyrate_limiter")
        pyrate = module.Limiter(module.Rate(10**6, module.Duration.SECOND))
        yield "pyrate-limiter, memory", cost(lambda: pyrate.try_acquire("cheap"))
    with contextlib.suppress(ImportError):
        module = importlib.import_module("limits")
        window = module.strategies.SlidingWindowCounterRateLimiter(module.storage.MemoryStorage())
        rate = module.parse("1000000/second")
        yield "limits, memory", cost(lambda: window.hit(rate, "cheap"))
    with contextlib.suppress(ImportError):
        aio = importlib.import_module("aiolimiter").AsyncLimiter(10**6, 1)
        yield "aiolimiter, one loop", asyncio.run(_async_cost(aio.acquire))
    yield "spotmagic, file, in a loop", asyncio.run(_async_cost(Limit("loop", rpm=6e7).aacquire))


async def _async_cost(acquire: Callable[[], Any], calls: int = 300, rounds: int = 30) -> float:
    best = float("inf")
    for _ in range(rounds):
        began = time.thread_time()
        for _ in range(calls):
            await acquire()
        best = min(best, (time.thread_time() - began) / calls)
    return best


def row(name: str, went: list[float], shares: list[int]) -> None:
    """One line of the table of grants."""
    windows = "".join(f"{worst_window(went, window):>10}" for window in (1.0, 10.0))
    print(f"{name:<34}{len(went):>7}{windows}{max(shares) / max(1, min(shares)):>12.2f}{min(shares):>7}-{max(shares)}")


def crowds() -> None:
    """Many processes on one limit, in a file and in Redis."""
    grants = run(Crowd("crowd", rpm=RPM, seconds=SECONDS))
    row("4 processes x (8 threads + 2 loops), file", grants.went, list(grants.callers.values()))
    if shutil.which("redis-server"):
        server = RedisServer(Path(tempfile.mkdtemp()))
        try:
            grants = run(Crowd("crowd", rpm=RPM, seconds=SECONDS, backend=server.url))
            row("the same, Redis", grants.went, list(grants.callers.values()))
            shared = Limit("cheap", rpm=6e7, backend=server.url)
            began = time.perf_counter()
            for _ in range(500):
                shared.acquire()
            print(f"{'':34}Redis: {(time.perf_counter() - began) / 500 * 1e6:.0f} µs per acquire")
        finally:
            server.stop()


def providers() -> None:
    """The simulated provider, 8 runs of each policy."""
    policies: dict[str, dict[str, Any]] = {
        "no limiter, retries with jitter": {"rpm": None, "tpm": None},
        "estimate 2.5x too high, never settled": {"rpm": 1200, "tpm": 480_000, "cost": 1000.0, "settled": False},
        "estimate 2.5x too high, settled": {"rpm": 1200, "tpm": 480_000, "cost": 1000.0},
        "mean of actual costs, settled": {"rpm": 1200, "tpm": 480_000},
        "limit 2x too high, not adaptive": {"rpm": 2400, "tpm": 960_000, "adaptive": False},
        "limit 2x too high": {"rpm": 2400, "tpm": 960_000},
        "limit 5x too high": {"rpm": 6000, "tpm": 2_400_000},
    }
    print(f"\n{'simulated provider, 400 calls':<42}{'x ideal':>9}{'worst':>8}{'wasted':>9}{'lost':>7}")
    for name, policy in policies.items():
        results = [simulate(**policy, seed=seed) for seed in range(8)]
        ratios = [result.seconds / IDEAL for result in results]
        wasted, lost = sum(result.wasted for result in results) / 8, sum(result.lost for result in results) / 8
        print(f"{name:<42}{sum(ratios) / 8:>9.2f}{max(ratios):>8.2f}{wasted:>9.1%}{lost:>7.1f}")


def main() -> None:
    """Print every table."""
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp()
    print(
        f"{RPM}/min for {SECONDS:.0f} s{'':<19}{'grants':>7}{'in 1 s':>10}{'in 10 s':>10}{'max/min':>12}{'shares':>9}"
    )
    crowds()
    names = [*PEERS, "aiolimiter"]
    with ThreadPoolExecutor(len(names)) as pool:
        for name, out in zip(names, pool.map(_alone, names), strict=True):
            if out:
                row(f"{name}, 8 callers", sorted(sum(out, [])), [len(mine) for mine in out])
    print(f"\n{'cost per acquire':<42}{'µs':>9}")
    for name, seconds in costs():
        print(f"{name:<42}{seconds * 1e6:>9.1f}")
    survived = run_kills(Path(tempfile.mkdtemp()) / "log", seconds=10, kills=1000, rpm=12_000)
    most, stall = worst_window(survived.went, 1.0), survived.stall * 1000
    print(f"\n{survived.kills} kills in 10 s at 200/s: {len(survived.went)} grants, at most {most} in 1 s", end="")
    print(f", longest stall {stall:.0f} ms, {survived.free[0]} of {survived.free[1]} slots free in the end")
    providers()


def _alone(name: str) -> list[list[float]] | None:
    """The grants of one peer, in a process of its own."""
    out = subprocess.run([sys.executable, "-m", "tests.bench.limits", name], capture_output=True, check=True).stdout
    went: list[list[float]] | None = json.loads(out)
    return went


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(in_tasks() if sys.argv[1] == "aiolimiter" else in_threads(PEERS[sys.argv[1]])), flush=True)
        os._exit(0)  # peers whose threads still wait
    main()
