"""``%spot_load_ext cells``: a whole notebook under the spot, without a word on any cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spotmagic.spot import last


@pytest.fixture
def cell(shell: Any, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """Runs a cell and gives what it put out."""
    shell.run_line_magic("load_ext", "spotmagic")

    def run(code: str) -> str:
        capsys.readouterr()
        shell.run_cell(code, store_history=True)
        return capsys.readouterr().out

    return run


def test_every_cell_is_kept_until_off(cell: Callable[[str], str], shell: Any) -> None:
    cell("%spot_load_ext cells")
    cell("print('made')\nx = 5")
    assert last().verdict == "ran" and last().stored
    assert "made" in cell("print('made')\nx = 5")
    assert last().verdict == "hit" and shell.user_ns["x"] == 5
    cell("%spot_load_ext cells off")
    before = last()
    cell("print('made')\nx = 5")
    assert last() is before


def test_a_quick_cell_has_no_badge_and_is_looked_at_once(cell: Callable[[str], str], shell: Any) -> None:
    cell("%spot_load_ext cells min=3s")
    assert cell("y = 1\nprint(y)") == "1\n"
    before = last()
    assert not before.stored
    assert cell("y = 1\nprint(y)") == "1\n"
    assert last() is before


@pytest.mark.parametrize("code", ["%%time\nz = 1", "%spot", "%load_ext spotmagic", "# nothing", ""])
def test_cells_with_a_magic_of_their_own_and_empty_ones_stay_as_they_are(cell: Callable[[str], str], code: str) -> None:
    cell("%spot_load_ext cells")
    before = last()
    cell(code)
    assert last() is before


def test_tracebacks_count_lines_as_the_user_wrote_them(cell: Callable[[str], str]) -> None:
    cell("%spot_load_ext cells")
    text = cell("a = 1\n1 / 0")
    assert "line 2" in text and "spotmagic" not in text


def test_lines_of_shell_and_magics_in_a_cell_work(cell: Callable[[str], str], shell: Any) -> None:
    cell("%spot_load_ext cells")
    cell("import math\n%time q = math.sqrt(4)\nfiles = !echo here")
    assert shell.user_ns["q"] == 2 and list(shell.user_ns["files"]) == ["here"]


def test_options_hold_for_every_cell_and_wrong_ones_are_named(cell: Callable[[str], str]) -> None:
    assert "Did you mean" in cell("%spot_load_ext cells mni=3s")
    assert "alone" in cell("%spot_load_ext cells json:loads")
