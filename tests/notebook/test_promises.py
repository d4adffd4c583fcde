"""What the page of cells says: each line of its tables is a row of the conformance suite, each option exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_conformance import LOST, REFUSED, ROWS

from spotmagic.notebook.commands import available
from spotmagic.notebook.options import FLAGS, VALUES

PAGE = (Path(__file__).parents[2] / "docs" / "cells.md").read_text()

RESTORED = {
    "variables": ["own code edited", "a dataclass", "variables that share an object"],
    "deletions": ["del", "del of its own name"],
    "in-place changes": [
        "x += 1", "a list changed in place", "a dict changed in place", "a set changed in place",
        "an array changed in place", "a frame changed in place", "an attribute of an object changed",
    ],
    "imports and definitions": ["imports", "a star import", "a function", "a class and its instance", "a lambda"],
    "what `await` gave": ["await", "async for, async with"],
    "prints": ["prints, errors and a result in order", "threads' prints", "shell output", "a line magic"],
    "displays": ["displays, html and images", "a frame as last result", "displays updated", "clear_output"],
    "figures": ["implicit figures", "shown figures", "a plot as last result"],
    "the last result": ["prints, errors and a result in order", "a semicolon"],
    "warnings and logging": ["warnings and logging"],
    "progress bars": ["tqdm", "a progress bar"],
    "widgets": ["a widget, as text"],
    "random numbers": ["random numbers of a seeded notebook", "random numbers under rng", "a seed of its own"],
    "what helpers change": ["a helper's table", "a class's counter", "a class's register"],
    "clients and locks": ["a client", "a lock"],
    "the shell, and calls that set up a library": ["a name of the shell", "a call that sets up a library"],
    "classes of packages": ["a method of a package's class"],
    "files": ["files written"],
    "settings": ["settings", "os.environ", "%env"],
}  # fmt: skip
NOT_KEPT = {
    "open files, generators, databases in memory": [
        "locks in a list",
        "an open file",
        "a generator",
        "a database in memory",
    ],
    "code that hides what it reads: `exec`, `eval`": ["exec", "eval"],
    "a change of the working directory, a file or folder that is removed, a file that a `!` line writes, "
    "a database or folder of parts that was there and is added to": [
        "%cd",
        "os.chdir",
        "os.remove",
        "os.rmdir",
        "a database file",
    ],
    'a cell inside of it (`run_cell_magic("spot", …)`)': ["a cell inside"],
    "a change inside a function that no variable holds, such as one in a list, or that the cell defines": [
        "a count in a list of functions",
        "a default of a function that the cell defines",
    ],
    "a lock that is left taken, a thread that the cell starts, a function that shows values of a type, "
    "a magic that turns what is there (`%automagic`)": [
        "a lock that is left taken",
        "a thread",
        "a function that shows values",
        "%automagic",
    ],
    "secrets, and what is typed": ["a secret in os.environ", "%env with a secret", "a credential"],
    "draws from a global generator that nobody seeded": ["random numbers"],
    "a cell that failed": ["an error"],
}
NOT_REPEATED = {
    "files that libraries write unseen": ["files that libraries write unseen"],
    "background threads": ["background threads"],
    "what `@lru_cache` keeps": ["what `@lru_cache` keeps"],
    "what a kept error was raised beside": ["what an error was raised beside"],
    "settings of libraries": ["settings of libraries"],
}


def firsts(head: str) -> list[str]:
    """The first column of the table with this head."""
    table = re.search(rf"^\| {re.escape(head)} \|.*\n\| ---.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert table is not None, head
    return [line.split("|")[1].strip() for line in table[1].splitlines()]


@pytest.mark.parametrize(
    ("head", "lines", "rows"),
    [
        ("a hit restores", RESTORED, ROWS),
        ("not kept", NOT_KEPT, REFUSED),
        ("not repeated", NOT_REPEATED, LOST),
    ],
)
def test_each_line_of_the_page_is_tried(head: str, lines: dict[str, list[str]], rows: list[object]) -> None:
    assert firsts(head) == list(lines)
    assert {name for names in lines.values() for name in names} <= {str(row) for row in rows}


def test_the_page_names_every_option() -> None:
    named = re.findall(r"`(\w+=?)`", " ".join(firsts("option")))
    assert sorted(named) == sorted([*(f"{name}=" for name in VALUES), *FLAGS])


def test_the_readme_names_every_word() -> None:
    named = set(re.findall(r"`(\w+)`", " ".join(firsts("`%spot` word"))))
    assert named == available().keys()
