"""One table of commands: ``%spot`` and the command line give the same words and numbers."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spotmagic import Spot
from spotmagic.cli import main
from spotmagic.cli.commands import SHELL
from spotmagic.clock import SYSTEM
from spotmagic.commands import COMMANDS
from spotmagic.errors import OptionError, RecordMissing
from spotmagic.notebook import commands as notebook
from spotmagic.spot import choose
from spotmagic.spot.session import drop
from spotmagic.terminal import Screen, lines
from spotmagic.view import View

CELLS = SimpleNamespace(account=lambda spot, name: None)


class Stopped:
    """The time of one moment, so that two answers have the same ages."""

    def now(self) -> float:
        return 2_000_000_000.0

    def __getattr__(self, name: str) -> Any:
        return getattr(SYSTEM, name)


def answer(q: str) -> dict[str, object]:
    return {"text": q.upper(), "price": "$0.10 or $0.20"}


@pytest.fixture
def spot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spot]:
    """The notebook's spot, which the command line looks at too."""
    monkeypatch.chdir(tmp_path)
    with Spot("demo", clock=Stopped()) as spot:

        def looked_at(folder: str | None, make: bool = False, latest: bool = False, **settings: Any) -> Any:
            return Spot("demo", clock=Stopped(), **settings) if settings else Borrowed(spot)

        monkeypatch.setattr("spotmagic.cli.place.spot_at", looked_at)
        f = spot.mark(price=0.25)(answer)
        for q in ("a", "costs $5.00 or $6.00", "a"):
            f(q)
        spot.limits.get("openai", rpm=600)
        choose(spot)
        yield spot
        drop(spot)


class Borrowed:
    """A spot that the command line does not close."""

    def __init__(self, spot: Spot) -> None:
        self._spot = spot

    def __getattr__(self, name: str) -> Any:
        return getattr(self._spot, name)

    def close(self) -> None:
        pass


