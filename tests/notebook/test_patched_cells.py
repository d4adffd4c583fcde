"""What a notebook puts into classes of packages counts in its cells."""

from __future__ import annotations

from typing import Any

import pytest


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
