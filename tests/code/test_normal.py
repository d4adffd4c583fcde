"""The normal form: the same for all ways to write a program, another for every other program."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from spotmagic.code.normal import normal_form
from spotmagic.errors import Uncacheable

SAME = [
    ("x = 1", "x=1  # one"),
    ("f('a')", 'f(  "a" , )'),
    ("f'{x}a'", 'f"{x}a"'),
    ("f'{x[\"a\"]!r:>{n}}'", "f\"{x['a']!r:>{n}}\""),
    ("'a' 'b'", "'ab'"),
    ("f'a' 'b' f'{x}'", "f'ab{x}'"),
    ("x = (1 + 2) * 3", "x = ((1 + 2)) * (3)"),
    ("def f(): return 1", "def f():\n\n    # why\n    return (1)"),
    ("0x10", "16"),
    ("u'a'", "'a'"),
]
OTHER = [
    ("x = 1", "x = '1'"),
    ("True", "'True'"),
    ("1", "1.0"),
    ("b'a'", "'a'"),
    ("'a'", "a"),
    ("f'{x}'", "f'{x!r}'"),
    ("f'{x}'", "f'{x:}' + ''"),
    ("f'{x}'", "f''(x)"),
    ("f'{x}'", "'{x}'"),
    ("f'{x:a}'", "f'{x}a'"),
    ("f'{x}{y}'", "f'{x, y}'"),
    ("f'a{x}'", "f'{\"a\"}{x}'"),
    ("f'a{x}b'", "f'ab{x}'"),
    ("('ab', 'c')", "('a', 'bc')"),
    ("'\\ud800'", "'\\ud801'"),
    ("'é'", "'e\\u0301'"),
    ("(a, b)", "[a, b]"),
    ("a - (b - c)", "a - b - c"),
    ("def f(x: int): pass", "def f(x): pass"),
    ("def f():\n 'a'", "def f():\n 'b'"),
    ("def f(a, /): pass", "def f(a): pass"),
    ("async def f(): pass", "def f(): pass"),
    ("x = 1", "x == 1"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_ways_to_write_one_program_have_one_form(one: str, other: str) -> None:
    assert normal_form(one) == normal_form(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_different_programs_have_different_forms(one: str, other: str) -> None:
    assert normal_form(one) != normal_form(other)


def test_the_form_of_a_program_is_ascii_and_does_not_hang_on_where_it_stands() -> None:
    form = normal_form("def f(): return 'é\u2ffc'")
    assert form.isascii()
    assert normal_form(ast.parse("\n\n\ndef f(): return 'é\u2ffc'").body[0]) == form


def test_a_tree_is_left_as_it_was() -> None:
    tree = ast.parse("def f(): return f'{x}' 'a'")
    before = ast.dump(tree, include_attributes=True)
    normal_form(tree)
    assert ast.dump(tree, include_attributes=True) == before


def test_every_module_of_ours_has_a_form_that_its_own_text_shares() -> None:
    for path in sorted((Path(__file__).parent.parent.parent / "spotmagic" / "keys").glob("*.py")):
        text = path.read_text()
        assert normal_form(text) == normal_form(text.replace("\n\n\n", "\n\n\n\n# more\n"))


def test_code_nested_without_end_is_refused_not_crashed_on() -> None:
    deep = ast.parse("x")
    for _ in range(50_000):
        deep = ast.UnaryOp(ast.Not(), deep)  # type: ignore[assignment]
    with pytest.raises(Uncacheable, match="nested too deeply"):
        normal_form(deep)


def test_a_tree_is_read_though_other_threads_read_theirs_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11 mistakes the depth of one for that of the other, now and then several times."""
    real, failures = ast.parse, [SystemError("AST constructor recursion depth mismatch")] * 3

    def parse(*args: Any, **options: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*args, **options)

    monkeypatch.setattr(ast, "parse", parse)
    assert normal_form("1  +  1") == "1 + 1" and not failures
