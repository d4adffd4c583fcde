"""Bytes of others select from what is here; they cannot import, open, run, fill the memory or end the process."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import codec_bombs
import pytest
from codec_bombs import BOMBS, coded
from codec_samples import RECORDS, Point, back, samples, stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgpack import ExtType, packb

from spotmagic.codecs import (
    Undecodable,
    arrays,
    arrow,
    decode,
    encode,
    frames,
    images,
    is_safe,
    models,
    plain,
    registry,
)

quiet = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))

_WATCHED = (
    "import",
    "open",
    "exec",
    "compile",
    "os.",
    "subprocess.",
    "socket.",
    "pickle.",
    "ctypes.",
    "shutil.",
    "sys.addaudithook",
)
_seen: list[str] | None = None

NAMES = [name for family in (arrays, arrow, frames, images, models) for name in family.CODECS]


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if _seen is not None and event.startswith(_WATCHED):
        _seen.append(f"{event} {args!r:.200}")


sys.addaudithook(_watch)


@contextlib.contextmanager
def events() -> Iterator[list[str]]:
    """What the process does meanwhile that code could do, and data must not."""
    global _seen
    seen: list[str] = []
    _seen = seen
    try:
        yield seen
    finally:
        _seen = None


@pytest.fixture(autouse=True, scope="module")
def everything_is_loaded() -> None:
    """What codecs load of themselves, once per process."""
    registry.load_plugins()
    for value in samples().values():
        with contextlib.suppress(Undecodable):
            back(value, trusted=False)


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
    def test_are_made_only_when_they_are_registered(self) -> None:
        from spotmagic import codecs

        value = samples()["point"]
        encoded = encode(value)
        known = dict(registry._known_classes)
        try:
            registry._known_classes.clear()
            with pytest.raises(Undecodable) as caught:
                decode(encoded.codecs, encoded.head, (), trusted=False)
            assert caught.value.kind == "foreign"
            for record in RECORDS:
                codecs.register(record)
            assert decode(encoded.codecs, encoded.head, (), trusted=False) == value
        finally:
            registry._known_classes.clear()
            registry._known_classes.update(known)

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


ENCODED = {name: (encoded := encode(value, pickle="never"), stored(encoded)) for name, value in samples().items()}


@pytest.mark.parametrize("name", ENCODED)
@given(data=st.data())
@settings(quiet, max_examples=100)
def test_damaged_heads_give_a_value_or_say_so(name: str, data: st.DataObject) -> None:
    encoded, buffers = ENCODED[name]
    head = bytearray(encoded.head)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(head) - 1))
        match data.draw(st.integers(0, 3)):
            case 0:
                head[place] ^= 1 << data.draw(st.integers(0, 7))
            case 1:
                head[place] = data.draw(st.integers(0, 255))
            case 2:
                del head[place:]
            case 3:
                head[place:place] = data.draw(st.binary(max_size=6))
        head = head or bytearray(b"\0")
    for trusted in (True, False):
        try:
            decode(encoded.codecs, bytes(head), [memoryview(bytearray(buffer)) for buffer in buffers], trusted=trusted)
        except Undecodable as error:
            assert error.kind in ("unknown codec", "corrupt", "foreign") and error.why


@given(head=st.binary(max_size=200), names=st.lists(st.sampled_from(["plain", "refs", *NAMES]), max_size=4))
@settings(quiet, max_examples=1500)
def test_any_bytes_give_a_value_or_say_so(head: bytes, names: list[str]) -> None:
    for trusted in (True, False):
        try:
            decode(tuple(names), head, (), trusted=trusted)
        except Undecodable:
            pass


@pytest.mark.parametrize("name", [name for name, (_, buffers) in ENCODED.items() if buffers])
def test_buffers_of_another_size_are_not_read(name: str) -> None:
    encoded, buffers = ENCODED[name]
    for changed in ([], [buffers[0][:-1], *buffers[1:]], [bytes(buffers[0]) + b"x", *buffers[1:]]):
        if "array" in name or not changed:
            with pytest.raises(Undecodable):
                decode(encoded.codecs, encoded.head, changed, trusted=False)


def test_one_buffer_is_not_the_memory_of_two_arrays() -> None:
    item = ExtType(
        plain.CODED, packb(["numpy.array", ["<f8", [1000], "C", True], packb(ExtType(plain.BUFFER, packb(0)))])
    )
    spec = packb([item, item])
    with pytest.raises(Undecodable):
        decode(("numpy.array", "plain"), spec, [bytearray(8000)], trusted=True)


class TestTheWaysOfEndingAProgram:
    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_pass_through(self, error: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(data: bytes, _: Any) -> Any:
            raise error

        monkeypatch.setitem(plain.DECODERS, plain.TUPLE, interrupted)
        with pytest.raises(error):
            decode(("plain",), encode((1,)).head, (), trusted=True)

    def test_a_panic_that_is_no_exception_does_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class PanicException(BaseException):
            """As those of libraries written in Rust."""

        def panic(data: bytes, _: Any) -> Any:
            raise PanicException

        monkeypatch.setitem(plain.DECODERS, plain.TUPLE, panic)
        with pytest.raises(Undecodable, match="PanicException"):
            decode(("plain",), encode((1,)).head, (), trusted=True)


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.skipif(sys.platform != "linux", reason="reads the size of the process from /proc")
def test_bombs_are_bounded_in_memory_and_time(name: str) -> None:
    """Two seconds and about a hundred bytes a byte at most, in a process that may not take more."""
    done = subprocess.run(
        [sys.executable, codec_bombs.__file__, name], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
