"""Marked functions in the cells of a marimo notebook, run as a script: kept, found again, and never stale."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., list[str]]

BOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import spotmagic

    spot = spotmagic.Spot("demo")
    return spot, spotmagic


@app.cell
def _(spot):
    RATE = 3
    _SECRET_SAUCE = 10

    def clean(x):
        return x * RATE

    @spot.mark
    def ask(x):
        print("paid")
        return clean(x) + _SECRET_SAUCE
    return (ask,)


@app.cell
def _(ask, spotmagic):
    print(ask(2), spotmagic.last().verdict, spotmagic.last().reason)
    return


if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the notebook, as it is or with one text for another, and gives its lines."""

    def run(old: str = "", new: str = "") -> list[str]:
        path = tmp_path / "book.py"
        path.write_text(BOOK.replace(old, new) if old else BOOK)
        done = subprocess.run(
            [sys.executable, str(path)], cwd=tmp_path, env={**os.environ}, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_a_cells_function_is_paid_for_once(run: Run) -> None:
    assert run() == ["paid", "16 ran first run"]
    assert run() == ["16 hit "]
    assert run("app = marimo.App()", "# a line more\n\napp = marimo.App()") == ["16 hit "]


@pytest.mark.parametrize(
    ("old", "new", "given"),
    [
        ("RATE = 3", "RATE = 4", "18"),
        ("x * RATE", "x + RATE", "15"),
        ("_SAUCE = 10", "_SAUCE = 11", "17"),
        ("+ _SECRET", "- _SECRET", "-4"),
    ],
)
def test_an_edit_of_whatever_it_reaches_pays_again(run: Run, old: str, new: str, given: str) -> None:
    assert run() == ["paid", "16 ran first run"]
    first, second = run(old, new)
    assert first == "paid"
    assert second.startswith(f"{given} ran ")
    assert "not stored" not in second
    assert run(old, new) == [f"{given} hit "]
