"""What matplotlib draws and gives back: kept without drawing it again, however many pieces it has."""

from __future__ import annotations

import copy
import gc
import re
import weakref
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.lines import Line2D

from spotmagic.codecs import decode, encode, figures
from spotmagic.codecs.value import difference
from spotmagic.errors import Uncacheable
from spotmagic.keys import fingerprint
from spotmagic.values.patience import patience

mpl.use("agg")
plt: Any = pytest.importorskip("matplotlib.pyplot")

DRAWINGS: dict[str, Callable[[], Any]] = {
    "bars": lambda: plt.bar(range(40), range(40)),
    "a histogram": lambda: plt.hist([1, 2, 2, 3], bins=30),
    "error bars": lambda: plt.errorbar([1, 2, 3], [1, 2, 3], yerr=[0.1, 0.1, 0.1]),
    "stems": lambda: plt.stem([1, 2, 3]),
    "a pie": lambda: plt.pie([1, 2, 3]),
    "boxes": lambda: plt.boxplot([[1, 2, 3], [2, 3, 4]]),
    "violins": lambda: plt.violinplot([[1, 2, 3], [2, 3, 4]]),
    "bars with names": lambda: plt.bar(["a", "b"], [1, 2]),
    "lines over texts": lambda: plt.plot(["a", "b", "a"], [1, 2, 3]),
    "a bar of colours": lambda: plt.colorbar(plt.scatter([1, 2], [3, 4], c=[5, 6])),
    "a grid of axes": lambda: plt.subplots(3, 3),
    "artists in a dict": lambda: {"a": plt.plot([1, 2]), "b": plt.scatter([1, 2], [3, 4])},
}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def back(value: Any) -> Any:
    kept = encode(value)
    return decode(kept.codecs, kept.head, [bytearray(each) for each in kept.buffers], trusted=True)


