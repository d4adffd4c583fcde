"""The command line, as a user types it: tables, JSON, exit codes, and no traceback for a mistake."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from spotmagic import Spot
from spotmagic.cli import main


def answer(q: str) -> dict[str, object]:
    return {"text": q.upper(), "n": [1, 2]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with Spot("demo") as spot:
        f = spot.mark(price=0.02)(answer)
        for q in "abca":
            f(q)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(words) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out or err


def test_ls_filters_before_it_limits_and_speaks_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(said(capsys, "ls").splitlines()) == 1 + 3
    listed = said(capsys, "ls", "*answer", "--limit", "2").splitlines()
    assert len(listed) == 1 + 2 + 1 and "limit=2" in listed[-1]
    rows = json.loads(said(capsys, "ls", "--json", "--order", "created"))
    assert [row["price"] for row in rows] == [0.02] * 3 and rows[0]["name"].endswith("answer")
    assert json.loads(said(capsys, "ls", "nothing*", "--json")) == []


def test_results_of_the_first_version_are_listed_and_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That version keyed calls in another way, so no call finds them, but nothing that was paid for is out of sight."""
    monkeypatch.chdir(tmp_path)
    golden = Path(__file__).parents[1] / "store" / "golden" / "v1" / "spot"
    shutil.copytree(golden, tmp_path / ".spotmagic" / "old")
    rows = said(capsys, "ls", "--status", "all").splitlines()[2:]
    assert rows and all("(made by 0.1.0)" in row for row in rows)
    key = json.loads(said(capsys, "ls", "--json", "--status", "all"))[0]["key"]
    assert "made by 0.1.0" in said(capsys, "show", key)


