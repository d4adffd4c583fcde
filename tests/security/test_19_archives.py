"""An archive may come from anybody: what is hostile in it is named, and harms nothing."""

from __future__ import annotations

import io
import stat
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from xxhash import xxh3_64_digest

from spotmagic.errors import OptionError
from spotmagic.store.archive import load_archive, write_archive
from spotmagic.store.blobs import digest_of
from spotmagic.store.entry import Entry, Part
from spotmagic.store.loading import Loaded
from spotmagic.store.seal import seal
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring


def test_a_naive_unpacking_writes_where_the_name_says(tmp_path: Path) -> None:
    """The control."""
    with zipfile.ZipFile(tmp_path / "given.zip", "w") as archive:
        archive.writestr("../outside", b"evil")
    (tmp_path / "cache").mkdir()
    with zipfile.ZipFile(tmp_path / "given.zip") as archive:
        for name in archive.namelist():
            (tmp_path / "cache" / name).write_bytes(archive.read(name))
    assert (tmp_path / "outside").read_bytes() == b"evil"


KEYS = [bytes([number]) * 16 for number in range(4)]
OpenStore = Callable[..., FolderStore]
Member = tuple[str | zipfile.ZipInfo, bytes]


def entry(key: bytes, created: float = 100.0, size: int = 40) -> Entry:
    return Entry(key, f"f{key[0]}", created=created, parts=(Part("value", ("plain",), bytes([key[0]]) * size),))


def sealed(made: Entry, ring: Ring) -> bytes:
    return b"".join(seal(made, ring))


def name_of(key: bytes) -> str:
    return f"entries/{key.hex()}"


@pytest.fixture
def load(tmp_path: Path, open_store: OpenStore) -> Callable[..., Loaded]:
    """Loads an archive of the given members into an empty store, and looks that nothing came to lie beside it."""

    def made(*members: Member, pack: int = zipfile.ZIP_STORED) -> Loaded:
        path = tmp_path / "given.zip"
        with warnings.catch_warnings(), zipfile.ZipFile(path, "w", pack) as archive:
            warnings.simplefilter("ignore")  # of names that are there twice
            for name, data in members:
                archive.writestr(name, data)
        store = open_store()
        loaded = load_archive(path, store)
        assert {each.name for each in tmp_path.iterdir()} <= {"given.zip", "spot"}
        assert not [each for each in (tmp_path / "spot").rglob("*") if each.is_symlink() or each.name.startswith("tmp")]
        return loaded

    return made


def test_what_was_written_is_read(tmp_path: Path, ring: Ring, open_store: OpenStore) -> None:
    """Small parts and blobs, shared ones once."""
    store = open_store()
    large = entry(KEYS[1], size=100_000)
    store.put(entry(KEYS[0]))
    store.put(large)
    store.put(Entry(KEYS[2], "same", created=1.0, parts=large.parts))
    assert write_archive(tmp_path / "all.zip", store.transfer, [*KEYS[:3], KEYS[0]]) == 4
    names = zipfile.ZipFile(tmp_path / "all.zip").namelist()
    assert len(names) == 4 and sum(name.startswith("blobs/") for name in names) == 1
    with_store = FolderStore(tmp_path / "other", ring=ring)
    loaded = load_archive(tmp_path / "all.zip", with_store)
    assert (loaded.taken, loaded.foreign, loaded.refused) == (3, 0, ())
    for key in KEYS[:3]:
        mine, theirs = store.get(key), with_store.get(key)
        assert isinstance(mine, Entry) and isinstance(theirs, Entry)
        assert mine.parts == theirs.parts and theirs.trusted
    with_store.gc()
    assert isinstance(with_store.get(KEYS[2]), Entry)
    with_store.close()


def test_what_is_damaged_is_left_out_of_an_archive(tmp_path: Path, open_store: OpenStore) -> None:
    """With a warning, and the rest is written."""
    store = open_store()
    store.put(entry(KEYS[0]))
    store.put(entry(KEYS[1], size=100_000))
    for blob in (tmp_path / "spot" / "blobs").glob("*/*"):
        blob.unlink()
    with pytest.warns(UserWarning, match="1 result left out of"):
        assert write_archive(tmp_path / "all.zip", store.transfer, KEYS[:2]) == 1


