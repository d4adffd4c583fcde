"""Run the quickstart in two fresh kernels against a paid API, and say what each run paid.

Ends with code 1 if the second run paid or showed something else than the first.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from paid_api import bill, serve

HERE = Path(__file__).parent
VOLATILE = ("spotmagic", "application/vnd.jupyter.widget-view+json")


def run(notebook: Path) -> nbformat.NotebookNode:
    """The notebook as a fresh kernel leaves it, run in the folder of its modules."""
    node = nbformat.read(notebook, as_version=4)
    NotebookClient(node, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}).execute()
    return node


def shown(node: nbformat.NotebookNode) -> list[list[dict]]:
    """What the cells show, without the verdicts and the live panel, which tell the runs apart."""
    return [
        [
            {k: v for k, v in output.items() if k != "execution_count"}
            for output in cell.get("outputs", [])
            if not any(word in output.get("metadata", {}) or word in output.get("data", {}) for word in VOLATILE)
        ]
        for cell in node.cells
        if cell.cell_type == "code"
    ]


def main() -> int:
    from spotmagic import Spot

    with tempfile.TemporaryDirectory(prefix="spotmagic-demo-") as folder:
        os.environ.update(PAID_API_URL=serve().url, SPOTMAGIC_ROOT=folder, PYDEVD_DISABLE_FILE_VALIDATION="1")
        lines, pages, waited_before = [], [], 0.0
        for number in (1, 2):
            before, start = bill(), time.monotonic()
            pages.append(shown(run(HERE / "quickstart.ipynb")))
            took, after = time.monotonic() - start, bill()
            with Spot("quickstart") as spot:
                waited = spot.sql("select coalesce(sum(waited), 0) from runs").rows[0][0]
            paid, owed = after["calls"] - before["calls"], after["owed"] - before["owed"]
            lines.append(
                f"run {number}: {paid} calls paid (${owed:.6f}), "
                f"waited {waited - waited_before:.1f} s for the limit, took {took:.1f} s"
            )
            waited_before = waited
            last_paid = paid
    same = pages[0] == pages[1]
    print("both runs show the same outputs" if same else "the second run shows other outputs than the first")
    print(*lines, sep="\n")
    return 0 if same and last_paid == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