def test_what_a_check_found_damaged_is_listed_until_it_is_repaired(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Spot("demo") as spot:
        large = spot.mark(save_blob=True)(answer)
        large("d")
    (blob,) = (path for path in (folder / ".spotmagic" / "demo" / "blobs").rglob("*") if path.is_file())
    blob.unlink()
    assert "is missing" in said(capsys, "verify", code=1)
    listed = said(capsys, "ls").splitlines()
    assert len(listed) == 5 and "1 damaged: status damaged" in listed[-1]
    (row,) = json.loads(said(capsys, "ls", "--status", "damaged", "--json"))
    assert json.loads(said(capsys, "ls", "--status", "corrupt", "--json")) == [row]
    assert row["name"].endswith("answer") and "is missing" in row["damage"]
    assert "damaged" in said(capsys, "ls", "--status", "all")
    assert "is missing" in said(capsys, "show", row["key"])
    assert "1 damaged, repaired" in said(capsys, "verify", "--repair")
    assert len(said(capsys, "ls").splitlines()) == 4 and "damaged" not in said(capsys, "ls")
    assert said(capsys, "verify") == "3 checked, none damaged\n"


def test_a_name_that_is_no_text_is_a_name_that_nothing_has(folder: Path) -> None:
    """A shell gives bytes that are no UTF-8 as halves of characters."""
    for words in (["ls", b"answ\xff*"], ["stats", b"\xff"], ["explain", b"\xff"]):
        done = subprocess.run(
            [sys.executable, "-m", "spotmagic", *words], capture_output=True, env={**os.environ, "LC_ALL": "C"}
        )
        assert b"Traceback" not in done.stderr, done.stderr
        assert done.returncode == (0 if words[0] == "ls" else 1)


def test_show_gives_the_value_and_what_it_was_made_from(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = json.loads(said(capsys, "ls", "--json"))[0]["key"]
    text = said(capsys, "show", key[:10])
    assert "text: C" in text and "made from\nq  " in text
    assert "cost      $0.02" in text and "run time" in text and "status    current" in text
    assert json.loads(said(capsys, "show", key, "--json"))["previews"][0]["view"] == "tree"
    assert "names no result" in said(capsys, "show", "0000000000", code=2)


def test_stats_explain_and_limits(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(said(capsys, "stats", "--json"))["hits"] == 1
    assert "$0.06" in said(capsys, "stats")
    told = said(capsys, "explain", f"{__name__}.answer")
    assert "first call with this `q`" in told and re.search(r'^q +"[ab]" \w{6} +"[bc]" \w{6}$', told, re.MULTILINE)
    key = json.loads(said(capsys, "ls", "--json"))[0]["key"][:8]
    assert f"is the key of a result of {__name__}.answer" in said(capsys, "explain", key, code=1)
    assert "no limit" in said(capsys, "limits")
    with Spot("elsewhere", root=folder.parent) as other:
        other.limits.get("openai", rpm=60)
        assert said(capsys, "limits") == "openai: 60 requests/min; free now\n"


def test_forget_asks_or_needs_yes(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        assert "Say --yes" in said(capsys, "forget", "*answer", code=2)
    assert len(said(capsys, "ls").splitlines()) == 1 + 3
    assert "deleted 3 results, " in said(capsys, "forget", "*answer", "--yes")
    assert said(capsys, "ls", "--json") == "[]\n"


def test_gc_tells_before_it_removes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nothing to remove" in said(capsys, "gc", "--dry-run")
    assert "is none" in said(capsys, "gc", "--rule", "answer", code=2)
    assert "is not a duration" in said(capsys, "gc", "--rule", "*=soon", code=2)
    assert "would remove 3 results" in said(capsys, "gc", "--rule", "*=1ms", "--dry-run")
    assert "removed 3 results" in said(capsys, "gc", "--rule", "*=1ms", "--yes")


def test_verify_ends_with_1_for_damage_and_repair_mends(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "3 checked, none damaged" in said(capsys, "verify")
    journal = next((folder / ".spotmagic" / "demo").glob("*/*.log"))
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 0x10
    journal.write_bytes(data)
    said(capsys, "verify", code=1)
    said(capsys, "verify", "--repair")


def test_mode_is_seen_by_the_next_spot(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "mode", "replay", "answer")
    assert json.loads(said(capsys, "mode", "--json")) == {"": "auto", "test_cli.answer": "replay"}
    said(capsys, "mode", "clear", "answer")
    assert json.loads(said(capsys, "mode", "--json")) == {"": "auto"}
    assert "Did you mean replay" in said(capsys, "mode", "replai", code=2)


def test_rebuild_makes_the_table_anew(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / ".spotmagic" / "demo" / "spot.duckdb").write_bytes(b"damaged")
    assert "rebuilt: 3 results" in said(capsys, "rebuild")


def test_a_wrong_word_names_the_right_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, hint in [
        (["frget"], "forget"),
        (["ls", "--order", "cretaed"], "created"),
        (["ls", "--kind", "cel"], "cell"),
    ]:
        try:
            code = main(words)
        except SystemExit as end:
            code = end.code
        assert code == 2 and hint in capsys.readouterr().err


def test_which_spot_is_said_or_the_only_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no spot here" in said(capsys, "ls", code=2)
    assert not (tmp_path / ".spotmagic").exists()
    for name in ("one", "two"):
        with Spot(name) as spot:
            spot.mark(answer)(name)
    assert "one, two" in said(capsys, "ls", code=2)
    for place in ("one", ".spotmagic/one", str(tmp_path / ".spotmagic" / "one")):
        assert json.loads(said(capsys, "stats", "--spot", place, "--json"))["entries"] == 1
    assert "nowhere is no spot" in said(capsys, "ls", "--spot", "nowhere", code=2)


def test_names_with_control_characters_and_any_script_print_in_any_locale(tmp_path: Path) -> None:
    with Spot("demo", root=tmp_path) as spot:
        hostile = lambda q: q  # noqa: E731
        hostile.__qualname__ = "f\x1b[31m\nñ→"
        spot.mark(hostile)("x")
    command = [sys.executable, "-m", "spotmagic", "ls", "--spot", str(tmp_path / "demo")]
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, env=environment)
    assert done.returncode == 0 and b"\x1b" not in done.stdout and done.stdout.count(b"\n") == 2
    assert b"\\x1b[31m" in done.stdout, "it is shown, not obeyed"


def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    for reader in ("| true", ">&-"):
        done = subprocess.run(f"{sys.executable} -m spotmagic ls {reader}", shell=True, capture_output=True, text=True)
        assert done.returncode == 0 and done.stderr == ""


def test_an_option_before_its_command_is_told_where_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--spot stands after its command. Say spotmagic ls --spot" in said(capsys, "--spot", "demo", "ls", code=2)
    assert "Did you mean --help?" in said(capsys, "--hlep", code=2)


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2 and "COMMAND" in capsys.readouterr().out
    assert main(["--version"]) == 0 and capsys.readouterr().out.startswith("spotmagic ")


def test_ui_tells_a_folder_that_is_none_and_a_port_that_is_taken(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nowhere is no spot" in said(capsys, "ui", "nowhere", code=2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"port {port} is not free" in said(capsys, "ui", "demo", "--port", port, "--no-browser", code=2)


def test_ui_prints_its_address_serves_and_ends_with_ctrl_c(folder: Path) -> None:
    command = [sys.executable, "-m", "spotmagic", "ui", "demo", "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        address = process.stdout.readline().split()[-1]
        for _ in range(100):
            try:
                with urllib.request.urlopen(urllib.request.Request(address), timeout=5) as page:
                    raise AssertionError(page.status)
            except urllib.error.HTTPError as error:  # urllib keeps no cookies: it is sent in, and then not known
                assert error.code == 401
                break
            except urllib.error.URLError:
                time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def test_a_table_that_another_program_holds_is_told_in_words_and_answered_from_memory(folder: Path) -> None:
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
    said_by(folder, "stats")
    table = str(folder / ".spotmagic" / "demo" / "spot.duckdb")
    with subprocess.Popen([sys.executable, "-c", hold, table], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline()
        done = said_by(folder, "stats", "--json")
        holder.communicate()
    assert json.loads(done.stdout)["entries"] == 3
    assert done.stderr.startswith("spotmagic: the catalog spot.duckdb cannot be used")
    assert f"PID {holder.pid}" in done.stderr and ".py:" not in done.stderr


def said_by(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "spotmagic", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
