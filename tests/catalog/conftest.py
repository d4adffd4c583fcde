from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from catalog_ledger import Ledger

from spotmagic.catalog import Catalog
from spotmagic.testing import FakeClock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "it's a spot"
    place.mkdir(mode=0o700)
    return place


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_800_000_100.0)


@pytest.fixture
def catalog(folder: Path, ledger: Ledger, clock: FakeClock) -> Iterator[Catalog]:
    made = Catalog(folder, ledger, clock=clock)
    yield made
    made.close()


@pytest.fixture
def made(folder: Path, ledger: Ledger, clock: FakeClock) -> Path:
    """The file of a good catalog of three entries, let go of."""
    for number in range(3):
        ledger.put(number)
        ledger.hits(number)
    catalog = Catalog(folder, ledger, clock=clock)
    assert catalog.count() == 3
    catalog.close()
    return folder / "spot.duckdb"
