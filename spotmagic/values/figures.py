"""Trees of matplotlib figures and what is in them: by their picture, as their objects lead to each other endlessly."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.scheme import Kind, Tree, Unfit, buffer, tree


def _figure(value: Any, encoder: Encoder) -> Tree:
    """Size, resolution and the picture itself, where a picture is enough."""
    if not encoder.pictures:
        raise Unfit("the objects of a figure lead to each other without end")
    drawn = io.BytesIO()
    value.savefig(drawn, format="rgba")
    return tree(Kind.FIGURE, list(map(float, value.get_size_inches())), float(value.dpi), buffer(drawn.getvalue()))


def _artist(value: Any, encoder: Encoder) -> Tree:
    """Its kind, its place among those of its figure, and the picture of the figure."""
    figure = value.get_figure()
    while (
        figure is not None
        and figure is not value
        and getattr(figure, "get_figure", None)
        and figure.get_figure() is not figure
    ):
        figure = figure.get_figure()  # a figure inside a figure
    if figure is None:
        raise Unfit("it is drawn in no figure")
    place = next((number for number, one in enumerate(figure.findobj()) if one is value), -1)
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return tree(Kind.FIGURE, kind, place, _figure(figure, encoder))


add_family(Figure, fingerprint=_figure, covered=None)
add_family(Artist, fingerprint=_artist, covered=None)
