"""The limit holds, nothing is left unused and everybody gets a share: processes, threads and event loops together."""

from __future__ import annotations

from pathlib import Path

import pytest

from .crowd import Crowd, run, worst_window
from .kills import run as run_kills
from .server import RedisServer


def hold(crowd: Crowd) -> None:
    grants, rate = run(crowd), crowd.rpm / 60
    most = rate * crowd.seconds
    assert 0.9 * most <= len(grants.went) <= 1.02 * most  # the bench, where nothing else runs, leaves 1 % unused
    assert grants.fairness <= 1.5
    for window in (1.0, 2.0, 4.0):
        assert worst_window(grants.planned, window) <= rate * window * 1.01 + 1
        assert worst_window(grants.went, window) <= rate * window + 5  # at the caller, where wake-ups come late


@pytest.mark.timeout(60)
def test_processes_threads_and_loops_share_the_rate_of_a_file() -> None:
    hold(Crowd("crowd", rpm=1800, seconds=5, threads=2))


@pytest.mark.timeout(60)
def test_processes_threads_and_loops_share_the_rate_of_a_server(redis_server: RedisServer) -> None:
    hold(Crowd("crowd", rpm=1800, seconds=5, threads=2, backend=redis_server.url))


@pytest.mark.timeout(90)
def test_killed_holders_and_sleepers_pass_no_limit_keep_no_slot_and_stop_nobody(tmp_path: Path) -> None:
    survived = run_kills(tmp_path / "log", seconds=3, kills=200, rpm=12_000)
    assert survived.kills == 200
    assert worst_window(survived.went, 1.0) <= 200 * 1.01 + 4
    assert len(survived.went) > 0.4 * 200 * 3
    assert survived.stall < 0.5  # 0.1 in the bench, where nothing else runs
    assert survived.free[0] == survived.free[1]
