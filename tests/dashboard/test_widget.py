"""The panel as a widget: its wire, its twin and its feed, without a browser."""

from __future__ import annotations

import gc
import json
import re
import shutil
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ipywidgets.widgets import widget as ipywidgets_widget

from spotmagic.catalog.instance import Opened
from spotmagic.dashboard import Panel, panel, twin
from spotmagic.dashboard.backend import Backend
from spotmagic.dashboard.feed import Pulse
from spotmagic.dashboard.watch import News
from spotmagic.spot import Spot
from spotmagic.testing import FakeClock

from .conftest import HOSTILE, Keep

BUNDLE = Path(twin.__file__).with_name("static") / "panel.js"


class Wire:
    """Stands in for a comm: what a widget sends is kept, what a page sends is handed to it."""

    sent: list[tuple[dict[str, Any], list[bytes]]]

    def __init__(self, **_: Any) -> None:
        self.comm_id = f"comm{id(self)}"
        self.sent = []
        self.hear: Any = None

    def on_msg(self, hear: Any) -> None:
        self.hear = hear

    def on_close(self, _: Any) -> None: ...

    def close(self, *_: Any, **__: Any) -> None: ...

    def send(self, data: Any = None, metadata: Any = None, buffers: Any = None) -> None:
        json.dumps(data, allow_nan=False).encode()
        self.sent.append((data, list(buffers or [])))

    def ask(self, **message: Any) -> tuple[dict[str, Any], list[bytes]]:
        """Send a message as the page would, and return the reply."""
        content = {"t": "request", "v": 1, "rid": "a.1", "params": {}, **message}
        self.hear({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})
        data, buffers = self.sent[-1]
        assert data["method"] == "custom"
        return data["content"], buffers


@pytest.fixture(autouse=True)
def wires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipywidgets_widget.comm, "create_comm", Wire)


@pytest.fixture
def shown(spot: Spot, keep: Keep) -> Iterator[Panel]:
    keep("an answer", name="ask")
    shown = panel(spot)
    yield shown
    shown.close()


def test_a_request_is_answered_under_its_own_id(shown: Panel) -> None:
    reply, _ = shown.comm.ask(method="entries", rid="view.7")
    assert (reply["t"], reply["rid"], reply["ok"]) == ("reply", "view.7", True)
    assert reply["result"]["rows"][0]["name"] == "ask"
    assert "id" not in reply


def test_buffers_travel_beside_the_answer(shown: Panel, keep: Keep) -> None:
    key = keep(b"\x89PNG\r\n\x1a\n....")
    reply, buffers = shown.comm.ask(method="preview", params={"key": key, "part": "value"})
    assert reply["result"]["view"] == "media"
    assert bytes(buffers[0]) == b"\x89PNG\r\n\x1a\n...."


@pytest.mark.parametrize(
    "message",
    [
        {"method": "nothing"},
        {"method": None},
        {"method": ["entries"]},
        {"method": "entries", "params": "x"},
        {"method": "entry", "params": {"key": "\ud800"}},
    ],
)
def test_a_request_that_cannot_be_answered_gets_an_error_for_an_answer(shown: Panel, message: dict[str, Any]) -> None:
    reply, _ = shown.comm.ask(**message)
    assert reply["ok"] is False
    assert reply["error"]["type"] == "OptionError"


def test_trouble_in_the_spot_becomes_an_answer(shown: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backend, "dispatch", lambda *_: 1 / 0)
    reply, _ = shown.comm.ask(method="entries")
    assert reply["error"] == {"type": "ZeroDivisionError", "text": "division by zero"}


def test_messages_of_others_are_left_alone(shown: Panel) -> None:
    before = len(shown.comm.sent)
    shown.comm.hear({"content": {"data": {"method": "custom", "content": {"t": "hello"}}}, "buffers": []})
    shown.comm.hear({"content": {"data": {"method": "custom", "content": "text"}}, "buffers": []})
    assert len(shown.comm.sent) == before


