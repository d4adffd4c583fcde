"""A hit of a marked function, its key included, and a miss that is stored: of the function, and of the store alone."""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
import time
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import functions
from tests.bench.measure import marked, rows, show, side_by_side, time_text
from tests.bench.peers import Function
from tests.bench.stores import STORES, Opened

KEPT = 300


def filled(function: Function) -> Callable[[Any], object]:
    """The function with all results it will be asked for."""
    for number in range(KEPT):
        function(number)
    if function(7) != functions.small(7):
        raise ValueError("it returned something else")
    return function


def missing(make: Callable[[Path], Opened]) -> Callable[[Path], Callable[[int], object]]:
    """Looks for a number, which is not there, and puts it."""

    def maker(folder: Path) -> Callable[[int], object]:
        get, put = make(folder)

        def look(number: int) -> None:
            if get(number) is None:
                put(number)

        return look

    return maker


def at_once(folder: Path) -> float:
    """Seconds that 200 async calls of 0.1 s take at once, on a disk whose sync takes 5 ms."""
    from spotmagic import Spot

    real = os.fdatasync

    def slow(fd: int) -> None:
        time.sleep(0.005)
        real(fd)

    async def call(number: int) -> int:
        await asyncio.sleep(0.1)
        return number

    async def all_at_once() -> float:
        with Spot("bench", root=folder) as spot:
            marked = spot.mark(call)
            await marked(-1)
            os.fdatasync = slow
            try:
                start = time.perf_counter()
                await asyncio.gather(*map(marked, range(200)))
                return time.perf_counter() - start
            finally:
                os.fdatasync = real

    return asyncio.run(all_at_once())


def of_a_file() -> float:
    """Seconds of a hit whose run read one file, the best of five rounds."""
    from spotmagic import Spot

    with tempfile.TemporaryDirectory(prefix="bench-") as place, Spot("bench", root=place) as spot:
        path = Path(place, "prompt.txt")
        path.write_text("Summarise.")
        time.sleep(0.2)  # a file that is younger is read again by every hit

        def read(number: int) -> str:
            return f"{number} {path.read_text()}"

        marked = spot.mark(read)
        marked(1)
        return min(timeit.repeat(lambda: marked(1), number=4_000, repeat=5)) / 4_000


def main() -> None:
    """Print both tables."""
    show(
        "hit, 100 B, key included",
        side_by_side(marked(functions.small, filled), lambda: itertools.islice(itertools.cycle(range(KEPT)), 20_000)),
        "≤ 6 µs; diskcache and beautyspot ≥ 3 times ours, joblib and cachier ≥ 15 times",
    )
    rows("hit of a function that reads a file", "≤ 10 µs", [("ours", time_text(of_a_file()))])
    fresh = itertools.count(10_000_000)
    show(
        "first run of a function and store, 100 B, no fsync",
        side_by_side(marked(functions.small, lambda function: function), lambda: itertools.islice(fresh, 5_000)),
        "≤ 35 µs; diskcache ≥ 2.5 times ours",
    )
    show(
        "miss and store of a store alone, 100 B, no fsync",
        side_by_side({name: missing(make) for name, make in STORES.items()}, lambda: itertools.islice(fresh, 5_000)),
        "≤ 20 µs",
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        taken = min(at_once(Path(place) / str(turn)) for turn in range(3))
    rows("200 async first runs of 0.1 s at once, sync of 5 ms", "≤ 0.3 s", [("best of 3", time_text(taken))])


if __name__ == "__main__":
    main()
