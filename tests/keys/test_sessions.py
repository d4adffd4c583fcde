"""Two sessions of a user with an edit between: what must be run again is, and what need not be is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.keys.scenarios import SCENARIOS, Files, Scenario

Keys = dict[str, dict[str, object]]


def write(folder: Path, files: Files) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def session(folders: list[Path], seed: str, python: str = sys.executable) -> Keys:
    root = Path(__file__).parent.parent.parent
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [python, "-m", "tests.keys.session"], cwd=root, env=environment, text=True, capture_output=True,
        input="\n".join(map(str, folders)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Keys, Keys]:
    first, second = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("moved") / "elsewhere"
    before = [write(first / str(place), one.before) for place, one in enumerate(SCENARIOS)]
    after = [write(second / str(place), one.after) for place, one in enumerate(SCENARIOS)]
    return session(before, "0"), session(after, "12345")


@pytest.mark.parametrize("place", range(len(SCENARIOS)), ids=[one.name for one in SCENARIOS])
def test_a_second_session_hits_exactly_when_nothing_that_matters_changed(
    sessions: tuple[Keys, Keys], place: int
) -> None:
    scenario: Scenario = SCENARIOS[place]
    before, after = sessions[0][str(place)], sessions[1][str(place)]
    for one in (before, after):
        assert "error" not in one, one["trace"]
        assert one["trouble"] == ""
    assert (before["key"] == after["key"]) is scenario.hit, (before, after)
