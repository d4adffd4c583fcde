"""What is read of a function without running it: names, chains, what it changes, where it was written."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from spotmagic.code.function import facts
from spotmagic.code.origin import is_user_file, is_user_module
from spotmagic.code.writes import Write, memo

calls: list[int] = []
counter: dict[str, int] = {}
two = (lambda x: x + 1, lambda x: x + 2)
nested = lambda x: lambda y: x + y  # noqa: E731
spread = [lambda x: x * n for n in range(2)]  # noqa: B023


class Reading:
    limit = 3

    def method(self, x: int) -> int:
        self.seen = x
        return self.helper(x) + Reading.limit  # type: ignore[no-any-return,attr-defined]


def reaching(x: Path, y: "Reading" = None) -> Callable[..., Any]:  # type: ignore[assignment]  # noqa: RUF013, UP037
    import json

    calls.append(1)
    counter["n"] += 1
    Reading.limit = 4
    local: list[int] = []
    local.append(2)
    x.parts.append(3)  # type: ignore[attr-defined]

    def inner() -> Any:
        return json.dumps(undefined.a.b(), sep=whole)  # type: ignore[name-defined]  # noqa: F821

    return inner


def rebinding() -> None:
    global total
    total = 1  # type: ignore[name-defined]


def counting() -> Callable[[], int]:
    n = 0
    seen: list[int] = []

    def count() -> int:
        nonlocal n
        n += 1
        seen.append(n)
        return n

    return count


def test_names_come_with_the_attributes_used() -> None:
    names = facts(reaching).names
    assert names["undefined"] == {("a", "b")}
    assert names["whole"] == {()}
    assert names["Path"] == {()}
    assert names["Reading"] == {()}
    assert "local" not in names
    assert "json" not in names
    assert [one.module for one in facts(reaching).imports] == ["json"]


def test_writes_are_of_outside_names_only_and_no_reads() -> None:
    said = facts(reaching)
    assert set(said.writes) == {
        Write("calls", (), True, "append"), Write("counter", (), True), Write("Reading", ("limit",)),
    }  # fmt: skip
    assert not {"calls", "counter"} & said.names.keys()
    assert facts(rebinding).writes == (Write("total"),)
    assert set(facts(counting()).writes) == {Write("n"), Write("seen", (), True, "append")}
    assert facts(counting()).names["n"] == {()} and "seen" not in facts(counting()).names


def test_parameters_come_with_the_attributes_that_are_only_written() -> None:
    assert facts(Reading.method).parameters == {"self": {"seen"}, "x": None}
    assert facts(Reading.method).loads == {"helper", "limit"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("if x not in m: m[x] = g(x)\nreturn m[x]", True),
        ("if x in m: return m[x]\nr = g(x)\nm[x] = r\nreturn r", True),
        ("try: return m[x]\nexcept KeyError: r = m[x] = g(x)\nreturn r", True),
        ("v = m.get(x)\nif v is None: v = m[x] = g(x)\nreturn m[x]", True),
        ("m[x] = m.get(x, 0) + 1\nreturn m[x]", False),
        ("m[x] += 1\nreturn m[x]", False),
        ("if x in m: return 'again'\nm[x] = g(x)\nreturn m[x]", False),
        ("if x not in m: m[y] = g(x)\nreturn m[y]", False),
        ("if x not in m: m[x] = g(x)\nreturn len(m)", False),
        ("if x not in m: m[x] = True\nreturn m[x]", False),
        ("m.update({x: g(x)})\nreturn m[x]", False),
        ("if x not in m: m[x], n = g(x)\nreturn m[x]", False),
    ],
)
def test_a_memo_holds_nothing_but_answers(text: str, found: bool) -> None:
    body = ast.parse("def f(x):\n" + indent(text, "    ")).body
    assert memo(body, frozenset({"m"})) == ("m" if found else "")


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (two[0], "lambda x: x + 1"),
        (two[1], "lambda x: x + 2"),
        (nested, "lambda x: lambda y: x + y"),
        (nested(1), "lambda y: x + y"),
        (spread[0], "lambda x: x * n"),
    ],
)
def test_a_lambda_is_told_from_others_on_its_line(function: Any, text: str) -> None:
    assert facts(function).text == text
    assert facts(function).trouble == ""


def test_our_own_decorators_do_not_count_and_others_do() -> None:
    class spot:
        mark = staticmethod(lambda fn=None, **options: fn if fn else (lambda fn: fn))
        other = mark

    @spot.mark(ttl=3)
    @spot.other(ttl=4)
    def one(x: int) -> int:
        return x

    @spot.mark
    def two(x: int) -> int:
        return x

    assert facts(one).text.splitlines()[0] == "@spot.other(ttl=4)"
    assert facts(two).text.splitlines()[0] == "def two(x: int) -> int:"


def test_what_is_installed_is_told_from_what_is_the_users() -> None:
    import json
    import site

    assert not is_user_file(json.__file__)
    assert not is_user_file(str(Path(site.getsitepackages()[0]) / "numpy" / "x.py"))
    assert not is_user_file("<frozen importlib._bootstrap>")
    assert not is_user_module("spotmagic.keys")
    assert is_user_file(__file__)
    assert is_user_file("/tmp/ipykernel_1/2.py")
    assert is_user_file("<ipython-input-1-abc>")
    assert is_user_module("__main__")
    assert is_user_module(__name__)
    assert not is_user_module("json")
    assert not is_user_module("sys")
