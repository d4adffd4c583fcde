"""What is read of a function is what runs, also where cells keep their name when they change."""

from __future__ import annotations

import ast
import asyncio
import linecache
import textwrap
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from spotmagic.code.function import facts
from spotmagic.code.source import find
from spotmagic.keys import FunctionKey
from spotmagic.options import mark_options

CELL = "/tmp/marimo_1/__marimo__cell_MJUe_.py"


def run_cell(text: str, space: dict[str, Any], name: str = CELL, tree: ast.Module | None = None) -> dict[str, Any]:
    """Run a cell as hosts do that keep its text in linecache under a name."""
    text = textwrap.dedent(text)
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    exec(compile(tree or text, name, "exec", dont_inherit=True), space)
    return space


def key(function: FunctionType, *args: Any) -> tuple[bytes, str]:
    keyed = FunctionKey(function, mark_options({}), mask=lambda data: data).keyed(args, {})
    return keyed.key, keyed.trouble


def test_a_function_of_an_edited_cell_is_not_taken_for_its_next_version() -> None:
    """Whoever still holds the old function would else store its result as that of the new one."""
    space: dict[str, Any] = {"__name__": "__main__"}
    old = run_cell("def f(x):\n    return x + 1\n", space)["f"]
    new = run_cell("def f(x):\n    return x * 2\n", space)["f"]
    assert find(old).node is None
    assert find(old).trouble == "the cell of `f` was edited after it ran"
    assert key(old, 3)[1] == "the cell of `f` was edited after it ran"
    assert key(new, 3)[1] == ""
    assert key(old, 3)[0] != key(new, 3)[0]


def test_a_function_whose_cell_was_edited_elsewhere_is_still_read() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    f = run_cell("def f(x):\n    return x + 1\n\ndef g(x):\n    return x\n", space)["f"]
    before = key(f, 3)
    run_cell("# more\n\ndef f(x):\n    return x + 1\n\ndef g(x):\n    return x * 5\n", space)
    assert find(f).trouble == ""
    assert key(f, 3) == before


@pytest.mark.parametrize("name", ["/tmp/ipykernel_12/3456.py", "<ipython-input-3-0a1b2c3d4e5f>"])
def test_a_cell_named_by_its_digest_may_be_changed_as_it_is_compiled(name: str) -> None:
    """IPython's cells pass through transformers; their names never stand for another text."""
    text = "def f(x):\n    return x + 1\n"
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.value = 2
    f = run_cell(text, {"__name__": "__main__"}, name, tree)["f"]
    assert f(1) == 3
    assert find(f).trouble == ""
    held = run_cell(text, {"__name__": "__main__"}, "/elsewhere/cell.py", tree)["f"]
    assert "was edited" in find(held).trouble


def test_a_cell_that_awaits_at_its_top_is_read() -> None:
    text = "import asyncio\n\ndef f(x):\n    return x + 1\n\nawait asyncio.sleep(0)\n"
    linecache.cache[CELL] = (len(text), None, text.splitlines(True), CELL)
    space: dict[str, Any] = {"__name__": "__main__"}
    asyncio.run(eval(compile(text, CELL, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True), space))
    assert find(space["f"]).trouble == ""


def test_names_of_a_cells_own_are_read_without_the_cell() -> None:
    """marimo puts the cell into names that begin with an underscore."""
    text = "_RATE = 3\n\ndef _help(x):\n    return x * _RATE\n\ndef f(x):\n    return _help(x) + 1\n"
    inner = text.replace("_RATE", "_cell_MJUe_RATE").replace("_help", "_cell_MJUe_help")
    space = run_cell(text, {"__name__": "__main__"}, tree=ast.parse(inner))
    f = space["f"]
    assert f(2) == 7
    first, trouble = key(f, 2)
    assert trouble == ""
    assert "_help" in facts(f).text
    space["_cell_MJUe_RATE"] = 4
    assert key(f, 2)[0] != first


NOTEBOOK = """\
import marimo

app = marimo.App()


@app.cell
def _():
    RATE = 3

    def clean(x):
        return x * RATE

    class Config:
        def rate(self):
            return RATE

    def f(x):
        return clean(x) + Config().rate()
    return (f,)


@app.cell(hide_code=True)
def _(f):
    f(2)
    return


def plain(x):
    return x
"""


def run_notebook(path: Path) -> dict[str, Any]:
    """Run the cells of a notebook's file as the bodies of modules, at their places in the file."""
    space: dict[str, Any] = {"__name__": "__main__"}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            lines = path.read_text().splitlines(True)[node.lineno : node.end_lineno]
            text = textwrap.dedent("".join(line for line in lines if not line.strip().startswith("return (")))
            cell = ast.parse(text.removesuffix("return\n"))
            exec(compile(ast.increment_lineno(cell, node.lineno), str(path), "exec", dont_inherit=True), space)
    return space


def test_a_function_in_the_cell_of_a_notebook_file_is_read_in_it(tmp_path: Path) -> None:
    """In the file it is nested in the cell's function, and what it reaches are that one's variables."""
    path = tmp_path / "book.py"
    path.write_text(NOTEBOOK)
    space = run_notebook(path)
    assert space["f"](2) == 9
    for function in (space["f"], space["clean"], space["Config"].rate):
        assert find(function).trouble == ""
    assert facts(space["f"]).names.keys() == {"clean", "Config"}
    first, trouble = key(space["f"], 2)
    assert trouble == ""
    space["RATE"] = 4
    assert key(space["f"], 2)[0] != first


def test_an_edit_of_a_notebook_file_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "book.py"
    path.write_text(NOTEBOOK)
    f, clean = (space := run_notebook(path))["f"], space["clean"]
    path.write_text(NOTEBOOK.replace("@app.cell\n", "# a line more\n\n@app.cell\n", 1).replace("x * RATE", "x + RATE"))
    assert find(f).trouble == ""
    assert find(clean).trouble == "book.py was edited after import"
    assert key(f, 2)[1] == "book.py was edited after import"


def test_a_function_nested_in_another_is_not_taken_for_one_of_a_module(tmp_path: Path) -> None:
    """Only the cells of a notebook are run as modules: elsewhere the same text means other variables."""
    path = tmp_path / "tools.py"
    path.write_text(NOTEBOOK.replace("@app.cell", "@app.page"))
    assert find(run_notebook(path)["f"]).trouble == "tools.py was edited after import"


def test_of_several_that_compile_alike_none_is_guessed(tmp_path: Path) -> None:
    """Annotations reach prompts and schemas, and compiled code does not hold them."""
    path = tmp_path / "tools.py"
    text = "def f(x: int):\n    return x\n\ndef f(x: str):\n    return x\n"
    path.write_text(text)
    space: dict[str, Any] = {"__name__": "tools"}
    exec(compile(text, str(path), "exec"), space)
    assert find(space["f"]).trouble == ""
    path.write_text("# a line more\n" + text)
    assert find(space["f"]).trouble == "tools.py was edited after import"
    path.write_text("# a line more\n" + text.replace("str", "int"))
    assert find(space["f"]).trouble == ""


def test_a_file_that_can_be_parsed_but_not_run_is_no_source(tmp_path: Path) -> None:
    path = tmp_path / "tools.py"
    path.write_text("def f(x):\n    return x\n")
    space: dict[str, Any] = {"__name__": "tools"}
    exec(compile(path.read_text(), str(path), "exec"), space)
    path.write_text("def f(x):\n    return x\nreturn\n")
    assert find(space["f"]).trouble == "tools.py was edited after import"
