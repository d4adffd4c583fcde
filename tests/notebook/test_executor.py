"""The body of a cell runs as IPython would run it."""

from __future__ import annotations

import asyncio

import pytest

from spotmagic.notebook import executor


def go(shell, text):
    body = executor.prepare(shell, text)
    executor.run(shell, body)
    return body


@pytest.mark.parametrize(
    ("source", "quiet"),
    [("1;", True), ("1", False), ("1; # a comment", True), ("'a;'", False), ("1\n# ;", False), ("x = ';' \n", False),
     ("if 1:\n    2;", True), ("1;\n\n# end\n", True), ("(1", False)],
)  # fmt: skip
def test_a_semicolon_as_last_token_and_nothing_else_keeps_the_result_from_showing(source, quiet):
    assert executor.ends_quietly(source) is quiet


@pytest.mark.parametrize(
    ("interactivity", "text", "shown"),
    [
        ("last_expr", "1\n2", ["2"]),
        ("last_expr", "1\nx = 2", []),
        ("all", "1\n2", ["1", "2"]),
        ("none", "1\n2", []),
        ("last_expr_or_assign", "1\nx = 2", ["2"]),
        ("last_expr_or_assign", "x, y = 2, 3", []),
        ("last", "for i in (7, 8):\n    i", ["7", "8"]),
        ("last_expr", "for i in (7, 8):\n    i", []),
        ("all", "1\n2;", []),
    ],
)
def test_what_shows_follows_the_shells_interactivity(shell, monkeypatch, interactivity, text, shown):
    shell.ast_node_interactivity = interactivity
    seen = []
    monkeypatch.setattr("sys.displayhook", lambda value: seen.append(repr(value)))
    go(shell, text)
    assert seen == shown


def test_magics_shell_lines_and_help_of_the_body_are_transformed(shell):
    go(shell, "a = !echo one\nb = %who_ls\nc = 1")
    assert list(shell.user_ns["a"]) == ["one"]
    assert shell.user_ns["c"] == 1


def test_a_syntax_error_runs_nothing(shell):
    with pytest.raises(SyntaxError):
        go(shell, "x = 1\ny = (")
    assert "x" not in shell.user_ns


def test_a_misplaced_return_runs_nothing(shell):
    with pytest.raises(SyntaxError):
        go(shell, "x = 1\nreturn 2")
    assert "x" not in shell.user_ns


def test_lines_count_from_the_magics_own_line(shell):
    """The user's cell has the magic on line 1, so its second line is line 2 of the traceback."""
    with pytest.raises(ZeroDivisionError) as caught:
        go(shell, "1/0\n")
    assert caught.traceback[-1].lineno + 1 == 2


def test_a_function_of_the_cell_shows_its_source(shell):
    import inspect

    go(shell, "\ndef f():\n    return 41 # here\n")
    assert inspect.getsource(shell.user_ns["f"]) == "def f():\n    return 41 # here\n"


def test_futures_of_the_cell_hold_for_what_follows(shell):
    go(shell, "from __future__ import annotations\ndef f(a: undefined): ...\n")
    assert shell.user_ns["f"].__annotations__ == {"a": "undefined"}


def test_await_is_seen_only_at_the_top(shell):
    assert executor.needs_await(shell, "await f()")
    assert executor.needs_await(shell, "[x async for x in y()]")
    assert executor.needs_await(shell, "!ls\nawait f()")
    assert not executor.needs_await(shell, "async def f():\n    await g()")
    assert not executor.needs_await(shell, "s = 'await'")
    assert not executor.needs_await(shell, "await (")
    shell.autoawait = False
    assert not executor.needs_await(shell, "await f()")


def test_a_body_that_awaits_runs_in_the_loop(shell):
    body = executor.prepare(shell, "import asyncio\nx = 1\nawait asyncio.sleep(0)\ny = [i async for i in g()]")
    assert body.awaits

    async def g():
        yield 5

    shell.user_ns["g"] = g
    asyncio.run(executor.arun(shell, body))
    assert shell.user_ns["y"] == [5]


def test_ast_transformers_of_the_shell_apply(shell):
    import ast

    class Double(ast.NodeTransformer):
        def visit_Constant(self, node):
            return ast.copy_location(ast.Constant(node.value * 2), node)

    shell.ast_transformers.append(Double())
    go(shell, "x = 21")
    assert shell.user_ns["x"] == 42


def shown(shell, error):
    """The traceback as the shell lays it out."""
    return "\n".join(shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__, tb_offset=1))


@pytest.fixture
def loaded(shell):
    shell.run_line_magic("load_ext", "spotmagic")
    return shell


def test_the_traceback_shows_the_users_lines_alone(loaded):
    body = executor.prepare(loaded, "def f():\n    return 1/0\nf()")
    with pytest.raises(ZeroDivisionError) as caught:
        executor.run(loaded, body)
    text = shown(loaded, caught.value)
    assert "return 1/0" in text and "executor.py" not in text


def test_errors_that_led_to_an_error_show_the_users_lines_alone(loaded, capsys):
    loaded.run_cell(
        "import spotmagic\nspot = spotmagic.Spot('errors')\n"
        "@spot.mark\ndef ask(x):\n    raise ValueError('first')\n"
        "def outer(x):\n    try:\n        return ask(x)\n"
        "    except ValueError as error:\n        raise KeyError('second') from error"
    )
    capsys.readouterr()
    loaded.run_cell("outer(1)")
    text = capsys.readouterr().out
    assert "raise ValueError('first')" in text and "raise KeyError('second')" in text
    assert "spotmagic/" not in text


def test_an_error_raised_again_elsewhere_shows_its_new_place(loaded):
    body = executor.prepare(loaded, "1/0")
    with pytest.raises(ZeroDivisionError) as caught:
        executor.run(loaded, body)
    error = caught.value.with_traceback(None)

    def elsewhere():
        raise error

    with pytest.raises(ZeroDivisionError):
        elsewhere()
    assert "raise error" in shown(loaded, error)


def test_unloading_lays_tracebacks_out_as_before(loaded):
    assert "structured_traceback" in vars(loaded.InteractiveTB)
    loaded.run_line_magic("unload_ext", "spotmagic")
    assert "structured_traceback" not in vars(loaded.InteractiveTB)
