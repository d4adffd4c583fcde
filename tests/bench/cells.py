"""Cells: a hit of twenty lines in a kernel's shell, and loading the extension in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from tests.bench.measure import rows, time_text

LINES = "\n".join(
    ["%%spot", "import math", *(f"v{n} = [math.sqrt(x + {n}) for x in range(5)]" for n in range(18)), "v3"]
)
RUNS = 200
LOADS = 5

LOAD = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
start = time.perf_counter()
shell.run_line_magic("load_ext", "spotmagic")
print(time.perf_counter() - start)
"""


def executions() -> tuple[list[float], list[float]]:
    """Sorted seconds of whole executions: of a cell that is kept, and of its lines without us."""
    import time

    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    with tempfile.TemporaryDirectory(prefix="bench-") as root:
        os.environ["SPOTMAGIC_ROOT"] = root
        shell = InteractiveShell.instance()
        shell.run_line_magic("load_ext", "spotmagic")
        kept: list[float] = []
        plain: list[float] = []
        for _ in range(RUNS + 1):
            for cell, taken in ((LINES, kept), (LINES.partition("\n")[2], plain)):
                start = time.perf_counter()
                with capture_output():
                    shell.run_cell(cell, store_history=True).raise_error()
                taken.append(time.perf_counter() - start)
        shell.run_line_magic("unload_ext", "spotmagic")
        return sorted(kept[1:]), sorted(plain[1:])


def load() -> float:
    """The median seconds that ``%load_ext spotmagic`` takes in a fresh process."""
    taken = [
        float(subprocess.run([sys.executable, "-c", LOAD], capture_output=True, check=True).stdout)
        for _ in range(LOADS)
    ]
    return sorted(taken)[LOADS // 2]


def main() -> None:
    """Print the table."""
    kept, plain = executions()
    half = RUNS // 2
    shown = [
        ("a cell of 20 lines, a hit, p50", time_text(kept[half])),
        ("the same lines without %%spot, p50", time_text(plain[half])),
        ("a hit is so many plain runs", f"{kept[half] / plain[half]:.2f}"),
    ]
    rows("cells", "a hit ≤ 2 ms in the kernel", shown)
    rows("loading", "≤ 100 ms", [("%load_ext spotmagic", time_text(load()))])


if __name__ == "__main__":
    main()
