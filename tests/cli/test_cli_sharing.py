"""Results leave a spot and enter another, and shells know the words."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from spotmagic import Spot
from spotmagic.cli import main
from spotmagic.cli.commands import COMMANDS
from spotmagic.cli.completion import SHELLS


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(words) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out or err


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two spots: one with three results, one with none."""
    monkeypatch.chdir(tmp_path)
    with Spot("one") as spot:
        f = spot.mark(lambda q: q.upper())
        for q in "abc":
            f(q)
    with Spot("two") as spot:
        spot.flush()
        spot.store.announce()
    return tmp_path


def test_export_and_load_carry_results(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "export", "r.zip", "--spot", "one") == "wrote 3 results to r.zip\n"
    assert said(capsys, "load", "r.zip", "--spot", "two") == "took 3 results, 0 were there, 0 refused\n"
    assert "took 0 results, 3 were there" in said(capsys, "load", "r.zip", "--spot", "two")
    assert json.loads(said(capsys, "stats", "--spot", "two", "--json"))["entries"] == 3
    assert "wrote 0" in said(capsys, "export", "r.zip", "nothing*", "--spot", "one")


def test_load_names_what_it_refuses_and_ends_with_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile("bad.zip", "w") as archive:
        archive.writestr("../evil\x1b[31m\n", b"")
    text = said(capsys, "load", "bad.zip", "--spot", "two", code=1)
    assert text.startswith("../evil") and "\x1b" not in text and text.count("\n") == 2
    assert "is no archive" in said(capsys, "load", ".spotmagic/two/format.json", "--spot", "two", code=2)
    assert "nothing.zip" in said(capsys, "load", "nothing.zip", "--spot", "two", code=1)


def completed(script: str, *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    line = " ".join(f"'{word}'" for word in words)
    ask = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _spotmagic; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    command = ["bash", "--norc", "-u", "-c", f"{script}\ncomplete -p spotmagic >&2\n{ask}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    assert "-F _spotmagic spotmagic" in done.stderr
    return done.stdout.split()


def test_bash_completes_commands_options_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    script = said(capsys, "completion", "bash")
    assert completed(script, "spotmagic", "fo") == ["forget"]
    assert set(completed(script, "spotmagic", "")) == set(COMMANDS)
    assert completed(script, "spotmagic", "ls", "--js") == ["--json"]
    assert completed(script, "spotmagic", "ls", "--kind", "c") == ["cell"]
    assert completed(script, "spotmagic", "completion", "z") == ["zsh"]
    assert completed(script, "spotmagic", "ls", "x") == []
    assert completed(script, "spotmagic", "nothing", "x") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gets_every_command_and_option(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = said(capsys, "completion", shell)
    for name in COMMANDS:
        assert name in script
    assert "dry-run" in script and "function cell http" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True, timeout=20)


def test_a_shell_that_is_not_known_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["completion", "tcsh"])
    assert "invalid choice" in capsys.readouterr().err
