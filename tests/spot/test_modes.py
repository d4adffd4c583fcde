"""Modes are kept, and another kernel sees them at its next call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from spotmagic import Spot, last
from spotmagic.errors import OptionError, RecordMissing, SpotWarning


def identity(x: int) -> int:
    return x


def test_a_mode_set_by_another_process_holds_at_the_next_call(tmp_path: Path) -> None:
    with Spot("modes", root=tmp_path) as spot:
        f = spot.mark(identity)
        f(1)
        code = f"from spotmagic import Spot; Spot('modes', root={str(tmp_path)!r}).set_mode('replay')"
        subprocess.run([sys.executable, "-c", code], check=True)
        assert f(1) == 1
        with pytest.raises(RecordMissing):
            f(2)
    with Spot("modes", root=tmp_path) as spot:
        with pytest.raises(RecordMissing):
            spot.mark(identity)(2)
        spot.set_mode("auto")
        assert spot.mark(identity)(2) == 2


def test_a_name_goes_before_the_spot_and_a_set_mode_before_a_marks_own(spot: Spot) -> None:
    f = spot.mark(mode="off")(identity)
    f(1)
    assert last().verdict == "bypassed"
    name = f"{__name__}.identity"
    spot.set_mode("replay")
    f(1)
    assert last().verdict == "bypassed"
    spot.set_mode("auto", name)
    f(1)
    assert last().verdict == "ran"


def test_an_unset_mode_is_again_the_marks_own_and_then_the_spots(spot: Spot) -> None:
    name = f"{__name__}.identity"
    f = spot.mark(mode="off")(identity)
    spot.set_mode("auto", name)
    f(1)
    assert last().verdict == "ran"
    spot.set_mode(None, name)
    f(1)
    assert last().verdict == "bypassed"
    assert (spot.modes(), spot.given_modes()) == ({}, {name: "off"})
    spot.set_mode("replay")
    f = spot.mark(identity)
    with pytest.raises(RecordMissing):
        f(2)
    spot.set_mode(None)
    assert f(2) == 2
    spot.set_mode(None, "never set")


def test_a_mode_unset_by_another_process_is_seen_and_what_it_did_not_touch_stays(tmp_path: Path) -> None:
    with Spot("modes", root=tmp_path) as spot:
        spot.set_mode("replay", "f")
        spot.set_mode("off", "g")
        code = f"from spotmagic import Spot; Spot('modes', root={str(tmp_path)!r}).set_mode(None, 'f')"
        subprocess.run([sys.executable, "-c", code], check=True)
        assert (spot.mode_of("f"), spot.mode_of("g")) == ("auto", "off")
    with Spot("modes", root=tmp_path) as spot:
        assert spot.modes() == {"g": "off"}


def test_an_unknown_mode_is_an_error_and_changes_nothing(spot: Spot) -> None:
    with pytest.raises(OptionError, match="replay"):
        spot.set_mode("replai")
    assert spot.mark(identity)(1) == 1


def test_a_damaged_file_of_modes_is_told_and_costs_nothing(tmp_path: Path) -> None:
    with Spot("modes", root=tmp_path) as spot:
        spot.set_mode("off")
    (tmp_path / "modes" / "modes.json").write_text("{")
    with pytest.warns(SpotWarning, match="modes"), Spot("modes", root=tmp_path) as spot:
        assert spot.mark(identity)(1) == 1
