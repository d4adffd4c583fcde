"""Trees of matplotlib figures and what is in them: by their picture, as their objects lead to each other endlessly.

A copy of a figure is compared with it object by object first, which takes a tenth of the time of two pictures. Only
where that finds anything that it does not know of the pictures decide.
"""

from __future__ import annotations

import functools
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from types import BuiltinMethodType, MethodType
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, WeakSet

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.category import UnitData
from matplotlib.cbook import CallbackRegistry
from matplotlib.colorbar import Colorbar
from matplotlib.container import Container
from matplotlib.figure import Figure

from spotmagic.values.dispatch import add_family
from spotmagic.values.encode import Encoder
from spotmagic.values.patience import check
from spotmagic.values.scheme import Kind, Tree, Unfit, buffer, tree
from spotmagic.values.state import attributes, held_in_c


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


_SCALARS = frozenset({int, float, complex, str, bytes, bool, type(None)})
_COUNTED = ("datetime", "pandas.core", "pandas._libs")  # whose values have fingerprints and lead to nothing drawn
_FEW = 200  # objects among which one that is drawn is looked for
# What matplotlib itself leaves out of a pickle: who is told of changes, what is drawn on, and what it computes again.
_LEFT_OUT = {
    "Artist": {"stale_callback", "_stale", "_remove_method"},
    "Container": {"stale", "_remove_method"},
    "ContourSet": {"_contour_generator"},
    "Figure": {"canvas"},
    "Text": {"_renderer"},
    "TransformNode": {"_parents", "_invalid", "_inverted"},
    "_AxesStack": {"_counter"},
    "_ImageBase": {"_imcache"},
}


def is_same(value: Any, copy: Any) -> bool:
    """Whether a copy of what is drawn is the same in all that can be told object by object. ``False`` is no judgement.

    Each object of the copy stands for one of the value: ``[line, line]`` is not ``[line, other]``, however equal.
    """
    if not _leads_to_drawn(value):
        return False
    twins: dict[int, int] = {}  # by the id of an object of the value, that of its twin
    taken: set[int] = set()
    held: list[Any] = []  # what the ids stand for lives as long
    left = [(value, copy)]
    while left:
        one, other = left.pop()
        kind = type(one)
        if kind is not type(other):
            return False
        if kind is not tuple:
            twin = twins.get(id(one))
            if twin is not None or id(other) in taken:
                if twin != id(other):
                    return False
                continue
            twins[id(one)] = id(other)
            taken.add(id(other))
            held += one, other
            if not len(held) & 255:
                check()
        pairs = _pairing(_class(one))(one, other)
        if pairs is None:
            return False
        for part, its in pairs:
            if part is its:
                continue
            if type(part) not in _SCALARS:
                left.append((part, its))
            elif type(its) is not type(part) or ((part != its or not part) and repr(part) != repr(its)):
                return False  # 0.0 is equal to -0.0, and nan to nothing
    return True


def _leads_to_drawn(value: Any) -> bool:
    """Whether a value is drawn, or leads over few objects to what is."""
    found, place = [value], 0
    while place < len(found) < _FEW:
        one, kind = found[place], _class(found[place])
        if issubclass(kind, Figure | Artist | Container | Colorbar):
            return True
        place += 1
        if kind not in _SCALARS and (not kind.__module__.startswith(("numpy", "pandas")) or _holds_objects(one)):
            found += itertools.islice(_look(kind)(one)[1], _FEW)
    return False


def _class(value: Any) -> Any:  # a class whose metaclass nobody knows
    return type(value)


def _holds_objects(value: Any) -> bool:
    return type(value) is np.ndarray and value.dtype.hasobject


_Pairs = Iterable[tuple[Any, Any]] | None  # what is to be compared, ``None`` where it surely is another
_Seen = tuple[Any, Sequence[Any]]  # what is equal in a copy, ``None`` where nobody can tell, and the objects inside


