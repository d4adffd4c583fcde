"""Damaged bytes never come back as a value, and never as an exception."""

from __future__ import annotations

import io
import random
import shutil
import warnings
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

from spotmagic.store.entry import Bad, Entry, Part
from spotmagic.store.record import FILE_MAGIC
from spotmagic.store.seal import seal, unseal
from spotmagic.store.store import FolderStore
from spotmagic.store.trust import Ring
from spotmagic.testing.store import same, sample


def test_a_naive_decoder_gives_a_wrong_value() -> None:
    """The control: of an array with one bit changed, the library gives another array, and no error."""
    import numpy as np

    file = io.BytesIO()
    np.save(file, np.arange(1_000.0))
    data = bytearray(file.getvalue())
    data[-5] ^= 1
    found = np.load(io.BytesIO(bytes(data)), allow_pickle=False)
    assert found.shape == (1_000,) and not np.array_equal(found, np.arange(1_000.0))


RING = Ring.of(b"s" * 32)
OTHER = Ring.of(b"o" * 32)


def sealed(entry: Entry, ring: Ring = RING) -> bytes:
    return b"".join(seal(entry, ring))


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The data with a few bytes or bits changed, cut out, doubled, zeroed or cut off."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at = chance.randrange(len(changed))
        kind = chance.randrange(6)
        if kind <= 1:
            changed[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            changed[at] = chance.randrange(256)
        elif kind == 3:
            changed[at : at + chance.randrange(1, 64)] = bytes(chance.randrange(1, 64))
        elif kind == 4:
            del changed[at : at + chance.randrange(1, 64)]
        else:
            del changed[at:]
        if not changed:
            break
    return bytes(changed)


def test_every_flipped_bit_and_every_length_of_an_entry_is_refused() -> None:
    """Of an own entry as corrupt; of a foreign one too, as its digest tells."""
    for ring in (RING, OTHER):
        data = sealed(sample(1, b"v" * 30, large=b"b" * 50), ring)
        for bit in range(8 * len(data)):
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            found = unseal(bytes(changed), sample(1).key, RING)
            if ring is OTHER and bit // 8 >= len(data) - 32:
                continue  # the seal of an unknown writer cannot be checked; what it seals is as it was
            assert isinstance(found, Bad), bit
            assert found.kind in ("corrupt", "newer format")
        for length in range(len(data)):
            assert isinstance(unseal(data[:length], sample(1).key, RING), Bad)


def test_80000_mutations_of_sealed_entries_give_no_wrong_value() -> None:
    """Either the very entry, when the mutation changed nothing, or Bad."""
    chance = random.Random(1)
    entries = [sample(number, bytes([number]) * 40, large=bytes([number]) * 70) for number in range(20)]
    data = [sealed(entry, RING if number % 4 else OTHER) for number, entry in enumerate(entries)]
    for turn in range(80_000):
        number = turn % 20
        changed = mutated(data[number], chance)
        found = unseal(changed, entries[number].key, RING)
        if not isinstance(found, Bad):
            assert same(found[0], entries[number])


def filled(folder: Path) -> dict[int, Entry]:
    """A folder with two journals and a segment, small and large entries."""
    entries = {}
    for kernel in range(4):
        store = FolderStore(folder, ring=RING, blob_over=200)
        for number in range(kernel * 5, kernel * 5 + 5):
            value = str(number).encode() * 5
            entries[number] = sample(number, value, large=value * 30 if number % 2 else b"")
            store.put(entries[number])
        store.close()
        if kernel == 1:
            store.compact()
            store.close()
    return entries


def read_all(folder: Path, entries: dict[int, Entry]) -> int:
    """How many entries are right; the others are told apart from values."""
    store = FolderStore(folder, ring=RING, blob_over=200)
    right = 0
    for number, entry in entries.items():
        found = store.get(entry.key)
        assert found is None or isinstance(found, Bad) or same(found, entry), number
        right += isinstance(found, Entry)
    store.recent("demo.f")
    for record in store.records({}):
        assert not isinstance(record.what, Entry) or record.key in {entry.key for entry in entries.values()}
    store.close()
    return right


def test_20000_reads_of_folders_with_damaged_files_give_no_wrong_value(quick_path: Path) -> None:
    """Journals, segments, blobs, the epoch and format.json; and most entries are still there."""
    folder = quick_path / "spot"
    entries = filled(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    assert {"journal", "segments"} <= {path.parent.name for path in files}
    chance = random.Random(2)
    right = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(1_000):
            path = chance.choice(files)
            whole = path.read_bytes()
            if path.name == "epoch":
                path.write_bytes(chance.randbytes(8))  # every process maps it, so it keeps its size
            else:
                path.write_bytes(mutated(whole, chance))
            right += read_all(folder, entries)
            path.write_bytes(whole)
        assert read_all(folder, entries) == len(entries)
    assert 0.8 * 1_000 * len(entries) < right < 1_000 * len(entries)


def test_files_that_were_swapped_give_no_wrong_value(quick_path: Path) -> None:
    """Any two files of a folder change places."""
    folder = quick_path / "spot"
    entries = filled(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for one, other in permutations(files, 2):
            if one < other:
                first, second = one.read_bytes(), other.read_bytes()
                one.write_bytes(second)
                other.write_bytes(first)
                read_all(folder, entries)
                one.write_bytes(first)
                other.write_bytes(second)
    assert read_all(folder, entries) == len(entries)


def test_damage_in_the_middle_of_a_journal_costs_the_records_it_hits(quick_path: Path) -> None:
    """Zeros over one record: that one is missing, those before and after it are there."""
    folder = quick_path / "spot"
    store = FolderStore(folder, ring=RING)
    for number in range(10):
        store.put(sample(number))
    store.close()
    (journal,) = (folder / "journal").iterdir()
    data = bytearray(journal.read_bytes())
    size = (len(data) - len(FILE_MAGIC)) // 10
    at = len(FILE_MAGIC) + 4 * size
    for begin, end in ((at, at + size), (at, at + 20), (at + 100, at + 101), (at + 52, at + 56)):
        changed = data[:begin] + bytes(byte ^ 0xFF for byte in data[begin:end]) + data[end:]
        journal.write_bytes(changed)
        other = FolderStore(folder, ring=RING)
        found = [isinstance(other.get(sample(number).key), Entry) for number in range(10)]
        assert found == [number != 4 for number in range(10)]
        assert not other.verify().good
        other.close()


def test_an_older_whole_record_counts_when_the_newer_one_is_damaged(quick_path: Path) -> None:
    """As long as nobody has read the newer one."""
    folder = quick_path / "spot"
    store = FolderStore(folder, ring=RING)
    store.put(sample(1, b"old"))
    store.put(sample(1, b"new"))
    store.close()
    (journal,) = (folder / "journal").iterdir()
    data = journal.read_bytes()
    journal.write_bytes(data[:-10] + bytes(10))
    other = FolderStore(folder, ring=RING)
    assert same(other.get(sample(1).key), sample(1, b"old"))
    other.close()


Make = Callable[..., FolderStore]


def test_a_damaged_blob_is_corrupt_and_is_written_anew(open_store: Make, tmp_path: Path) -> None:
    """Running again heals it, though its name is taken."""
    entry = sample(1, large=b"blob" * 50_000)
    open_store().put(entry)
    (blob,) = (path for path in (tmp_path / "spot" / "blobs").rglob("*") if path.is_file())
    blob.write_bytes(b"x" + blob.read_bytes()[1:])
    store = open_store()
    found = store.get(entry.key)
    assert isinstance(found, Bad)
    assert found.kind == "corrupt"
    store.put(entry)
    assert same(store.get(entry.key), entry)


def test_verify_names_what_is_damaged_and_repair_makes_it_a_clean_miss(open_store: Make, tmp_path: Path) -> None:
    """A missing blob, a damaged blob, and a damaged segment."""
    store = open_store()
    for number in range(6):
        store.put(sample(number, large=str(number).encode() * 40_000 if number < 3 else b""))
    store.close()
    store.compact()
    store.close()
    assert store.verify().good
    blobs = sorted(path for path in (tmp_path / "spot" / "blobs").rglob("*") if path.is_file())
    blobs[0].unlink()
    blobs[1].write_bytes(blobs[1].read_bytes()[:-1] + b"?")
    store = open_store()
    report = store.verify()
    assert len(report.bad) == 2
    assert not report.good
    assert not report.repaired
    assert store.verify(repair=True).repaired
    after = store.verify()
    assert after.good
    assert after.checked == 4
    (segment,) = (tmp_path / "spot" / "segments").glob("*.log")
    data = bytearray(segment.read_bytes())
    data[-20] ^= 1  # the footer: its index cannot be used
    segment.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        store = open_store()
        assert all(isinstance(store.get(sample(number).key), Entry) for number in (3, 4, 5))
        store.verify(repair=True)
    store.close()
    fresh = open_store()
    assert fresh.verify().good
    assert all(isinstance(fresh.get(sample(number).key), Entry) for number in (3, 4, 5))


def test_the_kinds_of_bad_entries_are_told_apart() -> None:
    """Corrupt, foreign, newer format."""
    data = sealed(sample(1))
    foreign = sealed(sample(1), OTHER)
    assert unseal(foreign, None, RING, trust="mine") == Bad(
        "foreign", f"its writer {OTHER.kid.hex()} is not on your ring"
    )
    taken = unseal(foreign, None, RING)
    assert not isinstance(taken, Bad)
    assert (taken[0].trusted, taken[0].writer) == (False, OTHER.kid)
    own = unseal(data, None, RING)
    assert not isinstance(own, Bad)
    assert (own[0].trusted, own[0].writer) == (True, RING.kid)
    forged = bytearray(data)
    forged[-1] ^= 1
    wrong = unseal(bytes(forged), None, RING)
    assert isinstance(wrong, Bad)
    assert wrong.kind == "corrupt"


def test_fields_of_the_wrong_type_from_another_writer_are_refused() -> None:
    """What another secret sealed is only as good as its types."""
    good = sample(1)
    part = Part("return", ("plain",), b"x")
    strange: list[Entry] = [
        good._replace(name=5),  # type: ignore[arg-type]
        good._replace(created="now"),  # type: ignore[arg-type]
        good._replace(seconds=float("nan")),
        good._replace(code="text"),  # type: ignore[arg-type]
        good._replace(inputs={"x": "text"}),  # type: ignore[dict-item]
        good._replace(notes={"x": b"bytes"}),  # type: ignore[dict-item]
        good._replace(content_type=7),  # type: ignore[arg-type]
        good._replace(parts=(part._replace(name=None),)),  # type: ignore[arg-type]
        good._replace(parts=(part._replace(codecs=(b"p",)),)),  # type: ignore[arg-type]
        good._replace(kind=[["f"]]),  # type: ignore[arg-type]
    ]
    for entry in strange:
        found = unseal(sealed(entry, OTHER), None, RING)
        assert isinstance(found, Bad), entry
        assert found.kind == "corrupt"


def test_a_folder_from_a_newer_spotmagic_is_left_alone(quick_path: Path) -> None:
    """Reads say so, writes raise, nothing in it changes."""
    folder = quick_path / "spot"
    entries = filled(folder)
    (folder / "format.json").write_text('{"format": 2, "id": "abc"}')
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    store = FolderStore(folder, ring=RING)
    found = store.get(entries[0].key)
    assert isinstance(found, Bad)
    assert found.kind == "newer format"
    try:
        store.put(entries[0])
    except OSError as error:
        assert "newer" in str(error)
    else:
        raise AssertionError("it was written to")
    store.close()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    shutil.rmtree(folder)
