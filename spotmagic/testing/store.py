"""Contracts of a store and of blobs: what every implementation holds, as test classes to inherit from.

A subclass gives a pytest fixture named ``store`` (or ``blobs``) with an empty one::

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            return MyStore(tmp_path)
"""

from __future__ import annotations

import hashlib
import threading

from spotmagic.store import Store
from spotmagic.store.blobs import Blobs, DamagedError
from spotmagic.store.entry import Entry, Part
from spotmagic.store.record import Run, Stat, run_of


def sample(key: int = 1, value: bytes = b"value", *, name: str = "demo.f", large: bytes = b"") -> Entry:
    """An entry to store.

    Args:
        key: number that names it.
        value: head of its only part.
        large: a buffer of that part, when given.
    """
    buffers = (memoryview(large),) if large else ()
    return Entry(
        key=key.to_bytes(16, "big"),
        name=name,
        code=b"c" * 16,
        inputs={"x": b"x" * 16},
        parts=(Part("return", ("plain",), value, buffers),),
        created=1_800_000_000.0 + key,
        seconds=2.5,
        price=0.25,
        notes={"source": "f(x)"},
    )


def same(found: object, put: Entry) -> bool:
    """Whether a store gave back what it was given."""
    return (
        isinstance(found, Entry)
        and (found.key, found.name, found.kind, found.code, dict(found.inputs), dict(found.notes))
        == (put.key, put.name, put.kind, put.code, dict(put.inputs), dict(put.notes))
        and (found.created, found.expires, found.seconds, found.price, found.status, found.content_type)
        == (put.created, put.expires, put.seconds, put.price, put.status, put.content_type)
        and [(p.name, p.codecs, p.head, [bytes(b) for b in p.buffers]) for p in found.parts]
        == [(p.name, p.codecs, p.head, [bytes(b) for b in p.buffers]) for p in put.parts]
    )


