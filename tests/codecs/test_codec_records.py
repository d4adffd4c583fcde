"""Records, exceptions, images and responses come back as what they are, without what must not be kept."""

from __future__ import annotations

import dataclasses
import enum
import io
import random
import sys
import types
import typing

import attrs
import httpx
import numpy as np
import pydantic
import pytest
from codec_samples import RECORDS, Answer, Color, Frozen, Point, Refusal, Rights, Row, Slotted, back, samples
from PIL import Image

from spotmagic import codecs
from spotmagic.codecs import Undecodable, decode, encode, registry
from spotmagic.errors import Uncacheable
from spotmagic.testing import same


@pytest.fixture(params=[True, False], ids=["mine", "foreign"])
def trusted(request: pytest.FixtureRequest) -> typing.Iterator[bool]:
    known = dict(registry._known_classes)
    for record in RECORDS:
        codecs.register(record)
    yield request.param
    registry._known_classes.clear()
    registry._known_classes.update(known)


@pytest.mark.parametrize("name", [name for name in samples() if "response" not in name and name != "image"])
def test_a_value_of_every_codec_comes_back_the_same(name: str, trusted: bool) -> None:
    value = samples()[name]
    copy = back(value, trusted=trusted)
    assert same(value, copy)


class TestRecords:
    def test_keep_attributes_that_are_no_fields(self) -> None:
        point = Point(1)
        point.__dict__["cached"] = (1, 2)
        assert back(point).cached == (1, 2)

    def test_keep_fields_that_were_never_set_unset(self) -> None:
        point = Point(1)
        del point.tags
        assert not hasattr(back(point), "tags")

    def test_are_made_without_running_the_constructor(self) -> None:
        assert back(Counted(1)).made == 1

    def test_may_hold_themselves(self) -> None:
        point = Point(1)
        point.tags.append(point)
        copy = back(point)
        assert copy.tags[0] is copy

    def test_share_what_they_share(self) -> None:
        tags: list[str] = []
        copy = back({"a": Point(1, tags), "b": Answer(text="", inner=tags), "c": tags})
        assert copy["a"].tags is copy["c"] is copy["b"].inner

    def test_of_a_class_whose_fields_changed_are_not_made(self, monkeypatch: pytest.MonkeyPatch) -> None:
        encoded = encode(Point(1))

        @dataclasses.dataclass
        class Renamed:
            x: int
            labels: list[str]

        monkeypatch.setattr(sys.modules["codec_samples"], "Point", Renamed)
        with pytest.raises(Undecodable) as caught:
            decode(encoded.codecs, encoded.head, (), trusted=True)
        assert caught.value.kind == "unknown codec"

    def test_of_a_class_that_is_gone_are_not_made(self, monkeypatch: pytest.MonkeyPatch) -> None:
        encoded = encode(Color.RED)
        monkeypatch.delattr(sys.modules["codec_samples"], "Color")
        with pytest.raises(Undecodable) as caught:
            decode(encoded.codecs, encoded.head, (), trusted=True)
        assert caught.value.kind == "unknown codec"

    def test_of_the_notebook_belong_to_the_class_that_is_defined_there_now(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(2):
            cell = types.ModuleType("__main__")
            monkeypatch.setitem(sys.modules, "__main__", cell)
            exec("import dataclasses\n@dataclasses.dataclass\nclass Doc:\n    text: str", cell.__dict__)
            head = encode(cell.Doc("a")).head
            assert type(decode(("dataclass", "plain"), head, (), trusted=True)) is cell.Doc

    @pytest.mark.parametrize("kind", ["local", "own pickling", "a dict too", "finalizer"])
    def test_that_are_more_than_their_fields_are_left_to_pickle(self, kind: str) -> None:
        @dataclasses.dataclass
        class Local:
            x: int

        made = {"local": Local, "own pickling": Reduced, "a dict too": Mixed, "finalizer": Closing}[kind]
        with pytest.raises(Uncacheable):
            encode(made(1), pickle="never")

    def test_of_attrs_that_keep_their_hash_are_left_to_pickle(self) -> None:
        value = Hashed(1)
        hash(value)
        with pytest.raises(Uncacheable, match="hash"):
            encode(value, pickle="never")

    def test_of_pydantic_keep_what_was_set_and_what_is_private(self) -> None:
        answer = Answer(text="hi", more=1)
        answer._request = "id"
        copy = back(answer)
        assert copy.model_fields_set == {"text", "more"} and copy._request == "id"
        assert copy.model_dump(exclude_unset=True) == {"text": "hi", "more": 1}

    def test_of_pydantic_keep_the_exact_types_of_what_they_hold(self) -> None:
        copy = back(Answer(text="hi", inner=(1, {2}, Row(3), np.float64(1))))
        assert [type(item) for item in copy.inner] == [int, set, Row, np.float64]

    def test_are_refused_by_the_path_to_what_is_in_the_way(self) -> None:
        with pytest.raises(Uncacheable) as caught:
            encode({"cfg": Point(1, [Frozen(1, object())])}, pickle="never")
        assert caught.value.path == "value['cfg'].tags[0].y"


@dataclasses.dataclass
class Counted:
    x: int
    made: int = 0

    def __post_init__(self) -> None:
        self.made += 1


@dataclasses.dataclass
class Reduced:
    x: int

    def __reduce__(self) -> typing.Any:
        return Reduced, (2,)


@dataclasses.dataclass
class Mixed(dict):
    x: int


@dataclasses.dataclass
class Closing:
    x: int

    def __del__(self) -> None:
        """Would run for every object that is made to look at the class."""


@attrs.frozen(cache_hash=True)
class Hashed:
    x: int


class TestEnums:
    def test_members_are_the_members(self, trusted: bool) -> None:
        assert back(Color.BLUE, trusted=trusted) is Color.BLUE

    def test_flags_may_be_put_together(self, trusted: bool) -> None:
        assert back(Rights(0), trusted=trusted) == Rights(0)
        assert back(Rights.READ | Rights.WRITE, trusted=trusted) is Rights.READ | Rights.WRITE

    def test_a_member_that_is_gone_is_not_made_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        head = encode(Color.RED).head
        monkeypatch.setattr(sys.modules["codec_samples"], "Color", enum.Enum("Color", ["GREEN"]))
        with pytest.raises(Undecodable, match="no member 'RED'|`Color` was edited"):
            decode(("enum", "plain"), head, (), trusted=True)


class TestExceptions:
    @pytest.mark.parametrize(
        "error",
        [
            ValueError("a", 1),
            KeyError("x"),
            StopIteration(3),
            SystemExit(4),
            FileNotFoundError(2, "No", "f", None, "g"),
            UnicodeDecodeError("utf8", b"a", 0, 1, "bad"),
            ImportError("x", name="n", path="p"),
            NameError("x", name="n"),
            SyntaxError("m", ("f", 1, 2, "t")),
            ExceptionGroup("g", [ValueError(1), KeyError("k")]),
            TimeoutError(),
            Refusal(code=3),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_come_back_with_their_arguments_and_attributes(self, error: BaseException, trusted: bool) -> None:
        copy = back(error, trusted=trusted)
        assert type(copy) is type(error) and repr(copy) == repr(error) and str(copy) == str(error)
        assert same(vars(copy), vars(error))
        told = "errno filename filename2 name path value code lineno text start end exceptions"
        for name in told.split():
            assert repr(getattr(copy, name, None)) == repr(getattr(error, name, None))

    def test_keep_notes_and_cause_and_can_be_raised(self) -> None:
        error = ValueError("late")
        error.add_note("during the second request")
        error.__cause__ = KeyError("first")
        copy = back(error)
        assert copy.__notes__ == ["during the second request"] and repr(copy.__cause__) == "KeyError('first')"
        with pytest.raises(ValueError, match="late"):
            raise copy

    def test_of_classes_nobody_registered_are_foreign(self) -> None:
        encoded = encode(httpx.ReadTimeout("slow"))
        assert repr(decode(encoded.codecs, encoded.head, (), trusted=True)) == "ReadTimeout('slow')"
        with pytest.raises(Undecodable) as caught:
            decode(encoded.codecs, encoded.head, (), trusted=False)
        assert caught.value.kind == "foreign"

    def test_with_a_response_keep_it(self) -> None:
        request = httpx.Request("GET", "https://example.org")
        try:
            httpx.Response(503, request=request, text="later").raise_for_status()
        except httpx.HTTPStatusError as error:
            copy = back(error)
        assert copy.response.text == "later" and copy.response.status_code == 503 and copy.request.method == "GET"

    def test_raised_while_another_was_handled_come_back_without_that(self) -> None:
        request = httpx.Request("GET", "https://example.org")
        try:
            try:
                raise KeyError("first")
            except KeyError:
                httpx.Response(503, request=request, text="later").raise_for_status()
        except httpx.HTTPStatusError as error:
            assert repr(error.__context__) == "KeyError('first')"
            copy = back(error)
        assert copy.response.text == "later" and copy.__context__ is None and copy.__cause__ is None

    def test_with_a_credential_in_their_request_are_refused(self) -> None:
        request = httpx.Request("GET", "https://example.org", headers={"Authorization": "Bearer canary"})
        with pytest.raises(Uncacheable, match="credential .authorization."):
            encode(httpx.HTTPStatusError("failed", request=request, response=httpx.Response(503, request=request)))


MODES = "1 L LA La P PA RGB RGBA RGBa RGBX CMYK YCbCr LAB HSV I F I;16 I;16B".split()


class TestImages:
    @pytest.mark.parametrize("mode", MODES)
    def test_of_every_mode_come_back_exactly(self, mode: str, trusted: bool) -> None:
        image = Image.new(mode, (37, 21))
        if mode != "F":
            image.frombytes(random.Random(mode).randbytes(len(image.tobytes())))
        if mode in ("P", "PA"):
            image.putpalette(bytes(range(256)) * 3)
        image.info = {"dpi": (72, 72), "exif": b"x"}
        copy = back(image, trusted=trusted)
        assert type(copy) is Image.Image and (copy.mode, copy.size, copy.info) == (image.mode, image.size, image.info)
        assert copy.tobytes() == image.tobytes() and copy.getpalette() == image.getpalette()
        copy.putpixel((0, 0), copy.getpixel((1, 1)))

    @pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
    def test_that_were_opened_keep_their_class_and_format(self, name: str) -> None:
        file = io.BytesIO()
        Image.new("RGB", (30, 20), (9, 8, 7)).save(file, name)
        image = Image.open(file)
        copy = back(image)
        assert type(copy) is type(image) and copy.format == name and copy == image

    def test_of_several_frames_are_refused_even_to_pickle(self) -> None:
        file = io.BytesIO()
        frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
        for value in (Image.open(file), {"a": [Image.open(file)]}, [Image.open(file), Plain()]):
            with pytest.raises(Uncacheable, match="several frames"):
                encode(value)


class Plain:
    pass


def test_a_model_of_a_wrong_type_is_not_taken_for_another() -> None:
    class Other(pydantic.BaseModel):
        text: str

    assert not same(Slotted(1), Point(1)) and not same(Other(text="a"), Answer(text="a"))
