"""Bytes select from what is registered here; they cannot import, open or run what they name."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
from codec_bombs import coded
from codec_samples import RECORDS, samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgpack import ExtType, packb

from security.watched import events, everything_is_loaded  # noqa: F401
from spotmagic.codecs import (
    Undecodable,
    decode,
    encode,
    plain,
    registry,
)


def test_a_naive_hook_does_what_the_bytes_say() -> None:
    """The control: one that calls what is named imports a module, and the watch sees it."""

    def hook(code: int, data: bytes) -> object:
        module, _, name = data.decode().partition(":")
        return getattr(importlib.import_module(module), name)

    sys.modules.pop("colorsys", None)
    with events() as seen:
        assert callable(msgpack.unpackb(msgpack.packb(ExtType(7, b"colorsys:rgb_to_hsv")), ext_hook=hook))
    assert any(event.startswith("exec") for event in seen)


quiet = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


NAMES = [
    "os:system",
    "builtins:eval",
    "builtins:exec",
    "builtins:print",
    "builtins:__import__",
    "subprocess:Popen",
    "antigravity:x",
    "this:x",
    "posix:system",
    "__main__:x",
    "codec_samples:Point",
    "importlib:import_module",
    "spotmagic.codecs._pickle:from_main",
    "",
    ":",
    "a:",
]
CLASS_CODECS = ["enum", "dataclass", "namedtuple", "attrs", "pydantic", "exception"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("codec", CLASS_CODECS)
def test_a_class_named_by_others_is_neither_imported_nor_called(codec: str, name: str) -> None:
    spec: Any = name if codec == "exception" else [name, []]
    for rest in ([[], {}], [["true"], {}, {}, None, False], "echo", [{}, None, None, []], 1):
        with events() as seen, pytest.raises(Undecodable):
            decode((codec, "plain"), coded(codec, spec, rest), (), trusted=False)
        assert seen == []


def test_the_hook_sees_an_import_when_there_is_one() -> None:
    """The control: my own bytes do import the module of a class."""
    sys.modules.pop("colorsys", None)
    with events() as seen, pytest.raises(Undecodable):
        decode(("enum", "plain"), coded("enum", ["colorsys:X", []], "A"), (), trusted=True)
    assert any(event.startswith("open") for event in seen) and any(event.startswith("exec") for event in seen)


@pytest.mark.parametrize(
    "zone", ["../../../etc/passwd", "/etc/passwd", "Europe/Paris\0", "Europe/../Europe/Paris", "tzdata", ""]
)
def test_a_time_zone_of_others_names_no_file(zone: str) -> None:
    """The names there are were read before; of a name that is not among them nothing is opened."""
    with events() as seen, pytest.raises(Undecodable):
        decode(("plain",), packb(ExtType(plain.ZONE, zone.encode())), (), trusted=False)
    assert seen == []


@given(
    st.text(max_size=30),
    st.sampled_from(CLASS_CODECS),
    st.recursive(st.none() | st.text(max_size=5) | st.integers(-9, 9), st.lists, max_leaves=8),
)
@quiet
def test_no_name_and_no_fields_do_anything(name: str, codec: str, rest: object) -> None:
    before = set(sys.modules)
    try:
        decode((codec, "plain"), coded(codec, [name, rest], rest), (), trusted=False)
    except Undecodable:
        pass
    assert set(sys.modules) == before


class TestClassesOfOthers:
    def test_are_made_without_their_code_when_they_are_loaded_here(self) -> None:
        value = samples()["point"]
        encoded = encode(value)
        known = dict(registry._known_classes)
        try:
            registry._known_classes.clear()
            made = decode(encoded.codecs, encoded.head, (), trusted=False)
            assert made == value and type(made) is type(value)
        finally:
            registry._known_classes.update(known)

    def test_are_foreign_when_their_module_is_not_loaded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module, path in (("colorsys", "X"), ("antigravity", "X"), ("nowhere.at.all", "X"), ("os", "system")):
            monkeypatch.delitem(sys.modules, module, raising=False) if module != "os" else None
            head = coded("dataclass", [f"{module}:{path}", []], [{}, {}])
            with pytest.raises(Undecodable) as caught:
                decode(("dataclass", "plain"), head, (), trusted=False)
            assert caught.value.kind == "foreign"
            assert module == "os" or module not in sys.modules

    def test_are_made_by_the_constructor_that_validates(self, registered: None) -> None:
        head = coded(
            "pydantic", ["codec_samples:Answer", ["text", "tokens", "inner", "kind"]], [{"text": 3}, None, None, []]
        )
        with pytest.raises(Undecodable):
            decode(("plain", "pydantic"), head, (), trusted=False)

    def test_get_no_attributes_that_are_not_fields(self, registered: None) -> None:
        head = coded(
            "dataclass", ["codec_samples:Point", ["x", "tags"]], [{"x": 1, "tags": [], "__class__": "evil"}, {}]
        )
        with pytest.raises(Undecodable) as caught:
            decode(("dataclass", "plain"), head, (), trusted=False)
        assert caught.value.kind == "foreign"


@pytest.fixture
def registered() -> Iterator[None]:
    from spotmagic import codecs

    known = dict(registry._known_classes)
    for record in RECORDS:
        codecs.register(record)
    yield
    registry._known_classes.clear()
    registry._known_classes.update(known)
