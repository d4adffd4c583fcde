"""What a notebook puts into classes of packages counts in its cells; what it puts into modules we use does not reach us."""

# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from notebook_kernels import Kernel


@pytest.mark.parametrize(
    "read",
    ["frame.mine()", "pd.DataFrame({'b': [1]}).mine()", "[each.mine() for each in frames]", "frames[0].head()"],
)
def test_a_cell_sees_a_method_that_another_cell_put_into_a_class(shell: Any, read: str) -> None:
    def run(cell: str) -> None:
        shell.run_cell(cell, store_history=True).raise_error()

    from pandas.core.generic import NDFrame

    head = NDFrame.head
    run("%load_ext spotmagic")
    run("import pandas as pd\nframe = pd.DataFrame({'a': [1, 2]})\nframes = [frame]")
    found, verdicts = [], []
    try:
        for number in (1, 2, 1):
            run(f"def put(self): return {number}\npd.DataFrame.mine = pd.core.generic.NDFrame.head = put")
            run(f"%%spot\nfound = {read}")
            run("import spotmagic\nverdict = spotmagic.last().verdict")
            found.append(shell.user_ns["found"])
            verdicts.append(shell.user_ns["verdict"])
    finally:
        NDFrame.head = head
        run("del pd.DataFrame.mine")
    assert found == ([[1], [2], [1]] if read.startswith("[") else [1, 2, 1])
    assert verdicts == ["ran", "ran", "hit"]


# One that calls itself would end the kernel where Jupyter writes its own messages by it.
_FOR_THE_NOTEBOOK = """import sys
def mine(*args, true=json.{0}, **more):
    assert not sys._getframe(1).f_globals["__name__"].startswith("spotmagic")
    return true(*args, **more)
json.{0} = mine"""
PATCHES = {
    "a json.dumps for the notebook alone": _FOR_THE_NOTEBOOK.format("dumps"),
    "a json.loads for the notebook alone": _FOR_THE_NOTEBOOK.format("loads"),
    "a clock that stands still": "time.time = time.monotonic = time.time_ns = time.thread_time = lambda: 0",
    "a clock that is not to be asked": "def mine(): raise AssertionError\ntime.time_ns = time.thread_time = mine",
    "a sleep that does not wait": "time.sleep = lambda seconds: None",
}


@pytest.mark.kernel
@pytest.mark.parametrize("name", PATCHES)
def test_what_a_notebook_puts_into_modules_that_we_use_is_its_own_affair(
    start: Callable[..., Kernel], name: str
) -> None:
    cells = [
        "x = [1, 2]; print(x)",
        "def f(a): return a * 2\ny = f(3); y",
        "n = open('a.txt', 'w').write('1')",
        "open('a.txt').read()",
    ]
    runs = []
    for wanted in ("ran", "hit"):
        kernel = start()
        kernel.run(f"import json, time\n{PATCHES[name]}")
        done = [kernel.run(f"%%spot\n{cell}") for cell in cells]
        assert [one.verdict for one in done] == [wanted] * len(cells), [one.text for one in done]
        runs.append([one.log for one in done])
    plain = start()
    assert runs == [[plain.run(cell).log for cell in cells]] * 2
