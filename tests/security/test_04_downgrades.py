"""A codec that is not declared or not known, a forged writer and an unknown algorithm are refused, never guessed at."""

from __future__ import annotations

import pytest
from codec_bombs import coded
from codec_samples import Point
from msgpack import packb

from security.watched import events, everything_is_loaded  # noqa: F401
from spotmagic.codecs import (
    Undecodable,
    decode,
    encode,
    is_safe,
)
from spotmagic.store.entry import Bad
from spotmagic.store.seal import seal, unseal
from spotmagic.store.trust import Ring
from spotmagic.testing.store import sample

MINE, OTHER = Ring.of(b"m" * 32), Ring.of(b"o" * 32)


def test_a_reader_that_takes_a_wrong_seal_for_a_strangers_gives_a_value() -> None:
    """The control: whoever tells damage from a stranger by the seal alone loads what was changed."""
    data = bytearray(b"".join(seal(sample(1, b"value"), MINE)))
    at = data.index(b"value")
    data[at] ^= 1

    def naive(data: bytes) -> str:
        return "own" if MINE.check(MINE.kid, data[:-32], data[-32:]) else "foreign, loaded as far as it is safe"

    assert naive(bytes(data)).startswith("foreign")
    found = unseal(bytes(data), None, MINE)
    assert isinstance(found, Bad) and found.kind == "corrupt"


def test_whose_it_is_and_how_it_is_sealed_cannot_be_said_otherwise() -> None:
    """A writer's name on another seal, no name, another version or algorithm: none of them gives a value of mine."""
    for ring in (MINE, OTHER):
        data = b"".join(seal(sample(1), ring))
        for at, new in (
            (16, MINE.kid),
            (16, bytes(8)),
            (8, b"\x01\x00"),
            (8, b"\x03\x00"),
            (10, b"\x01"),
            (10, b"\x00"),
        ):
            forged = data[:at] + new + data[at + len(new) :]
            if forged != data:
                assert isinstance(unseal(forged, None, MINE), Bad), (ring is MINE, at, new)


def test_an_entry_that_says_another_codec_is_not_of_its_writer() -> None:
    data = b"".join(seal(sample(1, b"value"), MINE))
    assert data.count(b"plain") >= 1
    found = unseal(data.replace(b"plain", b"refs!"), None, MINE)
    assert isinstance(found, Bad) and found.kind == "corrupt"


@pytest.mark.parametrize(
    "name",
    ["pickle", "os.system", "builtins.eval", "spotmagic.codecs._pickle", "../arrays", "numpy.load", "cloudpickle"],
)
def test_a_codec_that_is_not_on_the_list_is_not_looked_for(name: str) -> None:
    for declared in ((name, "plain"), ("plain",), ("numpy.array", "plain")):
        with events() as seen, pytest.raises(Undecodable):
            decode(declared, coded(name, None, b"cos\nsystem\n(S'true'\ntR."), (), trusted=False)
        assert seen == [] and not is_safe((name,))


def test_a_codec_that_is_not_declared_is_not_used() -> None:
    """The names that were checked before are the names that are used."""
    head = encode([Point(1)]).head
    with pytest.raises(Undecodable, match="not declared"):
        decode(("numpy.array", "plain"), head, (), trusted=True)


def test_pickles_of_others_are_never_loaded() -> None:
    head = packb(b"cos\nsystem\n(S'true'\ntR.")
    for declared in (("pickle",), ("pickle", "plain"), ["pickle"]):
        with events() as seen, pytest.raises(Undecodable) as caught:
            decode(declared, head, (), trusted=False)
        assert caught.value.kind == "foreign" and not is_safe(declared) and seen == []
