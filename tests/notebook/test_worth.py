"""Cells: which results are worth keeping, and the n-th sample of one cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spotmagic import Spot, last
from spotmagic.spot import choose
from spotmagic.store.seal import unseal


@pytest.fixture
def spot(shell: Any, tmp_path: Path) -> Iterator[Spot]:
    shell.extension_manager.load_extension("spotmagic")
    with Spot("worth", root=tmp_path) as spot:
        choose(spot)
        shell.run_cell("import itertools\ncount = itertools.count()\ndef fetch():\n    return next(count)")
        yield spot


@pytest.fixture
def verdict(spot: Spot, run: Callable[[str], str]) -> Callable[[str], tuple[str, bool, str]]:
    """What came of a cell."""

    def cell(code: str) -> tuple[str, bool, str]:
        run(code)
        outcome = last()
        assert outcome is not None
        return outcome.verdict, outcome.stored, outcome.reason

    return cell


@pytest.mark.parametrize("keep", ["{answer > 0}", "{lambda value: value > 0}", "{worth}"])
def test_a_cell_is_kept_when_its_condition_holds_after_the_run(shell: Any, verdict: Any, keep: str) -> None:
    shell.run_cell("def worth(value): return value > 0")
    cell = f"%%spot name=ask ignore=count,fetch keep={keep}\nanswer = fetch()"
    assert verdict(cell)[:2] == ("ran", False) and "not worth keeping, says keep=" in last().reason  # type: ignore[union-attr]
    assert shell.user_ns["answer"] == 0
    assert verdict(cell)[:2] == ("ran", True) and shell.user_ns["answer"] == 1
    assert verdict(cell)[0] == "hit" and shell.user_ns["answer"] == 1


def test_a_condition_that_fails_keeps_the_cell(shell: Any, verdict: Any) -> None:
    cell = "%%spot name=slip ignore=count,fetch keep={anwser > 0}\nanswer = fetch()"
    with pytest.warns(Warning, match="keep= of slip failed: NameError"):
        assert verdict(cell)[:2] == ("ran", True)
    assert "kept, as keep= failed" in last().reason and verdict(cell)[0] == "hit"  # type: ignore[union-attr]


def test_what_is_no_condition_is_refused_before_the_cell_runs(shell: Any, spot: Spot, run: Any) -> None:
    assert "Write keep={answer is not None}" in run("%%spot keep=answer\nanswer = fetch()")
    assert "is not the number of a sample" in run("%%spot sample=-1\nanswer = fetch()")
    assert "answer" not in shell.user_ns


def test_samples_of_a_cell_are_results_of_their_own(shell: Any, verdict: Any) -> None:
    def answer(line: str) -> Any:
        verdict(f"%%spot {line} ignore=count,fetch\nanswer = fetch()")
        return shell.user_ns["answer"]

    first = [answer(f"sample={n}") for n in range(4)]
    assert first == [0, 1, 2, 3] == [answer(f"sample={n}") for n in range(4)] and answer("") == 0
    assert [answer(f"key=k sample={n}") for n in range(3)] == [4, 5, 6] and answer("key=k sample=1") == 5
    shell.run_cell("number = 2")
    assert answer("sample={number}") == 2 and answer("sample=5 accept") == 7


def test_a_cell_is_found_by_what_it_reads_and_no_secret_is_told(shell: Any, spot: Spot, verdict: Any) -> None:
    shell.run_cell(
        "prompt = 'Where is Rome?'\napi_key = 'sesame-open-door'\nurl = f'https://x/?q={api_key}'\nlimit = 3"
    )
    verdict("%%spot name=where ignore=count,fetch\nanswer = fetch(), prompt, limit, url and len(api_key)")
    (row,) = spot.entries("where is rome*")
    assert row.name == "where" and row.arguments["prompt"] == '"Where is Rome?"' and row.arguments["limit"] == "3"
    assert "sesame" not in str(row.arguments) and "fetch" not in row.arguments


def test_a_hit_reads_the_newest_result_of_its_name_and_no_other(
    shell: Any, verdict: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [f"%%spot name=edited\nanswer = {edit}" for edit in range(12)]
    assert [verdict(cell)[0] for cell in cells] == ["ran"] * 12
    read: list[object] = []
    monkeypatch.setattr("spotmagic.store.store.unseal", lambda *a, **k: (read.append(a), unseal(*a, **k))[1])
    assert verdict(cells[-1])[0] == "hit" and len(read) <= 2
    assert verdict(cells[0])[0] == "hit" and shell.user_ns["answer"] == 0 and len(read) <= 12
