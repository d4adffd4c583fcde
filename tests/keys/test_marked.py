"""Functions that are marked or limited themselves count as what they are, wherever they are named."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from spotmagic import Spot
from spotmagic.keys import fingerprint
from tests.keys.conftest import MakeKey, Project

TEXT = """
    from spotmagic import Spot
    spot = Spot("s", root={root!r})
    {decorator}
    def helper(x): return x + 1
    table = {{"a": helper}}
    class Doer:
        {decorator}
        def go(self, x): return helper(x)
    {decorator}
    def f(x): return helper(x), table["a"](x), Doer().go(x), f and 1
"""


@pytest.fixture
def root(tmp_path: Path) -> str:
    return str(tmp_path / "spots")


DECORATORS = [
    "@spot.mark",
    "@spot.mark(ttl=60, save_blob=True)",
    "@spot.limiter(rpm=6)",
    "@spot.limiter(rpm=6)\n@spot.mark",
]


def load(project: Project, root: str, decorator: str, old: str = "", new: str = "") -> Any:
    """The project in a new session, as far as imports go."""
    sys.modules.pop(project.prefix + "main", None)
    text = dedent(TEXT).format(root=root, decorator="@@").replace(old, new)
    lines = (
        line.replace("@@", one)
        for line in text.splitlines()
        for one in (decorator.splitlines() if "@@" in line else [""])
    )
    module = project.load("main", "\n".join(lines))
    module.spot.close()
    return module


@pytest.mark.parametrize("decorator", DECORATORS)
def test_a_mark_changes_no_key_of_what_it_marks_or_what_calls_it(
    project: Project, key_of: MakeKey, root: str, decorator: str
) -> None:
    plain = load(project, root, "# nothing")
    expected = key_of(plain.f).keyed((1,), {})
    assert sorted(expected.inputs) == ["class Doer", "global table", "helper Doer.go", "helper helper", "x"]
    marked = load(project, root, decorator)
    assert marked.f is not inspect.unwrap(marked.f)
    assert key_of(inspect.unwrap(marked.f)).keyed((1,), {}) == expected


def test_a_marked_function_that_is_edited_changes_what_calls_it(project: Project, key_of: MakeKey, root: str) -> None:
    before = key_of(load(project, root, "@spot.mark").f.__wrapped__).key((1,), {})
    after = key_of(load(project, root, "@spot.mark", "x + 1", "x + 2").f.__wrapped__).key((1,), {})
    assert after != before


def test_a_marked_function_has_the_fingerprint_of_the_function(tmp_path: Path) -> None:
    def double(x: int) -> int:
        return x * 2

    with Spot("s", root=str(tmp_path)) as spot:
        assert fingerprint(spot.mark(double)) == fingerprint(double)
        assert fingerprint({"f": spot.mark(double)}) == fingerprint({"f": double})
