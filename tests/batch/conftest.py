"""Spots of their own for batches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from spotmagic import Spot


@pytest.fixture
def spot(tmp_path: Path) -> Iterator[Spot]:
    with Spot("batch", root=tmp_path / "root") as made:
        yield made
