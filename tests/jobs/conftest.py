from __future__ import annotations

from pathlib import Path

import pytest

from spotmagic.store.trust import ring


@pytest.fixture(autouse=True)
def own_secret(own_home: Path) -> None:
    """This process and those it starts have one home, and so one secret."""
    ring.cache_clear()