def in_shell(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(words) == code
    out, err = capsys.readouterr()
    return out or err


def in_notebook(line: str) -> View:
    shown = notebook.answer(line, CELLS)
    assert isinstance(shown, View)
    return shown


def text_of(page: str) -> list[str]:
    """What HTML says, word by word."""
    return html.unescape(re.sub(r"<[^>]*>", " ", re.sub(r"</?span[^>]*>", "", page))).split()


SAID = {
    "ls": [("ls", ["ls"]), ("ls *answer limit=1 order=cost", ["ls", "*answer", "--limit", "1", "--order", "cost"])],
    "show": [("show {key}", ["show", "{key}"])],
    "stats": [("stats", ["stats"]), ("stats by=name", ["stats", "--by", "name"])],
    "explain": [("explain answer", ["explain", "answer"])],
    "limits": [("limits", ["limits"])],
    "jobs": [("jobs", ["jobs"])],
    "sql": [("sql select 1 as n, '$1 $2' as cost", ["sql", "select 1 as n, '$1 $2' as cost"])],
    "mode": [("mode", ["mode"]), ("mode replay answer", ["mode", "replay", "answer"])],
    "forget": [("forget nothing", ["forget", "nothing"])],
    "pin": [("pin answer", ["pin", "answer"]), ("pin answer off", ["pin", "answer", "--off"])],
    "gc": [("gc dry rule=*=1ms", ["gc", "--dry-run", "--rule", "*=1ms"])],
    "verify": [("verify", ["verify"]), ("verify repair", ["verify", "--repair"])],
    "rebuild": [("rebuild", ["rebuild"])],
    "export": [("export {name}.zip", ["export", "{name}.zip"])],
    "load": [("load there.zip", ["load", "there.zip"])],
    "trust": [("trust show", ["trust", "show"])],
    "push": [("push remote=file://{bucket}", ["push", "--remote", "file://{bucket}"])],
    "pull": [("pull remote=file://{bucket}", ["pull", "--remote", "file://{bucket}"])],
}  # fmt: skip


def test_every_command_of_the_table_is_compared() -> None:
    assert SAID.keys() == COMMANDS.keys()


@pytest.mark.parametrize(("line", "words"), [pair for pairs in SAID.values() for pair in pairs])
def test_both_say_the_same(
    line: str, words: list[str], spot: Spot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if line.startswith("load"):
        spot.export("there.zip")
        spot.load("there.zip")
    if line.startswith(("push", "pull")):
        with Spot("demo", clock=Stopped(), remote=f"file://{tmp_path}/bucket") as other:
            other.push()
    blanks = {"key": spot.entries()[0].key, "bucket": str(tmp_path / "bucket"), "name": "one"}
    shown = in_notebook(line.format(**blanks))
    blanks["name"] = "two"
    printed = in_shell(capsys, *(word.format(**blanks) for word in words))
    assert printed.replace("two.zip", "one.zip") == f"{shown!r}\n"
    assert text_of(shown._repr_html_()) == printed.replace("two.zip", "one.zip").split()


def test_results_are_summed_before_they_are_deleted(
    spot: Spot, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "n")
    assert "nothing is deleted" in in_shell(capsys, "forget", "answer", code=1)
    (question,) = asked
    assert re.fullmatch(r"Delete 2 results, \d+ B: run time [\d.]+ (µs|ms|s), cost \$0\.50\? \[y/N\] ", question)
    assert len(spot.entries()) == 2
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert "cost $0.50" in in_shell(capsys, "forget", "answer") and not spot.entries()


def test_a_name_that_nothing_has_is_told_with_the_nearest(spot: Spot, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"Did you mean {__name__}.answer?" in in_shell(capsys, "explain", "anwser", code=1)
    with pytest.raises(RecordMissing, match="Did you mean"):
        in_notebook("explain anwser")


@pytest.mark.parametrize(
    ("line", "words", "told"),
    [
        ("ls kidn=cell", ["ls", "--kidn", "cell"], "Did you mean --kind?"),
        ("ls kind=cel", ["ls", "--kind", "cel"], "Did you mean cell?"),
        ("ls a b", ["ls", "a", "b"], "unexpected extra argument"),
        ("ls limit=x", ["ls", "--limit", "x"], "not a valid integer"),
        ("ls status=alive", ["ls", "--status", "alive"], "unknown status"),
        ("pin", ["pin"], "missing argument 'PATTERN'"),
        ("mode sometimes", ["mode", "sometimes"], "unknown mode"),
    ],
)
def test_both_refuse_the_same(
    line: str, words: list[str], told: str, spot: Spot, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OptionError) as error:
        in_notebook(line)
    assert told in str(error.value)
    assert told in in_shell(capsys, *words, code=2)


def test_a_mode_of_a_name_that_nothing_has_says_so(spot: Spot) -> None:
    assert "Did you mean" in in_notebook("mode replay answr").lines[0]
    assert spot.modes()["answr"] == "replay"  # it may be yet to come
    assert not in_notebook("mode replay answer").lines


def test_a_mode_is_unset_by_inherit(spot: Spot) -> None:
    in_notebook("mode replay answer")
    name = f"{__name__}.answer"
    assert spot.modes() == {name: "replay"}  # by its last words, as people call it
    assert (name, "inherit (auto)") in in_notebook("mode inherit answer").rows


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_list_fits_its_window_and_loses_no_number(width: int, spot: Spot) -> None:
    f = spot.mark(price=1234.5)(answer)
    f("a question that is much longer than any window " * 4)
    f("東京の天気は" * 20)
    view = in_notebook("ls")
    printed = list(lines(view, Screen(width)))
    assert all(len(line) + sum(line.count(char) for char in "東京の天気は") <= width for line in printed)
    flat = " ".join(" ".join(printed).split())
    for row in view.rows:
        for cell in (row[0], *row[2:]):
            assert str(cell) in flat
    assert ("key" in printed[0]) == (width > 40), "a header line over columns; names beside values in a narrow window"


def test_numbers_stand_at_the_right_under_their_headings(spot: Spot) -> None:
    head, *rows = list(lines(in_notebook("ls"), Screen(120)))
    for heading in ("made", "run time", "cost", "size", "hits"):
        end = head.index(heading) + len(heading)
        assert all(row[end - 1] != " " and row[end : end + 2].strip() == "" for row in rows), heading


def test_a_name_is_known_by_its_last_words(spot: Spot, capsys: pytest.CaptureFixture[str]) -> None:
    assert in_shell(capsys, "stats", "answer").startswith(f"{__name__}.answer\nresults ")
    assert "Did you mean" in in_shell(capsys, "stats", "anwser", code=1)
    assert "explain needs a NAME" in in_shell(capsys, "explain", code=2)


def test_show_of_a_name_shows_its_newest_result(spot: Spot, capsys: pytest.CaptureFixture[str]) -> None:
    newest = spot.mark(version="1")(lambda q: q * 2)
    newest("older"), newest("newer")
    names = [row.name for row in spot.entries(status=None)]
    whole = next(name for name in names if name.endswith("<lambda>"))
    rows = spot.entries("*<lambda>", status=None)
    for said in (whole, whole.rpartition(".")[2]):
        shown = in_shell(capsys, "show", said)
        assert f"the newest result of {whole}: ls {whole} lists all" in shown
        assert rows[0].key in shown and rows[1].key not in shown
        assert repr(in_notebook(f"show {said}")) == shown.rstrip("\n")
    assert rows[1].key in in_shell(capsys, "show", rows[1].key[:10])
    assert "Did you mean" in in_shell(capsys, "show", "anwser", code=2)


def test_every_command_line_takes_a_spot_and_ends_with_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in (*COMMANDS, *SHELL):
        assert "--spot" in in_shell(capsys, name, "--help"), name
    for name in ("ls", "show", "stats", "explain", "limits", "jobs", "mode", "sql", "verify", "gc", "trust"):
        assert "--json" in in_shell(capsys, name, "--help"), name
    for name in ("forget", "gc"):
        assert "--yes" in in_shell(capsys, name, "--help"), name


def test_values_are_shown_as_people_read_them(spot: Spot) -> None:
    import numpy

    for value in (numpy.arange(8).reshape(2, 4), "one\nred \x1b[31m", {"a": [1, {"b": "two\nthree"}]}, {1, 2}, None):
        spot.mark(lambda: value, version=repr(type(value)))()
    shown = {row.size: repr(in_notebook(f"show {row.key}")) for row in spot.entries("*lambda*", status=None)}
    text = "\n".join(shown.values())
    assert "value: 2 x 4\n   0  1  2  3\n0  0  1  2  3\n1  4  5  6  7\n" in text
    assert "value\n  one\n  red \\x1b[31m\n" in text and "b: two\n" in text and "NoneType" in text
    assert "{'name'" not in text


@pytest.mark.parametrize("pattern", ["", "  "])
def test_a_pattern_that_says_nothing_means_nothing(
    pattern: str, spot: Spot, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as a variable of a shell that was not set."""
    assert "the pattern is empty" in in_shell(capsys, "forget", pattern, "--yes", code=2)
    for act in (spot.forget, spot.pin):
        with pytest.raises(OptionError, match="empty"):
            act(pattern)
    assert len(spot.entries()) == 2


def test_the_end_of_the_input_is_no_yes(
    spot: Spot, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(question: str) -> str:
        raise EOFError

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", ended)
    assert "nothing is deleted" in in_shell(capsys, "forget", "answer", code=1) and len(spot.entries()) == 2
