"""Nothing goes by itself: rules are said, a dry run tells, damage is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from spotmagic import Spot
from spotmagic.errors import OptionError
from spotmagic.testing import FakeClock

runs: list[int] = []


def draft(x: int) -> bytes:
    runs.append(x)
    return bytes([x]) * 100_000


def final(x: int) -> int:
    return x


made: list[bytes] = []


def stamped(x: int) -> bytes:
    made.append(b"%d" % len(made) * 100_000)
    return made[-1]


def test_gc_without_rules_removes_nothing_that_holds(spot: Spot) -> None:
    spot.mark(draft)(1)
    assert not spot.gc().entries and spot.stats().entries == 1


def test_a_rule_by_name_removes_old_results_but_not_pinned_ones(tmp_path: Path) -> None:
    runs.clear()
    clock = FakeClock()
    with Spot("rules", root=tmp_path, clock=clock) as spot:
        f, g = spot.mark(draft), spot.mark(final)
        f(1), f(2), g(3)
        assert spot.pin(f.key(2)) == 1
        clock.advance(8 * 86400)
        would = spot.gc({"*draft": "7d"}, dry_run=True)
        assert [name for _, name, _, _ in would.entries] == [f"{__name__}.draft"] and would.dry_run
        assert spot.stats().entries == 3
        spot.gc({"*draft": "7d"})
        assert spot.stats().entries == 2
        f(1), f(2), g(3)
        assert runs == [1, 2, 1]


def test_a_rule_that_is_no_duration_is_an_error(spot: Spot) -> None:
    with pytest.raises(OptionError, match="7d"):
        spot.gc({"*": "soon"})


def test_verify_finds_a_flipped_bit_in_a_blob_and_repair_lets_it_run_again(tmp_path: Path) -> None:
    runs.clear()
    with Spot("damage", root=tmp_path) as spot:
        f = spot.mark(draft)
        f(1)
        assert spot.verify().good
        blob = next(path for path in (tmp_path / "damage" / "blobs").rglob("*") if path.is_file())
        data = bytearray(blob.read_bytes())
        data[50_000] ^= 1
        blob.chmod(0o600)
        blob.write_bytes(data)
    with Spot("damage", root=tmp_path) as spot:
        assert not spot.verify().good
        spot.verify(repair=True)
        assert spot.mark(draft)(1) == bytes([1]) * 100_000
        assert runs == [1, 1]
        assert spot.verify().good


def test_answers_of_mode_record_are_kept_until_a_rule_lets_them_go(tmp_path: Path) -> None:
    """Each run is one more answer, which mock draws from; a rule collects old ones, and what they cost stays known."""
    clock = FakeClock()
    with Spot("recorded", root=tmp_path, clock=clock) as spot:
        f = spot.mark(mode="record", price=0.5, ignore="made")(stamped)
        for _ in range(5):
            f(1)
            clock.advance(86_400)
        assert len([path for path in (tmp_path / "recorded" / "blobs").rglob("*") if path.is_file()]) == 5
        assert (spot.gc().entries, spot.gc().blobs) == ((), ())
        swept = spot.gc({"*stamped": "36h"})
        assert (len(swept.entries), len(swept.blobs)) == (4, 4)
        assert spot.stats().price_paid == 2.5
        spot.rebuild()
        assert (spot.stats().price_paid, spot.stats().misses, spot.stats().entries) == (2.5, 5, 1)
        assert spot.mark(ignore="made")(stamped)(1) == made[-1]
        assert len(made) == 5
