"""A budget stops before it is passed, over all kernels of a spot, and hits cost nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from spotmagic import Spot
from spotmagic.errors import BudgetSpent, OptionError, SpotWarning, tell_again

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


def test_a_function_that_has_cost_nothing_yet_may_cost_what_others_do(tmp_path: Path) -> None:
    """Its first calls pass no budget, however many start at once."""

    def other(x: int) -> int:
        return work(x)

    with Spot("budget", root=tmp_path, budget=1.0) as spot:
        f = spot.mark(price=lambda value: value / 10)(work)
        f(3), f(5)
        with pytest.raises(BudgetSpent, match="other costs about 0.4"):
            spot.mark(price=lambda value: value / 10)(other)(1)
    assert runs == [3, 5]


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


def test_calls_at_the_same_time_do_not_pass_the_budget_together(tmp_path: Path) -> None:
    """What is under way is reserved; a call that fails gives back what was reserved for it."""
    inside = threading.Barrier(3)

    def paid(x: int) -> int:
        runs.append(x)
        inside.wait(60)
        if x == 0:
            raise ValueError("no answer")
        return x

    with Spot("budget", root=tmp_path, budget=2) as spot:
        f = spot.mark(price=1, ignore="inside")(paid)
        with ThreadPoolExecutor(8) as pool:
            calls = [pool.submit(f, x) for x in range(8)]
            done = [call for call in calls if isinstance(call.exception(60) if call.done() else None, BudgetSpent)]
            while len(runs) < 2 or sum(call.done() for call in calls) < 6:
                assert len(runs) <= 2
            inside.wait(60)
        refused = [call.exception() for call in calls if isinstance(call.exception(), BudgetSpent)]
        assert len(refused) == 6 and "calls under way may cost" in str(refused[0]), done
        kept = sum(x != 0 for x in runs)
        assert spot.budget.spent() == kept
        if kept < 2:
            inside.reset()
            threading.Timer(0, lambda: inside.wait(60)).start()
            threading.Timer(0, lambda: inside.wait(60)).start()
            assert f(9) == 9


def test_what_another_kernel_has_under_way_counts_until_it_ends_or_dies(tmp_path: Path) -> None:
    code = (
        f"import sys\nfrom spotmagic import Spot\nspot = Spot('budget', root={str(tmp_path)!r}, budget=1.0)\n"
        "def ask(x):\n    print('in', flush=True)\n    sys.stdin.readline()\n    return x\n"
        "with spot.cached_run(ask, price=0.7) as f:\n    f(1)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "in\n"
    with Spot("budget", root=tmp_path, budget=1.0) as spot:
        f = spot.mark(price=0.4)(work)
        with pytest.raises(BudgetSpent, match=r"calls under way may cost 0\.7"):
            f(1)
        other.kill()
        other.communicate()
        assert f(1) == 1
        assert spot.budget.spent() == 0.4
        spot.budget.close()
    assert {path.name for path in (tmp_path / "budget").glob("spent*")} == {"spent", "spent.lock"}


def test_a_budget_spends_its_last_cent(tmp_path: Path) -> None:
    """Sums of prices in floating point do not stop a call that fits."""
    with Spot("budget", root=tmp_path, budget=0.3) as spot:
        f = spot.mark(price=0.1)(work)
        assert [f(1), f(2), f(3)] == [1, 2, 3]


@pytest.mark.parametrize("told", [float("nan"), float("inf"), -3.0])
def test_a_price_that_is_none_spoils_no_sum(tmp_path: Path, told: float) -> None:
    """It counts as free, and that is told: infinity would be spent for ever."""
    tell_again("price test_budget.work")
    with (
        Spot("budget", root=tmp_path, budget=1.0) as spot,
        pytest.warns(SpotWarning, match=r"price= of \S*work failed"),
    ):
        f, g = spot.mark(price=lambda value: told)(work), spot.mark(price=0.6)(abs)
        assert (f(1), f(1), g(-1)) == (1, 1, 1) and runs == [1]
        assert spot.stats().price_paid == pytest.approx(0.6)
        with pytest.raises(BudgetSpent, match=r"0\.6 is paid"):
            g(-2)
