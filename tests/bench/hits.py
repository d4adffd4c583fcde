"""A hit of a marked function, the key of its arguments included, and a miss that is stored."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from tests.bench import functions
from tests.bench.measure import show, side_by_side
from tests.bench.peers import Function

KEPT = 300


def filled(function: Function) -> Callable[[Any], object]:
    """The function with all results it will be asked for."""
    for number in range(KEPT):
        function(number)
    if function(7) != functions.small(7):
        raise ValueError("it returned something else")
    return function


def main() -> None:
    """Print both tables."""
    show(
        "hit, 100 B, key included",
        side_by_side(filled, functions.small, lambda: itertools.islice(itertools.cycle(range(KEPT)), 20_000)),
        "≤ 6 µs; diskcache and beautyspot ≥ 3 times ours, joblib and cachier ≥ 15 times",
    )
    fresh = itertools.count(10_000_000)
    show(
        "miss and store, 100 B, no fsync",
        side_by_side(lambda function: function, functions.small, lambda: itertools.islice(fresh, 5_000)),
        "≤ 20 µs",
    )


if __name__ == "__main__":
    main()
