"""The threat table of SECURITY.md: a file for each row, which first shows that the naive way fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

for room in ("catalog", "codecs"):  # what their tests are made of
    sys.path.append(str(Path(__file__).parent.parent / room))

from catalog.conftest import catalog, clock, folder, ledger, made  # noqa: E402
from store.conftest import open_store, quick_path, ring  # noqa: E402

from spotmagic.errors import _told  # noqa: E402

from .people import another, work  # noqa: E402

__all__ = ["another", "catalog", "clock", "folder", "ledger", "made", "open_store", "quick_path", "ring", "work"]


@pytest.fixture(autouse=True)
def nothing_told() -> None:
    """Each test hears each warning."""
    _told.clear()
