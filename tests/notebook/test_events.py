"""The log of a cell, folded to how it looks at the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotmagic.notebook.events import CellOutput, fold, pack_outputs, plain_outputs, unpack_outputs


def out(text):
    return CellOutput("stdout", text=text)


def display(text, display_id=""):
    return CellOutput("display", data={"text/plain": text}, display_id=display_id)


def update(text, display_id):
    return CellOutput("update", data={"text/plain": text}, display_id=display_id)


def looks(log):
    return [event.text or event.data["text/plain"] for event in fold(log)]


def test_writes_to_one_stream_join_and_order_stays():
    log = [out("a"), out("b"), CellOutput("stderr", text="c"), out("d"), display("e"), out("f")]
    assert looks(log) == ["ab", "c", "d", "e", "f"]


def test_clear_output_takes_away_what_was_there():
    assert looks([out("a"), CellOutput("clear"), out("b")]) == ["b"]
    assert looks([out("a"), CellOutput("clear")]) == []


def test_clear_output_with_wait_waits_for_the_next_output():
    assert looks([out("a"), CellOutput("clear", wait=True), out("b")]) == ["b"]
    assert looks([out("a"), CellOutput("clear", wait=True)]) == ["a"]
    assert looks([out("a"), CellOutput("clear", wait=True), out("b"), out("c")]) == ["bc"]


def test_an_update_is_seen_in_every_display_of_its_id():
    assert looks([display("a", "1"), out("x"), display("a", "1"), update("b", "1")]) == ["b", "x", "b"]


def test_an_update_of_a_display_elsewhere_stays_through_a_clear():
    log = [out("a"), update("b", "theirs"), CellOutput("clear"), out("c")]
    assert [(e.kind, e.text) for e in fold(log)] == [("update", ""), ("stdout", "c")]


def test_an_update_of_a_cleared_display_is_an_update_elsewhere():
    """The display may be shown in another place as well; there is none of this cell left to change."""
    assert [e.kind for e in fold([display("a", "1"), CellOutput("clear"), update("b", "1")])] == ["update"]


def test_a_widget_is_kept_as_its_text():
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "gone"}, "text/plain": "IntSlider(value=3)"}
    assert fold([CellOutput("display", data=view)])[0].data == {"text/plain": "IntSlider(value=3)"}
    del view["text/plain"]
    assert fold([CellOutput("display", data=view)])[0].data == {"text/plain": "(a widget)"}


def test_of_a_stranger_only_text_and_raster_images_are_shown():
    data = {
        "text/html": "<script>",
        "image/svg+xml": "<svg/>",
        "text/plain": "t",
        "image/png": "p",
        "application/javascript": "j",
    }
    rich = CellOutput("display", data=data, metadata={"text/html": {}})
    kept = plain_outputs([rich, CellOutput("display", data={"text/html": "<b>"}), out("x")])
    assert [dict(event.data) for event in kept] == [{"text/plain": "t", "image/png": "p"}, {}]
    assert kept[0].metadata == {}


events = st.builds(
    CellOutput,
    st.sampled_from(["stdout", "stderr", "display", "update", "clear", "result"]),
    text=st.text(max_size=3),
    data=st.dictionaries(st.sampled_from(["text/plain", "image/png"]), st.text(max_size=3) | st.binary(max_size=3)),
    display_id=st.sampled_from(["", "a", "b"]),
    wait=st.booleans(),
)


@given(st.lists(events, max_size=20))
def test_a_log_comes_back_from_its_plain_form(log):
    assert unpack_outputs(pack_outputs(log)) == log


@given(st.lists(events, max_size=20))
def test_folding_twice_is_folding_once(log):
    once = fold(log)
    assert fold(once) == once


def test_what_is_no_json_counts_by_its_text():
    import numpy

    class Name(str):
        pass

    log = [
        CellOutput(
            "display",
            data={"application/json": {"a": numpy.float64(1.5), "b": (1, 2), 3: Name("n"), "c": numpy.int64(3)}},
        )
    ]
    assert pack_outputs(log)[0][2] == {"application/json": {"a": 1.5, "b": [1, 2], "3": "n", "c": "3"}}


def test_a_damaged_log_is_refused():
    with pytest.raises(ValueError, match="no log"):
        unpack_outputs([["stdout", "a", {}, {}, "", False, "more"]])
