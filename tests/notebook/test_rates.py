"""Rates on a cell hold for the calls in it, or for the cell itself where it makes none; and kept calls are counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot, last
from spotmagic.code.cell import analyse
from spotmagic.engine.around import Around, around
from spotmagic.notebook.calls import leads_to_marked
from spotmagic.spot import choose
from spotmagic.testing import FakeClock

DEFINE = """
@spot.mark
def ask(x, size=1): return x + 1
def through(x): return ask(x)
class Client:
    def ask(self, x): return through(x)
client = Client()
@spot.mark
@spot.limiter(rpm=6000, name='own')
def limited(x): return x
def plain(x): return x
@spot.mark
async def ask_later(x): return x + 1
"""


@pytest.fixture
def spot(shell: Any, tmp_path: Path, clock: FakeClock) -> Iterator[Spot]:
    shell.extension_manager.load_extension("spotmagic")
    with Spot("rates", root=tmp_path, clock=clock) as spot:
        choose(spot)
        shell.user_ns["spot"] = spot
        shell.run_cell(DEFINE, store_history=True).raise_error()
        yield spot


@pytest.fixture
def cell(shell: Any, spot: Spot, clock: FakeClock) -> Callable[[str], float]:
    """Runs a cell and gives the seconds that were waited for its rates."""

    def run(code: str) -> float:
        before = sum(clock.slept)
        shell.run_cell(code, store_history=True).raise_error()
        return sum(clock.slept) - before

    return run


@pytest.mark.parametrize(
    "body",
    [
        "y = [ask(x) for x in range(4)]",
        "y = [through(x) for x in range(4)]",
        "y = [client.ask(x) for x in range(4)]",
        "import functools\ny = list(map(functools.partial(ask), range(4)))",
        "def own(x): return ask(x)\ny = [own(x) for x in range(4)]",
        "@spot.mark\ndef late(x): return x + 1\ny = [late(x) for x in range(4)]",
        "y = [await ask_later(x) for x in range(4)]",
        "import concurrent.futures as c\nwith c.ThreadPoolExecutor(1) as pool:\n    y = list(pool.map(ask, range(4)))",
    ],
)
def test_each_marked_call_passes_the_rates_of_its_cell(cell: Callable[[str], float], shell: Any, body: str) -> None:
    """Four calls at one a second: the first goes at once, the cell itself costs nothing."""
    assert cell(f"%%spot name=a rpm=60\n{body}") == pytest.approx(3.0, abs=0.1)
    assert shell.user_ns["y"] == [1, 2, 3, 4]
    assert cell(f"%%spot name=a rpm=60 refresh\n{body}") == 0, "hits are free"


def test_a_limiter_of_its_own_holds_over_that_of_the_cell(cell: Callable[[str], float]) -> None:
    """The cell has no call that the rates could hold for, so it counts as one request itself."""
    assert cell("%%spot name=a rpm=1\ny = [limited(x) for x in range(3)]") < 0.1
    assert cell("%%spot name=a rpm=1\nz = [limited(x) for x in range(3)]") == pytest.approx(60, abs=1)


def test_a_cell_without_marked_calls_counts_as_one_request_of_its_cost(cell: Callable[[str], float]) -> None:
    assert cell("%%spot name=a tpm=600 cost=300\ny = [plain(x) for x in range(4)]") == 0
    assert cell("%%spot name=a tpm=600 cost=300\ny = [plain(x) for x in range(5)]") == pytest.approx(30, abs=1)
    assert cell("%%spot name=a tpm=600 cost=300\ny = [plain(x) for x in range(5)]") == 0, "a hit is free"


def test_the_cost_of_a_call_may_hang_on_its_arguments(cell: Callable[[str], float]) -> None:
    line = "%%spot name=a tpm=600 cost={lambda size: size * 100}\n"
    assert cell(line + "y = [ask(1, size=1), ask(2, 3), ask(3)]") == pytest.approx(10 + 30, abs=1.1)


def test_a_cost_without_its_arguments_is_told_before_the_cell_runs(cell: Callable[[str], float], shell: Any) -> None:
    result = shell.run_cell("%%spot tpm=600 cost={lambda size: size}\nfresh = 1")
    assert type(result.error_in_exec).__name__ == "OptionError" and "fresh" not in shell.user_ns


def test_after_the_cell_its_rates_are_over(cell: Callable[[str], float]) -> None:
    cell("%%spot name=a rpm=60\ny = [ask(x) for x in range(2)]")
    assert cell("z = [ask(x) for x in range(10, 15)]") == 0


def test_a_failed_cell_gives_its_rates_back(cell: Callable[[str], float], shell: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        cell("%%spot name=a rpm=60\ny = [ask(x) for x in range(2)]\n1/0")
    assert around() is None and cell("z = [ask(x) for x in range(10, 15)]") == 0


@pytest.mark.parametrize(
    ("body", "leads"),
    [
        ("y = ask(1)", True),
        ("y = client.ask(1)", True),
        ("y = tools.go(1)", True),
        ("y = tools.rest(1)", False),
        ("y = table['ask'](1)", True),
        ("y = limited(1)", False),
        ("y = plain(1)", False),
        ("y = spot.map(plain, [1])", True),
        ("y = spot.stats()", False),
        ("y = [x for x in data]", False),
        ("from spotmagic import Spot\ny = Spot('x').mark(plain)(1)", True),
    ],
)
def test_what_leads_to_marked_functions_is_seen_without_a_run(
    spot: Spot, shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, leads: bool
) -> None:
    (tmp_path / "tools.py").write_text("def go(x):\n    return rest(ask(x))\ndef rest(x):\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "tools", raising=False)
    import tools

    tools.ask = shell.user_ns["ask"]
    shell.user_ns.update(tools=tools, table={"ask": shell.user_ns["ask"]}, data=list(range(1000)))
    assert leads_to_marked(shell.user_ns, analyse(body)) is leads


@pytest.mark.parametrize("body", ["y = json.loads('1')", "y = read('1')"])
def test_wrapped_functions_of_libraries_are_seen_too(spot: Spot, shell: Any, body: str) -> None:
    shell.run_cell("import json\ndef read(text): return json.loads(text)").raise_error()
    assert not leads_to_marked(shell.user_ns, analyse(body))
    shell.run_line_magic("spot_load_ext", "json:loads")
    assert leads_to_marked(shell.user_ns, analyse(body))


def test_threads_and_tasks_of_the_cell_are_inside_it_and_others_are_not() -> None:
    cell = Around()
    with ThreadPoolExecutor(1) as pool:
        with cell.running():
            assert around() is cell and pool.submit(around).result() is cell
        assert around() is None and pool.submit(around).result() is None
    other: list[object] = []
    with Around().running() as _, cell.running():
        thread = threading.Thread(target=lambda: other.append(around()))
        thread.start()
        thread.join()
    assert other == [cell]


def test_a_failed_cell_says_how_many_calls_inside_are_kept(
    shell: Any, spot: Spot, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a hit nor a call before the cell counts, and nobody asks the catalog."""
    monkeypatch.setattr(Spot, "entries", None)
    shell.run_cell("ask(0)", store_history=True)
    shell.run_cell("%%spot\ny = [ask(x) for x in range(4)]\n1/0", store_history=True)
    assert last().verdict == "ran" and not last().stored
    assert "3 calls inside will not be paid again" in capsys.readouterr().out
    shell.run_cell("%%spot\ny = [ask(x) for x in range(5)]\n1/0", store_history=True)
    assert "1 call inside will not be paid again" in capsys.readouterr().out


def test_a_cell_that_met_its_budget_says_so_too(shell: Any, spot: Spot, capsys: pytest.CaptureFixture[str]) -> None:
    """The error is ours, but it came from inside: what was paid before it is kept."""
    spot.budget.total = 0.25
    shell.run_cell("@spot.mark(price=0.1)\ndef paid(x): return x")
    shell.run_cell("%%spot\ny = [paid(x) for x in range(4)]", store_history=True)
    said = capsys.readouterr().out
    assert "BudgetSpent" in said and "2 calls inside will not be paid again" in said


def test_a_cell_that_may_not_run_tells_only_so(shell: Any, spot: Spot, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell("%%spot name=a\ny = 1", store_history=True)
    capsys.readouterr()
    shell.run_cell("%%spot name=a mode=replay\ny = 2", store_history=True)
    said = capsys.readouterr().out
    assert "RecordMissing" in said and "spot:" not in said
