from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from spotmagic import Spot
from spotmagic.store.trust import ring


@pytest.fixture(autouse=True)
def own_secret(own_home: Path) -> None:
    """This process and those it starts have one home, and so one secret."""
    ring.cache_clear()


@pytest.fixture
def spot(tmp_path: Path) -> Iterator[Spot]:
    with Spot("test", root=tmp_path) as spot:
        yield spot
