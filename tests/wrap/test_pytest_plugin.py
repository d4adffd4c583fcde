"""The pytest plug-in: a user's suite runs on recorded calls; who does not use it does not notice it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parent / "example"
KEY = "sk-live-4f9a8b7c6d5e4f3a2b1c"


@pytest.fixture
def suite(tmp_path: Path) -> Any:
    """Runs the example's tests in a process of their own, as the user of a home folder."""
    folder = tmp_path / "project"
    shutil.copytree(EXAMPLE, folder)

    def run(*args: str, home: str = "home", **environment: str) -> subprocess.CompletedProcess[str]:
        places = {name: str(tmp_path / home) for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
        known = os.environ | places | {"TITLES_KEY": KEY, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | environment
        paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        command = [sys.executable, "-m", "pytest", "-p", "spotmagic.testing.plugin", "-p", "no:cacheprovider", "-q"]
        options = {"cwd": folder, "env": known | {"PYTHONPATH": os.pathsep.join(paths)}}
        return subprocess.run([*command, *args], capture_output=True, text=True, **options)

    return run


def test_a_users_suite_runs_offline_in_replay_and_a_new_call_fails_with_the_reason(
    suite: Any, server: Any, tmp_path: Path
) -> None:
    """Recorded by one user, replayed by another with no server and another key, as in CI."""
    recorded = suite(TITLES_URL=server.url)
    assert recorded.returncode == 0, recorded.stdout + recorded.stderr
    assert len(server.asked) == 3
    folder = tmp_path / "project" / "tests" / ".spotmagic"
    assert "spot.duckdb" in (folder / "default" / ".gitignore").read_text()
    assert not [path for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    server.shutdown()
    given = {"TITLES_URL": server.url, "TITLES_KEY": "another", "WITH_NEW_CALLS": "1", "home": "ci"}
    replayed = suite("--spot-mode=replay", **given)
    assert "4 passed" in replayed.stdout and "2 failed" in replayed.stdout, replayed.stdout + replayed.stderr
    assert "/v1/titles" in replayed.stdout and replayed.stdout.count("mode is replay; `text` changed") >= 2
    assert "test_new_and_swallowed" in replayed.stdout and len(server.asked) == 3


def test_who_does_not_use_it_does_not_notice(suite: Any, tmp_path: Path) -> None:
    """No import beyond pytest's own, no folder, and a fixture called spot of one's own holds."""
    (tmp_path / "project" / "tests" / "test_titles.py").write_text(
        "import sys\n"
        "import pytest\n"
        "@pytest.fixture\n"
        "def spot():\n"
        "    return 'mine'\n"
        "def test_one(spot):\n"
        "    heavy = 'spotmagic.spot spotmagic.wrap duckdb httpx requests numpy msgpack hypothesis IPython'.split()\n"
        "    assert spot == 'mine' and not [name for name in heavy if name in sys.modules]\n"
    )
    done = suite("--strict-markers", "-W", "error")
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert not (tmp_path / "project" / "tests" / ".spotmagic").exists()
    wrong = suite("--spot-mode=replai")
    assert (
        wrong.returncode == 4
        and "'auto', 'record', 'replay', 'mock', 'off'" in wrong.stderr.replace('"', "'")
        or ("choose from auto, record, replay, mock, off" in wrong.stderr)
    )
