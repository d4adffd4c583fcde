"""Times of single calls, and tables of them."""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bench.peers import OURS, PEERS, Decorator, Function

ROUNDS = 5


class Times:
    """Seconds of single calls."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def at(self, share: float) -> float:
        """The time that this share of the calls stays under."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def calls(function: Callable[[Any], object], arguments: Iterable[Any], seconds: float) -> list[float]:
    """How long each call took, until the time is up."""
    now = time.perf_counter
    taken = []
    gc.collect()
    end = now() + seconds
    for argument in arguments:
        start = now()
        function(argument)
        stop = now()
        taken.append(stop - start)
        if stop > end:
            break
    return taken


def side_by_side(
    makers: Mapping[str, Callable[[Path], Callable[[Any], object]]],
    arguments: Callable[[], Iterable[Any]],
    *,
    seconds: float = 0.4,
) -> dict[str, Times | str]:
    """Times of each peer, taken in turns so that a busy moment of the machine hits all alike; or why there are none.

    Args:
        makers: by peer, what opens a cache in a folder, fills it and gives what is to be timed.
        arguments: those of the timed calls, for one turn.
    """
    found: dict[str, Times | str] = {}
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as place, quiet():
        ready: dict[str, Callable[[Any], object]] = {}
        for name, make in makers.items():
            try:
                ready[name] = make(Path(place) / name.replace(" ", "-"))
                found[name] = Times()
            except Exception as error:
                found[name] = f"left out: {type(error).__name__}: {error}".splitlines()[0][:90]
        for _ in range(ROUNDS):
            for name, call in ready.items():
                times = found[name]
                if isinstance(times, Times):
                    times.seconds += calls(call, arguments(), seconds)
    return found


def marked(
    function: Function, prepare: Callable[[Function], Callable[[Any], object]]
) -> dict[str, Callable[[Path], Callable[[Any], object]]]:
    """Makers of the function under each peer's decorator, prepared."""

    def maker(make: Callable[[Path], Decorator]) -> Callable[[Path], Callable[[Any], object]]:
        return lambda folder: prepare(make(folder)(function))

    return {name: maker(make) for name, make in PEERS.items()}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What peers have to say while they are timed is not part of the table."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def time_text(seconds: float) -> str:
    """A time in the unit that fits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds < 1000 * size else f"{seconds / size:.0f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def show(title: str, found: dict[str, Times | str], goal: str) -> None:
    """A table of p50, p99 and how many times slower than ours each is."""
    ours = found.get(OURS)
    print(f"\n{title}    (to reach: {goal})")
    print(f"  {'':<16}{'p50':>10}{'p99':>10}{'times ours':>12}{'calls':>9}")
    for name, times in found.items():
        if isinstance(times, str):
            print(f"  {name:<16}{times}")
            continue
        half, most = times.at(0.5), times.at(0.99)
        ratio = f"{half / ours.at(0.5):.1f}" if isinstance(ours, Times) else "?"
        shown = f"{time_text(half):>10}{time_text(most):>10}{ratio:>12}{len(times.seconds):>9}"
        print(f"  {name:<16}{shown}", flush=True)


def rows(title: str, goal: str, lines: Iterable[tuple[str, str]]) -> None:
    """A table of two columns."""
    print(f"\n{title}    (to reach: {goal})")
    for name, value in lines:
        print(f"  {name:<44}{value:>16}", flush=True)
