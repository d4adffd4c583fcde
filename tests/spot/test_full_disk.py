"""Input or output fails at one point of a whole first run: the user has the result, and the next call works."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from failing_files import FailingFiles

from spotmagic import Spot, last
from spotmagic.engine import flight
from spotmagic.errors import SpotWarning, _told

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)
LARGE = 100_000


class FailingSystem(FailingFiles):
    """Locks, and the look at the lock file of flights, fail as well."""

    def __enter__(self) -> FailingFiles:
        self._others = [(module, name, getattr(module, name)) for module, name in ((fcntl, "flock"), (fcntl, "fcntl"))]
        self._others.append((flight, "_stat", flight._stat))
        for module, name, real in self._others:
            setattr(module, name, self._guarded(name, real))
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        for module, name, real in self._others:
            setattr(module, name, real)


class Refused(ValueError):
    """An answer of the user's that is kept."""


def small(spot: Spot, runs: list[str]) -> Callable[[], object]:
    """A result in its record."""
    return spot.mark(version="1", ignore="runs")(lambda: runs.append("") or "small")


def large(spot: Spot, runs: list[str]) -> Callable[[], object]:
    """A result in a blob."""
    return spot.mark(version="1", ignore="runs")(lambda: runs.append("") or "x" * LARGE)


def paid(spot: Spot, runs: list[str]) -> Callable[[], object]:
    """A result that is counted, and on disk before it is returned."""
    return spot.mark(version="1", ignore="runs", price=1.0)(lambda: runs.append("") or "paid")


def refused(spot: Spot, runs: list[str]) -> Callable[[], object]:
    """An error that is kept."""

    @spot.mark(version="1", ignore="runs", errors=(Refused,))
    def ask() -> str:
        runs.append("")
        raise Refused("no")

    def asked() -> str:
        try:
            return ask()
        except Refused as error:
            return f"refused: {error}"

    return asked


def items(spot: Spot, runs: list[str]) -> Callable[[], object]:
    """A stream."""

    @spot.mark(version="1", ignore="runs")
    def give() -> Iterator[int]:
        runs.append("")
        yield from range(3)

    return lambda: [*give()]


def awaited(spot: Spot, runs: list[str]) -> Callable[[], object]:
    """A call of a loop, with a price: a thread syncs for it."""

    @spot.mark(version="1", ignore="runs", price=1.0)
    async def ask() -> str:
        runs.append("")
        return "awaited"

    return lambda: asyncio.run(ask())


KINDS = (small, large, paid, refused, items, awaited)


@contextmanager
def warned() -> Iterator[list[str]]:
    """What we warn of inside."""
    _told.clear()
    told: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield told
    told += [str(each.message) for each in caught if issubclass(each.category, SpotWarning)]


@pytest.mark.parametrize(
    ("kind", "warm"),
    [(small, False), (large, False), *((kind, True) for kind in KINDS)],
    ids=lambda value: getattr(value, "__name__", "later" if value else "first of the folder"),
)
def test_any_failure_of_the_disk_costs_one_warning_at_most(
    tmp_path: Path, kind: Callable[[Spot, list[str]], Callable[[], object]], warm: bool
) -> None:
    """The result comes, nothing is half stored, and once the disk works again the call is kept and found."""
    number, count = 0, 1
    while number <= count:
        root = tmp_path / str(number)
        times = 1 if number % 2 else 1 << 60
        failing = FailingSystem(root, number, times=times, error=ERRORS[number % 3])
        runs: list[str] = []
        with Spot("test", root=root, budget=100.0) as spot:
            if warm:
                spot.mark(version="1")(lambda: "before")()
            call = kind(spot, runs)
            with warned() as told, failing:
                expected = call()
            assert len(runs) == 1, (number, runs)
            # What was spent is a matter of its own, for which the catalog may be asked.
            assert len(told) <= (3 if kind in (paid, awaited) else 1), (number, told)
            with warned():
                assert call() == expected, number
                assert call() == expected, number
            assert len(runs) <= 2, (number, runs)
            assert last().stored, (number, last())  # type: ignore[union-attr]
        with warned() as told, Spot("test", root=root, budget=100.0) as spot:
            assert kind(spot, runs)() == expected
            assert spot.verify().good, number
            assert len(runs) <= 2, (number, runs)
        assert told == [], (number, told)
        if not number:
            count = failing.count
            assert count > 2, "nothing was to fail"
        number += 1
