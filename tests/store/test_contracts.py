"""Every store and every place for blobs holds the contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from memory_store import MemoryBlobs, MemoryStore

from spotmagic.store import Store
from spotmagic.store.blobs import Blobs, FolderBlobs, ObjectBlobs, blobs_at
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring
from spotmagic.testing import BlobsContract, StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self, ring: Ring) -> Store:
        return MemoryStore(ring=ring)


class TestFolderStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path, ring: Ring) -> Iterator[Store]:
        store = FolderStore(tmp_path / "spot", ring=ring)
        yield store
        store.close()


class TestFolderStoreWithBlobsInMemory(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path, ring: Ring) -> Iterator[Store]:
        store = FolderStore(tmp_path / "spot", ring=ring, blobs=MemoryBlobs(), blob_over=0)
        yield store
        store.close()


class TestFolderStoreWithBlobsAsObjects(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path, ring: Ring) -> Iterator[Store]:
        pytest.importorskip("obstore")
        store = FolderStore(tmp_path / "spot", ring=ring, blobs=ObjectBlobs("memory:///"), blob_over=0)
        yield store
        store.close()


class TestObjectBlobsInMemory(BlobsContract):
    @pytest.fixture
    def blobs(self) -> Blobs:
        pytest.importorskip("obstore")
        return ObjectBlobs("memory:///")


class TestObjectBlobsInFiles(BlobsContract):
    @pytest.fixture
    def blobs(self, tmp_path: Path) -> Blobs:
        pytest.importorskip("obstore")
        return blobs_at(f"file://{tmp_path}/objects", tmp_path / "spot")


class TestFolderBlobs(BlobsContract):
    @pytest.fixture
    def blobs(self, tmp_path: Path) -> Blobs:
        return FolderBlobs(tmp_path / "blobs")


class TestMemoryBlobs(BlobsContract):
    @pytest.fixture
    def blobs(self) -> Blobs:
        return MemoryBlobs()
