"""Files that a cell reads count, in a real kernel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from notebook_kernels import Kernel

pytestmark = pytest.mark.kernel


def test_files_that_cells_read_count(start: Callable[..., Kernel], tmp_path: Path) -> None:
    kernel = start()
    kernel.run("%load_ext spotmagic")
    kernel.run("from pathlib import Path\nimport pandas as pd")
    cells = {
        "open": "text = open('a.txt').read()\nprint(text)",
        "pathlib": "other = Path('a.txt').read_text()\nprint(other)",
        "awaits": "import asyncio\nthird = await asyncio.to_thread(Path('a.txt').read_text)\nprint(third)",
        "pandas": "n = pd.read_csv('a.txt', header=None)[0].tolist()\nprint(n)",
    }
    for content, verdicts in (("a", ["ran", "hit"]), ("b", ["ran", "hit"]), ("a", ["hit", "hit"])):
        (tmp_path / "a.txt").write_text(content)
        for name, code in cells.items():
            for wanted in verdicts:
                out = kernel.run(f"%%spot\n{code}")
                assert (out.status, out.verdict) == ("ok", wanted), (name, out.badge_text, out.traceback)
                assert content in out.text
    assert "reads" not in kernel.run("%%spot\nopen('nowhere.txt')").traceback


def test_a_changed_file_is_drift_under_a_given_key(start: Callable[..., Kernel], tmp_path: Path) -> None:
    kernel = start()
    kernel.run("%load_ext spotmagic")
    (tmp_path / "a.txt").write_text("a")
    cell = "%%spot key=text-v1\ntext = open('a.txt').read()\nprint(text)"
    assert kernel.run(cell).verdict == "ran"
    (tmp_path / "a.txt").write_text("b")
    out = kernel.run(cell)
    assert (out.verdict, out.text) == ("hit", "a\n")
    assert "file a.txt" in str(out.badge), out.badge
    kernel.run("%spot accept text-v1")
    out = kernel.run(cell)
    assert (out.verdict, "a.txt" in str(out.badge.get("drift"))) == ("hit", False)


def test_patterns_and_files_are_options_of_a_cell(start: Callable[..., Kernel], tmp_path: Path) -> None:
    kernel = start()
    kernel.run("%load_ext spotmagic")
    (tmp_path / "a.log").write_text("a")
    cell = "%%spot ignore=*.log files=prompt.txt\ntext = open('a.log').read()\nprint(text)"
    assert kernel.run(cell).verdict == "ran"
    (tmp_path / "a.log").write_text("b")
    assert kernel.run(cell).verdict == "hit"
    (tmp_path / "prompt.txt").write_text("there")
    assert kernel.run(cell).verdict == "ran"
