"""A clock that jumps a day refills no limit early, makes nothing older than it is, and stops nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot, last
from spotmagic.limits import Limit
from spotmagic.limits.booking import Booking, Rates
from spotmagic.limits.state_file import FileStorage
from spotmagic.limits.timebase import NO_BOOT, Timebase
from spotmagic.store.entry import Entry, Part
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring
from spotmagic.testing import FakeClock


class Jumping(FakeClock):
    """A clock whose wall time can be set."""

    def set(self, seconds: float) -> None:
        self._now += seconds


def test_a_naive_bucket_refills_when_the_clock_is_set() -> None:
    """The control: by wall time, a day ahead is a day of requests, and a day back is a debt of one."""

    def refilled(last: float, now: float, tokens: float = 0.0) -> float:
        return min(60.0, tokens + (now - last) * 1.0)

    assert refilled(1_000.0, 1_000.0 + 86_400) == 60.0
    assert refilled(1_000.0, 1_000.0 - 86_400) == -86_400.0


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_a_limit_goes_by_time_that_passes(jump: float) -> None:
    clock = Jumping()
    limit = Limit("jumps", rpm=60, clock=clock)
    assert limit.try_acquire() is not None
    clock.set(jump)
    assert limit.try_acquire() is None
    clock.advance(1.0)
    assert limit.try_acquire() is not None


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0, 1e9, -1.7e9])
def test_results_of_any_time_have_an_age_and_are_hits(jump: float, tmp_path: Path) -> None:
    """A result from the future is new, not older than nothing; the order of results is as well as the clock."""
    clock = Jumping()
    with Spot("t", root=tmp_path, clock=clock) as spot:
        f: Any = spot.mark(version="1")(len)
        assert f("abc") == 3
        clock.set(jump)
        assert f("abc") == 3
        outcome = last()
        assert outcome is not None and outcome.verdict == "hit" and outcome.age >= 0.0
        assert spot.stats().hits == 1 and spot.entries()[0].name
        assert str(spot.gc())


def test_what_is_to_hold_for_a_day_does_not_end_before_it(tmp_path: Path) -> None:
    """Set back, it holds longer; set ahead, it ends as if that time had passed, and is made again."""
    clock, ran = Jumping(), []

    def ask(x: int) -> int:
        ran.append(x)
        return x

    with Spot("t", root=tmp_path, clock=clock) as spot:
        f = spot.mark(version="1", ttl="1d")(ask)
        for jump, runs in ((0.0, 1), (-86_400.0, 1), (86_399.0, 1), (2 * 86_400.0, 2), (-2 * 86_400.0, 2)):
            clock.set(jump)
            assert f(1) == 1 and len(ran) == runs, jump


def test_writers_whose_clocks_differ_share_a_folder(tmp_path: Path) -> None:
    """A day ahead or behind, each one's results are found by the other, the one written last first."""
    key, ring = b"k" * 16, Ring.of(b"s" * 32)
    stores = [
        FolderStore(tmp_path / "spot", ring=ring, clock=Jumping(1_800_000_000.0 + skew)) for skew in (0.0, 86_400.0)
    ]
    try:
        for number in range(6):
            value = str(number).encode()
            writer = stores[number % 2]
            writer.put(Entry(key=key, name="f", created=writer._clock.now(), parts=(Part("value", ("plain",), value),)))
            for store in stores:
                found = store.get(key)
                assert isinstance(found, Entry) and found.parts[0].head == value
    finally:
        for store in stores:
            store.close()


def storage_at(path: Path, now: list[float], boot: bytes = b"boot of the test") -> FileStorage:
    return FileStorage(path, Timebase(lambda: now[0], boot))


def take(storage: FileStorage) -> float:
    booking = storage.book(1.0, 0.0, 0.0, float("inf"))
    assert isinstance(booking, Booking)
    return booking.wait


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.state"


def test_a_state_of_another_boot_says_nothing_about_now(path: Path) -> None:
    old = storage_at(path, [900_000.0])
    old.declare(Rates(60))
    for _ in range(100):
        take(old)
    fresh = storage_at(path, [5.0], b"boot after that ")
    fresh.declare(Rates(60))
    assert [take(fresh), take(fresh)] == pytest.approx([0.0, 1.0])


def test_without_boots_a_clock_set_back_does_not_stop_the_limit(path: Path) -> None:
    now = [2e9]
    storage = storage_at(path, now, NO_BOOT)
    storage.declare(Rates(60))
    take(storage)
    now[0] -= 86400.0
    assert take(storage) == pytest.approx(1.0)
    now[0] += 7 * 86400.0
    assert [take(storage), take(storage)] == pytest.approx([0.0, 1.0])