class StoreContract:
    """What a :class:`spotmagic.store.Store` promises."""

    def test_what_was_put_comes_back_the_same(self, store: Store) -> None:
        """All fields, small parts and large ones, twice."""
        for entry in (sample(1), sample(2, b"", large=b"y" * 100_000), sample(3, b"h" * 500, large=b"z")):
            assert store.put(entry) > 0
            assert same(store.get(entry.key), entry)
            assert same(store.get(entry.key), entry)

    def test_an_unknown_key_is_none(self, store: Store) -> None:
        """Not an error, and not somebody else's entry."""
        store.put(sample(1))
        assert store.get(bytes(16)) is None

    def test_the_last_put_of_a_key_counts(self, store: Store) -> None:
        """Also when both are large."""
        for value in (b"one", b"two"):
            store.put(sample(1, value, large=value * 50_000))
        assert same(store.get(sample(1).key), sample(1, b"two", large=b"two" * 50_000))

    def test_a_forgotten_entry_is_gone_until_it_is_put_anew(self, store: Store) -> None:
        """And forgetting tells how many there were."""
        store.put(sample(1))
        store.put(sample(2))
        assert store.forget([sample(1).key, sample(9).key]) == 1
        assert store.get(sample(1).key) is None
        assert same(store.get(sample(2).key), sample(2))
        store.put(sample(1, b"again"))
        assert same(store.get(sample(1).key), sample(1, b"again"))

    def test_a_hit_is_the_callers_own(self, store: Store) -> None:
        """Writing into what one get gave changes nothing for the next."""
        entry = sample(1, large=b"a" * 300_000)
        store.put(entry)
        found = store.get(entry.key)
        assert isinstance(found, Entry)
        buffer = found.parts[0].buffers[0]
        if not buffer.readonly:
            buffer[:5] = b"other"
        assert same(store.get(entry.key), entry)

    def test_what_the_caller_changes_after_the_put_does_not_count(self, store: Store) -> None:
        """The store took a copy."""
        data = bytearray(b"a" * 1000)
        store.put(sample(1, large=bytes(1)))
        changing = Entry(key=b"k" * 16, name="f", parts=(Part("return", ("plain",), b"", (memoryview(data),)),))
        store.put(changing)
        data[:] = b"b" * 1000
        found = store.get(b"k" * 16)
        assert isinstance(found, Entry)
        assert bytes(found.parts[0].buffers[0]) == b"a" * 1000

    def test_recent_gives_the_newest_of_a_name_first(self, store: Store) -> None:
        """At most eight, none of another name, none forgotten."""
        for number in range(12):
            store.put(sample(number, name="demo.f"))
        store.put(sample(99, name="demo.g"))
        store.forget([sample(11).key])
        found = [int.from_bytes(entry.key, "big") for entry in store.recent("demo.f")]
        assert found == [10, 9, 8, 7, 6, 5, 4, 3]
        assert [int.from_bytes(entry.key, "big") for entry in store.recent("demo.f", 2)] == [10, 9]
        for _ in range(5):
            store.put(sample(3, b"again", name="demo.f"))
        found = [int.from_bytes(entry.key, "big") for entry in store.recent("demo.f")]
        assert found == [3, 10, 9, 8, 7, 6, 5, 4]

    def test_records_tell_everything_that_happened_once(self, store: Store) -> None:
        """Read on from the positions of the last time, nothing comes twice and nothing is left out."""
        store.put(sample(1))
        store.put(sample(2, large=b"l" * 100_000))
        store.pin([sample(1).key], True)
        positions: dict[str, int] = {}
        first = []
        for record in store.records(positions):
            positions[record.file] = record.end
            first.append((record.kind, record.key))
        assert first == [("put", sample(1).key), ("put", sample(2).key), ("pin", sample(1).key)]
        store.forget([sample(2).key])
        run = Run(sample(3).key, "demo.f", reason="first run", started=5.0, seconds=1.5, error="ValueError: no")
        store.ran(run)
        store.hit(sample(1).key, 2.0, 0.5)
        store.hit(sample(1).key, 2.0, 0.5)
        store.flush()
        later = list(store.records(positions))
        assert [record.kind for record in later if record.kind != "stat"] == ["delete", "run"]
        assert [record.what for record in later if record.kind == "run"] == [run]
        stats = [
            stat for record in later if isinstance(record.what, tuple) for stat in record.what if isinstance(stat, Stat)
        ]
        assert sum(stat.hits for stat in stats) == 2
        assert sum(stat.seconds for stat in stats) == 4.0
        assert {stat.key for stat in stats} == {sample(1).key}
        stamps = [record.stamp for record in later]
        assert stamps == sorted(stamps)

    def test_a_put_tells_of_the_run_that_made_it(self, store: Store) -> None:
        """In one record with the entry, be its parts small or large."""
        positions: dict[str, int] = {}
        for number, large in ((1, b""), (2, b"l" * 100_000), (3, b"m" * 300_000)):
            entry = sample(number, large=large)._replace(reason="first run", waited=0.5)
            store.put(entry, run=True)
            told = []
            for record in store.records(positions):
                positions[record.file] = record.end
                told.append(record)
            ((kind, *_, key, made),) = told
            assert kind == "made"
            assert isinstance(made, Entry)
            run = run_of(made)
            started = entry.created - 2.5
            assert run == Run(key, "demo.f", reason="first run", started=started, seconds=2.5, price=0.25, waited=0.5)
            assert same(store.get(entry.key), entry)

    def test_a_put_of_a_loop_leaves_the_waiting_to_others(self, store: Store) -> None:
        """The entry is there when what it gives to wait for, if anything, is done."""
        for number, large, durable in ((1, b"", False), (2, b"", True), (3, b"m" * 300_000, True)):
            entry = sample(number, large=large)
            pending = store.put_soon(entry, durable=durable, run=True)
            if pending is not None:
                pending.result(60)
            assert same(store.get(entry.key), entry)

    def test_it_is_known_whether_a_key_has_an_entry(self, store: Store) -> None:
        """Of a forgotten one it is known that it has none."""
        assert not store.has(sample(1).key)
        store.put(sample(1))
        assert store.has(sample(1).key)
        store.forget([sample(1).key])
        assert not store.has(sample(1).key)

    def test_flush_says_that_all_is_durable(self, store: Store) -> None:
        """And so does a durable put."""
        store.put(sample(1), durable=True)
        store.put(sample(2))
        assert store.flush() is True

    def test_a_closed_store_opens_again(self, store: Store) -> None:
        """With all that was put."""
        store.put(sample(1, large=b"l" * 100_000))
        store.close()
        assert same(store.get(sample(1).key), sample(1, large=b"l" * 100_000))
        store.put(sample(2))
        assert same(store.get(sample(2).key), sample(2))

    def test_threads_see_whole_entries_only(self, store: Store) -> None:
        """While one key is replaced over and over, a reader gets one of the values, never a mixture."""
        values = [bytes([number]) * 60_000 for number in range(8)]
        store.put(sample(1, values[0][:9], large=values[0]))
        wrong: list[object] = []

        def read() -> None:
            for _ in range(150):
                found = store.get(sample(1).key)
                if not isinstance(found, Entry) or bytes(found.parts[0].buffers[0][:9]) != found.parts[0].head:
                    wrong.append(found)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for value in values:
            store.put(sample(1, value[:9], large=value))
        for reader in readers:
            reader.join()
        assert wrong == []


