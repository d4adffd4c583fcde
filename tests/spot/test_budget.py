"""A budget stops before it is passed, over all kernels of a spot, and hits cost nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from spotmagic import Spot
from spotmagic.errors import BudgetSpent, OptionError, SpotWarning

runs: list[int] = []


@pytest.fixture(autouse=True)
def no_runs() -> None:
    runs.clear()


def work(x: int) -> int:
    runs.append(x)
    return x


def test_the_call_that_would_pass_the_budget_does_not_run(tmp_path: Path) -> None:
    with Spot("budget", root=tmp_path, budget=1.0) as spot:
        f = spot.mark(price=0.4)(work)
        f(1), f(2)
        with pytest.raises(BudgetSpent, match="0.8 is paid"):
            f(3)
        assert runs == [1, 2] and f(1) == 1


def test_where_only_the_result_tells_the_price_the_mean_counts(tmp_path: Path) -> None:
    with Spot("budget", root=tmp_path, budget=1.0) as spot:
        f = spot.mark(price=lambda value: value / 10)(work)
        f(3), f(5)
        with pytest.raises(BudgetSpent):
            f(1)
    with Spot("budget", root=tmp_path, budget=1.0) as spot:
        with pytest.raises(BudgetSpent, match="costs about 0.4"):
            spot.mark(price=lambda value: value / 10)(work)(1)


def test_a_free_call_is_never_stopped(tmp_path: Path) -> None:
    with Spot("budget", root=tmp_path, budget=0) as spot:
        assert spot.mark(work)(1) == 1
        with pytest.raises(BudgetSpent):
            spot.mark(price=0.1)(work)(2)


def test_other_kernels_spend_from_the_same_budget_and_a_lost_count_is_found_again(tmp_path: Path) -> None:
    code = (
        f"from spotmagic import Spot\nspot = Spot('budget', root={str(tmp_path)!r})\n"
        "with spot.cached_run(abs, price=0.7) as f:\n    f(-1)\nspot.close()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    for damage in (False, True):
        if damage:
            (tmp_path / "budget" / "spent").write_bytes(b"?")
        with Spot("budget", root=tmp_path, budget=1.0) as spot:
            assert spot.budget.spent() == pytest.approx(0.7)
            with pytest.raises(BudgetSpent):
                spot.mark(price=0.4)(work)(1)
    assert runs == []


def test_a_budget_that_is_no_amount_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="amount"):
        Spot("budget", root=tmp_path, budget="5$")  # type: ignore[arg-type]


def test_a_count_that_cannot_be_written_costs_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with Spot("budget", root=tmp_path, budget=1.0) as spot:
        f = spot.mark(price=0.1)(work)
        monkeypatch.setattr("spotmagic.engine.budget.os.pwrite", full)
        with pytest.warns(SpotWarning):
            assert f(1) == 1
        monkeypatch.undo()
        assert f(1) == 1 and f(2) == 2


def test_a_call_that_fails_does_not_make_the_next_look_cheap(tmp_path: Path) -> None:
    def fails(x: int) -> int:
        if x < 0:
            raise ValueError(x)
        return x

    with Spot("budget", root=tmp_path, budget=1.3) as spot:
        f = spot.mark(price=lambda value: 0.4)(fails)
        f(1), f(2)
        for x in (-1, -2, -3):
            with pytest.raises(ValueError, match=str(x)):
                f(x)
        f(3)
        with pytest.raises(BudgetSpent, match="costs about 0.4"):
            f(4)
