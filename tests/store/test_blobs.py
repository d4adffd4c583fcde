"""Large parts: where they lie, who owns what a hit gives, and what happens when they cannot be had."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from loopback import Answering, Loopback, serving

from spotmagic.errors import OptionError
from spotmagic.store.blobs import FolderBlobs, ObjectBlobs, blobs_at
from spotmagic.store.entry import Bad, Entry
from spotmagic.store.store import FolderStore
from spotmagic.testing.store import same, sample

Make = Callable[..., FolderStore]


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_parts_above_blob_over_become_blobs_named_by_their_content(open_store: Make, tmp_path: Path) -> None:
    """And equal ones are one file."""
    store = open_store(blob_over=1_000)
    store.put(sample(1, b"", large=b"a" * 1_001))
    store.put(sample(2, b"", large=b"a" * 1_001))
    store.put(sample(3, b"", large=b"a" * 1_000))
    (blob,) = files_in(tmp_path / "spot" / "blobs")
    assert len(blob.parent.name) == 2
    assert len(blob.name) == 62


@pytest.mark.parametrize(("save_blob", "blobs"), [(True, 1), (False, 0), (None, 0)])
def test_save_blob_decides(open_store: Make, tmp_path: Path, save_blob: bool | None, blobs: int) -> None:
    """Always, never, or by size."""
    store = open_store()
    store.put(sample(1, large=b"a" * 100), save_blob=save_blob)
    assert len(files_in(tmp_path / "spot" / "blobs")) == blobs
    if save_blob is False:
        store.put(sample(2, large=b"a" * 1_000_000), save_blob=False)
        assert not files_in(tmp_path / "spot" / "blobs")
    assert same(open_store().get(sample(1).key), sample(1, large=b"a" * 100))


def test_many_small_parts_do_not_make_a_huge_record(open_store: Make, tmp_path: Path) -> None:
    """What would pass a megabyte goes to blobs."""

    from spotmagic.store.entry import Part

    parts = tuple(Part(f"v{n}", ("plain",), bytes([n]) * 30_000) for n in range(50))
    entry = sample(1)._replace(parts=parts)
    store = open_store()
    store.put(entry)
    assert 10 < len(files_in(tmp_path / "spot" / "blobs")) < 25
    assert same(store.get(entry.key), entry)


def test_two_hits_of_a_large_part_share_no_memory(open_store: Make) -> None:
    """Writing into one leaves the other and the file as they were."""
    entry = sample(1, large=bytes(1_000_000))
    entry = entry._replace(parts=tuple(part._replace(codecs=("numpy",)) for part in entry.parts))
    store = open_store()
    store.put(entry)
    one, other = store.get(entry.key), store.get(entry.key)
    assert isinstance(one, Entry)
    assert isinstance(other, Entry)
    one.parts[0].buffers[0][:4] = b"mine"
    assert bytes(other.parts[0].buffers[0][:4]) == bytes(4)
    assert same(open_store().get(entry.key), entry)


def test_buffers_in_a_blob_are_aligned(open_store: Make) -> None:
    """At 64 bytes, so that numpy can use them where they lie."""
    from spotmagic.store.entry import Part

    views = tuple(memoryview(bytes([n]) * (300_001 + n)) for n in range(3))
    entry = sample(1)._replace(parts=(Part("return", ("numpy",), b"head", views),))
    store = open_store()
    store.put(entry)
    found = store.get(entry.key)
    assert isinstance(found, Entry)
    np = pytest.importorskip("numpy")
    for buffer in found.parts[0].buffers:
        assert np.frombuffer(buffer, np.uint8).ctypes.data % 64 == 0
    assert same(found, entry)


def test_an_entry_whose_blob_is_gone_says_so(open_store: Make, tmp_path: Path) -> None:
    """And running again brings it back."""
    entry = sample(1, large=b"a" * 100_000)
    store = open_store()
    store.put(entry)
    (blob,) = files_in(tmp_path / "spot" / "blobs")
    blob.unlink()
    found = store.get(entry.key)
    assert isinstance(found, Bad)
    assert found.kind == "corrupt"
    assert "missing" in found.why
    store.put(entry)
    assert same(store.get(entry.key), entry)


def test_a_changed_blob_is_noticed_though_it_was_verified_before(open_store: Make, tmp_path: Path) -> None:
    """Another file, or other times, under the name are verified anew."""
    entry = sample(1, large=b"a" * 100_000)
    store = open_store()
    store.put(entry)
    assert isinstance(store.get(entry.key), Entry)
    (blob,) = files_in(tmp_path / "spot" / "blobs")
    blob.write_bytes(b"b" * blob.stat().st_size)
    assert not isinstance(store.get(entry.key), Entry)


def test_spots_that_share_a_place_do_not_clean_up_each_others_blobs(tmp_path: Path, ring: object) -> None:
    """Each has a folder of its own there."""
    entry = sample(1, large=b"a" * 100_000)
    stores = []
    for name in ("one", "two"):
        folder = tmp_path / name
        store = FolderStore(folder, ring=ring, blobs=blobs_at(tmp_path / "shared", folder))  # type: ignore[arg-type]
        store.put(entry)
        stores.append(store)
    stores[0].forget([entry.key])
    assert len(stores[0].gc().blobs) == 1
    assert same(stores[1].get(entry.key), entry)
    for store in stores:
        store.close()


def test_a_url_that_cannot_be_used_is_an_option_error(tmp_path: Path) -> None:
    """Before anything runs."""
    pytest.importorskip("obstore")
    with pytest.raises(OptionError):
        blobs_at("nonsense://bucket", tmp_path / "spot")


class Refusing(Answering):
    """An object store that is down."""

    def do_GET(self) -> None:
        self.send_error(403)

    do_PUT = do_HEAD = do_GET


def test_a_bucket_that_refuses_costs_a_miss_and_an_os_error(open_store: Make) -> None:
    """``put`` raises what a full disk raises, ``get`` finds nothing."""
    pytest.importorskip("obstore")
    with serving(Loopback(Refusing)) as server:
        blobs = ObjectBlobs(
            "s3://bucket/prefix",
            config={
                "endpoint": server.address,
                "access_key_id": "a",
                "secret_access_key": "b",
            },
            client_options={"allow_http": True},
        )
        store = open_store(blobs=blobs)
        with pytest.raises(OSError, match="s3://bucket"):
            store.put(sample(1, large=b"a" * 100_000))
        assert store.get(sample(1).key) is None
        store.put(sample(2))
        assert same(store.get(sample(2).key), sample(2))


def test_a_blob_that_cannot_be_reached_is_a_miss(open_store: Make) -> None:
    """An entry whose bucket is down is run again."""

    class Down(FolderBlobs):
        def load(self, digest: bytes, size: int) -> memoryview:
            raise TimeoutError("no answer")

        def read(self, digest: bytes, size: int, spans: Sequence[tuple[int, int]]) -> list[bytes]:
            raise TimeoutError("no answer")

    entry = sample(1, large=b"a" * 100_000)
    store = open_store()
    store.put(entry)
    other = open_store(blobs=Down(store.folder / "blobs"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert other.get(entry.key) is None
