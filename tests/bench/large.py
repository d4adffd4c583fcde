"""Hits of large values: 1 MB of bytes, a 100 MB array, a 100 MB data frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.bench import functions
from tests.bench.measure import marked, show, side_by_side
from tests.bench.peers import Function


def filled(kept: int) -> Callable[[Function], Callable[[Any], object]]:
    """Prepares a function by keeping so many results."""

    def prepare(function: Function) -> Callable[[Any], object]:
        for number in range(kept):
            function(number)
        return function

    return prepare


def main() -> None:
    """Print a table for each."""
    show(
        "hit, 1 MB",
        side_by_side(marked(functions.megabyte, filled(20)), lambda: [n % 20 for n in range(400)]),
        "≤ 120 µs",
    )
    for name, function in (("array", functions.array), ("data frame", functions.frame)):
        show(
            f"hit, 100 MB {name}", side_by_side(marked(function, filled(2)), lambda: [0, 1] * 3, seconds=2.0), "≤ 5 ms"
        )


if __name__ == "__main__":
    main()
