"""The panel: what a spot holds and has saved, to see and to steer, in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spotmagic.errors import OptionError

if TYPE_CHECKING:
    from spotmagic.dashboard.widget import Panel
    from spotmagic.spot import Spot

__all__ = ["Panel", "panel"]


def panel(spot: Spot | None = None) -> Panel:
    """The panel of a spot, the notebook's own when none is given. It shows itself as the result of a cell."""
    from spotmagic.dashboard.widget import Panel
    from spotmagic.spot import Spot, current

    if not isinstance(spot, Spot | None):
        raise OptionError(f"panel() was given {type(spot).__name__}", todo="Give it a spot: spotmagic.panel(spot)")
    return Panel.of(spot if spot is not None else current())


def __getattr__(name: str) -> Any:
    if name == "Panel":  # the backend alone, as behind a page, takes no widgets
        from spotmagic.dashboard.widget import Panel

        return Panel
    raise AttributeError(f"module 'spotmagic.dashboard' has no attribute {name!r}")