def test_an_archive_brings_back_blobs_that_are_gone(tmp_path: Path, open_store: OpenStore) -> None:
    """Though the entry is there."""
    store = open_store()
    store.put(entry(KEYS[0], size=100_000))
    write_archive(tmp_path / "all.zip", store.transfer, KEYS[:1])
    for blob in (tmp_path / "spot" / "blobs").glob("*/*"):
        blob.unlink()
    assert load_archive(tmp_path / "all.zip", store).taken == 1
    assert load_archive(tmp_path / "all.zip", store).known == 1
    found = store.get(KEYS[0])
    assert isinstance(found, Entry) and found.parts[0].size == 100_000


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd", "../../evil", "entries/../../evil", f"entries/{'0' * 31}", f"entries/{'0' * 32}/", "entries/",
        f"/entries/{'0' * 32}", f"entries/{'0' * 32}\n", f"entries/{'٣' * 32}", f"entries/{'A' * 32}",
        f"entries\\{'0' * 32}", f"blobs/{'0' * 32}", f"x/entries/{'0' * 32}", "C:\\evil",
    ],
)  # fmt: skip
def test_names_that_are_not_exactly_ours_are_refused(load: Callable[..., Loaded], ring: Ring, name: str) -> None:
    """And do not keep what is sound from being taken."""
    loaded = load((name, sealed(entry(bytes(16)), ring)), (name_of(KEYS[1]), sealed(entry(KEYS[1]), ring)))
    assert loaded.taken == 1
    assert [(got, "its name" in why) for got, why in loaded.refused] == [(name, True)]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFDIR])
def test_links_and_devices_are_refused(load: Callable[..., Loaded], ring: Ring, kind: int) -> None:
    """Whatever their bytes."""
    info = zipfile.ZipInfo(name_of(KEYS[0]))
    info.external_attr = (kind | 0o777) << 16
    loaded = load((info, sealed(entry(KEYS[0]), ring)))
    assert (loaded.taken, loaded.refused) == (0, ((name_of(KEYS[0]), "it is not a plain file"),))


def test_what_is_there_twice_is_not_taken_at_all(load: Callable[..., Loaded], ring: Ring) -> None:
    """Whichever was meant."""
    loaded = load(*[(name_of(KEYS[0]), sealed(entry(KEYS[0], created), ring)) for created in (1.0, 2.0)])
    assert (loaded.taken, len(loaded.refused)) == (0, 2)


def test_a_name_cut_by_a_zero_is_refused(load: Callable[..., Loaded], ring: Ring, tmp_path: Path) -> None:
    """The zip module would show the sound half of it."""
    load((name_of(KEYS[0]) + "#evil", sealed(entry(KEYS[0]), ring)))
    data = (tmp_path / "given.zip").read_bytes()
    (tmp_path / "given.zip").write_bytes(data.replace(b"#evil", b"\0evil"))
    store = FolderStore(tmp_path / "spot", ring=ring)
    assert load_archive(tmp_path / "given.zip", store).taken == 0
    store.close()


def test_entries_of_other_keys_damaged_and_newer_ones_are_named(load: Callable[..., Loaded], ring: Ring) -> None:
    """Each with what is wrong, none fatal."""
    good = sealed(entry(KEYS[0]), ring)
    damaged, newer = bytearray(good), bytearray(sealed(entry(KEYS[2]), ring))
    damaged[60] ^= 1
    newer[8] = 3
    newer[-40:-32] = xxh3_64_digest(newer[:-40])
    loaded = load(
        (name_of(KEYS[1]), good),
        (name_of(KEYS[0]), bytes(damaged)),
        (name_of(KEYS[2]), bytes(newer)),
        (name_of(KEYS[3]), b""),
    )
    assert loaded.taken == 0
    assert [why.partition(":")[0] for _, why in loaded.refused] == ["corrupt", "corrupt", "newer format", "corrupt"]


def test_another_users_entry_keeps_its_seal_and_never_replaces_ones_own(
    load: Callable[..., Loaded], open_store: OpenStore
) -> None:
    """However new it says it is."""
    other = Ring.of(b"o" * 32)
    store = open_store()
    store.put(entry(KEYS[0], created=1.0))
    loaded = load(*[(name_of(key), sealed(entry(key, created=9e9), other)) for key in KEYS[:2]])
    assert (loaded.taken, loaded.foreign, loaded.known, loaded.refused) == (1, 1, 1, ())
    mine, theirs = store.get(KEYS[0]), store.get(KEYS[1])
    assert isinstance(mine, Entry) and mine.trusted and mine.created == 1.0
    assert isinstance(theirs, Entry) and not theirs.trusted and theirs.writer == other.kid


def test_kernels_that_know_the_older_result_see_the_loaded_one(
    tmp_path: Path, ring: Ring, open_store: OpenStore
) -> None:
    """At their next call."""
    kernel, loading = open_store(), open_store()
    loading.put(entry(KEYS[1]))
    kernel.put(entry(KEYS[0], created=1.0))
    for _ in range(2):
        known = kernel.get(KEYS[0])
        assert isinstance(known, Entry) and known.created == 1.0
    with zipfile.ZipFile(tmp_path / "given.zip", "w") as archive:
        archive.writestr(name_of(KEYS[0]), sealed(entry(KEYS[0], created=2.0), ring))
    assert load_archive(tmp_path / "given.zip", loading).taken == 1
    found = kernel.get(KEYS[0])
    assert isinstance(found, Entry) and found.created == 2.0


