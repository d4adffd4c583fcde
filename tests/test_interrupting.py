"""Interrupts at a chosen step come even where Python loses one."""

from __future__ import annotations

from pathlib import Path

import pytest
from interrupting import Interrupts

from spotmagic.engine.running import Board


def test_one_that_a_finalizer_loses_comes_at_the_next_step(tmp_path: Path) -> None:
    board, freed = Board(tmp_path), [Board(tmp_path)]
    with Interrupts(3) as interrupts, pytest.raises(KeyboardInterrupt):
        freed.clear()
        assert interrupts.left == 1  # lost in the finalizer
        board.end(board.begin("f", "function", 1.0))
    assert not interrupts.left


def test_one_that_is_lost_in_the_last_step_is_left(tmp_path: Path) -> None:
    freed = [Board(tmp_path)]
    with Interrupts(3) as interrupts:
        freed.clear()
    assert interrupts.left == 1
