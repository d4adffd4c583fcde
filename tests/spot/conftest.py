from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from spotmagic import Spot


@pytest.fixture
def spot(tmp_path: Path) -> Iterator[Spot]:
    with Spot("test", root=tmp_path) as spot:
        yield spot
