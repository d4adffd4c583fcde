"""Results leave a spot and enter another, and shells know the words."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from spotmagic import Spot
from spotmagic.cli import main
from spotmagic.cli.commands import SHELL
from spotmagic.commands import COMMANDS


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
    assert said(capsys, "load", "r.zip", "--spot", "two") == "loaded 3 results, 0 there already, 0 refused\n"
    assert "loaded 0 results, 3 there already" in said(capsys, "load", "r.zip", "--spot", "two")
    assert json.loads(said(capsys, "stats", "--spot", "two", "--json"))["entries"] == 3
    assert "wrote 0 results" in said(capsys, "export", "none.zip", "nothing*", "--spot", "one")


def test_export_overwrites_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.zip").write_text("mine")
    Path("dangling.zip").symlink_to("nowhere")
    for name in ("mine.zip", "dangling.zip"):
        assert "is there already" in said(capsys, "export", name, "--spot", "one", code=2)
    assert Path("mine.zip").read_text() == "mine" and not Path("nowhere").exists()


@pytest.mark.parametrize(
    ("words", "place"), [(("--spot", "new"), "new"), (("--spot", "./there/new"), ""), ((), "default")]
)
def test_load_makes_a_spot_where_there_is_none(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    place: str,
) -> None:
    said(capsys, "export", "r.zip", "--spot", "one")
    away = tmp_path / "away"
    away.mkdir()
    monkeypatch.chdir(away)
    assert said(capsys, "load", "../r.zip", *words).startswith("loaded 3 results")
    made = f".spotmagic/{place}" if place else "there/new"
    assert json.loads(said(capsys, "stats", "--spot", made, "--json"))["entries"] == 3
    assert "no such archive" in said(capsys, "load", "nothing.zip", "--spot", "never", code=1)
    assert not (away / ".spotmagic" / "never").exists()


def test_load_names_what_it_refuses_and_ends_with_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile("bad.zip", "w") as archive:
        archive.writestr("../evil\x1b[31m\n", b"")
    text = said(capsys, "load", "bad.zip", "--spot", "two", code=1)
    assert text.startswith("../evil") and "\x1b" not in text and "\n  1 refused: its name" in text
    assert "is no archive" in said(capsys, "load", ".spotmagic/two/format.json", "--spot", "two", code=2)
    assert "nothing.zip" in said(capsys, "load", "nothing.zip", "--spot", "two", code=1)


@pytest.fixture
def bin(tmp_path: Path) -> Path:
    """A folder with the command, for ``PATH``."""
    place = tmp_path / "bin"
    place.mkdir()
    command = place / "spotmagic"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m spotmagic "$@"\n')
    command.chmod(0o755)
    return place


def completed(bin: Path, script: str, *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    line = " ".join(f"'{word}'" for word in words)
    ask = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _spotmagic_completion spotmagic; "
    ask += "printf '%s\\n' \"${COMPREPLY[@]}\""
    command = ["bash", "--norc", "-c", f"{script}\ncomplete -p spotmagic >&2\n{ask}"]
    environment = {**os.environ, "PATH": f"{bin}:{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=environment)
    assert "-F _spotmagic_completion spotmagic" in done.stderr
    return done.stdout.split()


def test_bash_completes_commands_options_values_and_spots(
    folder: Path, bin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = said(capsys, "completion", "bash")
    assert completed(bin, script, "spotmagic", "fo") == ["forget"]
    assert completed(bin, script, "spotmagic", "ls", "--js") == ["--json"]
    assert completed(bin, script, "spotmagic", "ls", "--kind", "c") == ["cell"]
    assert completed(bin, script, "spotmagic", "ls", "--spot", "t") == ["two"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_is_offered_every_command(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the scripts ask is answered by the program itself, in the way that each shell reads."""
    script = said(capsys, "completion", shell)
    assert f"{shell}_complete" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True, timeout=20)
    monkeypatch.setenv("_SPOTMAGIC_COMPLETE", f"{shell}_complete")
    for name, value in {"COMP_WORDS": "spotmagic", "COMP_CWORD": "1" if shell != "fish" else ""}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match="0"):
        main([])
    told = capsys.readouterr().out
    assert all(name in told for name in (*COMMANDS, *SHELL))


def test_a_shell_that_is_not_known_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Did you mean zsh?" in said(capsys, "completion", "tzsh", code=2)
