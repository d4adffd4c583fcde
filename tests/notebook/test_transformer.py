"""The two input transformers touch our cells and nothing else."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from spotmagic.notebook.hooks import Awaited, FirstLine


def first(text):
    return "".join(FirstLine()(text.splitlines(keepends=True)))


@pytest.mark.parametrize(
    "line", ["%spot key=a", "%spot  ttl=7d quiet", "%spot refresh", "%spot\tquiet", "%spot kye=a", "%spot mode=replay"]
)
def test_options_on_a_first_line_cover_the_rest(line):
    assert first(f"{line}\nx = 1\n") == f"%{line}\nx = 1\n"


@pytest.mark.parametrize(
    "text",
    ["%spot\nx = 1\n", "%spot ls\nx = 1\n", "%spot key=a\n", "%spot key=a\n\n  \n", "%spot mode replay\nx=1\n", "x = 1\n%spot key=a\ny = 2\n",
     "%spotted key=a\nx\n", "%%spot key=a\nx\n", "%spot explain refresh\nx\n", "%spot refreshing\nx\n", "x = 1\n", ""],
)  # fmt: skip
def test_anything_else_is_left_as_it_is(text):
    assert first(text) == text


def test_comments_may_stand_above_and_lines_keep_their_numbers():
    assert first("# a\n\n%spot key=a\nx = 1\n") == "%%spot key=a\n# a\n\nx = 1\n"


def awaited(shell, text):
    shell.input_transformers_post.append(Awaited(shell))
    return shell.transform_cell(text)


def test_a_body_that_awaits_is_awaited(shell):
    assert awaited(shell, "%%spot key=a\nawait f()\n").startswith("await get_ipython().run_cell_magic('spot'")


@pytest.mark.parametrize("text", ["%%spot\nf()\n", "%%spot\nasync def f():\n    await g()\n", "%%time\nawait f()\n"])
def test_a_body_that_does_not_is_not(shell, text):
    before = shell.transform_cell(text)
    assert awaited(shell, text) == before


def test_what_is_awaited_already_is_not_awaited_twice(shell):
    text = "await get_ipython().run_cell_magic('spot', '', 'await f()\\n')\n"
    assert awaited(shell, text) == text


def test_a_call_within_other_code_is_left_to_the_user(shell):
    text = "get_ipython().run_cell_magic('spot', '', 'await f()\\n'); x = 1\n"
    assert awaited(shell, text) == text


def test_without_autoawait_nothing_is_awaited(shell):
    shell.autoawait = False
    text = "%%spot\nawait f()\n"
    assert not awaited(shell, text).startswith("await ")


def test_a_body_that_is_no_python_shows_its_own_error(shell, capsys):
    shell.input_transformers_post.append(Awaited(shell))
    shell.user_ns["ran"] = []
    result = shell.run_cell("%%spot\nran.append(1)\nx = (\n")
    shown = capsys.readouterr()
    text = shown.out + shown.err
    assert isinstance(result.error_before_exec, SyntaxError) and shell.user_ns["ran"] == []
    assert "line 3" in text and "run_cell_magic" not in text and "executor" not in text
