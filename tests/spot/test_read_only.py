"""A folder that can be read alone, as one baked into an image: its results are hits, new ones are not kept."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from failing_files import ReadOnlyFiles

from spotmagic import Spot, last
from spotmagic.errors import RecordMissing, SpotWarning, _told

runs: list[int] = []


@pytest.fixture(autouse=True)
def nothing_told() -> Iterator[None]:
    _told.clear()
    runs.clear()
    yield
    _told.clear()


def work(x: int) -> bytes:
    runs.append(x)
    return bytes([x]) * (100_000 if x > 1 else 10)


def verdict() -> str:
    outcome = last()
    assert outcome is not None
    return outcome.verdict


@pytest.mark.parametrize("packed", [False, True], ids=["as it was left", "merged, without its epoch"])
@pytest.mark.parametrize("mode", ["auto", "replay"])
def test_its_results_are_hits_and_one_warning_says_that_nothing_new_is_kept(
    tmp_path: Path, mode: str, packed: bool
) -> None:
    with Spot("baked", root=tmp_path) as spot:
        f = spot.mark(work)
        f(1), f(2)
    if packed:
        with Spot("baked", root=tmp_path) as spot:
            spot.store.compact()  # type: ignore[attr-defined]
        for name in ("epoch", "flight.lock", "spot.duckdb"):
            (tmp_path / "baked" / name).unlink(missing_ok=True)
    runs.clear()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with ReadOnlyFiles(tmp_path), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with Spot("baked", root=tmp_path, mode=mode) as spot:
            f = spot.mark(work)
            for _ in range(2):
                assert (f(1), f(2)) == (b"\x01" * 10, b"\x02" * 100_000)
                assert verdict() == "hit"
            if mode == "replay":
                with pytest.raises(RecordMissing):
                    f(3)
            else:
                assert f(3) == f(3) == b"\x03" * 100_000
                assert verdict() == "ran"
            assert spot.flush()
    told = [str(each.message) for each in caught if each.category is SpotWarning]
    assert len(told) == 1 and "results are not being stored" in told[0], told
    assert runs == ([] if mode == "replay" else [3, 3])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_folder_on_a_network_file_system_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks of several machines are not to be relied on there."""
    monkeypatch.setattr("spotmagic.files.network_file_system", lambda _: "nfs4")
    with pytest.warns(SpotWarning, match=r"network file system \(nfs4\)"), Spot("s", root=tmp_path) as spot:
        assert spot.mark(work)(1) == b"\x01" * 10
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Spot("s", root=tmp_path).close()
