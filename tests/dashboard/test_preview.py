"""Stored values made visible without running any of them."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import PIL.Image
import pytest

from spotmagic.codecs import encode
from spotmagic.dashboard.preview import SENT, TEXT, Preview
from spotmagic.dashboard.tree import NODES, ValueTree
from spotmagic.store.entry import Entry, Part

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def look(value: Any, content_type: str | None = None, *, more: bool = False, part: str = "value", **entry: Any) -> Any:
    encoded = encode(value)
    stored = Part(part, encoded.codecs, encoded.head, encoded.buffers)
    return Preview(Entry(b"k" * 16, "ask", content_type=content_type, parts=(stored,), **entry), stored, more=more)


class Armed:
    """Goes off when it is unpickled."""

    went_off = False

    def __reduce__(self) -> Any:
        return (_go_off, ())


def _go_off() -> Armed:
    Armed.went_off = True
    return Armed()


@dataclasses.dataclass
class Point:
    x: int
    y: int


def test_text_is_text() -> None:
    assert look("hello").shape == {"view": "text", "text": "hello", "size": 5, "whole": True}


def test_a_long_text_is_cut_and_more_of_it_is_given_on_request() -> None:
    text = "x" * (TEXT + 1)
    assert (len(look(text).shape["text"]), look(text).shape["whole"]) == (TEXT, False)
    assert look(text, more=True).shape["whole"] is True


def test_nothing_above_the_cap_is_sent_even_on_request() -> None:
    assert len(look("x" * (SENT * 2), more=True).shape["text"]) == SENT


def test_nested_values_are_a_tree_that_keeps_types_apart() -> None:
    tree = look({"a": [1, 1.0, True, None], "b": (Decimal("1.50"), datetime.date(2026, 1, 2))}).shape["tree"]
    leaves = [child for _, branch in tree["children"] for _, child in branch["children"]]
    assert [(leaf["type"], leaf["text"]) for leaf in leaves] == [
        ("int", "1"), ("float", "1.0"), ("bool", "True"), ("None", "None"), ("Decimal", "1.50"), ("date", "2026-01-02"),
    ]  # fmt: skip
    assert [branch["type"] for _, branch in tree["children"]] == ["list", "tuple"]


def test_a_tree_is_capped_in_width_depth_and_text() -> None:
    wide = ValueTree([[n] * 100 for n in range(1000)])
    deep: Any = []
    for _ in range(90):
        deep = [deep]
    assert not wide.whole
    assert _count(wide.root) <= NODES + 1
    assert not ValueTree(deep).whole
    assert not ValueTree("x" * 100_000).whole
    assert ValueTree([1, 2, 3]).whole


def _count(node: dict[str, Any]) -> int:
    return 1 + sum(_count(child) for _, child in node.get("children", ()))


def test_a_tree_asks_nothing_of_unknown_objects() -> None:
    class Loud:
        def __repr__(self) -> str:
            raise AssertionError("asked for its repr")

        __str__ = __repr__
        __len__ = __iter__ = __getattr__ = __repr__  # type: ignore[assignment]

    ValueTree([1])
    tree = ValueTree({"a": object.__new__(type("Odd", (), {"__repr__": Loud.__repr__, "__str__": Loud.__repr__}))})
    assert tree.root["children"][0][1] == {"type": "Odd", "text": ""}


@pytest.mark.parametrize(
    ("value", "height", "width"),
    [
        (pd.DataFrame({"x": range(1000), "y": ["a"] * 1000}), 1000, 2),
        (pd.Series([1, 2, 3], name="s"), 3, 1),
        (np.arange(12).reshape(3, 4), 3, 4),
        (np.arange(7), 7, 1),
        (pd.DataFrame(np.zeros((2, 500))), 2, 500),
    ],
)
def test_tables_and_arrays_show_their_head_and_their_whole_size(value: Any, height: int, width: int) -> None:
    shape = look(value).shape
    assert (shape["view"], shape["height"], shape["width"]) == ("table", height, width)
    assert len(shape["rows"]) == len(shape["labels"]) == min(height, 50)
    assert {len(row) for row in shape["rows"]} == {len(shape["columns"])}
    assert len(shape["columns"]) <= 40


def test_days_of_pandas_have_no_midnight_and_moments_have_their_time() -> None:
    days = pd.date_range("2026-03-01", periods=2)
    frame = pd.DataFrame({"day": [days[0], pd.NaT], "at": days + pd.Timedelta("1h"), "said": "x 00:00:00"}, index=days)
    shape = look(frame).shape
    assert shape["labels"] == ["2026-03-01", "2026-03-02"]
    assert shape["rows"] == [
        ["2026-03-01", "2026-03-01 01:00:00", "x 00:00:00"],
        ["NaT", "2026-03-02 01:00:00", "x 00:00:00"],
    ]
    assert look(pd.DataFrame({"at": days.tz_localize("UTC")})).shape["rows"][0] == ["2026-03-01 00:00:00+00:00"]


def test_polars_tables_show_their_head() -> None:
    polars = pytest.importorskip("polars")
    shape = look(polars.DataFrame({"x": range(80), "name": ["<b>"] * 80})).shape
    assert (shape["view"], shape["height"], shape["rows"][0]) == ("table", 80, ["0", "<b>"])


def test_an_array_of_more_dimensions_is_told_by_its_shape() -> None:
    assert (
        look({"a": np.zeros((2, 3, 4))}).shape["tree"]["children"][0][1]["text"]
        == "2 \N{MULTIPLICATION SIGN} 3 \N{MULTIPLICATION SIGN} 4 float64"
    )


def test_images_are_sent_as_bytes_beside_the_answer() -> None:
    preview = look(PNG)
    assert preview.shape["mime"] == "image/png"
    assert preview.buffers == [PNG]
    drawn = look(PIL.Image.new("RGB", (3, 2), "red"))
    assert (drawn.shape["media"], drawn.buffers[0][:4]) == ("image", b"\x89PNG")


@pytest.mark.parametrize(
    ("data", "content_type", "media"),
    [
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", None, "audio/wav"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", None, "image/webp"),
        (b"\x00\x00\x00\x18ftypmp42", None, "video/mp4"),
        (b"anything", "audio/mpeg; rate=44100", "audio/mpeg"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "image/svg+xml"),
    ],
)
def test_sound_film_and_drawings_are_known_by_content_type_or_first_bytes(
    data: bytes, content_type: str | None, media: str
) -> None:
    assert look(data, content_type).shape["mime"] == media


def test_media_too_large_to_send_are_named_instead() -> None:
    preview = look(PNG + b"\0" * SENT)
    assert preview.shape["view"] == "none"
    assert preview.buffers == []


def test_unknown_bytes_show_as_bytes_and_known_text_in_bytes_as_text() -> None:
    assert look(b"\x00\x01\xff", more=True).shape["hex"] == "0001ff"
    assert look("größer".encode()).shape["text"] == "größer"


def test_html_goes_to_the_frame_only_when_it_says_so_and_is_my_own() -> None:
    page = "<h1>kept</h1>"
    assert look(page, "text/html").shape["view"] == "html"
    assert look(page).shape["view"] == "text"
    assert look(page, "text/html", trusted=False).shape["view"] == "text"


def test_a_content_type_cannot_make_bytes_into_a_page() -> None:
    assert look(b"<script>1</script>", "text/html").shape["view"] == "text"
    assert look(b"\x00<script>", "text/html").shape["view"] == "hex"
    assert look(b"x", "image/x-anything").shape["view"] == "text"


def test_a_pickle_is_never_loaded_for_a_look() -> None:
    part = Part("value", ("pickle",), b"\x80\x05" + b"c" * 1000)
    entry = Entry(b"k" * 16, "ask", parts=(part,), notes={"repr": "Forecast(rain=0.4)", "type": "Forecast"})
    shape = Preview(entry, part).shape
    assert (shape["view"], shape["size"], shape["hex"]) == ("hex", 1002, ""), "bytes are shown when they are asked for"
    assert (shape["text"], shape["type"]) == ("Forecast(rain=0.4)", "Forecast")
    assert len(Preview(entry, part, more=True).shape["hex"]) == 512


def test_a_real_pickle_does_not_go_off() -> None:
    import pickle

    part = Part("value", ("pickle",), pickle.dumps(Armed()))
    assert Preview(Entry(b"k" * 16, "ask", parts=(part,)), part).shape["view"] == "hex"
    assert not Armed.went_off
    pickle.loads(part.head)  # the trap works
    assert Armed.went_off


def test_damaged_bytes_show_as_bytes() -> None:
    part = Part("value", ("plain",), b"\xc1\xc1\xc1")
    shape = Preview(Entry(b"k" * 16, "ask", parts=(part,)), part, more=True).shape
    assert (shape["view"], shape["hex"]) == ("hex", "c1c1c1")


def test_a_module_is_not_imported_for_a_look(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ticking.py").write_text("import dataclasses\n@dataclasses.dataclass\nclass Bomb:\n    x: int\n")
    monkeypatch.syspath_prepend(tmp_path)
    import ticking

    encoded = encode(ticking.Bomb(1))
    del sys.modules["ticking"]
    part = Part("value", encoded.codecs, encoded.head, encoded.buffers)
    Preview(Entry(b"k" * 16, "ask", parts=(part,)), part)
    assert "ticking" not in sys.modules


def test_a_kept_error_is_shown_by_its_type_and_words() -> None:
    shape = look(ValueError("no such <b>key</b>")).shape
    assert (shape["view"], shape["type"], shape["text"]) == ("error", "ValueError", "no such <b>key</b>")


LOG = [
    ["stdout", "reading\n", {}, {}, "", False],
    ["stderr", "careful\n", {}, {}, "", False],
    ["display", "", {"image/png": base64.b64encode(PNG).decode(), "text/plain": "<Figure>"}, {}, "a", False],
    ["result", "", {"text/html": "<b>1</b>", "text/plain": "1"}, {}, "", False],
    ["display", "", {"application/javascript": "alert(1)"}, {}, "b", False],
]


def outputs(log: Any, **entry: Any) -> Any:
    return look({"log": log, "results": []}, part="outputs", kind="cell", **entry)


def test_outputs_of_a_cell_are_shown_in_their_order() -> None:
    preview = outputs(LOG)
    assert [item["view"] for item in preview.shape["items"]] == ["text", "text", "media", "html"]
    assert preview.shape["items"][1]["label"] == "stderr"
    assert preview.buffers == [PNG]


def test_outputs_of_somebody_else_are_text_and_raster_images_only() -> None:
    preview = outputs([*LOG, ["display", "", {"image/svg+xml": "<svg/>"}, {}, "c", False]], trusted=False)
    assert [item["view"] for item in preview.shape["items"]] == ["text", "text", "media", "text"]


def test_a_list_that_only_looks_like_a_log_is_a_list() -> None:
    assert look(LOG).shape["view"] == "tree"


@pytest.mark.parametrize(
    "log", [[], [["stdout"]], [[1, 2, 3, 4, 5, 6]], "text", [["display", "", {"image/png": "%%%"}, {}, "", False]]]
)
def test_an_odd_log_breaks_nothing(log: Any) -> None:
    assert outputs(log).shape["view"]
