"""Many calls at once: an item of a batch that hits, or that runs, beside plain pools and loops over caches."""

from __future__ import annotations

import itertools
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench import functions
from tests.bench.measure import quiet, rows, time_text
from tests.bench.peers import PEERS

INPUTS = 20_000
KEPT = 300
STREAM = 1_000_000


def per_item(run: Callable[[], object], items: int = INPUTS) -> str:
    """The time of an item, the best of three runs."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return time_text(best / items)


def numbers() -> Iterator[int]:
    """Inputs that have results."""
    return itertools.islice(itertools.cycle(range(KEPT)), INPUTS)


def pool() -> None:
    """The pool of the standard library, which keeps nothing."""
    with ThreadPoolExecutor(8) as threads:
        for _ in threads.map(functions.small, numbers()):
            pass


def loop(function: Callable[[int], object]) -> None:
    """A loop over a function whose results are kept."""
    for number in numbers():
        function(number)


def compared() -> Iterator[tuple[str, str]]:
    """Our batches of hits, and what others do."""
    from spotmagic import Spot

    with tempfile.TemporaryDirectory(prefix="bench-") as place, quiet():
        with Spot("bench", root=place) as spot:
            small = spot.mark(functions.small)
            spot.map(small, range(KEPT), progress=False)
            yield "spot.map", per_item(lambda: spot.map(small, numbers(), progress=False))
            yield "spot.map, keep=False", per_item(lambda: spot.map(small, numbers(), keep=False, progress=False))
            fresh = itertools.count(10_000_000)
            new = 3_000
            yield (
                "spot.map, first runs, stored",
                per_item(lambda: spot.map(small, itertools.islice(fresh, new), progress=False), new),
            )
        yield "ThreadPoolExecutor.map, nothing kept", per_item(pool)
        for name in ("diskcache", "joblib"):
            try:
                kept = PEERS[name](Path(place) / name)(functions.small)
                for number in range(KEPT):
                    kept(number)
                yield f"a loop over {name}", per_item(lambda kept=kept: loop(kept))
            except Exception as error:
                yield f"a loop over {name}", f"left out: {type(error).__name__}"


def growth() -> str:
    """What the process grows by while a stream of a million inputs passes."""
    from spotmagic import Spot

    with tempfile.TemporaryDirectory(prefix="bench-") as place, Spot("bench", root=place) as spot:
        small = spot.mark(functions.small)
        small(1)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        spot.map(small, itertools.repeat(1, STREAM), keep=False, progress=False)
        return f"{(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000:.1f} MB"


def main() -> None:
    """Print both tables."""
    rows("1,000,000 lazy inputs", "≤ 30 MB", [("growth of the process", growth())])
    rows("an item of a batch of 20,000 hits, 100 B", "≤ 20 µs", list(compared()))


if __name__ == "__main__":
    main()