def test_two_threads_may_ask_at_once(shown: Panel, keep: Keep) -> None:
    for n in range(20):
        keep(name=f"f{n}")
    wrong: list[Any] = []

    def ask() -> None:
        for _ in range(10):
            result, _ = shown._backend.dispatch("entries", {"limit": 5})
            if result["total"] != 21 or len(result["rows"]) != 5:
                wrong.append(result)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_panel_shows_a_twin_and_itself(shown: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[dict[str, Any]] = []
    monkeypatch.setattr("spotmagic.dashboard.widget._publish", published.append)
    shown._ipython_display_()
    page, live = published
    assert f'class="{shown.twin}"' in page["text/html"]
    assert live == {
        "text/plain": "",
        "application/vnd.jupyter.widget-view+json": {
            "version_major": 2, "version_minor": 0, "model_id": shown.model_id,
        }
    }  # fmt: skip
    assert "ask" in page["text/plain"]


def test_the_twin_is_plain_html_that_holds_no_script(spot: Spot, keep: Keep) -> None:
    keep(name=HOSTILE)
    page = twin.html(Backend(spot).first(), "place")
    assert "<script" not in page
    assert page.count("<style>") == 1
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


def test_the_text_form_does_nothing_to_a_terminal(spot: Spot, keep: Keep) -> None:
    keep(name=HOSTILE + "\n" * 5)
    text = twin.plain(Backend(spot).first())
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert len(text.splitlines()) == 4


def test_the_twin_shows_ten_rows_and_how_many_more(spot: Spot, keep: Keep) -> None:
    for n in range(23):
        keep(name=f"f{n}")
    first = Backend(spot).first()
    assert twin.html(first, "place").count("<tr>") == 11
    assert "and 13 more" in twin.html(first, "place")
    assert "and 13 more" in twin.plain(first)


def test_a_panel_of_a_spot_that_cannot_be_read_still_shows_itself(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise OSError("no such folder")

    monkeypatch.setattr(Backend, "first", broken)
    shown = Panel(spot)
    assert "cannot be read" in repr(shown)
    assert twin.html(shown.first, "place") == '<div id="place" class="place"></div>'
    shown.close()


def test_the_feed_tells_of_writes_and_keeps_still_without_them(spot: Spot, keep: Keep) -> None:
    keep(name="one")
    pulse = Pulse(spot.folder, Backend(spot))
    pulse.look()
    first = pulse.feed.beat
    assert first["totals"]["entries"] == 1
    pulse.look()
    assert pulse.feed.beat is first
    keep(name="two")
    pulse.look()
    assert pulse.feed.beat["totals"]["entries"] == 2
    pulse.close()


def test_news_that_could_not_be_told_are_told_later(spot: Spot, keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    pulse = Pulse(spot.folder, backend := Backend(spot))
    pulse.look()
    keep(name="one")
    with monkeypatch.context() as patch:
        patch.setattr(backend, "beat", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pulse.look()
    pulse.look()
    assert pulse.feed.beat["totals"]["entries"] == 1
    pulse.close()


def test_the_feed_rests_when_nothing_happens(spot: Spot) -> None:
    pulse = Pulse(spot.folder, Backend(spot))
    waits = [pulse.look() for _ in range(130)]
    assert (waits[1], waits[-1]) == (0.5, 2.0)
    pulse.close()


def test_shows_of_a_folder_share_one_panel_and_one_feed(spot: Spot, tmp_path: Path, keep: Keep) -> None:
    """Also those of another object of the same spot, which a cell that runs again makes."""
    keep()
    before = {*ipywidgets_widget._instances}
    with Spot("default", root=tmp_path / ".spotmagic", clock=spot.clock) as again:
        shown = panel(spot)
        made = {*ipywidgets_widget._instances} - before
        for one in [spot, again] * 10:
            assert panel(one) is shown
            assert shown._pulse.backend is shown._backend
        assert {*ipywidgets_widget._instances} - before == made
        assert shown._spot is again
        shown.close()
        assert panel(again) is not shown
        panel(again).close()


def test_the_panels_cell_run_again_and_again_costs_what_one_run_does(
    spot: Spot, keep: Keep, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comms, widgets, threads, messages, and what a write makes the panel ask."""
    opened: list[Wire] = []
    asked: list[str] = []
    monkeypatch.setattr("spotmagic.dashboard.feed.EVERY", 3600.0)  # the looks of its thread are not counted here
    monkeypatch.setattr("spotmagic.dashboard.widget._publish", lambda _: None)
    monkeypatch.setattr(ipywidgets_widget.comm, "create_comm", lambda **of: opened.append(Wire(**of)) or opened[-1])
    rows = Opened.rows
    monkeypatch.setattr(Opened, "rows", lambda self, sql, **of: asked.append(sql) or rows(self, sql, **of))
    keep()

    def run() -> tuple[int, int, int]:
        clock.advance(60.0)
        panel(spot)._ipython_display_()
        feeds = [thread for thread in threading.enumerate() if thread.name == "spotmagic-feed"]
        return len(opened), len(feeds), len(ipywidgets_widget._instances)

    def write() -> tuple[int, int]:
        keep()
        asked.clear()
        before = len(shown._pulse.feed.comm.sent)
        assert beat.look(shown._backend) is not None
        return len(asked), len(shown._pulse.feed.comm.sent) - before

    first = run()
    shown, beat = panel(spot), News(spot.folder)
    once = write()
    assert {run() for _ in range(50)} == {first}
    assert first[1] == 1
    assert write() == once
    shown.close()


def test_a_panel_that_is_made_and_shown_in_one_go_is_counted_once(
    spot: Spot, keep: Keep, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    first = Backend.first
    monkeypatch.setattr("spotmagic.dashboard.widget._publish", lambda _: None)
    monkeypatch.setattr(Backend, "first", lambda self: made.append(self) or first(self))
    keep("old")
    shown = panel(spot)
    shown._ipython_display_()
    assert len(made) == 1
    keep(name="another")
    shown._ipython_display_()
    assert (len(made), shown.first["page"]["total"]) == (2, 2)
    clock.advance(60.0)
    shown._ipython_display_()
    assert len(made) == 3
    shown.close()


def test_what_is_stored_between_making_and_showing_a_panel_is_told_by_its_feed(
    spot: Spot, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While results are being stored the panel is counted once, and lacks nothing."""
    made: list[object] = []
    first = Backend.first
    monkeypatch.setattr("spotmagic.dashboard.widget._publish", lambda _: None)
    monkeypatch.setattr("spotmagic.dashboard.feed.EVERY", 3600.0)  # its thread looks when the test does
    monkeypatch.setattr(Backend, "first", lambda self: made.append(self) or first(self))
    keep("old")
    shown = panel(spot)
    keep(name="another")
    shown._ipython_display_()
    assert len(made) == 1
    shown._pulse.look()
    assert shown._pulse.feed.beat["totals"]["entries"] == 2
    shown.close()


def test_a_panel_that_nobody_looks_at_watches_no_more(shown: Panel) -> None:
    shown.comm.ask(method="totals", rid="one.1")
    shown.comm.ask(method="totals", rid="two.1")
    thread = shown._pulse._thread
    leave = {"t": "left", "view": "one"}
    shown.comm.hear({"content": {"data": {"method": "custom", "content": leave}}, "buffers": []})
    assert thread is not None and shown._pulse._thread is thread
    leave["view"] = "two"
    shown.comm.hear({"content": {"data": {"method": "custom", "content": leave}}, "buffers": []})
    thread.join(20)
    assert not thread.is_alive()
    shown.comm.ask(method="totals", rid="three.1")
    assert shown._pulse._thread is not None and shown._pulse._thread.is_alive()


def test_the_feed_of_a_folder_that_is_gone_ends(spot: Spot, keep: Keep) -> None:
    keep()
    pulse = Pulse(spot.folder, Backend(spot))
    assert pulse.look() is not None
    spot.close()
    shutil.rmtree(spot.folder)
    assert pulse.look() is None
    pulse.close()


def test_the_feed_tells_what_runs_without_counting_all(spot: Spot, clock: FakeClock, keep: Keep) -> None:
    keep()
    pulse = Pulse(spot.folder, Backend(spot))
    pulse.look()
    board = spot._stack.ledger.board
    sign = board.begin("ask", "function", clock.now())
    pulse.look()
    assert "totals" in pulse.feed.beat  # too young to be shown
    clock.advance(1.0)
    pulse.look()
    assert pulse.feed.beat == {"running": [{"name": "ask", "kind": "function", "since": clock.now() - 1.0}]}
    board.end(sign)
    pulse.look()
    assert pulse.feed.beat == {"running": []}
    pulse.close()


def test_the_feeds_thread_ends_with_its_panel(spot: Spot) -> None:
    pulse = Pulse(spot.folder, Backend(spot))
    pulse.start()
    thread = pulse._thread
    assert thread is not None
    pulse.close()
    thread.join(5)
    assert not thread.is_alive()


def test_the_feeds_thread_holds_no_panel_that_nobody_has(spot: Spot) -> None:
    pulse = Pulse(spot.folder, Backend(spot))
    pulse.start()
    seen = weakref.ref(pulse)
    pulse.feed.close()
    del pulse
    gc.collect()
    assert seen() is None


def test_the_panels_own_comm_is_never_pushed_on(shown: Panel, keep: Keep) -> None:
    """A push from a running cell would make the panel's requests wait for that cell."""
    before = len(shown.comm.sent)
    keep()
    shown._pulse.look()
    assert len(shown.comm.sent) == before


def test_the_backend_takes_no_widgets_along() -> None:
    code = "import sys, spotmagic.dashboard.backend; sys.exit(bool({'anywidget', 'ipywidgets'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_bundle_is_there_and_small_and_loads_nothing_from_elsewhere() -> None:
    bundle = BUNDLE.read_text()
    assert len(bundle.encode()) <= 90_000
    addresses = re.findall(r"https?://[^\"'`\s)]+", bundle)
    assert set(addresses) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xhtml",
        "http://www.w3.org/1998/Math/MathML",
    }


def test_the_page_never_makes_html_of_text() -> None:
    sources = list((Path(__file__).parents[2] / "js" / "src").glob("*.ts*"))
    assert len(sources) > 10
    for source in sources:
        for way in ("innerHTML", "insertAdjacentHTML", "document.write", "dangerouslySet", "eval(", "new Function"):
            assert way not in source.read_text(), f"{source.name}: {way}"