def _mapping(value: Any) -> _Seen:
    if all(type(key) is str for key in value):
        return list(value), [*value.values()]
    return (), [*value, *value.values()]


def _array(value: Any) -> _Seen:
    form = value.dtype, value.shape
    return (form, value.ravel().tolist()) if _holds_objects(value) else ((*form, value.tobytes()), ())


def _bag(value: Any) -> _Seen:
    return sorted(map(repr, value)) if _SCALARS.issuperset(map(type, value)) else None, ()


def _method(value: Any) -> _Seen:
    return value.__name__, (value.__self__,)


_LOOKS: dict[type, Callable[[Any], _Seen]] = {
    **dict.fromkeys((list, tuple), lambda value: ((), value)),
    **dict.fromkeys((dict, OrderedDict), _mapping),
    **dict.fromkeys((set, frozenset, WeakSet, WeakKeyDictionary), _bag),
    **dict.fromkeys((MethodType, BuiltinMethodType), _method),
    **dict.fromkeys((itertools.count, range), lambda value: (repr(value), ())),
    np.ndarray: _array,
    np.ma.MaskedArray: lambda value: ((), (value.data, np.ma.getmaskarray(value), value.fill_value)),
    ReferenceType: lambda value: ((), (value(),)),
    CallbackRegistry: lambda _: ((), ()),
    functools.partial: lambda value: ((), (value.func, value.args, value.keywords, value.__dict__)),
}


@functools.lru_cache(maxsize=1024)
def _look(kind: Any) -> Callable[[Any], _Seen]:
    """What objects of a class hold, in an order that a copy has too."""
    from spotmagic.keys import fingerprint

    if kind in _LOOKS:
        return _LOOKS[kind]
    if issubclass(kind, np.generic):
        return lambda value: ((value.dtype, value.tobytes()), ())
    if issubclass(kind, np.dtype):
        return lambda value: (str(value), ())
    if kind.__module__ == "pandas" or kind.__module__.startswith(_COUNTED):
        return lambda value: (fingerprint(value), ())
    items = issubclass(kind, tuple | list)
    if issubclass(kind, Enum | type) or any(one not in (tuple, list) for one in held_in_c(kind, object)):
        return lambda _: (None, ())
    own = (base.__name__ for base in kind.__mro__ if base.__module__.startswith("matplotlib."))
    left_out = frozenset[str]().union(*(_LEFT_OUT.get(name, ()) for name in own))

    def state(value: Any) -> _Seen:
        held = attributes(value, covered=left_out)
        return list(held), [*value, *held.values()] if items else [*held.values()]

    return state


def _rows(one: Any, other: Any) -> _Pairs:
    return zip(one, other, strict=True) if len(one) == len(other) else None


def _arrays(one: Any, other: Any) -> _Pairs:
    if one.dtype != other.dtype or one.shape != other.shape:
        return None
    if one.dtype.hasobject:
        return _rows(one.ravel().tolist(), other.ravel().tolist())
    return () if one.tobytes() == other.tobytes() else None


@functools.lru_cache(maxsize=1024)
def _pairing(kind: Any) -> Callable[[Any, Any], _Pairs]:
    """What objects of a class and their copies hold, in pairs."""
    if kind is np.ndarray:  # of these a figure has most
        return _arrays
    if kind in (list, tuple):
        return _rows
    look = _look(kind)

    def pairs(one: Any, other: Any) -> _Pairs:
        (told, inside), (also, others) = look(one), look(other)
        if told is None or told != also or len(inside) != len(others):
            return None
        return zip(inside, others, strict=True)

    return pairs


def units_of(mapping: dict[str, int]) -> UnitData:
    """The texts of an axis, each with its place. A new one will get the next place."""
    units = UnitData()
    units._mapping = (
        mapping if type(mapping) is OrderedDict else OrderedDict(mapping)
    )  # which who writes them holds too
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
    reduce=lambda units: (units_of, (units._mapping,)),
)
add_family(Container, fingerprint=_container, covered=None)