@pytest.mark.parametrize("wrong", ["missing", "other bytes", "other size"])
def test_an_entry_without_its_blob_is_not_taken(
    tmp_path: Path, load: Callable[..., Loaded], ring: Ring, wrong: str
) -> None:
    """Nor is the blob kept under a name that is not its own."""
    made = entry(KEYS[0], size=50_000)
    digest = digest_of([made.parts[0].head])
    bytes_of = {"missing": None, "other bytes": b"y" * 50_000, "other size": b"y"}[wrong]
    members: list[Member] = [(name_of(KEYS[0]), b"".join(seal(made, ring, {0: digest})))]
    if bytes_of is not None:
        members.append((f"blobs/{digest.hex()}", bytes_of))
    loaded = load(*members)
    assert (loaded.taken, len(loaded.refused)) == (0, 1)
    why = {"missing": "missing", "other bytes": "those of its name", "other size": "1 bytes, not 50000"}[wrong]
    assert why in loaded.refused[0][1]
    assert not [each for each in (tmp_path / "spot" / "blobs").glob("*/*") if each.is_file()]


def test_blobs_that_no_entry_names_are_not_read(tmp_path: Path, load: Callable[..., Loaded]) -> None:
    """Nor kept."""
    assert load((f"blobs/{digest_of([b'x' * 99]).hex()}", b"x" * 99)) == Loaded(0, 0, 0, ())
    assert not list((tmp_path / "spot").glob("blobs/*/*"))


def test_an_archive_packed_anew_with_another_tool_is_taken(load: Callable[..., Loaded], ring: Ring) -> None:
    """Deflated, as zip does; other ways to pack are refused."""
    assert load((name_of(KEYS[0]), sealed(entry(KEYS[0]), ring)), pack=zipfile.ZIP_DEFLATED).taken == 1
    assert "packed" in load((name_of(KEYS[1]), sealed(entry(KEYS[1]), ring)), pack=zipfile.ZIP_LZMA).refused[0][1]


def test_bombs_are_refused_by_what_they_say_before_they_unpack(load: Callable[..., Loaded]) -> None:
    """By their ratio."""
    loaded = load((name_of(KEYS[0]), bytes(50_000_000)), pack=zipfile.ZIP_DEFLATED)
    assert "no result" in loaded.refused[0][1]


def test_a_size_above_the_format_is_refused_before_a_byte_is_read(
    tmp_path: Path, load: Callable[..., Loaded], ring: Ring
) -> None:
    """However little there is."""
    data = sealed(entry(KEYS[0]), ring)
    load((name_of(KEYS[0]), data))
    given = (tmp_path / "given.zip").read_bytes()
    size = len(data).to_bytes(4, "little")
    assert given.count(size + size) == 2
    for said, why in [((1 << 30), "more than"), (len(data) + 10, "corrupt"), (len(data) - 10, "corrupt")]:
        (tmp_path / "given.zip").write_bytes(given.replace(size + size, size + said.to_bytes(4, "little")))
        store = FolderStore(tmp_path / f"store {said}", ring=ring)
        loaded = load_archive(tmp_path / "given.zip", store)
        assert loaded.taken == 0 and why in loaded.refused[0][1], said
        store.close()


def test_members_that_overlap_are_refused(tmp_path: Path, ring: Ring) -> None:
    """The same bytes under many names would unpack to more than the archive holds."""
    shared = io.BytesIO()
    with zipfile.ZipFile(shared, "w") as archive:
        archive.writestr(name_of(KEYS[0]), bytes(100_000))
        first = archive.infolist()[0]
        for number in range(1, 50):
            again = zipfile.ZipInfo(name_of(bytes([number]) * 16))
            again.header_offset, again.file_size = first.header_offset, first.file_size
            again.compress_size, again.CRC = first.compress_size, first.CRC
            archive.filelist.append(again)
    (tmp_path / "given.zip").write_bytes(shared.getvalue())
    store = FolderStore(tmp_path / "spot", ring=ring)
    loaded = load_archive(tmp_path / "given.zip", store)
    store.close()
    assert loaded.taken == 0
    assert sum("does not fit" in why for _, why in loaded.refused) == 49


def test_a_truncated_archive_is_told_at_every_length(tmp_path: Path, ring: Ring, open_store: OpenStore) -> None:
    """And bytes that are not those that were written are no result: taken whole, or named."""
    store = open_store()
    store.put(entry(KEYS[0]))
    write_archive(tmp_path / "all.zip", store.transfer, KEYS[:1])
    data = (tmp_path / "all.zip").read_bytes()
    other = FolderStore(tmp_path / "other", ring=ring)
    for length in range(0, len(data), 7):
        (tmp_path / "all.zip").write_bytes(data[:length])
        with pytest.raises(OptionError, match="no archive"):
            load_archive(tmp_path / "all.zip", other)
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 0x41
        (tmp_path / "all.zip").write_bytes(damaged)
        try:
            loaded = load_archive(tmp_path / "all.zip", other)
        except OptionError:
            continue
        found = other.get(KEYS[0])
        if loaded.taken:
            assert isinstance(found, Entry) and found.parts == entry(KEYS[0]).parts
            other.forget(KEYS[:1])
    other.close()
