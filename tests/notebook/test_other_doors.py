"""Notebooks run by papermill, and by IPython in a plain terminal: the second run costs nothing, errors stop it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from notebook_kernels import environment

pytestmark = pytest.mark.kernel

CELLS = [
    "%load_ext spotmagic",
    "%%spot\nimport json\nsquares = [x * x for x in range(n)]\nprint('squares', json.dumps(squares))\nlen(squares)",
    "%%spot name=later\nimport asyncio\nawait asyncio.sleep(0)\ntotal = sum(squares)",
    "print('total', total)",
]
BROKEN = [*CELLS, "%%spot\n1/0", "open('after', 'w').close()"]


@pytest.fixture
def run(tmp_path: Path, own_home: Path):
    """Runs a command in the folder of the test and gives its exit code and what it printed."""

    def command(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", *words],
            cwd=tmp_path,
            env=environment(own_home),
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout + done.stderr

    return command


def write(path: Path, cells: list[str]) -> None:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(book, path)


def verdicts(path: Path) -> list[str]:
    found = [each for cell in nbformat.read(path, as_version=4).cells for each in cell.get("outputs", [])]
    return [each.metadata["spotmagic"]["verdict"] for each in found if "spotmagic" in each.get("metadata", {})]


def test_papermill_runs_a_notebook_twice_and_pays_once(run, tmp_path: Path) -> None:
    """Parameters are inputs as any other: other ones run, the first ones hit again."""
    write(tmp_path / "in.ipynb", CELLS)
    for n, came in (("3", "ran"), ("3", "hit"), ("4", "ran"), ("3", "hit")):
        code, said = run("papermill", "in.ipynb", "out.ipynb", "-p", "n", n)
        assert code == 0, said
        assert verdicts(tmp_path / "out.ipynb") == [came, came]


def test_papermill_stops_at_an_error(run, tmp_path: Path) -> None:
    write(tmp_path / "in.ipynb", BROKEN)
    code, said = run("papermill", "in.ipynb", "out.ipynb", "-p", "n", "3")
    assert code != 0 and "ZeroDivisionError" in said
    assert not (tmp_path / "after").exists()


def test_a_terminal_runs_a_notebook_twice_and_pays_once(run, tmp_path: Path) -> None:
    write(tmp_path / "in.ipynb", ["n = 3", *CELLS])
    outputs = []
    for came in ("ran", "hit"):
        code, said = run("IPython", "in.ipynb")
        assert code == 0 and said.count(f"spot: {came}") == 2, said
        outputs.append([line for line in said.splitlines() if "spot:" not in line])
    assert outputs[0] == outputs[1]
    assert "squares [0, 1, 4]" in outputs[0] and "total 5" in outputs[0]


def test_a_terminal_stops_at_an_error(run, tmp_path: Path) -> None:
    write(tmp_path / "in.ipynb", ["n = 3", *BROKEN])
    _, said = run("IPython", "in.ipynb")
    assert "ZeroDivisionError" in said and not (tmp_path / "after").exists()
