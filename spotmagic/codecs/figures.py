"""Trees of matplotlib figures and what is in them: by their picture, as their objects lead to each other endlessly."""

from __future__ import annotations

import itertools
from typing import Any

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.category import UnitData
from matplotlib.colorbar import Colorbar
from matplotlib.container import Container
from matplotlib.figure import Figure

from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.patience import check
from spotmagic.values.scheme import Kind, Tree, Unfit, buffer, tree


def _container(value: Any, _: Encoder) -> Tree:
    """Bars or error bars: the artists, and what is known of them but for how they are taken away."""
    known = {name: one for name, one in vars(value).items() if name not in ("_callbacks", "_remove_method", "stale")}
    return tree(Kind.FIGURE, list(value), known)


class Picture:
    """What a figure looks like, and the places of what is in it. Taken once per walk: a plot may have 1,000 bars."""

    def __init__(self, figure: Any) -> None:
        check()
        renderer = RendererAgg(*figure.bbox.size, figure.dpi)  # `savefig` would draw all of it twice
        figure.draw(renderer)
        size = list(map(float, figure.get_size_inches()))
        self.figure = figure
        self.tree = tree(Kind.FIGURE, size, float(figure.dpi), buffer(bytes(renderer.buffer_rgba())))
        self.places = {id(one): place for place, one in enumerate(figure.findobj())}


def _picture(figure: Any, encoder: Encoder) -> Picture:
    """Size, resolution and the picture itself, where a picture is enough."""
    if not encoder.as_copied:
        raise Unfit("it is a figure or drawn in one, which is not compared: draw, change and show it in one cell")
    if id(figure) not in encoder.pictures:
        encoder.pictures[id(figure)] = Picture(figure)
    return encoder.pictures[id(figure)]  # type: ignore[no-any-return]


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
    picture = _picture(figure, encoder)
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return tree(Kind.FIGURE, kind, picture.places.get(id(value), -1), picture.tree)


def _colorbar(value: Any, encoder: Encoder) -> Tree:
    """No artist itself, but drawn in axes of its own."""
    return tree(Kind.FIGURE, f"{type(value).__module__}.{type(value).__qualname__}", _artist(value.ax, encoder))


def units_of(mapping: dict[str, int]) -> UnitData:
    """The texts of an axis, each with its place. A new one will get the next place."""
    units = UnitData()
    units._mapping.update(mapping)
    units._counter = itertools.count(max(mapping.values(), default=-1) + 1)
    return units


def _reduce(figure: Any) -> tuple[Any, ...]:
    made = list(figure.__reduce_ex__(5))
    # A figure that joins pyplot's list again would be shown a second time at the end of the cell.
    made[2] = {name: state for name, state in made[2].items() if name != "_restore_to_pylab"}
    return tuple(made)


add_family(Figure, fingerprint=lambda value, encoder: _picture(value, encoder).tree, covered=None, reduce=_reduce)
add_family(Artist, fingerprint=_artist, covered=None)
add_family(Colorbar, fingerprint=_colorbar, covered=None)
add_family(
    UnitData,
    fingerprint=lambda value, _: tree(Kind.FIGURE, dict(value._mapping)),
    covered=None,
    reduce=lambda units: (units_of, (dict(units._mapping),)),
)
add_family(Container, fingerprint=_container, covered=None)
