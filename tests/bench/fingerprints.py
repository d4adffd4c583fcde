"""Fingerprints of arguments, beside joblib.hash."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from spotmagic.keys import fingerprint
from tests.bench.measure import time_text

GIGABYTE = 1_000_000_000
CASES = ("three small arguments", "200,000 small dicts", "an array of 1 GB", "a frame of 1M rows × 10")
GOALS = ("≤ 4 µs", "≤ 0.2 s", "≤ 0.1 s", "≤ 10 ms")
REPEATS = (20_000, 3, 3, 5)


def value(case: str) -> Any:
    """The value of a case."""
    import numpy as np
    import pandas as pd

    if case == CASES[0]:
        return ("summarise this", 3, {"model": "tiny", "temperature": 0.2})
    if case == CASES[1]:
        return [{"id": number, "text": f"text {number}", "score": number / 7} for number in range(200_000)]
    if case == CASES[2]:
        return np.arange(GIGABYTE // 8, dtype="float64")
    return pd.DataFrame(np.random.default_rng(1).normal(size=(1_000_000, 10)), columns=list("abcdefghij"))


def typical(function: Callable[[Any], object], argument: Any, repeats: int) -> float:
    """The median time of a call in seconds."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(argument)
        taken.append(time.perf_counter() - start)
    return sorted(taken)[repeats // 2]


def main() -> None:
    """Print the table."""
    try:
        import joblib
    except ImportError:
        joblib = None
    print("\nfingerprints")
    print(f"  {'':<28}{'spotmagic':>12}{'joblib.hash':>14}{'times ours':>12}   to reach")
    for case, goal, repeats in zip(CASES, GOALS, REPEATS, strict=True):
        argument = value(case)
        ours = typical(fingerprint, argument, repeats)
        theirs = typical(joblib.hash, argument, min(repeats, 2_000)) if joblib else None
        shown = f"{time_text(theirs):>14}{theirs / ours:>12.1f}" if theirs else f"{'left out':>14}{'?':>12}"
        print(f"  {case:<28}{time_text(ours):>12}{shown}   {goal}", flush=True)


if __name__ == "__main__":
    main()
