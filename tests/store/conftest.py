"""Stores that are closed again, and one ring for a test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring


@pytest.fixture
def quick_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: syncing costs nothing there."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(dir=shared))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def ring() -> Ring:
    return Ring.of(b"s" * 32)


@pytest.fixture
def open_store(tmp_path: Path, ring: Ring) -> Iterator[Callable[..., FolderStore]]:
    """Makes stores on one folder, as kernels would."""
    stores: list[FolderStore] = []

    def make(**options: Any) -> FolderStore:
        stores.append(FolderStore(tmp_path / "spot", **{"ring": ring, **options}))
        return stores[-1]

    yield make
    for store in stores:
        store.close()
