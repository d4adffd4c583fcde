"""The panel as a widget: it answers the requests of its page, and shows a static twin where no page can live."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from spotmagic.dashboard import twin
from spotmagic.dashboard.backend import Backend
from spotmagic.dashboard.export import Beside
from spotmagic.dashboard.feed import Pulse
from spotmagic.dashboard.request import reply_to
from spotmagic.errors import SpotError

if TYPE_CHECKING:
    from spotmagic.spot import Spot

VIEW = "application/vnd.jupyter.widget-view+json"


class Panel(anywidget.AnyWidget):  # type: ignore[misc]
    """The panel of a spot. Show it as the result of a cell.

    Attributes:
        first: totals and the first rows, so that it paints without asking, and so that a saved notebook has them.
        feed: where the live counters come from.
        twin: the id of the static page beside it.
    """

    _esm = Path(__file__).with_name("static") / "panel.js"
    first = traitlets.Dict().tag(sync=True)
    feed = traitlets.Unicode("").tag(sync=True)
    twin = traitlets.Unicode("").tag(sync=True)

    def __init__(self, spot: Spot) -> None:
        self._backend = Backend(spot, getattr(_shell(), "user_ns", None), Beside())
        self._pulse = Pulse(spot, self._backend)
        super().__init__(
            first=self._first(),
            feed=f"anywidget:{self._pulse.feed.model_id}",
            twin=f"spotmagic-{secrets.token_hex(6)}",
        )
        self.on_msg(self._received)

    def close(self) -> None:
        """Let go of the page and stop watching the folder."""
        self._pulse.stop()
        super().close()

    def _received(self, _: Any, content: Any, __: Any) -> None:
        """Answer a request. Who asks is shown, also by a host that shows a widget without our outputs."""
        self._pulse.start()
        reply = reply_to(self._backend, content)
        if reply is not None:
            message, buffers = reply
            self.send(message, buffers=buffers)

    def _first(self) -> dict[str, Any]:
        try:
            return self._backend.first()
        except (SpotError, OSError):  # the page asks again and then shows what is wrong
            return {}

    def _ipython_display_(self, **_: Any) -> None:
        """Two outputs: the twin, for where no widget can live, and the widget, which hides the twin while it lives."""
        first = self._first()
        if first:
            self.first = first
        self._pulse.start()
        text = twin.plain(self.first)
        _publish({"text/html": twin.html(self.first, self.twin), "text/plain": text})
        _publish({"text/plain": text, VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id}})

    def __repr__(self) -> str:
        return twin.plain(self.first)


def _publish(bundle: dict[str, Any]) -> None:
    shell = _shell()
    if hasattr(shell, "kernel"):
        shell.display_pub.publish(data=bundle, metadata={"spotmagic": {"panel": True}})
    elif VIEW not in bundle:
        print(bundle["text/plain"])  # noqa: T201 - a terminal has no other place, and shows each output as text


def _shell() -> Any:
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
