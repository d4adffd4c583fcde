"""An entry counts for the key it was sealed for, whole: nothing of it can be put elsewhere."""

from __future__ import annotations

import hashlib
from itertools import pairwise, permutations

from spotmagic.store.entry import Bad, Entry, Part
from spotmagic.store.seal import seal, unseal
from spotmagic.store.trust import Ring
from spotmagic.testing.store import sample

RING = Ring.of(b"s" * 32)


def sealed(entry: Entry) -> bytes:
    return b"".join(seal(entry, RING))


def test_a_checksum_beside_each_file_takes_what_was_swapped() -> None:
    """The control: two files that are whole, each with its digest, say nothing of the places they are at."""
    files = {name: (value, hashlib.sha256(value).digest()) for name, value in (("one", b"1"), ("two", b"2"))}
    files["one"], files["two"] = files["two"], files["one"]
    value, digest = files["one"]
    assert hashlib.sha256(value).digest() == digest and value == b"2"


def test_parts_that_changed_places_are_refused() -> None:
    """Two parts of one entry, as long as each other."""
    both = sample(1)._replace(parts=(Part("a", ("plain",), b"first"), Part("b", ("plain",), b"other")))
    data = sealed(both)
    swapped = data.replace(b"first", b"#####").replace(b"other", b"first").replace(b"#####", b"other")
    assert isinstance(unseal(swapped, both.key, RING), Bad)


def test_an_entry_moved_to_another_key_is_refused() -> None:
    """All pairs of 20 entries."""
    entries = [sample(number, bytes([number])) for number in range(20)]
    data = [sealed(entry) for entry in entries]
    for one, other in permutations(range(20), 2):
        found = unseal(data[one], entries[other].key, RING)
        assert isinstance(found, Bad)
        assert found.kind == "corrupt"


def test_parts_cannot_be_swapped_between_entries() -> None:
    """The seal covers them all: any splice of two entries is refused."""
    one, other = sealed(sample(1, b"a" * 40)), sealed(sample(1, b"b" * 40))
    assert len(one) == len(other)
    for begin, end in pairwise(range(0, len(one) + 1, 8)):
        spliced = one[:begin] + other[begin:end] + one[end:]
        if spliced not in (one, other):
            assert isinstance(unseal(spliced, sample(1).key, RING), Bad)