@pytest.mark.parametrize("name", DRAWINGS)
def test_what_a_drawing_gives_back_is_kept_without_drawing_it_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy is compared object by object: each bar of a thousand leads to the whole figure."""
    value = DRAWINGS[name]()
    plt.gcf().canvas.draw()
    drawn = []
    draw = mpl.figure.Figure.draw
    monkeypatch.setattr(mpl.figure.Figure, "draw", lambda *a, **k: (drawn.append(1), draw(*a, **k)))
    copy = back(value)
    assert drawn == []
    assert type(copy) is type(value) and difference(value, copy, unseen="doubt") == ""


def everything() -> Any:
    figure, (left, right) = plt.subplots(1, 2)
    left.plot([1, 2, 3], [3, 4, 5], label="a")
    left.set(title="t", xlim=(0.0, 4.0))
    left.legend()
    right.scatter([1, 2], [3, 4], c=[5, 6])
    right.xaxis.set_major_formatter(plt.FuncFormatter(np.format_float_positional))
    right.imshow([[1.0, 2.0], [3.0, 4.0]])
    right.lines_of_left = [left.lines[0], left.lines[0]]
    figure.canvas.draw()
    return figure


CHANGES: dict[str, Callable[[Any, Any], object]] = {
    "a colour": lambda left, right: left.lines[0].set_color("red"),
    "a point": lambda left, right: left.lines[0].get_xdata(orig=False).__setitem__(1, 2.5),
    "what is hidden": lambda left, right: left.lines[0].set_visible(False),
    "a title": lambda left, right: left.set_title("u"),
    "a limit": lambda left, right: left.set_xlim(-0.0, 4.0),
    "a pixel": lambda left, right: right.images[0].get_array().__setitem__((0, 0), 9.0),
    "a masked pixel": lambda left, right: right.images[0].get_array().__setitem__((0, 0), np.ma.masked),
    "how numbers are written": lambda left, right: right.xaxis.set_major_formatter(plt.NullFormatter()),
    "another function": lambda left, right: setattr(
        right.xaxis.get_major_formatter(), "func", np.format_float_scientific
    ),
    "a line less": lambda left, right: left.lines[0].remove(),
    "an equal line": lambda left, right: right.lines_of_left.__setitem__(1, copy.copy(left.lines[0])),
    "a place": lambda left, right: left.set_position((0.1, 0.1, 0.2, 0.2)),
    "a map of colours": lambda left, right: right.images[0].set_cmap("gray"),
    "the order": lambda left, right: left.texts or left._children.reverse() or left.set_zorder(3),
    "a text in the legend": lambda left, right: left.get_legend().get_texts()[0].set_text("b"),
    "the size": lambda left, right: left.figure.set_size_inches(3, 3),
    "the resolution": lambda left, right: left.figure.set_dpi(30),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_copy_that_is_another_is_found_out(name: str) -> None:
    figure = everything()
    other = back(figure)
    assert figures.is_same(figure, other)
    CHANGES[name](*other.axes)
    assert not figures.is_same(figure, other)
    assert not figures.is_same([figure], [other]) and not figures.is_same({"ax": figure.axes}, {"ax": other.axes})


class Followed(Line2D):
    """A line whose copies are known."""

    copies: ClassVar[list[weakref.ref[Any]]] = []

    def __setstate__(self, state: Any) -> None:
        self.copies.append(weakref.ref(self))
        vars(self).update(state)


def test_the_copy_that_was_compared_goes_with_the_youngest_garbage() -> None:
    """A figure holds itself: a copy that was there at a collection would wait for a look at all objects there are."""
    figure = everything()
    figure.axes[0].add_line(Followed([0, 1], [0, 1]))
    encode(figure)
    gc.collect(0)
    assert gc.isenabled() and [one() for one in Followed.copies] == [None]


class Thick(Line2D):
    """A line that forgets how thick it was when it is pickled."""

    def __getstate__(self) -> Any:
        return {**super().__getstate__(), "_linewidth": 1.0}


class Dotted(Line2D):
    """A line that forgets a width which nothing but its own way of drawing knows of."""

    width = 1.0

    def __getstate__(self) -> Any:
        return {name: value for name, value in super().__getstate__().items() if name != "width"}

    def draw(self, renderer: Any) -> None:
        self.set_linewidth(self.width)
        super().draw(renderer)


@pytest.mark.parametrize("kind", [Thick, Dotted])
def test_a_drawing_of_a_class_that_forgets_is_refused(kind: Any) -> None:
    figure, axes = plt.subplots()
    line = axes.add_line(kind([0, 1], [0, 1], linewidth=9.0))
    line.width = 9.0
    with pytest.raises(Uncacheable, match="Figure"):
        encode(figure)


def test_what_nobody_can_see_in_a_drawing_is_compared_by_its_picture() -> None:
    figure, axes = plt.subplots()
    axes.found = re.match("a", "a")  # equal to no other match
    assert back(figure).axes[0].found.span() == (0, 1)


def test_other_bars_are_other_pictures() -> None:
    one, other = plt.bar([1, 2], [3, 4]), None
    plt.figure()
    other = plt.bar([1, 2], [3, 5])
    assert fingerprint(one, as_copied=True) != fingerprint(other, as_copied=True)


def test_a_new_text_on_an_axis_gets_the_next_place() -> None:
    _, axes = plt.subplots()
    axes.plot(["a", "b"], [1, 2])
    kept = encode(axes)
    copy = decode(kept.codecs, kept.head, kept.buffers, trusted=True)
    for one in (axes, copy):
        one.plot(["c", "a"], [3, 4])
    assert [line.get_xdata(orig=False).tolist() for line in copy.lines] == [[0, 1], [2, 0]]
    assert [line.get_xdata(orig=False).tolist() for line in axes.lines] == [[0, 1], [2, 0]]
    for one in (axes, copy):
        one.figure.canvas.draw()
        assert [text.get_text() for text in one.get_xticklabels()] == ["a", "b", "c"]


def test_a_figure_as_an_input_is_refused_with_what_to_do() -> None:
    with pytest.raises(Uncacheable, match="draw, change and show it in one cell"):
        fingerprint(plt.subplots()[0])


class Node:
    def __init__(self, other: Any) -> None:
        self.other = other


def test_a_look_that_takes_too_long_ends_by_name() -> None:
    chain: Any = [Node(None) for _ in range(3000)]
    with patience(0.0), pytest.raises(Uncacheable, match="takes too long"):
        fingerprint(chain, path="chain")
    assert fingerprint(chain)
