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
from spotmagic.dashboard.watch import mark
from spotmagic.errors import SpotError

if TYPE_CHECKING:
    from spotmagic.spot import Spot

FRESH = 2.0  # seconds for which numbers may be shown as they are, when nothing was written since
AT_ONCE = 0.5  # seconds for which a panel just made is shown as it is: its feed tells what was written meanwhile
VIEW = "application/vnd.jupyter.widget-view+json"


class Panel(anywidget.AnyWidget):  # type: ignore[misc]
    """The panel of a spot. Show it as the result of a cell.

    A folder has one in a kernel, however often it is shown: every output is a view of it, and all share one feed.

    Attributes:
        first: totals and the first rows, so that it paints without asking, and so that a saved notebook has them.
        feed: where the live counters come from.
        twin: the class of the static pages beside its views.
    """

    _esm = Path(__file__).with_name("static") / "panel.js"
    first = traitlets.Dict().tag(sync=True)
    feed = traitlets.Unicode("").tag(sync=True)
    twin = traitlets.Unicode("").tag(sync=True)

    def __init__(self, spot: Spot) -> None:
        self._open(spot)
        self._views: set[str] = set()
        self._pulse = Pulse(spot.folder, self._backend)
        self._seen: object = None  # what stood in the folder when it was drawn last, and when that was
        self._drawn = 0.0
        self._new = True  # made, and not shown yet
        super().__init__(
            first=self._anew(),
            feed=f"anywidget:{self._pulse.feed.model_id}",
            twin=f"spotmagic-{secrets.token_hex(6)}",
        )
        self.on_msg(self._received)

    @classmethod
    def of(cls, spot: Spot) -> Panel:
        """The panel of a spot's folder in this process. The spot that asked last answers for it."""
        panel = _panels.get(spot.folder)
        if panel is None or panel.comm is None:  # closed meanwhile
            panel = _panels[spot.folder] = cls(spot)
        elif panel._spot is not spot:
            panel._open(spot)
            panel._pulse.backend = panel._backend
        return panel

    def close(self) -> None:
        """Let go of the page and stop watching the folder."""
        if _panels.get(self._spot.folder) is self:
            del _panels[self._spot.folder]
        self._pulse.close()
        super().close()

    def _open(self, spot: Spot) -> None:
        self._spot, self._backend = spot, Backend(spot, getattr(_shell(), "user_ns", None), Beside())

    def _received(self, _: Any, content: Any, __: Any) -> None:
        """Answer a request. Who asks is shown, also by a host that shows a widget without our outputs."""
        if isinstance(content, dict) and content.get("t") == "left":
            self._views.discard(str(content.get("view")))
            if not self._views:
                self._pulse.rest()
            return
        reply = self._backend.reply(content)
        if reply is not None:
            message, buffers = reply
            self._views.add(str(message["rid"]).partition(".")[0])  # a view names its requests `view.number`
            self._pulse.start()
            self.send(message, buffers=buffers)

    def _anew(self) -> dict[str, Any]:
        """What it is drawn from, where that is another than before."""
        try:
            self._spot.store.flush()
            seen = mark(self._spot.folder)
            if self._seen == seen and self._age() < FRESH:
                return {}
            first = self._backend.first()
            self._seen, self._drawn = seen, self._spot.clock.monotonic()
        except (SpotError, OSError):  # the page asks again and then shows what is wrong
            return {}
        return first

    def _age(self) -> float:
        return self._spot.clock.monotonic() - self._drawn

    def _ipython_display_(self, **_: Any) -> None:
        """Two outputs: the twin, for where no widget can live, and the widget, which hides the twin while it lives."""
        new, self._new = self._new, False
        # Made and shown in one go it is asked for once, also while results are being stored all the time.
        if not (new and self.first and self._age() < AT_ONCE) and (first := self._anew()):
            self.first = first
        self._pulse.start(self._seen)
        _publish({"text/html": twin.html(self.first, self.twin), "text/plain": twin.plain(self.first)})
        # The text is empty, so that it stands there once; without any, exporters to text complain of the output.
        _publish({"text/plain": "", VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id}})

    def __repr__(self) -> str:
        return twin.plain(self.first)


_panels: dict[Path, Panel] = {}


def _publish(bundle: dict[str, Any]) -> None:
    shell = _shell()
    if hasattr(shell, "kernel"):
        shell.display_pub.publish(data=bundle, metadata={"spotmagic": {"panel": True}})
    elif VIEW not in bundle:
        print(bundle["text/plain"])  # noqa: T201 - a terminal has no other place, and shows each output as text


def _shell() -> Any:
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
