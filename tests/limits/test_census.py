"""What is told about limits that other kernels use: by name, as long as one lives, and without using them."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spotmagic.limits import Limit, Limits, LimitState, folder
from spotmagic.limits.folder import LONGEST, state_files, state_path
from spotmagic.testing import FakeClock

USE = """import sys
from spotmagic.limits import Limit
permit = Limit(sys.argv[1], rpm=60, tpm=1000, concurrency=3).acquire(500)
print("in use", flush=True)
sys.stdin.read()
"""


@contextmanager
def used_elsewhere(name: str) -> Iterator[int]:
    """A process with one call under way in a limit. Gives its id."""
    command = [sys.executable, "-c", USE, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        yield process.pid
        process.communicate()


def everywhere(limits: Limits | None = None) -> list[LimitState]:
    return (Limits() if limits is None else limits).states(everywhere=True)


@pytest.mark.parametrize("name", ["openai", "größe der Sätze/../x\n", "x" * LONGEST])
def test_a_limit_is_told_by_its_name_as_long_as_a_process_uses_it(name: str) -> None:
    with used_elsewhere(name) as pid:
        (state,) = everywhere()
        assert (state.name, state.rpm, state.tpm, state.running) == (name, 60.0, 1000.0, 1)
        assert [user.process for user in state.users] == [str(pid)]
        assert 20 < state.wait <= 30
    assert everywhere() == []


def test_looking_uses_no_limit_and_makes_no_file(own_home: Path) -> None:
    assert everywhere() == []
    assert not list(own_home.rglob("limits"))
    with used_elsewhere("openai") as pid:
        place = state_path("openai").parent
        before = {path.name: path.read_bytes() for path in place.iterdir()}
        limits = Limits()
        everywhere(limits)
        assert {path.name: path.read_bytes() for path in place.iterdir()} == before
        assert [user.process for user in everywhere(limits)[0].users] == [str(pid)]
        assert len(limits) == 0 and limits.states() == []


def test_a_limit_of_ones_own_is_told_once() -> None:
    with used_elsewhere("shared"), used_elsewhere("another"):
        limits = Limits()
        limits["shared"]
        states = everywhere(limits)
        assert [state.name for state in states] == ["shared", "another"]
        assert len(states[0].users) == 2


def test_limits_of_two_spots_of_one_process_see_each_other() -> None:
    limits = Limits()
    limits.get("mine", rpm=60)
    assert [state.name for state in everywhere()] == ["mine"]
    assert everywhere(Limits("memory")) == [] == everywhere(Limits(clock=FakeClock()))


def test_a_name_file_that_is_deleted_or_damaged_is_written_again_and_never_names_another() -> None:
    rng = random.Random(7)
    limit = Limit("openai", rpm=60)
    beside = state_path("openai").with_suffix(".name")
    whole = beside.read_bytes()
    assert (whole, beside.stat().st_mode & 0o777) == (b"openai", 0o600)
    for _ in range(50):
        noise = bytearray(whole)
        noise[rng.randrange(len(noise))] ^= rng.randrange(1, 256)
        beside.write_bytes(rng.choice([noise, whole[:3], whole * 100, b"", b"\xff\xfe"]))
        assert everywhere() == []
    for file in beside.parent.iterdir():
        file.unlink()
    limit._line.storage._look_at = 0.0  # type: ignore[attr-defined]
    limit.try_acquire()
    assert [state.name for state in everywhere()] == ["openai"]


def test_a_name_is_never_read_through_a_link_nor_written_over_a_folder(tmp_path: Path) -> None:
    beside = state_path("openai").with_suffix(".name")
    (tmp_path / "target").write_text("openai")
    beside.symlink_to(tmp_path / "target")
    assert state_files() == {}
    beside.unlink()
    os.mkfifo(beside)
    assert state_files() == {}
    beside.unlink()
    beside.mkdir()
    assert Limit("openai", rpm=60).try_acquire() is not None
    assert state_files() == {}


def test_a_name_that_is_too_long_to_write_down_still_has_its_limit() -> None:
    limit = Limit("ö" * (LONGEST // 2) + "x", rpm=60)
    assert limit.try_acquire() is not None and limit.try_acquire() is None
    assert state_files() == {}


def test_a_limit_of_another_machine_under_the_same_home_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with used_elsewhere("openai"):
        monkeypatch.setattr(folder.platform, "node", lambda: "another")
        assert everywhere() == []


def test_a_state_that_is_gone_or_open_to_others_is_left_out() -> None:
    with used_elsewhere("openai"):
        path = state_path("openai")
        path.chmod(0o666)
        assert everywhere() == []
        path.chmod(0o600)
        assert len(everywhere()) == 1
        path.unlink()
        assert everywhere() == []
