"""Users teach codecs their classes; installed packages may too; wrong arguments are told at once."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import numpy as np
import pytest

from spotmagic import codecs
from spotmagic.codecs import Undecodable, decode, encode, is_safe, registry
from spotmagic.errors import OptionError, SpotWarning, Uncacheable


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("_own", "_own_types", "_known_classes"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    registry._found.clear()
    yield
    registry._found.clear()


class Vector:
    __slots__ = ("data", "lock")

    def __init__(self, data: Any) -> None:
        self.data = data
        self.lock = object()


class Named(Vector):
    __slots__ = ("name",)


def taught(**options: Any) -> None:
    codecs.register(
        Vector, encode=lambda vector: {"data": vector.data}, decode=lambda tree: Vector(tree["data"]), **options
    )


def back(value: object, *, trusted: bool = True) -> Any:
    encoded = encode(value, pickle="never")
    return decode(encoded.codecs, encoded.head, [bytearray(buffer) for buffer in encoded.buffers], trusted=trusted)


@pytest.mark.parametrize("trusted", [True, False])
def test_a_class_that_was_taught_comes_back(trusted: bool) -> None:
    taught()
    copy = back({"v": Vector(np.arange(5000))}, trusted=trusted)
    assert type(copy["v"]) is Vector and copy["v"].data.tolist() == list(range(5000))


def test_its_codec_has_the_name_that_was_given() -> None:
    taught(name="acme.vector")
    encoded = encode(Vector(1))
    assert encoded.codecs == ("acme.vector", "plain") and is_safe(encoded.codecs)


def test_one_object_in_two_places_stays_one() -> None:
    taught()
    vector = Vector(1)
    copy = back([vector, vector])
    assert copy[0] is copy[1]


def test_a_subclass_that_would_come_back_as_its_base_is_refused() -> None:
    taught()
    with pytest.raises(Uncacheable, match="Named"):
        encode(Named(1), pickle="never")


def test_what_it_gives_must_be_something_that_can_be_kept() -> None:
    codecs.register(Vector, encode=lambda vector: [vector.lock], decode=lambda tree: Vector(1))
    with pytest.raises(Uncacheable) as caught:
        encode({"v": Vector(1)}, pickle="never")
    assert caught.value.path == "value['v'][0]"


def test_a_codec_that_fails_is_a_refusal_and_not_an_error() -> None:
    codecs.register(Vector, encode=lambda vector: 1 / 0, decode=lambda tree: Vector(1))
    with pytest.raises(Uncacheable, match="ZeroDivisionError"):
        encode([Vector(1)], pickle="never")


def test_a_class_that_cannot_be_looked_at_is_a_refusal_and_not_an_error() -> None:
    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            raise RuntimeError(name)

    class Hidden(metaclass=Meta):
        pass

    with pytest.raises(Uncacheable):
        encode([object.__new__(Hidden)], pickle="never")


def test_a_class_defined_again_takes_the_place_of_the_old_one() -> None:
    for n in range(2):

        class Again:
            number = n

        Again.__qualname__ = "Again"
        codecs.register(Again, encode=lambda value: None, decode=lambda tree, kind=Again: kind())
        assert back(Again()).number == n


def test_without_the_class_its_bytes_are_an_unknown_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    taught(name="acme.vector")
    encoded = encode(Vector(1))
    monkeypatch.setattr(registry, "_own", {})
    with pytest.raises(Undecodable) as caught:
        decode(encoded.codecs, encoded.head, (), trusted=True)
    assert caught.value.kind == "unknown codec" and not is_safe(encoded.codecs)


def test_a_decoder_that_fails_is_damage_and_not_an_error() -> None:
    codecs.register(Vector, encode=lambda vector: vector.data, decode=lambda tree: Vector(1 / tree))
    encoded = encode(Vector(1))
    codecs.register(Vector, encode=lambda vector: vector.data, decode=lambda tree: 1 / 0)
    with pytest.raises(Undecodable, match="ZeroDivisionError"):
        decode(encoded.codecs, encoded.head, (), trusted=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"encode": repr},
        {"decode": repr},
        {"encode": repr, "decode": repr, "name": "pickle"},
        {"encode": repr, "decode": repr, "name": "enum"},
    ],
)
def test_wrong_arguments_are_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        codecs.register(Vector, **wrong)
    with pytest.raises(OptionError):
        codecs.register(Vector([1]))  # type: ignore[arg-type]


def test_a_fingerprint_that_is_taught_counts_in_keys() -> None:
    from spotmagic.keys import fingerprint

    class Handle:
        def __init__(self, url: str) -> None:
            self.url, self.generator = url, (n for n in ())

    codecs.register(Handle, fingerprint=lambda handle: handle.url)
    assert fingerprint(Handle("a")) == fingerprint(Handle("a")) != fingerprint(Handle("b"))


def test_a_class_of_ones_own_comes_from_others_while_it_has_the_same_code() -> None:
    @dataclasses.dataclass
    class Doc:
        text: str

    Doc.__qualname__, Doc.__module__ = "Doc", __name__
    globals()["Doc"] = Doc
    encoded = encode(Doc("a"))
    assert decode(encoded.codecs, encoded.head, (), trusted=False) == Doc("a")
    head = encoded.head
    at = head.index(b"#") + 1
    other = head[:at] + (b"0" if head[at : at + 1] != b"0" else b"1") + head[at + 1 :]
    with pytest.raises(Undecodable, match="another code"):
        decode(encoded.codecs, other, (), trusted=False)


class Kind(enum.Enum):
    ONE = 1


def test_a_registered_class_of_another_kind_is_not_made() -> None:
    codecs.register(Kind)
    encoded = encode(Kind.ONE)
    head = encoded.head.replace(b"\xa4enum", b"\xa5attrs")
    with pytest.raises(Undecodable):
        decode(("attrs", "plain"), head, (), trusted=False)


class TestPackages:
    def point(self, monkeypatch: pytest.MonkeyPatch, load: Any) -> None:
        class Point:
            value = "acme.codecs:register"

            def load(self) -> Any:
                return load

        monkeypatch.setattr(registry, "_plugins_loaded", False)
        monkeypatch.setattr(metadata, "entry_points", lambda group: [Point()] if group == "spotmagic.codecs" else [])

    def test_that_name_an_entry_point_teach_their_classes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.point(monkeypatch, lambda: taught(name="acme.vector"))
        assert encode(Vector(1)).codecs == ("acme.vector", "plain")

    def test_that_fail_cost_a_warning(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.point(monkeypatch, lambda: 1 / 0)
        with pytest.warns(SpotWarning, match=r"acme\.codecs"):
            encode({1, 2, dataclasses.MISSING.__class__})
