"""What a result says of itself when it is stored: bounded, without credentials, and never in the way."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
import pandas as pd
import PIL.Image
import pytest

from spotmagic.codecs import encode
from spotmagic.values.shown import SMALL, TEXT, noted
from spotmagic.values.thumbnail import MOST, thumbnail


def notes(value: Any, *secrets: str) -> dict[str, str]:
    encoded = encode(value)
    size = len(encoded.head) + sum(buffer.nbytes for buffer in encoded.buffers)
    return noted(value, encoded.codecs, size, lambda: secrets)


def points(text: str) -> Any:
    """The points of a picture, read by a library that is not ours."""
    return np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(text))))


def test_small_plain_values_say_nothing_as_they_are_read_when_they_are_looked_at() -> None:
    for value in ("text", 1, None, {"a": [1, 2.5]}, b"x" * 99, [0.5] * 100):
        assert notes(value) == {}


def test_a_grid_is_drawn_dark_where_it_is_large() -> None:
    drawn = points(thumbnail(np.add.outer(np.zeros(20), np.arange(20.0))))
    assert drawn.shape == (20, 20)
    assert (drawn[:, 0] > 240).all() and (drawn[:, -1] < 25).all() and (np.diff(drawn.astype(int)[0]) < 0).all()


def test_a_row_of_numbers_is_blue_below_and_red_above_zero() -> None:
    for row in (np.linspace(-1, 1, 1000), np.linspace(-1, 1, 1000).tolist(), pd.Series(np.linspace(-1, 1, 1000))):
        drawn = points(thumbnail(row))
        assert drawn.shape == (1, 64, 3)
        assert drawn[0, 0].tolist() == [30, 30, 225] and drawn[0, -1, 0] == 225 and drawn[0, -1, 2] < 60


def test_pictures_are_their_own_thumbnails() -> None:
    red = PIL.Image.new("RGBA", (4000, 3000), "red")
    for value in (red, np.asarray(red)[::10, ::10], np.asarray(red.convert("RGB")) / 255):
        drawn = points(thumbnail(value))
        assert max(drawn.shape[:2]) <= 48 and (drawn == [255, 0, 0]).all()


@pytest.mark.parametrize(
    "value",
    [
        np.random.default_rng(1).random((500, 400, 3)),
        np.random.default_rng(1).random((300, 300)),
        PIL.Image.effect_noise((600, 400), 90).convert("RGB"),
        pd.DataFrame(np.random.default_rng(1).random((1000, 100))),
        np.array([np.nan, np.inf, -np.inf, 1.0] * 4),
        np.array([[np.nan]]),
        pd.DataFrame({"a": [None, "x"], "b": [1, 2]}),
    ],
)
def test_a_picture_is_never_large(value: Any) -> None:
    data = base64.b64decode(thumbnail(value))
    assert 0 < len(data) <= MOST
    points(thumbnail(value))


@pytest.mark.parametrize(
    "value",
    [np.zeros(0), np.zeros((0, 3)), np.array(["a"]), np.array(1.0), pd.DataFrame(), [1, 2, 3], ["a"] * 9, b"", "x",
     np.zeros((2, 2), complex), object(), [1.0, "x"] * 9, np.zeros(3)],
)  # fmt: skip
def test_what_has_no_picture_has_none(value: Any) -> None:
    assert thumbnail(value) == ""


class Told:
    def __init__(self, text: str) -> None:
        self.text, self.of = text, object

    def __repr__(self) -> str:
        if self.text == "raise":
            raise RuntimeError("no words")
        return f"Told({self.text})"


def test_a_pickle_has_its_own_words_within_bounds_and_without_credentials() -> None:
    assert notes(Told("rain")) == {"type": "Told", "repr": "Told(rain)"}
    assert notes(Told("token=sk-live-0123456789abcdefghij"))["repr"] == "Told(token=…)"
    assert "hunter2hunter2" not in notes(Told("hunter2hunter2"), "hunter2hunter2")["repr"]
    assert len(notes(Told("x" * 100_000))["repr"]) <= TEXT
    assert len(notes([Told("x" * 500) for _ in range(1000)])["repr"]) <= TEXT
    assert notes(Told("raise"))["type"] == "Told"


def test_a_large_text_has_its_beginning_and_half_a_letter_does_no_harm() -> None:
    told = notes("tide " * SMALL)
    assert told["type"] == "str" and told["repr"].startswith("tide tide") and len(told["repr"]) == TEXT
    assert notes("\ud800" * SMALL)["repr"].startswith("?")


def test_our_pictures_are_sound_to_the_last_byte() -> None:
    data = base64.b64decode(thumbnail(np.arange(12.0).reshape(3, 4)))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, kinds = 8, []
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body)
        kinds.append(kind)
        at += 12 + length
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]
