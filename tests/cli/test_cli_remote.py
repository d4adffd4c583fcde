"""The words for sharing: ``push``, ``pull`` and ``trust``."""

from __future__ import annotations

from pathlib import Path

import pytest

from spotmagic import Spot
from spotmagic.cli import main
from spotmagic.store.trust import People, Ring, public_key

KEY = public_key(Ring.of(b"a" * 32))


def double(x: int) -> int:
    return 2 * x


def test_results_go_to_a_bucket_and_come_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"file://{tmp_path}/bucket"
    for name in ("one", "two"):
        with Spot(name) as spot:
            spot.mark(double)(len(name) if name == "one" else 5)
    assert main(["push", "--spot", "one", "--remote", url]) == 0
    assert "sent 1 result, 0 there already" in capsys.readouterr().out
    monkeypatch.setenv("SPOTMAGIC_REMOTE", url)
    assert main(["pull", "--spot", "two"]) == 0
    assert "loaded 1 result, 0 there already, 0 refused" in capsys.readouterr().out
    with Spot("two") as spot:
        assert spot.mark(double).peek(3) == 6


def test_a_spot_without_a_bucket_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with Spot("one") as spot:
        spot.mark(double)(1)
    assert main(["pull"]) == 2
    assert "remote=" in capsys.readouterr().err


def test_people_are_trusted_and_no_longer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trust", "add", "ann", KEY]) == 0
    assert People().all() == {"ann": KEY}
    assert main(["trust", "show"]) == 0
    out = capsys.readouterr().out
    assert f"ann  {KEY}" in out and "you  " in out
    assert main(["trust", "remove", "ann"]) == 0
    assert People().all() == {}
    assert main(["trust", "remove", "ann"]) == 2
    assert main(["trust", "add", "ann"]) == 2
    assert main(["trust", "add", "ann", "12"]) == 2
    assert "64 hex digits" in capsys.readouterr().err
