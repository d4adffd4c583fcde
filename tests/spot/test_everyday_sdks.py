"""Everyday code under a mark gives what it gives without one: in a second kernel, after an edit, after undoing it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.spot.everyday import CASES

Said = dict[str, Any]
_SESSIONS = (
    ("plain", "", "plain"),
    ("plain edited", "edited", "plain"),
    ("first", "", "spot"),
    ("second", "", "spot"),
    ("edited", "edited", "spot"),
    ("edited again", "edited", "spot"),
    ("undone", "", "spot"),
)


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Said]:
    folder = tmp_path_factory.mktemp("everyday")
    said, path = {}, ":".join([str(Path.cwd()), *sys.path])
    for seed, (name, edit, spot) in enumerate(_SESSIONS, 1):
        out = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "tests.spot.everyday", str(folder), edit, spot],
            env={"PYTHONHASHSEED": str(seed), "PYTHONPATH": path, "HOME": str(folder), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        said[name] = json.loads(out.splitlines()[-1])
    return said


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CASES)
def test_everyday_code_gives_what_it_gives_without_a_mark(sessions: dict[str, Said], name: str) -> None:
    case = CASES[name]
    one = {session: said[name] for session, said in sessions.items()}
    for session, said in one.items():
        assert said["value"] == one["plain edited" if "edited" in session else "plain"]["value"], session
    assert one["plain"]["value"] != one["plain edited"]["value"] or case.refused, "the edit shows"
    verdicts = [one[session]["verdict"] for session in ("first", "second", "edited", "edited again", "undone")]
    if case.refused:
        assert set(verdicts) == {"ran"}
        assert case.refused in one["second"]["reason"]
    else:
        assert verdicts == ["ran", "hit", "ran", "hit", "hit"], one
