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


def test_a_miss_in_replay_names_the_call_the_nearest_result_and_what_differs(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from spotmagic import Spot\n"
        f"spot = Spot('modes', root={str(tmp_path)!r})\n"
        "@spot.mark\n"
        "def double(x, y=1):\n"
        "    return 2 * x\n"
        "double(1)\n"
        "spot.set_mode('replay')\n"
        "def main():\n"
        "    return double(1) + double(3)\n"
        "main()\n"
    )
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True)
    with Spot("modes", root=tmp_path) as spot:
        (row,) = spot.entries()
    assert ran.returncode == 1
    last_line = ran.stderr.strip().splitlines()[-1]
    assert "RecordMissing: no result of double to return: mode is replay; " in last_line
    assert "`x`" in last_line and f"the nearest result is {row.key[:8]}, made" in last_line and "ago" in last_line
    files = {line for line in ran.stderr.splitlines() if line.startswith("  File ")}
    assert len(files) == 2 and all("script.py" in line for line in files), ran.stderr


def test_a_function_tells_its_mode_and_takes_another(spot: Spot) -> None:
    class Bot:
        @spot.mark
        def say(self, x: int) -> int:
            return x

    f, bot = spot.mark(identity), Bot()
    assert f.mode == "auto"
    f.mode, bot.say.mode = "replay", "off"
    assert (f.mode, bot.say.mode, Bot.say.mode) == ("replay", "off", "off")
    assert {name.rpartition(".")[2]: mode for name, mode in spot.modes().items()} == {
        "identity": "replay",
        "say": "off",
    }
    with pytest.raises(OptionError, match="Did you mean replay"):
        f.mode = "replai"
    f.mode = None
    assert f.mode == "auto" and f(1) == 1


def test_the_environment_sets_the_mode_of_spots_that_say_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTMAGIC_MODE", "replay")
    with Spot("modes", root=tmp_path) as spot, Spot("other", root=tmp_path, mode="auto") as other:
        with pytest.raises(RecordMissing):
            spot.mark(identity)(1)
        assert other.mark(identity)(1) == 1
        assert spot.mark(mode="off")(identity)(1) == 1
    monkeypatch.setenv("SPOTMAGIC_MODE", "replai")
    with pytest.raises(OptionError, match="Did you mean replay"):
        Spot("modes", root=tmp_path)


def test_a_function_is_called_by_its_last_words(spot: Spot) -> None:
    f = spot.mark(identity)
    spot.set_mode("replay", "identity")
    assert spot.modes() == {f"{__name__}.identity": "replay"}
    with pytest.raises(RecordMissing):
        f(1)
    spot.set_mode(None, "identity")
    assert f(1) == 1


def test_what_is_not_kept_is_said_to_be_so_in_replay(tmp_path: Path) -> None:
    """Nothing runs, so there is no first run to speak of."""
    with Spot("modes", root=tmp_path, mode="replay") as spot:
        with pytest.raises(RecordMissing, match="none is kept under its name") as raised:
            spot.mark(identity)(1)
        assert "first run" not in str(raised.value)