class BlobsContract:
    """What :class:`spotmagic.store.blobs.Blobs` promise."""

    @staticmethod
    def digest(data: bytes) -> bytes:
        """The name of a blob."""
        return hashlib.sha256(data).digest()

    def test_what_was_saved_comes_back_as_own_writable_memory(self, blobs: Blobs) -> None:
        """At every size, empty and above the size of a map included."""
        for data in (b"", b"a", b"b" * 5_000, bytes(range(256)) * 2_000):
            digest = self.digest(data)
            assert blobs.save(digest, [data[: len(data) // 2], memoryview(data)[len(data) // 2 :]]) == len(data)
            first = blobs.load(digest, len(data))
            assert bytes(first) == data
            if data:
                first[0] = first[0] ^ 1
            assert bytes(blobs.load(digest, len(data))) == data

    def test_stretches_are_read_by_themselves(self, blobs: Blobs) -> None:
        """In any order, empty ones and the whole; of a damaged size none."""
        data = bytes(range(256)) * 4_000
        digest = self.digest(data)
        blobs.save(digest, [data])
        spans = [(0, 10), (1_000_000, len(data)), (5, 5), (0, len(data))]
        assert blobs.read(digest, len(data), spans) == [data[start:stop] for start, stop in spans]
        try:
            blobs.read(digest, len(data) - 1, [(0, 1)])
        except DamagedError:
            return
        raise AssertionError("a blob of another size was read")

    def test_equal_bytes_are_written_once(self, blobs: Blobs) -> None:
        """The second save costs nothing."""
        data = b"same" * 10_000
        assert blobs.save(self.digest(data), [data]) == len(data)
        assert blobs.save(self.digest(data), [data]) == 0

    def test_a_missing_blob_is_told(self, blobs: Blobs) -> None:
        """By ``FileNotFoundError`` from ``load``, ``None`` from ``size`` and ``False`` from ``remove``."""
        digest = self.digest(b"nobody")
        assert blobs.size(digest) is None
        assert blobs.remove(digest) is False
        try:
            blobs.load(digest, 6)
        except FileNotFoundError:
            return
        raise AssertionError("a missing blob was loaded")

    def test_a_removed_blob_is_gone_and_can_come_back(self, blobs: Blobs) -> None:
        """Its name may be written again."""
        data = b"here" * 100
        digest = self.digest(data)
        blobs.save(digest, [data])
        assert blobs.size(digest) == len(data)
        assert blobs.remove(digest) is True
        assert blobs.size(digest) is None
        blobs.save(digest, [data])
        assert bytes(blobs.load(digest, len(data))) == data

    def test_a_blob_of_another_size_is_refused(self, blobs: Blobs) -> None:
        """The record says how large it is."""
        data = b"size" * 100
        blobs.save(self.digest(data), [data])
        try:
            blobs.load(self.digest(data), len(data) + 1)
        except (DamagedError, OSError):
            return
        raise AssertionError("a blob of another size was loaded")

    def test_check_reads_it_anew(self, blobs: Blobs) -> None:
        """A good blob is good."""
        data = b"good" * 100_000
        blobs.save(self.digest(data), [data])
        assert blobs.check(self.digest(data), len(data)) is True
