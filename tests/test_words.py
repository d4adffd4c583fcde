"""One word for one idea, and numbers said alike, wherever people read them."""

from __future__ import annotations

import ast
import html
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from spotmagic import words
from spotmagic.catalog.queries import STATUSES

ROOT = Path(__file__).parents[1]
TABLE = json.loads((ROOT / "js" / "tests" / "words.json").read_text())


@pytest.mark.parametrize(
    ("function", "case"), [(function, case) for function, cases in TABLE.items() for case in cases]
)
def test_numbers_are_said_as_in_the_panel(function: str, case: list[Any]) -> None:
    *given, said = case
    assert getattr(words, function)(*given) == said


@pytest.mark.parametrize("text", ["$0.56 of $5.00", r"f('\(x\)', '$$', \begin{a})", "<b>&\"'", "", "ä → x"])
def test_markup_shows_a_text_as_it_is_and_sets_no_mathematics(text: str) -> None:
    shown = words.markup(text)
    pieces = re.split(r"</?span>", shown)
    assert html.unescape("".join(pieces)) == text and not re.search("[<>]", "".join(pieces))
    assert not any(re.search(r"[$\\].", piece) for piece in pieces), "a delimiter stands alone in its element"


GONE = re.compile(r"\b(entry|entries|ran for|booked ahead|as the spot|live|took(?! less))\b", re.IGNORECASE)
QUERY = re.compile(r"\b(SELECT|FROM|JOIN|CASE WHEN|DESCRIBE)\b|entries/|entries, inputs| \| ")
PACKAGE = Path(words.__file__).parent


def texts(path: Path) -> list[tuple[int, str]]:
    """What a module says to people: its texts, without docstrings, names, annotations and queries."""
    tree = ast.parse(path.read_text())
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            silent |= {id(one) for one in ast.walk(node.annotation)}
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "cast":
            silent.add(id(node.args[0]))
    said = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    read = [node for node in said if id(node) not in silent and (" " in node.value.strip() or node.value[:1].isupper())]
    return [(node.lineno, node.value) for node in read if not QUERY.search(node.value)]


def test_one_word_is_read_for_one_idea() -> None:
    """Results, run time, cost, current: whoever reads never meets another word for the same."""
    modules = sorted(PACKAGE.rglob("*.py"))
    assert not [(path, found) for path in modules for found in texts(path) if GONE.search(found[1])]


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_pages_have_the_same_words(path: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`]*`|\(\S*\)", "", path.read_text(), flags=re.DOTALL)
    assert not re.findall(r"\b(entry|entries|ran for|booked ahead)\b", prose, re.IGNORECASE)


def test_the_walk_finds_what_it_looks_for(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        '"""The entries."""\nname = "entries"\nsay(f"{3} entries are live")\nask("SELECT * FROM entries")\n'
    )
    assert [text for _, text in texts(module) if GONE.search(text)] == [" entries are live"]


MANY = re.compile(
    r" ((\w+ )?(hits|runs|results|calls|items|inputs|cells|files|times|days|rows|columns|numbers)|are|were|have)\b"
)


def many_said(path: Path) -> list[str]:
    """The texts of a module in which a number stands before a word for many: of one it would say "1 hits"."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            for number, text in itertools.pairwise(node.values):
                plain = isinstance(number, ast.FormattedValue) and isinstance(text, ast.Constant)
                if plain and "counted" not in ast.dump(number) and number.format_spec and MANY.match(text.value):
                    found.append(ast.unparse(node))
    return found


def test_one_is_no_many() -> None:
    """Whatever is counted is said by :func:`words.counted`."""
    assert not [(path.name, text) for path in sorted(PACKAGE.rglob("*.py")) for text in many_said(path)]


def test_the_walk_finds_a_number_before_many(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        'say(f"{n:,} hits, {counted(n, word)} hits, {n:,} failed runs, {n:,} of it, {name} calls, {n:,} were")'
    )
    assert len(many_said(module)) == 3


def test_statuses_are_those_of_results() -> None:
    assert tuple(words.STATUSES) == STATUSES


@pytest.mark.parametrize(
    ("passed", "said"),
    [(0, "just now"), (4.9, "just now"), (59, "59 s ago"), (60, "1 min ago"), (7300, "2 h ago"), (86400, "1 day ago"),
     (86400 * 5, "5 days ago"), (-10, "just now")],
)  # fmt: skip
def test_ages_are_said_as_in_the_panel(passed: float, said: str) -> None:
    assert words.ago(2e9 - passed, 2e9) == said


def test_a_short_form_for_each_fact() -> None:
    assert words.checked(37, 0) == "37 checked, none damaged" and words.checked(1037, 2) == "1,037 checked, 2 damaged"
    assert words.used(0, 600) == "0 of 600 used this minute" and words.inherited("auto") == "inherit (auto)"
    assert words.used(3, 600, 20.4) == "3 of 600 used this minute (seen for 20 s)"
    assert words.results(1) == "1 result" and words.results(1234) == "1,234 results"
    assert words.heading("seconds") == "run time" and words.heading("input_tokens") == "input tokens"


PANEL = sorted((ROOT / "js" / "src").glob("*.ts*"))


def said_by_panel(source: str) -> list[str]:
    """The texts of a module of the panel: its literals and what stands between tags, without names and comments."""
    source = re.sub(r"/\*.*?\*/|(?m:(?:^|\s)//[^\n]*$)", "", source, flags=re.DOTALL)
    source = re.sub(r"\$\{[^{}]*\}", "…", re.sub(r'class(=|: )"[^"\n]*"', "", source))
    literals = re.findall(r'"([^"\n]*)"|`([^`\n]*)`', source)
    between = re.findall(r">([^<>{}=;()\n]*)[<{]", re.sub(r'"[^"\n]*"', "", source))
    read = [text.strip() for text in (*map("".join, literals), *between)]
    return [text for text in read if " " in text or text[:1].isupper()]


@pytest.mark.parametrize("path", PANEL, ids=lambda path: path.name)
def test_one_is_no_many_in_the_panel(path: Path) -> None:
    assert not re.findall(rf"number\([^()]*(?:\([^()]*\))?\)\}}{MANY.pattern}", path.read_text())


@pytest.mark.parametrize("path", PANEL, ids=lambda path: path.name)
def test_the_panel_has_the_same_words(path: Path) -> None:
    assert not [text for text in said_by_panel(path.read_text()) if GONE.search(text)]


def test_the_walk_of_the_panel_finds_what_it_looks_for() -> None:
    source = '// entries\n<b class="num took">No entry fits.</b>; say(`${n} entries`); label: "Took"; ask("entries");'
    assert [text for text in said_by_panel(source) if GONE.search(text)] == ["… entries", "Took", "No entry fits."]


def test_the_panel_and_the_list_call_statuses_alike() -> None:
    source = (ROOT / "js" / "src" / "words.ts").read_text()
    (table,) = re.findall(r"STATUS[^=]*= \{([^}]*)\}", source)
    said = dict(re.findall(r'(\w+): "([^"]*)"', table))
    assert said == {field: word for field, word in words.STATUSES.items() if field != word}
    drifted = "".join(path.read_text() for path in PANEL)
    assert all(part in drifted for part in words.DRIFTED.rstrip(".").split(". ")), words.DRIFTED
    assert f"{words.INHERIT} (" in drifted
