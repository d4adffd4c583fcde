"""Every block of the README and of the pages runs, and no link leads nowhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Pages whose blocks need servers and two users: their tests run them.
ELSEWHERE = {"sharing.md", "deployment.md"}


def blocks(page: Path) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(), re.M | re.S)


BLOCKS = blocks(PAGES[0])
STAND_IN = """
def ask_model(prompt):
    return " ".join(prompt.split()[-5:])
docs = ["a first document", "a second document", "a first document"]
"""


def test_each_kind_of_block_is_known() -> None:
    assert {kind for kind, _ in BLOCKS} == {"sh", "ipython", "python"}


@pytest.mark.parametrize(
    "command", [line.split("#")[0].strip() for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
)
def test_the_commands_are_targets(command: str) -> None:
    assert subprocess.run([*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(text, id=f"{page.stem}-{n}")
        for page in PAGES
        if page.name not in ELSEWHERE
        for n, (kind, text) in enumerate(blocks(page))
        if kind == "python"
    ],
)
def test_a_python_block_runs_in_an_empty_folder(block: str, tmp_path: Path) -> None:
    script = tmp_path / "block.py"
    script.write_text(block)
    done = subprocess.run([sys.executable, "-W", "error", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_notebook_blocks_run_and_the_second_time_pay_nothing(tmp_path: Path) -> None:
    cells = [text for kind, text in BLOCKS if kind == "ipython"]
    script = tmp_path / "session.py"
    script.write_text(
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        f"for cell in {[STAND_IN, *cells]!r}:\n"
        "    shell.run_cell(cell, store_history=True).raise_error()\n"
        "import spotmagic\n"
        "print('verdict', spotmagic.last().verdict)\n"
    )
    said = [subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True) for _ in range(2)]
    assert all(run.returncode == 0 for run in said), said[0].stderr + said[1].stderr
    assert "verdict ran" in said[0].stdout and "verdict hit" in said[1].stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_is_short() -> None:
    assert len(PAGES[0].read_text().splitlines()) <= 300
